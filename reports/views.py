"""The dashboard and the audit page."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from accounts.access import SignedInRequest, requires
from accounts.seats import Seat
from audit.models import AuditEntry
from ispanel.http import render_list
from ispanel.lists import page_of
from reports import figures
from reports.forms import AuditListForm
from reports.steps import first_steps
from wallet.models import Entry

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
        "steps": first_steps(seat, subscribers, resellers),
        **money_of(seat),
        **latest_for(seat),
    }
    return render(request, "reports/dashboard.html", context)


def money_of(seat: Seat) -> dict[str, Any]:
    """Return the figures of money: the own wallet's, or for an admin those of the whole installation."""
    now = timezone.now()
    if seat.reseller is None:
        return {"in_wallets": figures.total_of_wallets(), "revenue": figures.revenue_of_admin(now)}
    own, of_subs = figures.revenue_of(seat.reseller, now)
    return {"wallet": seat.reseller.wallet, "revenue": own, "revenue_of_subs": of_subs}


def latest_for(seat: Seat) -> dict[str, Any]:
    """Return the last lines of the own wallet and of the trail, as far as the seat reads them."""
    latest: dict[str, Any] = {}
    if seat.reseller and seat.has("transactions.view"):
        latest["entries"] = Entry.objects.of(seat.reseller.wallet)[:LATEST]
    if seat.has("audit.view"):
        latest["audit_entries"] = AuditEntry.objects.visible_to(seat).order_by("-id")[:LATEST]
    return latest


@requires("audit.view")
@require_GET
def audit_trail(request: SignedInRequest) -> HttpResponse:
    """List who did what, as far as the seat reads it."""
    form = AuditListForm(request.GET)
    rows = form.apply(AuditEntry.objects.visible_to(request.seat))
    return render_list(request, "reports/audit_trail.html", {"form": form, "page_obj": page_of(request, rows)})
