"""The dashboard, the exposure and the audit trail."""

from __future__ import annotations

from functools import partial
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from accounts.access import SignedInRequest, admin_only, requires
from accounts.seats import Seat
from audit.actions import Action
from audit.exports import export_rows
from audit.models import AuditEntry, AuditSeal
from ispanel.csv_export import csv_response
from ispanel.http import render_list
from ispanel.installation import currency, start_of_day, start_of_month, time_zone
from ispanel.lists import filter_context, page_of, query_without
from notifications.backlog import count_held_up
from reports import figures, operations
from reports.exports import AUDIT_COLUMNS, EXPOSURE_COLUMNS, audit_cells, exposure_cells
from reports.forms import EXPOSURE_VIEWS, AuditListForm, ExposureForm
from reports.kinds import url_of_object
from reports.steps import first_steps
from resellers.models import Reseller
from wallet.models import Entry, Transfer

LATEST = 5


@requires("dashboard.view")
@require_GET
def dashboard(request: SignedInRequest) -> HttpResponse:
    """Show the money first, then what needs attention, then what happened last."""
    seat, now = request.seat, timezone.now()
    subscribers = figures.count_subscribers(seat, now)
    resellers = figures.count_resellers(seat)
    context = {
        "subscribers": subscribers,
        "resellers": resellers,
        "due_days": figures.DUE_DAYS,
        "held_up": count_held_up(now) if seat.is_admin else 0,
        "steps": first_steps(seat, subscribers, resellers),
        **money_of(seat),
        **(lists_of_revenue(seat) if seat.has("subscribers.view") else {}),
        **latest_for(seat),
    }
    return render(request, "reports/dashboard.html", context)


def money_of(seat: Seat) -> dict[str, Any]:
    """Return the figures of money: for an admin the installation's, else the own wallet's if the seat may see it."""
    now = timezone.now()
    if seat.is_admin:
        return {"in_wallets": figures.total_of_wallets(), "revenue": figures.revenue_of_admin(now)}
    if seat.reseller is None or not seat.has("transactions.view"):
        return {}
    own, of_subs = figures.revenue_of(seat.reseller, now)
    return {"wallet": seat.reseller.wallet, "revenue": own, "revenue_of_subs": of_subs}


def lists_of_revenue(seat: Seat) -> dict[str, str]:
    """Return the addresses of the periods behind the figures of revenue."""
    now = timezone.now()
    own = {"reseller": seat.reseller.pk} if seat.reseller else {}
    today, month = start_of_day(now).date().isoformat(), start_of_month(now).date().isoformat()
    sold = reverse("subscribers:sold")
    return {
        "today_url": f"{sold}?{urlencode({'start': today, **own})}",
        "month_url": f"{sold}?{urlencode({'start': month, **own})}",
        "month_of_subs_url": f"{sold}?{urlencode({'start': month, 'of_subs': 'on'})}",
    }


def latest_for(seat: Seat) -> dict[str, Any]:
    """Return the last lines of the own wallet and of the trail, as far as the seat reads them."""
    latest: dict[str, Any] = {}
    if seat.reseller and seat.has("transactions.view"):
        latest["entries"] = Entry.objects.of(seat.reseller.wallet).prefetch_related(None)[:LATEST]
    if seat.has("audit.view"):
        latest["audit_entries"] = AuditEntry.objects.visible_to(seat).order_by("-id")[:LATEST]
    return latest


@requires("audit.view")
@require_GET
def audit_trail(request: SignedInRequest) -> HttpResponse:
    """List who did what, as far as the seat reads it."""
    form = AuditListForm(request.GET, seat=request.seat)
    rows = form.apply(AuditEntry.objects.visible_to(request.seat))
    context = {"page_obj": page_of(request, rows), **filter_context(request, form, reverse("reports:audit_export"))}
    return render_list(request, "reports/audit_trail.html", context)


@requires("audit.view")
@require_GET
def audit_export(request: SignedInRequest) -> StreamingHttpResponse:
    """Send the rows that the audit page's filters leave as a CSV file, and record that."""
    now, zone = timezone.now(), time_zone()
    form = AuditListForm(request.GET, seat=request.seat)
    rows = export_rows(
        actor=request.seat,
        action=Action.AUDIT_EXPORTED,
        rows=form.apply(AuditEntry.objects.visible_to(request.seat)),
        filters=form.words(),
        reseller_id=request.seat.reseller.pk if request.seat.reseller else None,
        now=now,
    )
    name = f"audit-trail-{now.astimezone(zone):%Y-%m-%d}"
    return csv_response(name, list(map(str, AUDIT_COLUMNS)), map(audit_cells, rows), zone=zone)


@requires("audit.view", of=AuditEntry)
@require_GET
def audit_entry(request: SignedInRequest, entry: AuditEntry) -> HttpResponse:
    """Show all that a row of the trail holds, and its seal."""
    context = {
        "entry": entry,
        "object_url": url_of_object(entry, request.seat),
        "transfer_id": transfer_seen(entry, request.seat),
        "seal": AuditSeal.objects.filter(entry_id=entry.pk).first(),
    }
    return render(request, "reports/audit_entry.html", context)


def transfer_seen(entry: AuditEntry, seat: Seat) -> int | None:
    """Return the id of the transfer that the row tells of, if the seat may open it."""
    if not seat.has("transactions.view"):
        return None
    seen = Transfer.objects.visible_to(seat).filter(audit_entry=entry)
    return seen.values_list("pk", flat=True).first()


@admin_only
@require_GET
def exposure(request: SignedInRequest) -> HttpResponse:
    """List who owes how much against which credit limit."""
    form = ExposureForm(request.GET)
    found = form.searched(Reseller.objects.kept())
    totals = found.exposure()
    context = {
        "form": form,
        "totals": totals,
        "tabs": [(key, label, totals[key or "owing"]) for key, label in EXPOSURE_VIEWS],
        "view": form.value("view") or "",
        "page_obj": page_of(request, form.apply(found.with_exposure())),
        "export_url": f"{reverse('reports:exposure_export')}?{query_without(request)}",
    }
    return render_list(request, "reports/exposure.html", context)


@admin_only
@require_GET
def exposure_export(request: SignedInRequest) -> StreamingHttpResponse:
    """Send what the exposure's tab and search leave as a CSV file, and record that."""
    now, zone = timezone.now(), time_zone()
    form = ExposureForm(request.GET)
    rows = operations.export_exposure(
        actor=request.seat,
        rows=form.apply(form.searched(Reseller.objects.kept()).with_exposure()),
        filters=form.words(),
        now=now,
    )
    name = f"exposure-{now.astimezone(zone):%Y-%m-%d}"
    return csv_response(
        name, list(map(str, EXPOSURE_COLUMNS)), map(partial(exposure_cells, money=currency()), rows), zone=zone
    )
