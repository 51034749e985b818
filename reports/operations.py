"""Taking data out of the panel, which the trail has to know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from django.db import transaction
from django.db.models import Count, Max, QuerySet

from accounts.seats import Seat
from audit import operations as audit
from audit.actions import Action
from audit.models import AuditEntry

BATCH = 1_000


@transaction.atomic
def export_audit_trail(
    *, actor: Seat, rows: QuerySet[AuditEntry], filters: Mapping[str, str], now: datetime
) -> Iterator[AuditEntry]:
    """Record the export, and return the rows that were there before it, the newest first, read as they are asked for.

    :param filters: by which the rows were chosen, in words by name.
    """
    found = rows.aggregate(newest=Max("pk"), count=Count("pk"))
    audit.record(
        actor=actor,
        action=Action.AUDIT_EXPORTED,
        reseller_id=actor.reseller.pk if actor.reseller else None,
        changes={"rows": (None, found["count"]), **{name: (None, words) for name, words in filters.items()}},
        now=now,
    )
    return in_batches(rows, (found["newest"] or 0) + 1)


def in_batches(rows: QuerySet[AuditEntry], below: int) -> Iterator[AuditEntry]:
    """Yield the rows with lower ids, the highest first.

    Each batch is a query of its own: no transaction and no cursor stays open for as long as somebody downloads.
    """
    while batch := list(rows.filter(pk__lt=below).order_by("-pk")[:BATCH]):
        yield from batch
        below = batch[-1].pk
