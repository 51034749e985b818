"""What an API token looks like: ``isp_``, 43 random characters, and 6 characters of checksum.

The prefix lets scanners for secrets find a token that got into a repository or a chat: ``isp_[0-9A-Za-z]{49}``. The
checksum tells a token that was cut off or mistyped from one that is unknown, before the database is asked. Neither is
secret, and no character of it ends a word, so that a double click selects all of it.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import string
import zlib

PREFIX = "isp_"
ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
#: 43 characters of 62: 256 random bits.
SECRET_LENGTH = 43
#: 6 characters of 62 hold the 32 bits of a CRC.
CHECKSUM_LENGTH = 6
#: How many characters of the secret people recognise a token by; more than 220 random bits stay unknown.
SHOWN_LENGTH = 6
FORM = re.compile(rf"{PREFIX}([0-9A-Za-z]{{{SECRET_LENGTH}}})([0-9A-Za-z]{{{CHECKSUM_LENGTH}}})", re.ASCII)


def new_secret() -> str:
    """Return the random part of a new token."""
    return "".join(secrets.choice(ALPHABET) for _ in range(SECRET_LENGTH))


def bearer_of(secret: str) -> str:
    """Return the token as its owner keeps it and sends it."""
    return f"{PREFIX}{secret}{checksum(secret)}"


def secret_in(bearer: str) -> str | None:
    """Return the random part of what was sent; None where that is no token, or one that lost or changed a character."""
    found = FORM.fullmatch(bearer.strip())
    return found[1] if found and found[2] == checksum(found[1]) else None


def shown_part(secret: str) -> str:
    """Return how the token begins, by which people recognise it."""
    return f"{PREFIX}{secret[:SHOWN_LENGTH]}"


def digest_of_secret(secret: str) -> bytes:
    """Return what is kept of a token, and what it is found by.

    A password is hashed slowly because people choose it: it is among those that a thief of the table tries. Of 256
    random bits no guess ever comes true, however fast it is made, so one SHA-256 is enough, and costs each request
    microseconds in the place of a quarter of a second. Nor does it matter that an index compares digests in other than
    constant time: whoever sends a secret cannot choose its digest, and knowing a digest's first bytes leads to no
    secret.
    """
    return hashlib.sha256(secret.encode()).digest()


def checksum(secret: str) -> str:
    """Return the CRC-32 of the secret's characters in base 62. It finds mistakes, it proves nothing."""
    number, characters = zlib.crc32(secret.encode()), ""
    for _ in range(CHECKSUM_LENGTH):
        number, digit = divmod(number, len(ALPHABET))
        characters = ALPHABET[digit] + characters
    return characters
