"""What stands in the files of lists of papers."""

from __future__ import annotations

from collections.abc import Callable

from django.utils.translation import gettext_lazy as _

from billing.models import CreditNote, Invoice
from ispanel.csv_export import Value
from ispanel.money import Currency
from wallet.exports import exact

INVOICE_COLUMNS = (
    _("Number"),
    _("Status"),
    _("Issued"),
    _("Issuer"),
    _("Tax line"),
    _("Reseller"),
    _("Subscriber"),
    _("Name"),
    _("Description"),
    _("From"),
    _("To"),
    _("Amount"),
    _("Credited"),
    _("Due"),
    _("Currency"),
    _("Paid"),
    _("Cancelled"),
)
CREDIT_NOTE_COLUMNS = (
    _("Number"),
    _("Issued"),
    _("Invoice"),
    _("Issuer"),
    _("Tax line"),
    _("Reseller"),
    _("Subscriber"),
    _("Name"),
    _("Reason"),
    _("Amount"),
    _("Currency"),
)


def invoice_cells(currency: Currency) -> Callable[[Invoice], list[Value]]:
    """Return how an invoice is written in a line, in this currency."""

    def cells(invoice: Invoice) -> list[Value]:
        return [
            invoice.shown_number,
            str(invoice.get_status_display()),
            invoice.issued_at,
            invoice.issuer_name,
            invoice.issuer_tax_line,
            invoice.seller_name,
            invoice.subscriber_username,
            invoice.subscriber_name,
            invoice.description,
            invoice.starts_at,
            invoice.ends_at,
            exact(invoice.amount, currency),
            exact(invoice.credited, currency),
            exact(invoice.due, currency),
            currency.code,
            invoice.paid_at,
            invoice.cancelled_at,
        ]

    return cells


def credit_note_cells(currency: Currency) -> Callable[[CreditNote], list[Value]]:
    """Return how a credit note is written in a line, in this currency; its invoice is at hand."""

    def cells(note: CreditNote) -> list[Value]:
        invoice = note.invoice
        return [
            note.shown_number,
            note.issued_at,
            invoice.shown_number,
            invoice.issuer_name,
            invoice.issuer_tax_line,
            invoice.seller_name,
            invoice.subscriber_username,
            invoice.subscriber_name,
            note.reason,
            exact(note.amount, currency),
            currency.code,
        ]

    return cells
