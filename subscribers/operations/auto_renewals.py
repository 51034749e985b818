"""What time brings about, carried out by the worker: renewing lines that expire, and turning off those that did."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import Min
from django.utils.translation import gettext as _

from audit import operations as audit
from audit.actions import Action
from audit.identity import SYSTEM
from audit.models import AuditEntry
from billing.operations import issue_papers
from ispanel.installation import settings_in_force
from network import operations as network
from network.operations import Line
from resellers.models import Reseller
from resellers.operations import locked as locked_resellers
from resellers.terms import terms_of
from subscribers.models import Outcome, Subscriber
from subscribers.operations.batches import Order, carry_out, locked_lines, orders_of
from subscribers.operations.news import announce_expired, announce_failed
from wallet.ledger import InsufficientFunds

#: Lines of one reseller in one transaction: so many are lost, and done again, when the worker is killed.
AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Round:
    """What one transaction did for a reseller, and whether it has more to do."""

    renewed: int = 0
    failed: int = 0
    is_full: bool = False


def due_resellers(now: datetime) -> list[int]:
    """Return the ids of the resellers who have lines to renew, those with the longest overdue first."""
    due = Subscriber.objects.due_for_renewal(now).values("reseller_id").annotate(since=Min("expires_at"))
    return [each["reseller_id"] for each in due.order_by("since", "reseller_id")]


@transaction.atomic
def renew_due(*, reseller_id: int, now: datetime, at_most: int | None = None) -> Round:
    """Renew the lines of one reseller that are due, the longest overdue first, as far as its wallet goes.

    All of it is one transaction: who is charged is extended, and is not due any more. So this may run twice, in
    parallel, or be killed, and charges nobody twice. Those who cannot be renewed say why, and are due again once that
    may have changed: where money was missing, as soon as it is there; in any case an hour later.

    :param at_most: how many lines; None is `AT_ONCE`.
    """
    at_most = at_most or AT_ONCE
    [reseller] = locked_resellers(reseller_id)
    due = Subscriber.objects.due_for_renewal(now).filter(reseller=reseller)
    ids = list(due.order_by("expires_at", "pk").values_list("pk", flat=True)[:at_most])
    if not ids:
        return Round()
    lines = locked_lines(Subscriber.objects.filter(pk__in=due), reseller, ids)
    # The reseller's lock keeps other rounds away; who was renewed by hand a moment ago is not due any more.
    ids = [pk for pk in ids if pk in lines]
    with settings_in_force():
        orders = list(orders_of(lines, ids, terms_of(reseller), now))
        outcomes, sold = carry_out(actor=SYSTEM, reseller=reseller, orders=orders, now=now)
        failed = note_failures(reseller, orders, outcomes, now) if len(sold) < len(orders) else 0
        issue_papers(sold=sold, now=now)
    return Round(renewed=len(sold), failed=failed, is_full=len(ids) == at_most)


def note_failures(reseller: Reseller, orders: list[Order], outcomes: list[Outcome], now: datetime) -> int:
    """Write on each line that was not renewed why, and in the trail where that is news; return how many there are.

    Whom the wallet could still pay for, after a dearer one that it could not, is due still: the next round gets there.
    """
    told: list[AuditEntry] = []
    news: list[Subscriber] = []
    failed: list[Subscriber] = []
    # The charges hold the wallet until the round is committed.
    reseller.wallet.refresh_from_db()
    available, ran_out = reseller.wallet.available, False
    for order, outcome in zip(orders, outcomes, strict=True):
        if outcome.renewal_id is not None:
            continue
        line = order.subscriber
        assert line is not None, "only lines that are there were asked for"
        needs, reason = None, outcome.reason
        if order.bought:
            needs = order.bought.price
            if ran_out and needs <= max(available, Decimal(0)):
                continue
            ran_out, reason = True, str(InsufficientFunds(available=available, required=needs))
        if is_news(line, needs, reason):
            told.append(
                audit.row(
                    actor=SYSTEM,
                    action=Action.SUBSCRIBER_RENEWAL_FAILED,
                    obj=line,
                    reseller_id=line.reseller_id,
                    detail=reason,
                    now=now,
                )
            )
            news.append(line)
        line.renewal_failed_at, line.renewal_failure, line.renewal_needs = now, reason, needs
        failed.append(line)
    Subscriber.objects.bulk_update(failed, ["renewal_failed_at", "renewal_failure", "renewal_needs"])
    AuditEntry.objects.bulk_create(told)
    announce_failed(news, now)
    return len(failed)


def is_news(line: Subscriber, needs: Decimal | None, reason: str) -> bool:
    """Say whether a line fails for the first time in this expiry, or now for another reason than when it last did.

    Want of money is one reason, however much is missing.

    :param needs: what the wallet does not pay for; None where something else is in the way.
    """
    if line.renewal_failed_at is None:
        return True
    return line.renewal_needs is None if needs is not None else line.renewal_failure != reason


def expired_resellers(now: datetime) -> list[int]:
    """Return the ids of the resellers who have lines whose time is over, and that were not turned off yet."""
    return list(Subscriber.objects.just_expired(now).order_by().values_list("reseller_id", flat=True).distinct())


@transaction.atomic
def expire_due(*, reseller_id: int, now: datetime, at_most: int | None = None) -> bool:
    """Turn off the lines of one reseller whose time is over, and ask their access servers to end their sessions.

    A line that is renewed by itself has its turn first; it is turned off only once that has failed.

    :return: whether there may be more to do.
    """
    at_most = at_most or AT_ONCE
    rows = Subscriber.objects.just_expired(now).filter(reseller=reseller_id)
    rows = rows.exclude(pk__in=Subscriber.objects.due_for_renewal(now).filter(reseller=reseller_id))
    lines = list(rows.select_for_update(of=("self",), no_key=True, skip_locked=True).order_by("pk")[:at_most])
    AuditEntry.objects.bulk_create(
        audit.row(
            actor=SYSTEM,
            action=Action.SUBSCRIBER_EXPIRED,
            obj=line,
            reseller_id=line.reseller_id,
            now=now,
        )
        for line in lines
    )
    Subscriber.objects.filter(pk__in=[line.pk for line in lines]).update(expired_at=now)
    announce_expired([line for line in lines if not line.suspended_at])
    online = [line for line in lines if not line.suspended_at]
    network.disconnect_many(
        actor=SYSTEM,
        lines=[Line(line.nas_id, line.pk, line.username) for line in online],
        reason=_("Expired"),
        now=now,
    )
    return len(lines) == at_most
