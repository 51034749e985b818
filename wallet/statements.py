"""The statement of an account: what it held, what came and went in a period, and what it holds at the end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.db.models import OuterRef, Subquery

from ispanel.installation import end_of_day, midnight, time_zone
from wallet.models import Direction, Entry, EntryQuerySet, LedgerAccount, TransferKind

ZERO = Decimal(0)


@dataclass(frozen=True)
class Period:
    """Whole days in the installation's time zone, the first and the last included."""

    start: date
    end: date

    @property
    def starts_at(self) -> datetime:
        return midnight(self.start)

    @property
    def ends_at(self) -> datetime:
        """The moment that is no longer part of it."""
        return end_of_day(self.end)


@dataclass(frozen=True)
class Line:
    """One entry. ``amount`` is below zero where money went out; ``balance`` is what the account held then."""

    transfer_id: int
    at: datetime
    kind: TransferKind
    other: str
    note: str
    amount: Decimal
    balance: Decimal


@dataclass(frozen=True)
class Total:
    """What came in and went out by transfers of one kind, both above zero."""

    kind: TransferKind
    count: int
    money_in: Decimal
    money_out: Decimal


@dataclass(frozen=True)
class Statement:
    """An account's lines in a period, the oldest first."""

    account: LedgerAccount
    period: Period
    opening: Decimal
    lines: list[Line]

    @property
    def closing(self) -> Decimal:
        return self.opening + self.money_in - self.money_out

    @property
    def money_in(self) -> Decimal:
        return sum((line.amount for line in self.lines if line.amount > 0), ZERO)

    @property
    def money_out(self) -> Decimal:
        return -sum((line.amount for line in self.lines if line.amount < 0), ZERO)

    @property
    def totals(self) -> list[Total]:
        """What came and went, by the kinds that there are, in the order of the kinds."""
        return [
            total_of(kind, [line.amount for line in self.lines if line.kind == kind])
            for kind in TransferKind
            if any(line.kind == kind for line in self.lines)
        ]


def total_of(kind: TransferKind, amounts: Iterable[Decimal]) -> Total:
    """Add up the amounts of one kind."""
    amounts = list(amounts)
    return Total(
        kind,
        len(amounts),
        sum((amount for amount in amounts if amount > 0), ZERO),
        -sum((amount for amount in amounts if amount < 0), ZERO),
    )


def statement_of(account: LedgerAccount, period: Period) -> Statement:
    """Return the statement of a wallet, or of an account of the house.

    It goes by the time of the transfers: where two of them were posted the other way round within a moment, midnight
    may lie between them, and each belongs to its own day. So a period opens with what all entries before it add up
    to, and one period closes with what the next one opens with.
    """
    entries = Entry.objects.filter(account=account)
    opening = entries.before(period.starts_at).total()
    rows = entries.since(period.starts_at).before(period.ends_at).order_by("transfer__created_at", "id")
    return Statement(account, period, opening, list(lines_of(rows, opening)))


def lines_of(entries: EntryQuerySet, opening: Decimal) -> Iterator[Line]:
    """Yield the entries with the balance after each, from an opening balance on.

    They are read as plain values: an account of the house may have thousands in a day.
    """
    others = Entry.objects.filter(transfer=OuterRef("transfer")).exclude(pk=OuterRef("pk"))
    rows = entries.annotate(other=Subquery(others.values("account__name")[:1])).values_list(
        "transfer_id", "transfer__created_at", "transfer__kind", "transfer__note", "other", "direction", "amount"
    )
    balance = opening
    for transfer_id, at, kind, note, other, direction, amount in rows:
        signed = amount if direction == Direction.CREDIT else -amount
        balance += signed
        yield Line(transfer_id, at, TransferKind(kind), other or "", note, signed, balance)


def this_month(now: datetime) -> Period:
    """Return the month that has begun, up to today."""
    today = now.astimezone(time_zone()).date()
    return Period(today.replace(day=1), today)


def last_month(now: datetime) -> Period:
    """Return the whole month before this one."""
    end = this_month(now).start - timedelta(days=1)
    return Period(end.replace(day=1), end)


def this_year(now: datetime) -> Period:
    """Return the year that has begun, up to today."""
    today = now.astimezone(time_zone()).date()
    return Period(today.replace(month=1, day=1), today)
