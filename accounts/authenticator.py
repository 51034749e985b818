"""The arithmetic of second steps: secrets for authenticator apps (TOTP, RFC 6238), their codes, and recovery codes."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from datetime import datetime
from urllib.parse import quote, urlencode

import segno
from django.utils.safestring import SafeString, mark_safe
from django_otp.oath import TOTP

SECRET_BYTES = 20  # As long as the digest of HMAC-SHA-1: RFC 4226, section 4, R6.
STEP_SECONDS = 30
#: A clock may be this many steps off, either way.
DRIFT = 1
#: Without what is easily mistaken for something else: 0 and o, 1 and l.
ALPHABET = "23456789abcdefghijkmnpqrstuvwxyz"
RECOVERY_CODES = 10
#: 25 characters of 32: 125 random bits. From 112 on a plain digest is enough: OWASP ASVS 5.0, 6.5.2.
CODE_GROUPS, GROUP_LENGTH = 5, 5
SIX_DIGITS = re.compile(r"[0-9]{6}", re.ASCII)


def new_secret() -> str:
    """Return a random secret in Base32, as authenticator apps take it."""
    return base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode()


def matching_step(secret: str, code: str, *, now: datetime, after: int) -> int | None:
    """Return the number of the time step whose code this is; None where it is none of those around now.

    :param after: the last step that counts no more.
    """
    if not SIX_DIGITS.fullmatch(code):
        return None
    clock = TOTP(base64.b32decode(secret), step=STEP_SECONDS)
    clock.time = now.timestamp()
    return clock.t() if clock.verify(int(code), tolerance=DRIFT, min_t=after + 1) else None


def uri_of(secret: str, *, username: str, issuer: str) -> str:
    """Return the address that an authenticator app reads out of the QR code."""
    issuer = issuer.replace(":", " ")  # A colon parts the issuer from the name.
    query = urlencode({"secret": secret, "issuer": issuer, "digits": 6, "period": STEP_SECONDS}, quote_via=quote)
    return f"otpauth://totp/{quote(issuer, safe='')}:{quote(username, safe='')}?{query}"


def qr_code(text: str) -> SafeString:
    """Return the text as the QR code's SVG: black on white in every theme, with its quiet margin, without a style."""
    drawn = segno.make(text, error="m", micro=False).svg_inline(
        border=4, dark="#000", light="#fff", omitsize=True, svgclass=None, lineclass=None
    )
    return mark_safe(drawn)  # noqa: S308 - numbers that the library drew


def in_groups(secret: str) -> str:
    """Return the secret in groups of four, as people type it."""
    return " ".join(secret[start : start + 4] for start in range(0, len(secret), 4))


def new_recovery_code() -> str:
    """Return a random recovery code, as ``k7m2p-9xw4q-t3n8d-q6rvs-5hjc2``."""
    return "-".join("".join(secrets.choice(ALPHABET) for _ in range(GROUP_LENGTH)) for _ in range(CODE_GROUPS))


def bare(code: str) -> str:
    """Return a typed code without what people put between its characters, in lower case."""
    return re.sub(r"[\s-]", "", code).lower()


def digest_of_code(code: str) -> bytes:
    """Return what is kept of a recovery code."""
    return hashlib.sha256(bare(code).encode()).digest()
