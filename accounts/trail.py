"""What the page of an object shows of the trail."""

from __future__ import annotations

from django.db.models import Model, QuerySet

from accounts.seats import Seat
from audit.models import AuditEntry, kind_of

LINES = 10


def trail_about(seat: Seat, obj: Model) -> QuerySet[AuditEntry] | None:
    """Return the latest rows about the object that the seat reads; None for a seat that reads no trail."""
    if not seat.has("audit.view"):
        return None
    rows = AuditEntry.objects.visible_to(seat).about(kind_of(obj), obj.pk)
    return rows.order_by("-id")[:LINES]
