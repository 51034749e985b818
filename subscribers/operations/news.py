"""What is told of lines: that they were renewed or could not be, expired, or are about to."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import dateformat, timezone

from ispanel import messages
from ispanel.installation import currency
from ispanel.messages import Event, Occurrence
from ispanel.money import with_code
from notifications.models import Rule
from plans.models import Plan
from resellers.models import Reseller
from subscribers.models import ExpiryNotice, Renewal, Subscriber

#: How many lines are told of their expiry in one transaction.
TOLD_AT_ONCE = 500


def announce_renewed(periods: Iterable[tuple[Subscriber, Renewal]]) -> None:
    """Say that lines were renewed; plan and reseller of each are at hand."""
    periods = list(periods)
    if not periods or not messages.wanted(Event.RENEWED):
        return
    money = currency()
    messages.announce(
        *(
            Occurrence(
                Event.RENEWED,
                key=str(period.pk),
                facts=facts_of(line, period.ends_at) | {"amount": with_code(period.retail_price, money)},
                reseller=period.reseller,
                subscriber=line,
            )
            for line, period in periods
        )
    )


def announce_failed(lines: Collection[Subscriber], now: datetime) -> None:
    """Say that lines could not be renewed by themselves, for a reason that is news; plan and reseller are at hand."""
    if not lines or not messages.wanted(Event.RENEWAL_FAILED):
        return
    messages.announce(
        *(
            Occurrence(
                Event.RENEWAL_FAILED,
                key=f"{line.pk}:{now.isoformat()}",
                facts=facts_of(line, line.expires_at) | {"reason": line.renewal_failure},
                reseller=line.reseller,
                subscriber=line,
            )
            for line in lines
        )
    )


def announce_expired(lines: Collection[Subscriber]) -> None:
    """Say that lines expired."""
    if not lines or not messages.wanted(Event.EXPIRED):
        return
    messages.announce(*(about_expiry(Event.EXPIRED, line, {}) for line in with_names(lines)))


@transaction.atomic
def announce_expiring(*, now: datetime) -> bool:
    """Tell of lines that are about to expire and are not renewed by themselves, as many days before as rules say.

    Each is told once for each expiry: what was noted is not looked at again.

    :return: whether there may be more to tell.
    """
    noted = 0
    for days in Rule.objects.days_before():
        before = ExpiryNotice.objects.filter(subscriber=OuterRef("pk"), expires_at=OuterRef("expires_at"), days=days)
        rows = Subscriber.objects.expiring_within(days, now).filter(auto_renew=False).exclude(Exists(before))
        lines = list(rows.select_related("plan", "reseller").order_by("expires_at", "pk")[:TOLD_AT_ONCE])
        ExpiryNotice.objects.bulk_create([notice_of(line, days) for line in lines], ignore_conflicts=True)
        messages.announce(*(about_expiry(Event.EXPIRING_SOON, line, {"days": days_left(line, now)}) for line in lines))
        noted = max(noted, len(lines))
    return noted == TOLD_AT_ONCE


def forget_old_notices(*, now: datetime) -> None:
    """Delete the notices of expiries that are over."""
    ExpiryNotice.objects.filter(expires_at__lt=now - timedelta(days=1)).delete()


def notice_of(line: Subscriber, days: int) -> ExpiryNotice:
    assert line.expires_at, "only active lines expire"
    return ExpiryNotice(subscriber=line, expires_at=line.expires_at, days=days)


def about_expiry(event: Event, line: Subscriber, more: dict[str, str]) -> Occurrence:
    key = f"{line.pk}:{line.expires_at.isoformat() if line.expires_at else ''}"
    facts = facts_of(line, line.expires_at) | more
    return Occurrence(event, key=key, facts=facts, reseller=line.reseller, subscriber=line)


def days_left(line: Subscriber, now: datetime) -> str:
    assert line.expires_at
    return str(math.ceil((line.expires_at - now) / timedelta(days=1)))


def with_names(lines: Collection[Subscriber]) -> Collection[Subscriber]:
    """Return the lines with plan and reseller at hand."""
    plans = Plan.objects.in_bulk({line.plan_id for line in lines})
    resellers = Reseller.objects.in_bulk({line.reseller_id for line in lines})
    for line in lines:
        line.plan, line.reseller = plans[line.plan_id], resellers[line.reseller_id]
    return lines


def facts_of(line: Subscriber, expires_at: datetime | None) -> dict[str, str]:
    """Return what is told of every line, in words."""
    return {
        "username": line.username,
        "name": line.full_name or line.username,
        "plan": line.plan.name,
        "reseller": line.reseller.public_name,
        "expires_on": dateformat.format(timezone.localtime(expires_at), "j M Y") if expires_at else "",
    }
