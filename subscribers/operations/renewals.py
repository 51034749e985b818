"""Renewing subscribers: what a period costs, and who pays it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.seats import Seat
from audit import operations as audit
from audit.actions import Action
from audit.identity import Actor
from audit.models import AuditEntry
from billing.operations import issue_papers
from ispanel.installation import currency
from ispanel.money import with_code
from ispanel.refusals import Forbidden, Refusal
from plans.models import Plan
from resellers.models import Reseller
from resellers.operations import locked as locked_resellers
from resellers.terms import Terms, terms_of
from subscribers.models import PeriodKind, Renewal, Subscriber, SubscriberQuerySet
from subscribers.operations.news import announce_renewed
from wallet import ledger
from wallet.ledger import ActKey
from wallet.models import LedgerAccount, TransferKind

#: What a transfer's note holds.
NOTE_LENGTH = 200
FURTHEST_AHEAD = timedelta(days=3653)
#: What a line has whose renewal did not fail, or not under the present terms.
NOT_FAILED: dict[str, Any] = {"renewal_failed_at": None, "renewal_failure": "", "renewal_needs": None}
#: What a line has that runs: it neither expired nor could not be renewed.
RUNNING: dict[str, Any] = {"expired_at": None, **NOT_FAILED}
ACTION_OF = {PeriodKind.ACTIVATION: Action.SUBSCRIBER_ACTIVATED, PeriodKind.RENEWAL: Action.SUBSCRIBER_RENEWED}


class PriceChanged(Refusal):
    """The price is no longer the one that was shown."""

    def __init__(self, price: Decimal) -> None:
        self.price = price
        super().__init__(
            _("The price has changed to %(price)s meanwhile. Look at it and confirm once more.")
            % {"price": with_code(price, currency())}
        )


class PaidTooFarAhead(Refusal):
    """The line is paid for more than ten years to come."""

    def __init__(self) -> None:
        super().__init__(_("This line is paid for more than ten years ahead. Renew it later."))


class SubscriberTerminated(Refusal):
    """A terminated line is over for ever."""

    def __init__(self) -> None:
        super().__init__(_("This subscriber is terminated: that is for ever."))


class MovedMeanwhile(Refusal):
    """Somebody moved the line to another reseller since it was looked at."""

    def __init__(self) -> None:
        super().__init__(_("Somebody moved this subscriber meanwhile. Nothing was done; look at it again."))


@dataclass(frozen=True)
class Quote:
    """What a period will cost, and whom: shown before it is bought."""

    payer: Reseller
    plan: Plan
    price: Decimal
    retail_price: Decimal
    starts_at: datetime
    ends_at: datetime

    @property
    def wallet(self) -> LedgerAccount:
        return self.payer.wallet

    @property
    def margin(self) -> Decimal:
        """What the payer keeps of what it asks the subscriber."""
        return self.retail_price - self.price

    @property
    def balance_after(self) -> Decimal:
        return (self.wallet.balance or Decimal(0)) - self.price

    @property
    def is_affordable(self) -> bool:
        return self.price <= self.wallet.available


def quote(
    *, terms: Terms, plan: Plan, own_price: Decimal | None = None, expires_at: datetime | None = None, now: datetime
) -> Quote:
    """Return the next period: from the later of now and the expiry, for the plan's duration, at the reseller's terms.

    :param own_price: what the reseller asks of this line, where it is not what it asks of all.
    """
    starts_at = max(now, expires_at) if expires_at else now
    return Quote(
        payer=terms.reseller,
        plan=plan,
        price=terms.wholesale(plan),
        retail_price=terms.retail(plan, own_price),
        starts_at=starts_at,
        ends_at=plan.end_of_period(starts_at),
    )


def quote_for(subscriber: Subscriber, *, terms: Terms, now: datetime) -> Quote:
    """Return the next period of a line that is there."""
    return quote(
        terms=terms,
        plan=subscriber.plan,
        own_price=subscriber.retail_price,
        expires_at=subscriber.expires_at,
        now=now,
    )


def check_renewable(subscriber: Subscriber, terms: Terms, now: datetime) -> None:
    """Check what may stand against a renewal, whatever the wallet holds.

    :raises SubscriberTerminated, PaidTooFarAhead, NoServiceGroups, PlanOutOfReach, NasOutOfReach:
    """
    if subscriber.terminated_at:
        raise SubscriberTerminated
    if subscriber.expires_at and subscriber.expires_at > now + FURTHEST_AHEAD:
        raise PaidTooFarAhead
    if not subscriber.may_keep_renewing:
        terms.check_plan(subscriber.plan)
        terms.check_nas(subscriber.nas)


@transaction.atomic
def renew_subscriber(
    *, actor: Seat, subscriber_id: int, agreed_price: Decimal | None = None, key: ActKey | None = None, now: datetime
) -> Renewal:
    """Charge one more period to the wallet of the subscriber's reseller, whoever presses the button.

    A plan that is no longer sold can still be renewed by those who have it.

    :param agreed_price: what the person was shown; any other price is refused.
    :raises Forbidden, InsufficientFunds, PriceChanged, FormAlreadyUsed: and nothing has changed; likewise what
        `check_renewable` raises.
    """
    subscriber = locked(actor, subscriber_id)
    if key and (first := ledger.recall(actor=actor, key=key)):
        return Renewal.objects.get(pk=first)
    terms = terms_of(subscriber.reseller)
    check_renewable(subscriber, terms, now)
    renewal = buy_period(
        actor=actor, subscriber=subscriber, terms=terms, kind=PeriodKind.RENEWAL, agreed_price=agreed_price, now=now
    )
    announce_renewed([(subscriber, renewal)])
    if key:
        ledger.remember(actor=actor, key=key, result_id=renewal.pk, now=now)
    issue_papers(sold=[renewal], now=now)
    return renewal


def locked(actor: Seat, subscriber_id: int) -> Subscriber:
    """Return the subscriber, locked, if the actor may act on it; its reseller is locked before it.

    So its reseller's terms stand still, and it stays that reseller's, until the act is done.

    :raises Forbidden, MovedMeanwhile:
    """
    rows = Subscriber.objects.actable_by(actor)
    reseller_id = rows.filter(pk=subscriber_id).values_list("reseller_id", flat=True).first()
    if reseller_id is None:
        raise Forbidden
    [reseller] = locked_resellers(reseller_id)
    subscriber = locked_among(rows, subscriber_id)
    if subscriber.reseller_id != reseller.pk:
        raise MovedMeanwhile
    subscriber.reseller = reseller
    return subscriber


def locked_among(rows: SubscriberQuerySet, subscriber_id: int) -> Subscriber:
    """:raises Forbidden: where the subscriber is not among the rows."""
    subscriber = rows.select_for_update(of=("self",), no_key=True).filter(pk=subscriber_id).first()
    if subscriber is None:
        raise Forbidden
    return subscriber


def buy_period(
    *,
    actor: Seat,
    subscriber: Subscriber,
    terms: Terms,
    kind: PeriodKind,
    agreed_price: Decimal | None,
    now: datetime,
) -> Renewal:
    """Charge a period, extend the subscriber and record it, in the caller's transaction.

    A price of 0 makes a period and no transfer. The caller issues its papers, last of all.

    :raises InsufficientFunds: what is missing, counting the credit limit.
    :raises PriceChanged:
    """
    bought = quote_for(subscriber, terms=terms, now=now)
    if agreed_price is not None and agreed_price != bought.price:
        raise PriceChanged(bought.price)
    told = row_of(actor=actor, subscriber=subscriber, bought=bought, kind=kind, now=now)
    transfer_id = charge(actor=actor, subscriber=subscriber, bought=bought, kind=kind, trail=told, now=now)
    extend(subscriber, bought.ends_at, now)
    period = period_of(subscriber=subscriber, bought=bought, kind=kind, transfer_id=transfer_id, now=now)
    period.save(force_insert=True)
    return period


def extend(subscriber: Subscriber, expires_at: datetime, now: datetime) -> None:
    """Let the line run until then, with nothing left of an expiry or of a renewal that failed."""
    subscriber.expires_at, subscriber.updated_at = expires_at, now
    for name, value in RUNNING.items():
        setattr(subscriber, name, value)
    subscriber.save(update_fields=["expires_at", "updated_at", *RUNNING])


def row_of(*, actor: Actor, subscriber: Subscriber, bought: Quote, kind: PeriodKind, now: datetime) -> AuditEntry:
    """Return the row of the trail that tells of a period, not appended yet; the subscriber is not extended yet."""
    return audit.row(
        actor=actor,
        action=ACTION_OF[kind],
        obj=subscriber,
        reseller_id=bought.payer.pk,
        changes={"expires_at": (subscriber.expires_at, bought.ends_at), "charged": (None, bought.price)},
        detail=str(bought.plan),
        now=now,
    )


def note_of(subscriber: Subscriber, plan: Plan) -> str:
    """Return what the transfer of a charge says."""
    return f"{subscriber.username} · {plan}"[:NOTE_LENGTH]


def period_of(
    *, subscriber: Subscriber, bought: Quote, kind: PeriodKind, transfer_id: int | None, now: datetime
) -> Renewal:
    """Return the period that was bought, not saved yet."""
    return Renewal(
        subscriber=subscriber,
        reseller=bought.payer,
        plan=bought.plan,
        kind=kind,
        starts_at=bought.starts_at,
        ends_at=bought.ends_at,
        price=bought.price,
        retail_price=bought.retail_price,
        worth=bought.price,
        retail_worth=bought.retail_price,
        quota_mb=bought.plan.quota_mb,
        transfer_id=transfer_id,
        created_at=now,
    )


def charge(
    *, actor: Seat, subscriber: Subscriber, bought: Quote, kind: PeriodKind, trail: AuditEntry, now: datetime
) -> int | None:
    """Move the price from the payer's wallet to the house's income and append the trail's row.

    Return None where there is nothing to move: then the row alone is appended.
    """
    if not bought.price:
        trail.save(force_insert=True)
        return None
    posted = ledger.post(
        actor=actor,
        kind=TransferKind(kind.value),
        debit=bought.wallet,
        credit=ledger.income_account(),
        amount=bought.price,
        note=note_of(subscriber, bought.plan),
        trail=trail,
        now=now,
    )
    return posted.transfer_id
