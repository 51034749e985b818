"""Health, the settings, and the pages for what went wrong."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Count, Min
from django.http import HttpRequest, HttpResponse, HttpResponseServerError
from django.shortcuts import render
from django.template import loader
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from accounts.access import SignedInRequest, admin_only
from accounts.client_address import client_address, is_trusted_proxy, parse
from accounts.operations import has_two_step
from api.problems import answer, internal_error, invalid
from audit.models import AuditSeal
from audit.sealing import waiting
from audit.verifying import GRACE
from ispanel import VERSION, operations
from ispanel.doors import lives_at
from ispanel.forms import GeneralSettingsForm, SecuritySettingsForm
from ispanel.http import changed, done, error_page, render_form
from ispanel.jobs.overview import overview
from ispanel.models import PanelSettings
from ispanel.refusals import refusals_into
from notifications.backlog import backlogs
from wallet.models import LedgerCheck

#: After this a check of the ledger is old: it is made every hour, or at least every night.
CHECK_IS_OLD = timedelta(hours=26)
#: How many findings the System page names; `verify_ledger` prints them all.
NAMED = 100


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if is_of_api(request):
        return answer([invalid(_("The request cannot be used."))])
    return error_page(request, 400)


def is_of_api(request: HttpRequest) -> bool:
    """Say whether it is a program that asks, which reads the API's errors and no pages."""
    return request.path == reverse("api:endpoint")


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return error_page(request, 403)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return error_page(request, 404)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form that is stale: of before a sign-in, a sign-out, or a change of seat."""
    return error_page(request, 403, page="stale_form")


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer a fault of ours without the database or the context processors, which may be what failed."""
    request_id = getattr(request, "id", "")
    if is_of_api(request):
        return answer([internal_error(request_id)])
    return HttpResponseServerError(loader.render_to_string("errors/500.html", {"request_id": request_id}))


@require_safe
def live(request: HttpRequest) -> HttpResponse:
    """Say that the process answers."""
    return HttpResponse("live\n", content_type="text/plain")


@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """Say that the database answers and is migrated, else 503 with what is missing."""
    try:
        executor = MigrationExecutor(connection)
        pending: list[Any] = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        return HttpResponse("the database does not answer\n", status=503, content_type="text/plain")
    if pending:
        return HttpResponse("migrations are missing\n", status=503, content_type="text/plain")
    return HttpResponse("ready\n", content_type="text/plain")


@require_safe
def tls_allowed(request: HttpRequest) -> HttpResponse:
    """Say to a proxy of ours whether a certificate for this name may be asked for: whether somebody lives there."""
    is_ours = is_asked_from_within(request) and lives_at(request.GET.get("domain", ""))
    return HttpResponse(status=200 if is_ours else 404, content_type="text/plain")


def is_asked_from_within(request: HttpRequest) -> bool:
    """Say whether it is a program on this machine that asks, or a configured proxy, for itself and nobody behind it."""
    address = parse(client_address(request) or "")
    return address is not None and (address.is_loopback or is_trusted_proxy(str(address)))


@admin_only
@require_http_methods(["GET", "POST"])
def general_settings(request: SignedInRequest) -> HttpResponse:
    """Change the panel's name, time zone and currency."""
    settings = PanelSettings.objects.get(pk=1)
    locked = operations.currency_is_locked()
    form = GeneralSettingsForm(request.POST or None, instance=settings, currency_is_locked=locked)
    if request.method == "POST" and form.is_valid():
        with refusals_into(form):
            operations.change_general_settings(actor=request.seat, now=timezone.now(), **form.cleaned_data)
            return done(request, _("The settings are saved."), to=reverse("general_settings"))
    return render_form(request, "settings/general.html", {"form": form, "locked": locked})


@admin_only
@sensitive_post_parameters("own_password")
@require_http_methods(["GET", "POST"])
def security_settings(request: SignedInRequest) -> HttpResponse:
    """Change who needs a second step, when sign-ins end, and whether initial passwords are kept."""
    form = SecuritySettingsForm(request.POST or None, instance=PanelSettings.objects.get(pk=1))
    if request.method == "POST" and form.is_valid():
        with refusals_into(form):
            operations.change_security_settings(actor=request.seat, now=timezone.now(), **changed(form))
            return done(request, _("The settings are saved."), to=reverse("security_settings"))
    has_own = has_two_step(request.seat.login)
    return render_form(request, "settings/security.html", {"form": form, "has_own": has_own})


@admin_only
@require_safe
def system(request: SignedInRequest) -> HttpResponse:
    """Show whether the books and the trail are in order, how the worker is, what messages wait, and what runs here."""
    now = timezone.now()
    check = LedgerCheck.objects.order_by("-pk").first()
    named = check.findings[:NAMED] if check else []
    unsealed = waiting().aggregate(count=Count("pk"), oldest=Min("at"))
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        postgres = cursor.fetchone()[0]
    context = {
        "check": check,
        "is_old": check is not None and check.finished_at < now - CHECK_IS_OLD,
        "named": named,
        "unnamed": check.wrong - len(named) if check else 0,
        "seal": AuditSeal.objects.order_by("-number").first(),
        "waiting": unsealed["count"],
        "waits_long": unsealed["oldest"] is not None and unsealed["oldest"] < now - GRACE,
        "jobs": overview(now),
        "backlogs": backlogs(now),
        "postgres": postgres,
        "version": VERSION,
    }
    return render(request, "settings/system.html", context)
