"""How many SMS a text takes, as 3GPP TS 23.038 (once GSM 03.38), section 6.2.1, and TS 23.040, 9.2.3.24.1, have it.

In the GSM alphabet one SMS holds 160 characters, and each part of a longer text 153; those of its extension count
twice. One character outside of it makes the whole text UCS-2: 70 then, and 67 in each part.
"""

from __future__ import annotations

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION = frozenset("\f^{}\\[~]|€")
#: What one SMS holds, and each part of a longer text.
OF_GSM, OF_UCS2 = (160, 153), (70, 67)
HIGHEST_OF_ONE_UNIT = 0xFFFF


def parts_of(text: str) -> int:
    """Return how many SMS the text takes; what counts twice is never split between two."""
    if outside_of_gsm(text):
        sizes, (alone, each) = [2 if ord(sign) > HIGHEST_OF_ONE_UNIT else 1 for sign in text], OF_UCS2
    else:
        sizes, (alone, each) = [2 if sign in EXTENSION else 1 for sign in text], OF_GSM
    if sum(sizes) <= alone:
        return 1
    parts, room = 1, each
    for size in sizes:
        if size > room:
            parts, room = parts + 1, each
        room -= size
    return parts


def outside_of_gsm(text: str) -> str:
    """Return the first character that the GSM alphabet does not have; blank where it has all."""
    return next((sign for sign in text if sign not in BASIC and sign not in EXTENSION), "")
