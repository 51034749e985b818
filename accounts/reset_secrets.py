"""What opens a password reset: the token in a link, or a code that is typed. Of both, only digests are kept."""

from __future__ import annotations

import hashlib
import secrets

from django.utils.crypto import salted_hmac

TOKEN_BYTES = 32
CODE_DIGITS = 6


def new_token() -> str:
    """Return a token of 256 random bits."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def digest_of_token(token: str) -> bytes:
    """Return what a reset is found by; the token is random enough not to be guessed from it."""
    return hashlib.sha256(token.encode()).digest()


def new_code() -> str:
    """Return six random digits."""
    return f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"


def digest_of_code(reset_id: int, code: str) -> bytes:
    """Return what a code is compared by. It has a key, or a copy of the table would tell all six digits at once."""
    return salted_hmac(f"accounts.reset_secrets:{reset_id}", code, algorithm="sha256").digest()
