"""Renewing many subscribers of one reseller at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import OuterRef, Subquery
from django.utils.translation import gettext as _

from accounts.seats import Seat
from audit.identity import Actor
from billing.operations import issue_papers
from ispanel.installation import settings_in_force
from ispanel.refusals import Forbidden, Refusal
from network.models import Nas
from plans.models import Plan
from resellers.models import Reseller
from resellers.operations import locked as locked_resellers
from resellers.terms import Terms, terms_of
from subscribers.models import Outcome, PeriodKind, Renewal, RenewalBatch, Subscriber, SubscriberQuerySet
from subscribers.operations.news import announce_renewed
from subscribers.operations.renewals import (
    RUNNING,
    PriceChanged,
    Quote,
    check_renewable,
    note_of,
    period_of,
    quote_for,
    row_of,
)
from wallet import ledger
from wallet.ledger import ActKey, Charge, Charged, InsufficientFunds
from wallet.models import TransferKind

#: A statement holds 65,535 parameters, and a row has some twenty of them.
INSERTED_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Order:
    """A line of the list that was asked for: the period to buy, or the reason why not."""

    subscriber_id: int
    subscriber: Subscriber | None = None
    bought: Quote | None = None
    reason: str = ""


@transaction.atomic
def renew_subscribers(
    *,
    actor: Seat,
    reseller_id: int,
    subscriber_ids: Sequence[int],
    agreed_total: Decimal | None = None,
    key: ActKey,
    now: datetime,
) -> RenewalBatch:
    """Renew many subscribers of one reseller in this order, as far as its wallet goes, and say what became of each.

    Who cannot be renewed whatever the wallet holds is left out, and the next one's turn comes. The first who cannot be
    paid ends it: nobody after that one is renewed. All else is as in `renew_subscriber`, one by one.

    :param agreed_total: the price of all who can be renewed, as the person was shown it; any other one is refused.
    :raises Forbidden, PriceChanged, FormAlreadyUsed, WalletClosed: and nothing has changed.
    """
    batch, sold = renew_batch(
        actor=actor,
        reseller_id=reseller_id,
        subscriber_ids=subscriber_ids,
        agreed_total=agreed_total,
        key=key,
        now=now,
    )
    issue_papers(sold=sold, now=now)
    return batch


def renew_batch(
    *,
    actor: Seat,
    reseller_id: int,
    subscriber_ids: Sequence[int],
    agreed_total: Decimal | None,
    key: ActKey,
    now: datetime,
) -> tuple[RenewalBatch, list[Renewal]]:
    """Do so in the caller's transaction, and return also what was sold, for which the caller issues the papers last."""
    if not Reseller.objects.in_tree_of(actor).filter(pk=reseller_id).exists():
        raise Forbidden
    [reseller] = locked_resellers(reseller_id)
    if first := ledger.recall(actor=actor, key=key):
        return RenewalBatch.objects.get(pk=first), []
    with settings_in_force():
        lines = locked_lines(Subscriber.objects.actable_by(actor), reseller, subscriber_ids)
        orders = list(orders_of(lines, subscriber_ids, terms_of(reseller), now))
        total = sum((order.bought.price for order in orders if order.bought), Decimal(0))
        if agreed_total is not None and agreed_total != total:
            raise PriceChanged(total)
        outcomes, sold = carry_out(actor=actor, reseller=reseller, orders=orders, now=now)
    batch = RenewalBatch.objects.create(reseller=reseller, created_at=now, outcomes=[list(one) for one in outcomes])
    ledger.remember(actor=actor, key=key, result_id=batch.pk, now=now)
    return batch, sold


def locked_lines(rows: SubscriberQuerySet, reseller: Reseller, subscriber_ids: Sequence[int]) -> dict[int, Subscriber]:
    """Return the reseller's subscribers among these rows, locked in the order of their ids, with plan and NAS."""
    lines = (
        rows.filter(reseller=reseller, pk__in=set(subscriber_ids))
        .select_for_update(of=("self",), no_key=True)
        .order_by("pk")
        .in_bulk()
    )
    # Read once the lines stand still, since a join would not see a plan that was changed while it waited for them.
    plans = Plan.objects.in_bulk({line.plan_id for line in lines.values()})
    devices = Nas.objects.in_bulk({line.nas_id for line in lines.values() if line.nas_id})
    for line in lines.values():
        line.plan, line.reseller = plans[line.plan_id], reseller
        if line.nas_id:
            line.nas = devices[line.nas_id]
    return lines


