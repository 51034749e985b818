"""Invoices and credit notes as PDF. All that is on them comes from their own rows, as it was on their day."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from django.utils.dateformat import format as date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from billing.models import CreditNote, Invoice, InvoiceStatus
from ispanel.installation import currency
from ispanel.issuer import Issuer
from ispanel.money import format_amount, with_code
from ispanel.pdf import on_lines, on_one_line, pdf_of

TEMPLATE = Path(__file__).parent / "typst" / "invoice.typ"
UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def issuer_of(invoice: Invoice) -> Issuer:
    """Return who issued the invoice, and so its credit notes, as it was then."""
    return Issuer(
        name=invoice.issuer_name,
        address=invoice.issuer_address,
        tax_line=invoice.issuer_tax_line,
        logo_id=invoice.issuer_logo_id,
    )


def file_name(paper: Invoice | CreditNote) -> str:
    """Return what the file of a paper is called, which is its number as far as file systems take it."""
    return UNSAFE.sub("-", paper.shown_number).lstrip(".-") + ".pdf"


def invoice_pdf(invoice: Invoice, credit_notes: Iterable[CreditNote] = ()) -> bytes:
    """Return the invoice on A4, with what its credit notes took off it."""
    money, day = currency(), days_of(invoice)
    totals = [[_("Total"), with_code(invoice.amount, money)]]
    totals += [
        [_("Credit note %(number)s, %(day)s") % {"number": note.shown_number, "day": day(note.issued_at)},
         with_code(-note.amount, money)]
        for note in credit_notes
    ]  # fmt: skip
    contents = {
        **parties(invoice),
        "facts": [
            [_("Number"), invoice.shown_number],
            [_("Issued"), day(invoice.issued_at)],
            [_("Status"), status_in_words(invoice)],
            [_("Sold by"), on_one_line(invoice.seller_name)],
        ],
        "columns": [_("Description"), _("Period"), _("Amount")],
        "line": [
            on_one_line(invoice.description),
            f"{day(invoice.starts_at)} – {day(invoice.ends_at)}",
            format_amount(invoice.amount, money),
        ],
        "totals": totals,
        "due": [_("Due"), with_code(invoice.due, money)],
    }
    return paper(contents, invoice, title=_("Invoice"), number=invoice.shown_number)


def credit_note_pdf(note: CreditNote) -> bytes:
    """Return the credit note on A4."""
    invoice, money = note.invoice, currency()
    day = days_of(invoice)
    contents = {
        **parties(invoice),
        "facts": [
            [_("Number"), note.shown_number],
            [_("Issued"), day(note.issued_at)],
            [
                _("Of invoice"),
                _("%(number)s, %(day)s") % {"number": invoice.shown_number, "day": day(invoice.issued_at)},
            ],
            [_("Sold by"), on_one_line(invoice.seller_name)],
        ],
        "columns": [_("Description"), _("Reason"), _("Amount")],
        "line": [on_one_line(invoice.description), on_one_line(note.reason), format_amount(note.amount, money)],
        "totals": [[_("Amount of the invoice"), with_code(invoice.amount, money)]],
        "due": [_("Credited"), with_code(note.amount, money)],
    }
    return paper(contents, invoice, title=_("Credit note"), number=note.shown_number)


def paper(contents: dict[str, Any], invoice: Invoice, *, title: str, number: str) -> bytes:
    """Return a paper of the invoice's issuer."""
    whole = f"{title} {number}"
    return pdf_of(TEMPLATE, {**contents, "heading": title}, issuer_of(invoice), title=whole, footer=whole)


def parties(invoice: Invoice) -> dict[str, Any]:
    """Return to whom the paper goes."""
    return {
        "to": {
            "label": _("To"),
            "name": on_one_line(invoice.subscriber_name or invoice.subscriber_username),
            "address": on_lines(invoice.subscriber_address),
            "line": [_("Subscriber"), on_one_line(invoice.subscriber_username)],
        }
    }


def status_in_words(invoice: Invoice) -> str:
    """Return the status of the invoice, with the day of it where it has one."""
    words = str(invoice.get_status_display())
    moment = {InvoiceStatus.PAID: invoice.paid_at, InvoiceStatus.CANCELLED: invoice.cancelled_at}.get(
        InvoiceStatus(invoice.status)
    )
    return f"{words}, {days_of(invoice)(moment)}" if moment else words


def days_of(invoice: Invoice) -> Callable[[datetime], str]:
    """Return how the day of a moment is written on an invoice and its credit notes."""
    return lambda moment: date_format(localtime(moment, invoice.zone), "j M Y")
