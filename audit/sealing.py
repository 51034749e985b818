"""Sealing the trail: each row gets a link of the hash chain, soon after it was written."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction
from django.db.models import Exists, OuterRef

from audit.chain import COLUMNS, Head, Row, canonical, newest_head, next_digest
from audit.models import AuditEntry, AuditQuerySet, AuditSeal

BATCH = 2_000
#: A row may become visible after rows with higher ids. How many ids before the newest sealed ones are looked at again;
#: what came even later than that is found by `audit.verifying`.
LOOK_BACK = 100_000
#: How many seals are the newest ones. The lowest id among them counts: a single one far above the others hides no row.
NEWEST = 1_000
LOWEST = -(2**63)
#: The number of the advisory lock that lets one process at a time seal.
LOCK = 7_325_117


@dataclass(frozen=True, slots=True)
class Sealed:
    """How many rows were sealed, and where the chain ends now."""

    rows: int
    head: Head


def seal(now: datetime) -> Sealed:
    """Seal every row that is not sealed yet, one transaction for each batch, so that no number of them is too many."""
    rows = 0
    while True:
        batch = seal_batch(now)
        rows += batch.rows
        if batch.rows < BATCH:
            return Sealed(rows, batch.head)


@transaction.atomic
def seal_batch(now: datetime) -> Sealed:
    """Seal the next rows without a seal; whoever comes meanwhile waits, and goes on from there."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
    head = newest_head()
    rows = unsealed()
    seals = []
    for row in rows:
        head = Head(head.number + 1, next_digest(head.digest, head.number + 1, now, canonical(row)))
        seals.append(AuditSeal(number=head.number, entry_id=row["id"], digest=head.digest, sealed_at=now))
    AuditSeal.objects.bulk_create(seals)
    return Sealed(len(seals), head)


def end_of_look_back() -> int:
    """Return the id up to which no row is looked at again."""
    newest = list(AuditSeal.objects.order_by("-number").values_list("entry_id", flat=True)[:NEWEST])
    return min(newest) - LOOK_BACK if len(newest) == NEWEST else LOWEST


def unsealed() -> list[Row]:
    """Return the next batch of rows without a seal."""
    return list(waiting().order_by("pk").values(*COLUMNS)[:BATCH])


def waiting() -> AuditQuerySet:
    """Return the rows that the next sealing looks for."""
    oldest = end_of_look_back()
    # The bound on the seals keeps PostgreSQL from reading all there ever were.
    is_sealed = Exists(AuditSeal.objects.filter(entry_id=OuterRef("pk"), entry_id__gt=oldest))
    return AuditEntry.objects.filter(~is_sealed, pk__gt=oldest)
