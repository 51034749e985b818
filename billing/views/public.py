"""The invoice as its subscriber reads it, by a link and without signing in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import wraps

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts import limits
from accounts.access import public
from accounts.client_address import client_address
from accounts.lanes import network_of
from accounts.limits import TooManyAttempts
from billing import operations, paper_pdf
from billing.models import Invoice
from billing.views.papers import as_file, logo_of
from ispanel.doors import Door, door_of
from ispanel.http import error_page

#: How many wrong links there may be from one address.
MOST, WITHIN = 30, timedelta(minutes=15)
#: On every answer, whatever it is: they are for nobody but whoever has the link.
HEADERS = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex, nofollow"}


def by_link(view: Callable[[HttpRequest, Invoice], HttpResponse]) -> Callable[[HttpRequest, str], HttpResponse]:
    """Give the view the invoice that the token in the address shows; what shows none is not there."""

    @public
    @require_safe
    @wraps(view)
    def answered(request: HttpRequest, token: str) -> HttpResponse:
        try:
            invoice = invoice_behind(request, token)
        except TooManyAttempts as refusal:
            response = error_page(request, 429, str(refusal))
            response["Retry-After"] = str(refusal.retry_after)
        else:
            response = view(request, invoice) if invoice else error_page(request, 404, page="invoice_link")
        for name, value in HEADERS.items():
            response[name] = value
        return response

    return answered


def invoice_behind(request: HttpRequest, token: str) -> Invoice | None:
    """Return the invoice that a link shows here, or None, which counts as a wrong one.

    Many subscribers may have one address between them, so a right link is never made to wait for the wrong ones.

    :raises TooManyAttempts: for a wrong one, after many.
    """
    invoice = opened_at(door_of(request), token)
    if invoice is None:
        key = f"invoice link from:{network_of(client_address(request))}"
        limits.raise_count(key, most=MOST, within=WITHIN, prolonged=False)
    return invoice


@transaction.atomic
def opened_at(door: Door, token: str) -> Invoice | None:
    """Return the invoice that a link shows at this door; at a reseller's that of its own tree alone."""
    invoice = operations.opened(token, timezone.now())
    if invoice is None or door.reseller is None:
        return invoice
    if door.reseller.pk in (invoice.reseller_id, invoice.reseller.parent_id):
        return invoice
    transaction.set_rollback(True)  # It was not opened.
    return None


@by_link
def invoice(request: HttpRequest, invoice: Invoice) -> HttpResponse:
    """Show the invoice, and nothing else."""
    here = request.path
    context = {
        "invoice": invoice,
        "credit_notes": invoice.credit_notes.order_by("pk"),
        "logo_url": f"{here}/logo",
        "pdf_url": f"{here}/pdf",
    }
    return render(request, "billing/public.html", context)


@by_link
def invoice_pdf(request: HttpRequest, invoice: Invoice) -> HttpResponse:
    """Send the invoice as PDF."""
    return as_file(paper_pdf.invoice_pdf(invoice, invoice.credit_notes.order_by("pk")), invoice)


@by_link
def invoice_logo(request: HttpRequest, invoice: Invoice) -> HttpResponse:
    """Send the logo that stands on the invoice."""
    return logo_of(invoice)
