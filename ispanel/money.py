"""Amounts of money: decimal strings in one currency, never floats."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from math import floor
from typing import Any

from django.utils.translation import gettext as _

MINUS = "\N{MINUS SIGN}"
#: Fits numeric(20, 4) with room for a balance to grow far beyond any single amount.
HIGHEST_AMOUNT = Decimal("999999999999")
#: A column of money, numeric(20, 4): sixteen digits before the point, and the decimals of any currency.
MONEY: dict[str, Any] = {"max_digits": 20, "decimal_places": 4}
#: ASCII digits only: `str.isdigit` would let other scripts' digits through.
PLAIN_DECIMAL = re.compile(r"[0-9]+(?:\.[0-9]+)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Currency:
    """A currency of the installation: ISO 4217 code and number of decimals (0 to 4)."""

    code: str
    decimals: int

    @property
    def smallest(self) -> Decimal:
        """Return the smallest amount, for example ``0.01``."""
        return Decimal(1).scaleb(-self.decimals)


class InvalidAmount(ValueError):
    """The text is no amount of money; the message says what to type instead."""


def parse_amount(text: str, currency: Currency, *, allow_zero: bool = False) -> Decimal:
    """Return the amount that a person typed, with the currency's decimals.

    Plain ASCII decimals only: signs, exponents, thousands separators and other scripts' digits are refused, since
    each of them can be read in two ways.

    :raises InvalidAmount: with a sentence for the person who typed it.
    """
    text = text.strip()
    example = f"{Decimal(25).quantize(currency.smallest)}"
    if not text:
        raise InvalidAmount(_("Enter an amount, for example %(example)s.") % {"example": example})
    if text.startswith(("-", MINUS)):
        raise InvalidAmount(_("Enter an amount above zero, without a minus sign."))
    if not PLAIN_DECIMAL.fullmatch(text):
        raise InvalidAmount(
            _("Enter digits with a point for decimals, for example %(example)s.") % {"example": example}
        )
    fraction = text.partition(".")[2]
    if len(fraction) > currency.decimals:
        raise InvalidAmount(
            _("%(code)s has %(decimals)d decimals; enter no more than that.")
            % {"code": currency.code, "decimals": currency.decimals}
        )
    amount = Decimal(text)
    if amount > HIGHEST_AMOUNT:
        raise InvalidAmount(
            _("The highest amount is %(highest)s.") % {"highest": format_amount(HIGHEST_AMOUNT, currency)}
        )
    if amount == 0 and not allow_zero:
        raise InvalidAmount(_("Enter an amount above zero."))
    return amount.quantize(currency.smallest)


def rounded(amount: Decimal, currency: Currency) -> Decimal:
    """Return the amount with the currency's decimals; half of the smallest amount goes up, away from zero."""
    return amount.quantize(currency.smallest, rounding=ROUND_HALF_UP)


def share_of(amount: Decimal, share: Fraction, currency: Currency) -> Decimal:
    """Return a share of an amount, rounded half up to the currency's decimals, with no other rounding on the way."""
    units = Fraction(amount) * share / Fraction(currency.smallest)
    return currency.smallest * floor(units + Fraction(1, 2))


def decimals_of(amount: Decimal) -> int:
    """Return how many decimals it takes to write the amount; it is finite."""
    exponent = amount.normalize().as_tuple().exponent
    assert isinstance(exponent, int), "not finite"
    return max(0, -exponent)


def format_amount(amount: Decimal, currency: Currency) -> str:
    """Return the amount as people read it: thousands separators, the currency's decimals, a real minus sign."""
    shown = f"{abs(amount):,.{currency.decimals}f}"
    return f"{MINUS}{shown}" if amount < 0 else shown


def percent(share: Decimal) -> str:
    """Return a share of a hundred as people read it: "12.5%"."""
    return f"{share.normalize():f}%"


def with_code(amount: Decimal, currency: Currency) -> str:
    """Return the formatted amount followed by the currency's code, as in ``1,000.00 USD``."""
    return f"{format_amount(amount, currency)} {currency.code}"
