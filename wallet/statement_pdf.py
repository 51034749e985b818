"""A statement as PDF, laid out by typst."""

from __future__ import annotations

import base64
import functools
import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import typst
from django.utils.dateformat import format as date_format
from django.utils.timezone import localtime
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from ispanel.installation import currency, time_zone
from ispanel.issuer import Issuer
from ispanel.logos import size_of
from ispanel.money import format_amount, with_code
from wallet.statements import Line, Statement

TEMPLATE = Path(__file__).parent / "typst" / "statement.typ"
#: In this order, as far as they are there; the last two come with typst and have Latin, Greek, Cyrillic, Hebrew and
#: Arabic between them. What none of these has is taken from any other font of the system.
FONTS = ("Noto Sans", "Noto Sans Arabic", "Noto Sans Hebrew", "DejaVu Sans", "Libertinus Serif", "DejaVu Sans Mono")


@functools.cache
def fonts() -> typst.Fonts:
    """Return the fonts of the system and those that come with typst, looked for once."""
    return typst.Fonts()


@functools.cache
def families() -> list[str]:
    """Return the names of our fonts that are there."""
    there = set(fonts().families())
    return [name for name in FONTS if name in there]


def statement_pdf(statement: Statement, issuer: Issuer) -> bytes:
    """Return the statement on A4, in the language in force and in the installation's time zone and currency."""
    compiler = typst.Compiler(
        TEMPLATE.read_bytes(),
        font_paths=fonts(),
        ignore_system_fonts=True,  # they are among `fonts`, and not looked for again
        sys_inputs={"statement": json.dumps(contents(statement, issuer))},
    )
    pdf = compiler.compile(format="pdf")
    assert isinstance(pdf, bytes)
    return pdf


def contents(statement: Statement, issuer: Issuer) -> dict[str, Any]:
    """Return all that stands in the PDF, in words and formatted: the template only lays it out."""
    money, zone, name = currency(), time_zone(), on_one_line(statement.account.name)

    def amount(value: Decimal) -> str:
        return format_amount(value, money)

    def cells(line: Line) -> list[str]:
        moment = date_format(localtime(line.at, zone), "j M Y, H:i")
        other, note = on_one_line(line.other), on_one_line(line.note)
        return [moment, str(line.kind.label), other, note, amount(line.amount), amount(line.balance)]

    return {
        "language": (get_language() or "en").partition("-")[0],
        "fonts": families(),
        "issuer": {"name": on_one_line(issuer.name), "address": issuer.address, "logo": logo_of(issuer)},
        "title": _("Statement"),
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
        "footer": name,
        "page": _("Page {page} of {pages}"),
    }


def on_one_line(text: str) -> str:
    """Return the text with one blank for each gap: typst leaves tabs out, and so would join words."""
    return " ".join(text.split())


def logo_of(issuer: Issuer) -> dict[str, Any] | None:
    """Return the logo as text, with its size."""
    if issuer.logo is None:
        return None
    width, height = size_of(issuer.logo)
    return {"png": base64.b64encode(issuer.logo).decode(), "width": width, "height": height}


def day(value: date) -> str:
    return date_format(value, "j M Y")
