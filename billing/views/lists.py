"""The lists of invoices and of credit notes, and their files."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.http import HttpResponse, StreamingHttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from accounts.access import SignedInRequest, requires
from accounts.seats import Seat
from audit.actions import Action
from audit.exports import export_rows
from billing.exports import CREDIT_NOTE_COLUMNS, INVOICE_COLUMNS, credit_note_cells, invoice_cells
from billing.forms import CreditNoteListForm, InvoiceListForm, PaperListForm
from billing.models import ALL, CreditNote, Invoice
from ispanel.csv_export import csv_response
from ispanel.http import render_list
from ispanel.installation import currency, panel_settings, time_zone
from ispanel.lists import ListForm, filter_context, page_of, query_without


@requires("invoices.view")
@require_GET
def invoices(request: SignedInRequest) -> HttpResponse:
    """List the invoices that the seat sees, the newest first."""
    form = InvoiceListForm(request.GET, seat=request.seat)
    rows = Invoice.objects.visible_to(request.seat)
    figures, status = form.filtered(rows).figures(), form.value("status") or ALL
    found, others = figures[status], query_without(request, "status")
    page = page_of(request, form.apply(rows.for_list()), count=found.count)
    context = {
        "tabs": [(key, label, f"?status={key}&{others}", figures[key].count) for key, label in form.tabs],
        "tab": status,
        "count": found.count,
        "totals": found,
        "page_obj": page,
        "has_several_issuers": has_several_issuers(form, page),
        **context_of(request, form, "billing:invoices_export"),
    }
    return render_list(request, "billing/invoices.html", context)


@requires("invoices.view")
@require_GET
def credit_notes(request: SignedInRequest) -> HttpResponse:
    """List the credit notes of the invoices that the seat sees, the newest first."""
    form = CreditNoteListForm(request.GET, seat=request.seat)
    rows = CreditNote.objects.visible_to(request.seat)
    totals = form.filtered(rows).totals()
    page = page_of(request, form.apply(rows.for_list()), count=totals["count"])
    context = {
        "totals": totals,
        "page_obj": page,
        "has_several_issuers": has_several_issuers(form, page),
        **context_of(request, form, "billing:credit_notes_export"),
    }
    return render_list(request, "billing/credit_notes.html", context)


def has_several_issuers(form: PaperListForm, papers: Iterable[Invoice | CreditNote]) -> bool:
    """Say whether the papers, or those on another page, are of several issuers: two may have the same number."""
    may_be = form.has_several_sellers and panel_settings().reseller_is_issuer
    return may_be or len({each.issuer_id for each in papers}) > 1


def context_of(request: SignedInRequest, form: ListForm, export: str) -> dict[str, Any]:
    """Return what the filters of either list need; the file is for those who may take it."""
    context = filter_context(request, form, reverse(export))
    return context if request.seat.has("invoices.export") else context | {"export_url": ""}


@requires("invoices.export")
@require_GET
def invoices_export(request: SignedInRequest) -> StreamingHttpResponse:
    """Send the invoices that the list's filters leave as a CSV file, and record that."""
    form = InvoiceListForm(request.GET, seat=request.seat)
    rows = export_rows(
        action=Action.INVOICES_EXPORTED, rows=form.of_tab(Invoice.objects.visible_to(request.seat)),
        **told_of_export(request.seat, form),
    )  # fmt: skip
    return file_of("invoices", list(map(str, INVOICE_COLUMNS)), map(invoice_cells(currency()), rows))


@requires("invoices.export")
@require_GET
def credit_notes_export(request: SignedInRequest) -> StreamingHttpResponse:
    """Send the credit notes that the list's filters leave as a CSV file, and record that."""
    form = CreditNoteListForm(request.GET, seat=request.seat)
    rows = export_rows(
        action=Action.CREDIT_NOTES_EXPORTED,
        rows=form.filtered(CreditNote.objects.visible_to(request.seat)).select_related("invoice"),
        **told_of_export(request.seat, form),
    )
    return file_of("credit-notes", list(map(str, CREDIT_NOTE_COLUMNS)), map(credit_note_cells(currency()), rows))


def told_of_export(seat: Seat, form: ListForm) -> dict[str, Any]:
    """Return what the trail tells of an export besides what was taken."""
    return {
        "actor": seat,
        "filters": form.words(),
        "reseller_id": seat.reseller.pk if seat.reseller else None,
        "now": timezone.now(),
    }


def file_of(name: str, columns: list[str], rows: Any) -> StreamingHttpResponse:
    """Return the file, called by what is in it and today's date."""
    zone = time_zone()
    return csv_response(f"{name}-{timezone.now().astimezone(zone):%Y-%m-%d}", columns, rows, zone=zone)
