"""The hash chain over the trail: what a seal's digest is made of.

Link ``number`` seals one row of ``audit_entries``, at the time ``sealed_at``. Its digest is the SHA-256 of

- one byte: the version of this format, 1;
- the 32 bytes of the digest of link ``number - 1``, which are zeros for the first link;
- ``number`` in 8 bytes and ``sealed_at`` in 8 bytes (signed), both big-endian;
- every column of the row in the order of `COLUMNS`: the byte 0 for null, else the byte 1, the length of what follows in
  4 bytes, big-endian, and then

  - a number in decimal digits, a text in UTF-8;
  - a moment as the microseconds since 1970-01-01 00:00 UTC, in decimal digits;
  - an address as its 4 or 16 bytes and the length of its mask in one byte;
  - JSON without blanks, in ASCII, the keys of objects in the order of their code points.

No two rows have the same bytes, and none of it depends on how PostgreSQL or Python print a value. A column that is
added later makes version 2; rows are then tried against both.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from audit.models import AuditSeal

VERSION = b"\x01"
COLUMNS = (
    "id",
    "at",
    "action",
    "grade",
    "actor_id",
    "actor_name",
    "actor_type",
    "on_behalf_of_id",
    "on_behalf_of_name",
    "object_type",
    "object_id",
    "object_name",
    "reseller_id",
    "detail",
    "changes",
    "address",
    "user_agent",
    "request_id",
)
HEAD = re.compile(r"([0-9]{1,19}):([0-9a-f]{64})")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Head:
    """A link's number and digest, written ``<number>:<hex>``: whoever keeps it can prove the chain up to there."""

    number: int
    digest: bytes

    def __str__(self) -> str:
        return f"{self.number}:{self.digest.hex()}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what `__str__` wrote.

        :raises ValueError: for anything else.
        """
        found = HEAD.fullmatch(text.strip())
        if not found:
            raise ValueError(f"“{text}” is no head: it looks like 1200:9f86d0…, a number and 64 hexadecimal digits.")
        return cls(int(found[1]), bytes.fromhex(found[2]))

    @classmethod
    def of(cls, seal: AuditSeal) -> Self:
        return cls(seal.number, bytes(seal.digest))


#: What the first link is chained to.
START = Head(0, bytes(32))


def newest_head() -> Head:
    """Return the end of the chain."""
    seal = AuditSeal.objects.order_by("-number").first()
    return Head.of(seal) if seal else START


def next_digest(previous: bytes, number: int, sealed_at: datetime, contents: bytes) -> bytes:
    """Return the digest of the link that seals a row.

    :param contents: the row's bytes, as `canonical` makes them.
    """
    link = [VERSION, previous, number.to_bytes(8, "big"), microseconds(sealed_at).to_bytes(8, "big", signed=True)]
    return hashlib.sha256(b"".join([*link, contents])).digest()


def canonical(row: Row) -> bytes:
    """Return the bytes of all columns of a row, which come by name."""
    return b"".join(framed(encoded(name, row[name])) for name in COLUMNS)


def framed(value: bytes | None) -> bytes:
    return b"\x00" if value is None else b"\x01" + len(value).to_bytes(4, "big") + value


def encoded(name: str, value: Any) -> bytes | None:
    if value is None:
        return None
    if name == "changes":
        return json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":")).encode()
    if name == "address":
        interface = ipaddress.ip_interface(value)
        return interface.packed + bytes([interface.network.prefixlen])
    return str(microseconds(value) if isinstance(value, datetime) else value).encode()


def microseconds(moment: datetime) -> int:
    return (moment - EPOCH) // MICROSECOND
