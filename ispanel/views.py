"""Health, the settings, and the pages for what went wrong."""

from __future__ import annotations

from typing import Any

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, HttpResponseServerError
from django.template import loader
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from accounts.access import SignedInRequest, admin_only
from accounts.operations import has_two_step
from ispanel import operations
from ispanel.forms import GeneralSettingsForm, SecuritySettingsForm
from ispanel.http import changed, done, error_page, render_form
from ispanel.models import PanelSettings
from ispanel.refusals import refusals_into


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return error_page(request, 400)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return error_page(request, 403)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return error_page(request, 404)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form that is stale: of before a sign-in, a sign-out, or a change of seat."""
    return error_page(request, 403, page="stale_form")


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer a fault of ours without the database or the context processors, which may be what failed."""
    text = loader.render_to_string("errors/500.html", {"request_id": getattr(request, "id", "")})
    return HttpResponseServerError(text)


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
