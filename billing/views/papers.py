"""An invoice's page, and the files of invoices and credit notes."""

from __future__ import annotations

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.access import SignedInRequest, requires
from accounts.seats import Seat
from accounts.trail import trail_about
from billing import paper_pdf
from billing.models import CreditNote, Invoice
from wallet.models import Transfer


@requires("invoices.view", of=Invoice)
@require_GET
def invoice(request: SignedInRequest, invoice: Invoice) -> HttpResponse:
    """Show the invoice as it was issued, what was credited, and what was done with it."""
    seat = request.seat
    invoice = Invoice.objects.select_related("reseller", "subscriber__reseller", "renewal").get(pk=invoice.pk)
    context = {
        "invoice": invoice,
        "charge": transfer_seen(invoice.renewal.transfer_id, seat),
        "refund": transfer_seen(invoice.renewal.refund_id, seat),
        "credit_notes": invoice.credit_notes.order_by("pk"),
        "links": invoice.links.in_force().order_by("-pk"),
        "audit_entries": trail_about(seat, invoice),
    }
    return render(request, "billing/invoice.html", context)


def transfer_seen(pk: int | None, seat: Seat) -> Transfer | None:
    """Return the transfer, if there is one and the seat may open its page."""
    if pk is None or not seat.has("transactions.view"):
        return None
    return Transfer.objects.visible_to(seat).filter(pk=pk).first()


@requires("invoices.view", of=Invoice)
@require_GET
def invoice_pdf(request: SignedInRequest, invoice: Invoice) -> HttpResponse:
    """Send the invoice as PDF."""
    return as_file(paper_pdf.invoice_pdf(invoice, invoice.credit_notes.order_by("pk")), invoice)


@requires("invoices.view", of=CreditNote)
@require_GET
def credit_note_pdf(request: SignedInRequest, note: CreditNote) -> HttpResponse:
    """Send the credit note as PDF."""
    return as_file(paper_pdf.credit_note_pdf(note), note)


@requires("invoices.view", of=Invoice)
@require_GET
def invoice_logo(request: SignedInRequest, invoice: Invoice) -> HttpResponse:
    """Send the logo that stands on the invoice."""
    return logo_of(invoice)


def as_file(pdf: bytes, paper: Invoice | CreditNote) -> HttpResponse:
    """Return a paper as a file to keep, called by its number."""
    response = HttpResponse(pdf, content_type="application/pdf")
    response["Content-Disposition"] = f'attachment; filename="{paper_pdf.file_name(paper)}"'
    return response


def logo_of(invoice: Invoice) -> HttpResponse:
    """Return the logo that stands on the invoice, as it was on its day."""
    if invoice.issuer_logo is None:
        raise Http404
    return HttpResponse(bytes(invoice.issuer_logo.png), content_type="image/png")
