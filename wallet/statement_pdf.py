"""A statement as PDF, laid out by typst."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.utils.dateformat import format as date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from ispanel.installation import currency, time_zone
from ispanel.issuer import Issuer
from ispanel.money import format_amount, with_code
from ispanel.pdf import on_one_line, pdf_of
from wallet.statements import Line, Statement

TEMPLATE = Path(__file__).parent / "typst" / "statement.typ"


def statement_pdf(statement: Statement, issuer: Issuer) -> bytes:
    """Return the statement on A4, in the language in force and in the installation's time zone and currency."""
    name = on_one_line(statement.account.name)
    return pdf_of(TEMPLATE, contents(statement), issuer, title=_("Statement"), footer=name)


def contents(statement: Statement) -> dict[str, Any]:
    """Return all that stands in the PDF, in words and formatted: the template only lays it out."""
    money, zone, name = currency(), time_zone(), on_one_line(statement.account.name)

    def amount(value: Decimal) -> str:
        return format_amount(value, money)

    def cells(line: Line) -> list[str]:
        moment = date_format(localtime(line.at, zone), "j M Y, H:i")
        other, note = on_one_line(line.other), on_one_line(line.note)
        return [moment, str(line.kind.label), other, note, amount(line.amount), amount(line.balance)]

    return {
        "facts": [
            [_("Wallet"), name],
            [_("Period"), f"{day(statement.period.start)} – {day(statement.period.end)}"],
            [_("Time zone"), str(zone)],
            [_("Currency"), money.code],
        ],
        "summary": [
            [_("Opening balance"), with_code(statement.opening, money)],
            [_("In"), with_code(statement.money_in, money)],
            [_("Out"), with_code(-statement.money_out, money)],
            [_("Closing balance"), with_code(statement.closing, money)],
        ],
        "columns": [_("Date"), _("Kind"), _("From or to, and note"), _("Amount"), _("Balance")],
        "opening": [_("Opening balance"), amount(statement.opening)],
        "lines": [cells(line) for line in statement.lines],
        "closing": [_("Closing balance"), amount(statement.closing)],
        "total_columns": [_("Kind"), _("Lines"), _("In"), _("Out")],
        "totals": [
            [str(total.kind.label), f"{total.count:,}", amount(total.money_in), amount(-total.money_out)]
            for total in statement.totals
        ],
    }


def day(value: date) -> str:
    return date_format(value, "j M Y")
