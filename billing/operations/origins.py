"""Which sales the retail worth of a period came from: what a change of plan pays back is taken off their invoices.

A period that was sold as such has its worth from its own price. One that a change of plan began has it from what was
left of the periods that the change gave up, and from its own price where that is above 0. Of what came together the
latest is given back first, as `subscribers.operations.plan_changes` does with charges.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from django.db.models import Q

from wallet.models import TransferKind

if TYPE_CHECKING:
    from subscribers.models import Renewal


@dataclass(frozen=True, slots=True)
class Share:
    """So much of what a sale brought in, at retail."""

    sold_id: int
    amount: Decimal


class Origins:
    """Where the worth of the periods of some lines came from, read in one query."""

    def __init__(self, changes: Sequence[Renewal]) -> None:
        """:param changes: periods that changes of plan began, one at least."""
        rows = type(changes[0]).objects.periods().filter(subscriber__in={each.subscriber_id for each in changes})
        rows = rows.filter(Q(replaced_at__isnull=False) | Q(kind=TransferKind.PLAN_CHANGE)).order_by("starts_at", "pk")
        begun: dict[tuple[int, datetime | None], list[int]] = defaultdict(list)
        for row in rows:
            if row.kind == TransferKind.PLAN_CHANGE:
                begun[row.subscriber_id, row.starts_at].append(row.pk)
        #: By the id of the period that a change began: those that it gave up, the first one first.
        self.given_up: dict[int, list[Renewal]] = defaultdict(list)
        for row in rows:
            # Of two changes at the same moment the second gave up what the first had begun.
            later = [pk for pk in begun[row.subscriber_id, row.replaced_at] if pk > row.pk]
            if later:
                self.given_up[min(later)].append(row)

    def paid_back_by(self, change: Renewal) -> list[Share]:
        """Return what a change of plan pays back, and of which sales, the latest first."""
        return latest(self.brought_into(change), -change.retail_price)[::-1]

    def of(self, period: Renewal) -> list[Share]:
        """Return of which sales a period has its worth, the earliest first."""
        own = Share(period.pk, period.retail_price)
        if period.kind != TransferKind.PLAN_CHANGE:
            return [own]
        shares = self.brought_into(period)
        if period.retail_price > 0:
            return [*shares, own]
        # What the change paid back is gone, and the earliest stays.
        return latest(shares[::-1], period.retail_worth)[::-1]

    def brought_into(self, change: Renewal) -> list[Share]:
        """Return what was left of the periods that a change of plan gave up, the earliest first.

        Those to come were whole, and what is more is of the one that ran. What a former owner had sold counted nothing.
        """
        left, shares = change.retail_worth - change.retail_price, list[Share]()
        for period in reversed(self.given_up[change.pk]):
            if period.reseller_id == change.reseller_id:
                counted = min(left, period.retail_worth)
                shares = [*latest(self.of(period), counted), *shares]
                left -= counted
        return shares


def latest(shares: Sequence[Share], amount: Decimal) -> list[Share]:
    """Return so much of the shares, taken from their end."""
    return list(from_the_end(shares, amount))[::-1]


def from_the_end(shares: Sequence[Share], amount: Decimal) -> Iterator[Share]:
    for share in reversed(shares):
        if amount <= 0:
            return
        yield Share(share.sold_id, min(share.amount, amount))
        amount -= share.amount
