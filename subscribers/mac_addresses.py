"""The one way in which MAC addresses are kept, however they are typed."""

from __future__ import annotations

import re

from django.utils.translation import gettext as _

DIGITS = re.compile(r"[0-9A-F]{12}", re.ASCII)
BETWEEN_DIGITS = re.compile(r"[:.\-\s]")


class InvalidMac(ValueError):
    """The text is no MAC address; the message says what to type instead."""


def parse_mac(text: str) -> str:
    """Return the address in capitals with colons, and nothing for nothing.

    :raises InvalidMac:
    """
    digits = BETWEEN_DIGITS.sub("", text).upper()
    if digits and not DIGITS.fullmatch(digits):
        raise InvalidMac(_("Enter twelve hexadecimal digits, as in AA:BB:CC:DD:EE:FF."))
    return ":".join(digits[at : at + 2] for at in range(0, len(digits), 2))
