"""The list of transfers, and a page for each."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from accounts.access import SignedInRequest, requires
from accounts.seats import Seat
from audit.actions import Action
from audit.exports import export_rows
from audit.models import AuditEntry
from ispanel.csv_export import csv_response
from ispanel.http import render_list
from ispanel.installation import currency, time_zone
from ispanel.lists import filter_context, page_of, query_without
from wallet.exports import TRANSFER_COLUMNS, transfer_cells
from wallet.forms import TransferListForm
from wallet.models import Transfer


@requires("transactions.view")
@require_GET
def list_(request: SignedInRequest) -> HttpResponse:
    """List every transfer that the seat sees, the newest first."""
    form = TransferListForm(request.GET)
    page = page_of(request, form.apply(Transfer.objects.visible_to(request.seat).with_sides()))
    tab, others = form.value("tab") or "", query_without(request, "tab")
    context = {
        "page_obj": page,
        "tabs": [(name, label, f"?tab={name}&{others}") for name, label in form.fields["tab"].choices],  # type: ignore[attr-defined]
        "tab": tab,
        **filter_context(request, form, reverse("wallet:transfers_export")),
    }
    return render_list(request, "wallet/transfers.html", context)


@requires("transactions.view")
@require_GET
def export(request: SignedInRequest) -> StreamingHttpResponse:
    """Send the transfers that the list's filters leave as a CSV file, and record that."""
    now, zone, seat = timezone.now(), time_zone(), request.seat
    form = TransferListForm(request.GET)
    rows = export_rows(
        actor=seat,
        action=Action.TRANSFERS_EXPORTED,
        rows=form.apply(Transfer.objects.visible_to(seat).with_sides()),
        filters=form.words(),
        reseller_id=seat.reseller.pk if seat.reseller else None,
        now=now,
    )
    name = f"transfers-{now.astimezone(zone):%Y-%m-%d}"
    return csv_response(name, list(map(str, TRANSFER_COLUMNS)), map(transfer_cells(currency()), rows), zone=zone)


@requires("transactions.view", of=Transfer)
@require_GET
def detail(request: SignedInRequest, transfer: Transfer) -> HttpResponse:
    """Show a transfer whole: its entries, what it took back or was taken back by, and what it paid for."""
    seat = request.seat
    transfer = Transfer.objects.with_sides().select_related("undoes").get(pk=transfer.pk)
    context = {
        "transfer": transfer,
        "renewal": renewal_seen(transfer, seat),
        "invoice": invoice_seen(transfer, seat),
        "audit_entry_id": audit_entry_seen(transfer, seat),
    }
    return render(request, "wallet/transfer.html", context)


def renewal_seen(transfer: Transfer, seat: Seat) -> Any | None:
    """Return the period that the charge paid for, or the refund gave back; None where the seat sees no such one."""
    renewal = renewal_of(transfer)
    if renewal is None or not seat.has("subscribers.view"):
        return None
    return type(renewal).objects.visible_to(seat).select_related("subscriber__reseller").filter(pk=renewal.pk).first()


def invoice_seen(transfer: Transfer, seat: Seat) -> Any | None:
    """Return the invoice for what the charge paid for, or the refund gave back, if the seat may open it."""
    invoice = getattr(renewal_of(transfer), "invoice", None)
    return invoice if invoice and seat.has("invoices.view") and invoice.is_visible_to(seat) else None


def renewal_of(transfer: Transfer) -> Any | None:
    """Return the period that the charge paid for, or the refund gave back."""
    return getattr(transfer, "renewal", None) or getattr(transfer, "refunded_renewal", None)


def audit_entry_seen(transfer: Transfer, seat: Seat) -> int | None:
    """Return the id of the transfer's row in the trail, if the seat may open it."""
    if transfer.audit_entry_id is None or not seat.has("audit.view"):
        return None
    rows = AuditEntry.objects.visible_to(seat).filter(pk=transfer.audit_entry_id)
    return rows.values_list("pk", flat=True).first()
