"""What an act on many subscribers would do, worked out before anybody confirms it; nothing is locked or written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from accounts.seats import Seat
from plans.models import Plan
from resellers.models import Reseller
from resellers.terms import terms_of
from subscribers import operations
from subscribers.models import Subscriber
from subscribers.operations import Lines, MoveRefused

ZERO = Decimal(0)


@dataclass
class Bill:
    """What the act takes from one wallet, and what comes back to it."""

    reseller: Reseller
    #: Each charge, in the order in which they are made.
    charges: list[Decimal] = field(default_factory=list)
    retail: Decimal = ZERO
    back: Decimal = ZERO

    @property
    def count(self) -> int:
        return len(self.charges)

    @property
    def price(self) -> Decimal:
        return sum(self.charges, ZERO)

    @property
    def margin(self) -> Decimal:
        return self.retail - self.price

    @property
    def before(self) -> Decimal:
        return self.reseller.wallet.balance or ZERO

    @property
    def after(self) -> Decimal:
        """The balance once all of it is paid."""
        return self.before - self.price + self.back

    @property
    def missing(self) -> Decimal:
        """What the wallet lacks to pay for all of them, counting the credit limit."""
        return max(self.price - self.reseller.wallet.available, ZERO)

    @property
    def paid(self) -> int:
        """How many the wallet pays for, one after the other, until the first that it cannot."""
        left, number = self.reseller.wallet.available, 0
        for charge in self.charges:
            if charge > left:
                break
            left, number = left - charge, number + 1
        return number


@dataclass
class Preview:
    """Which subscribers the act would be done to, which not and why, and what it would cost whom."""

    todo: list[Subscriber] = field(default_factory=list)
    left_out: list[tuple[Subscriber, str]] = field(default_factory=list)
    bills: list[Bill] = field(default_factory=list)
    #: What comes back, also to wallets that are none of these resellers'.
    back: Decimal = ZERO

    def take(self, line: Subscriber, against: str) -> None:
        """Count the line among those that it is done to, or among the others if something stands against it."""
        if against:
            self.left_out.append((line, against))
        else:
            self.todo.append(line)

    @property
    def total(self) -> Decimal:
        """What is charged, less what comes back."""
        return sum((bill.price for bill in self.bills), ZERO) - self.back

    @property
    def total_shown(self) -> Decimal:
        """The total without its sign: what is due, or what is given back."""
        return abs(self.total)

    @property
    def retail(self) -> Decimal:
        return sum((bill.retail for bill in self.bills), ZERO)

    @property
    def margin(self) -> Decimal:
        return self.retail - self.total

    @property
    def is_affordable(self) -> bool:
        return not any(bill.missing for bill in self.bills)


def lines_among(seat: Seat, subscriber_ids: Sequence[int]) -> tuple[Lines, list[Subscriber]]:
    """Return which of these the seat may act on, by id, and which it only sees; of all others nothing is said."""
    rows = Subscriber.objects.visible_to(seat).for_list().select_related("reseller__wallet")
    seen = rows.filter(pk__in=subscriber_ids).in_bulk()
    ordered = {pk: seen[pk] for pk in dict.fromkeys(subscriber_ids) if pk in seen}
    ours = {pk: line for pk, line in ordered.items() if line.is_actable_by(seat)}
    return ours, [line for pk, line in ordered.items() if pk not in ours]


def preview_of_renewals(lines: Lines, now: datetime) -> Preview:
    """Return what renewing these would do."""
    preview = Preview()
    for reseller, ours in operations.by_reseller(lines, lines):
        terms, bill = terms_of(reseller), Bill(reseller)
        for line in ours:
            order = operations.order_of(line, terms, now)
            if order.bought is None:
                preview.left_out.append((line, order.reason))
                continue
            preview.todo.append(line)
            bill.charges.append(order.bought.price)
            bill.retail += order.bought.retail_price
        preview.bills += [bill] if bill.charges else []
    return preview


def preview_of_check(lines: Lines, check: Callable[[Subscriber], None]) -> Preview:
    """Return what an act that costs nothing would do, which is refused where the check has something against it."""
    preview = Preview()
    for line in lines.values():
        preview.take(line, operations.why_not(line, check))
    return preview


def preview_of_plan_changes(lines: Lines, plan: Plan, at: datetime) -> Preview:
    """Return what putting these on the plan would do."""
    changes, refused = operations.plan_changes_of(lines, list(lines), plan, at)
    preview = Preview(left_out=refused)
    bills: dict[int, Bill] = {}
    backs = operations.back_to_payers([change for change, _terms in changes])
    for (change, _terms), back in zip(changes, backs, strict=True):
        preview.todo.append(change.subscriber)
        bill = bills.setdefault(change.payer.pk, Bill(change.payer))
        bill.charges.append(max(change.due, ZERO))
        bill.retail += change.retail_due
        bill.back += back
        preview.back += change.back
    preview.bills = list(bills.values())
    return preview


def preview_of_moves(lines: Lines, seat: Seat, to: Reseller) -> Preview:
    """Return what giving these to the reseller would do."""
    preview, terms = Preview(), terms_of(to)
    for line in lines.values():
        if line.reseller_id == to.pk:
            preview.take(line, operations.already_there(to))
            continue
        try:
            operations.check_movable(seat, line, to, terms)
        except MoveRefused as refusal:
            preview.take(line, str(refusal))
        else:
            preview.take(line, "")
    return preview
