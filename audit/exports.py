"""Taking data out of the panel, which the trail has to know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, TypeVar

from django.db import models, transaction
from django.db.models import Count, Max, QuerySet

from audit import operations as audit
from audit.actions import Action
from audit.identity import Actor

BATCH = 1_000
Row = TypeVar("Row", bound=models.Model)


@transaction.atomic
def export_rows(
    *,
    actor: Actor,
    action: Action,
    rows: QuerySet[Row],
    filters: Mapping[str, str],
    now: datetime,
    obj: models.Model | None = None,
    reseller_id: int | None = None,
) -> Iterator[Row]:
    """Record the export, and return the rows that were there before it, the newest first, read as they are asked for.

    :param filters: by which the rows were chosen, in words by name.
    :param obj: whose rows they are.
    :param reseller_id: the tenant in whose trail the export stands.
    """
    found = rows.aggregate(newest=Max("pk"), count=Count("pk"))
    changes: dict[str, tuple[Any, Any]] = {"rows": (None, found["count"])}
    changes |= {name: (None, words) for name, words in filters.items()}
    audit.record(actor=actor, action=action, obj=obj, reseller_id=reseller_id, changes=changes, now=now)
    return in_batches(rows, (found["newest"] or 0) + 1)


def in_batches(rows: QuerySet[Row], below: int) -> Iterator[Row]:
    """Yield the rows with lower ids, the highest first.

    Each batch is a query of its own: no transaction and no cursor stays open for as long as somebody downloads.
    """
    while batch := list(rows.filter(pk__lt=below).order_by("-pk")[:BATCH]):
        yield from batch
        below = batch[-1].pk