def orders_of(
    lines: dict[int, Subscriber], subscriber_ids: Sequence[int], terms: Terms, now: datetime
) -> Iterator[Order]:
    """Yield what is to be bought for each, or what speaks against it whatever the wallet holds."""
    seen = set()
    for pk in subscriber_ids:
        line = lines.get(pk)
        if pk in seen:
            yield Order(pk, reason=_("This subscriber is in the list more than once, and counts once."))
        elif line is None:
            yield Order(pk, reason=_("This subscriber is not one of %(reseller)s.") % {"reseller": terms.reseller})
        else:
            yield order_of(line, terms, now)
        seen.add(pk)


def order_of(line: Subscriber, terms: Terms, now: datetime) -> Order:
    """Return the period to buy for the line, or the reason why not."""
    try:
        check_renewable(line, terms, now)
    except Refusal as refusal:
        return Order(line.pk, line, reason=str(refusal))
    return Order(line.pk, line, quote_for(line, terms=terms, now=now))


def carry_out(
    *, actor: Actor, reseller: Reseller, orders: Sequence[Order], now: datetime
) -> tuple[list[Outcome], list[Renewal]]:
    """Charge what can be paid, extend those lines and record it; return what became of each order, and what was sold.

    The caller issues the papers, last of all.
    """
    wanted = [(order.subscriber, order.bought) for order in orders if order.subscriber and order.bought]
    charges = [
        Charge(
            amount=bought.price,
            note=note_of(line, bought.plan),
            trail=row_of(actor=actor, subscriber=line, bought=bought, kind=PeriodKind.RENEWAL, now=now),
        )
        for line, bought in wanted
    ]
    charged = Charged([], Decimal(0))
    if charges:
        charged = ledger.post_charges(
            actor=actor, kind=TransferKind.RENEWAL, wallet=reseller.wallet, charges=charges, now=now
        )
    # Those after the last that fits have no transfer here, and so no period.
    periods = [
        period_of(subscriber=line, bought=bought, kind=PeriodKind.RENEWAL, transfer_id=transfer_id, now=now)
        for (line, bought), transfer_id in zip(wanted, charged.transfer_ids, strict=False)
    ]
    Renewal.objects.bulk_create(periods, batch_size=INSERTED_AT_ONCE)
    newest = Renewal.objects.filter(subscriber=OuterRef("pk")).order_by("-pk")
    renewed = {period.subscriber_id: period.pk for period in periods}
    ends_at = Subquery(newest.values("ends_at")[:1])
    Subscriber.objects.filter(pk__in=renewed).update(expires_at=ends_at, updated_at=now, **RUNNING)
    announce_renewed((line, period) for (line, _bought), period in zip(wanted, periods, strict=False))
    return list(outcomes_of(orders, renewed, charged.available)), periods


def outcomes_of(orders: Sequence[Order], renewed: dict[int, int], available: Decimal) -> Iterator[Outcome]:
    """Yield what became of each order; what is available did not pay for the first one without a renewal."""
    ran_out_at: Subscriber | None = None
    for order in orders:
        if order.subscriber is None or order.bought is None:
            yield Outcome(order.subscriber_id, None, order.reason)
        elif ran_out_at:
            reason = _("Not reached: the wallet ran out at %(username)s.") % {"username": ran_out_at.username}
            yield Outcome(order.subscriber_id, None, reason)
        elif renewal_id := renewed.get(order.subscriber_id):
            yield Outcome(order.subscriber_id, renewal_id, "")
        else:
            ran_out_at = order.subscriber
            missing = InsufficientFunds(available=available, required=order.bought.price)
            yield Outcome(order.subscriber_id, None, str(missing))
