"""The dashboard's figures. Each equals the list that it links to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import Count, Q, Sum

from accounts.seats import Seat
from ispanel.installation import start_of_day, start_of_month
from resellers.models import LOW_ON_BALANCE, Reseller
from subscribers.models import Renewal, Subscriber
from wallet.models import AccountKind, Direction, Entry, LedgerAccount

DUE_DAYS = 7
ZERO = Decimal(0)


@dataclass(frozen=True)
class Revenue:
    """Money earned since midnight, and since the month began, in the installation's time zone."""

    today: Decimal
    month: Decimal


def revenue_of_admin(now: datetime) -> Revenue:
    """Return the wholesale charges: what came into the house's income account, less what went out."""
    entries = Entry.objects.filter(account__kind=AccountKind.INCOME)
    sums = {}
    for name, start in (("today", start_of_day(now)), ("month", start_of_month(now))):
        since = Q(transfer__created_at__gte=start)
        sums[f"{name}_in"] = Sum("amount", filter=since & Q(direction=Direction.CREDIT), default=ZERO)
        sums[f"{name}_out"] = Sum("amount", filter=since & Q(direction=Direction.DEBIT), default=ZERO)
    totals = entries.since(start_of_month(now)).aggregate(**sums)
    return Revenue(totals["today_in"] - totals["today_out"], totals["month_in"] - totals["month_out"])


def revenue_of(reseller: Reseller, now: datetime) -> tuple[Revenue, Revenue]:
    """Return the retail revenue of a reseller's own subscribers, and that of its sub-resellers' apart.

    What was refunded since then is taken off, whenever it was sold.
    """
    own, of_subs = Q(reseller=reseller), Q(reseller__parent=reseller)
    sums = {}
    for name, start in (("today", start_of_day(now)), ("month", start_of_month(now))):
        for whose, resellers in (("", own), ("subs_", of_subs)):
            for what, since in (("sold", Q(created_at__gte=start)), ("refunded", Q(refunded_at__gte=start))):
                sums[f"{whose}{name}_{what}"] = Sum("retail_price", filter=resellers & since, default=ZERO)
    totals = Renewal.objects.sold_by_tree_of(reseller).sold_or_refunded_since(start_of_month(now)).aggregate(**sums)
    earned = {
        name: totals[f"{name}_sold"] - totals[f"{name}_refunded"]
        for name in ("today", "month", "subs_today", "subs_month")
    }
    return Revenue(earned["today"], earned["month"]), Revenue(earned["subs_today"], earned["subs_month"])


def total_of_wallets() -> Decimal:
    """Return what all wallets hold together."""
    total: Decimal = LedgerAccount.objects.wallets().aggregate(total=Sum("balance", default=ZERO))["total"]
    return total


@dataclass(frozen=True)
class SubscriberCounts:
    """How many subscribers the seat sees: all that are not terminated, and of these, by status."""

    all: int
    active: int
    expired: int
    suspended: int
    failed: int
    due: int


def count_subscribers(seat: Seat, now: datetime) -> SubscriberCounts:
    """Return the counts in one query."""
    return SubscriberCounts(**Subscriber.objects.visible_to(seat).kept().counts(now, DUE_DAYS))


@dataclass(frozen=True)
class ResellerCounts:
    """How many resellers the seat sees besides its own, and how many of them are low on balance."""

    all: int
    low: int


def count_resellers(seat: Seat) -> ResellerCounts:
    """Return the counts in one query."""
    seen = Reseller.objects.visible_to(seat).kept()
    if seat.reseller:
        seen = seen.exclude(pk=seat.reseller.pk)
    return ResellerCounts(**seen.aggregate(all=Count("pk"), low=Count("pk", filter=LOW_ON_BALANCE)))
