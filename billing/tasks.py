"""What the worker does for papers."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone

from billing import telling
from billing.models import Invoice
from ispanel.installation import settings_in_force
from ispanel.jobs import enqueue, job

#: How many invoices are told of in one transaction.
TOLD_AT_ONCE = 500


def tell_later(renewal_ids: Sequence[int]) -> None:
    """Leave it to the worker to tell, in parts, of the invoices for what was sold, once they are committed."""
    for start in range(0, len(renewal_ids), TOLD_AT_ONCE):
        enqueue(tell, lane="invoices", renewal_ids=list(renewal_ids[start : start + TOLD_AT_ONCE]))


@job(name="billing.tell", attempts=5, wait=4)
def tell(*, renewal_ids: list[int]) -> None:
    """Tell of the invoices for what was sold; a message that is there already is not kept twice."""
    rows = Invoice.objects.filter(renewal__in=renewal_ids).select_related("reseller", "subscriber").order_by("number")
    with transaction.atomic(), settings_in_force():
        telling.announce(list(rows), timezone.now())
