"""A statement of a thousand lines, and an invoice, from the database to the PDF."""

from __future__ import annotations

import time
from datetime import timedelta

from django.utils import timezone

from billing.models import Invoice
from billing.paper_pdf import invoice_pdf
from ispanel.installation import settings_in_force
from ispanel.issuer import panel_issuer
from wallet.models import LedgerAccount
from wallet.statement_pdf import statement_pdf
from wallet.statements import Period, statement_of


def seconds_of_pdf(wallet: LedgerAccount, lines: int) -> float:
    """Return how long the statement takes of a wallet with so many entries, one a minute until now."""
    today = timezone.now().date()
    began = time.perf_counter()
    with settings_in_force():
        statement = statement_of(wallet, Period(today - timedelta(days=3), today))
        pdf = statement_pdf(statement, panel_issuer())
    seconds = time.perf_counter() - began
    assert (len(statement.lines), pdf[:5]) == (lines, b"%PDF-")
    return seconds


def seconds_of_invoice() -> float:
    """Return how long the latest invoice takes."""
    began = time.perf_counter()
    with settings_in_force():
        invoice = Invoice.objects.latest("pk")
        pdf = invoice_pdf(invoice, invoice.credit_notes.order_by("pk"))
    seconds = time.perf_counter() - began
    assert pdf[:5] == b"%PDF-"
    return seconds
