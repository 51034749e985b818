"""What is taken out of the reports, and recorded."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from accounts.seats import Seat
from audit import operations as audit
from audit.actions import Action
from resellers.models import Reseller


@transaction.atomic
def export_exposure(
    *, actor: Seat, rows: QuerySet[Reseller], filters: Mapping[str, str], now: datetime
) -> list[Reseller]:
    """Record the export, and return the rows as they are now.

    :param filters: by which the rows were chosen, in words by name.
    """
    exposed = list(rows)
    audit.record(
        actor=actor,
        action=Action.EXPOSURE_EXPORTED,
        changes={"rows": (None, len(exposed)), **{name: (None, words) for name, words in filters.items()}},
        now=now,
    )
    return exposed
