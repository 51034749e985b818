"""Changing a subscriber's plan: what is left of the old one counts towards what is left to run on the new one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.seats import Seat
from audit import operations as audit
from audit.actions import Action
from billing.operations import issue_papers
from ispanel.installation import currency
from ispanel.money import share_of, with_code
from ispanel.refusals import Refusal
from network import operations as network
from plans.models import Plan
from resellers.models import Reseller
from resellers.terms import NasOutOfReach, Terms, terms_of
from subscribers.models import ChangeRefund, PeriodFunding, PeriodKind, Renewal, RenewalQuerySet, Subscriber
from subscribers.operations.renewals import NOT_FAILED, NOTE_LENGTH, PriceChanged, SubscriberTerminated, locked
from wallet import ledger
from wallet.ledger import ActKey
from wallet.models import LedgerAccount, Transfer, TransferKind

#: How long the arithmetic that a person was shown stands.
SHOWN_FOR = timedelta(minutes=15)
ZERO = Decimal(0)


class SamePlan(Refusal):
    """The line has this plan already."""

    field = "plan"

    def __init__(self, plan: Plan) -> None:
        super().__init__(_("The subscriber has the plan %(plan)s already.") % {"plan": plan})


class PayerClosed(Refusal):
    """Money would come back to a wallet that is closed: the reseller that had paid was deleted."""

    def __init__(self) -> None:
        super().__init__(
            _("Money would go back to the wallet that paid, which is closed. Ask an admin, or wait for the expiry.")
        )


@dataclass(frozen=True, slots=True)
class Part:
    """So much of a charge that was made before: money that came from the wallet that paid it."""

    transfer: Transfer
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Credit:
    """What is left of an earlier period: its share of time, or of quota where that is less, of what it counts for."""

    period: Renewal
    seconds_left: int
    seconds: int
    unused_mb: int | None
    amount: Decimal
    retail: Decimal

    @property
    def is_by_quota(self) -> bool:
        """Say whether the unused quota is less than the time that is left."""
        return self.unused_mb is not None and self.share < Fraction(self.seconds_left, self.seconds)

    @property
    def share(self) -> Fraction:
        return share_left(self.seconds_left, self.seconds, self.unused_mb, self.period.quota_mb)


@dataclass(frozen=True)
class PlanChange:
    """What changing the plan does, with its arithmetic: shown before it is done."""

    subscriber: Subscriber
    payer: Reseller
    old_plan: Plan
    plan: Plan
    at: datetime
    #: Price of a whole period of the new plan, to the wallet and to the subscriber.
    price: Decimal
    retail_price: Decimal
    #: What is left to run, and how long a period of the new plan that began now would be; in seconds.
    seconds_left: int
    seconds: int
    credits: list[Credit] = field(default_factory=list)

    @property
    def share(self) -> Fraction:
        return Fraction(self.seconds_left, self.seconds)

    @property
    def credit(self) -> Decimal:
        return sum((each.amount for each in self.credits), ZERO)

    @property
    def retail_credit(self) -> Decimal:
        return sum((each.retail for each in self.credits), ZERO)

    @property
    def charge(self) -> Decimal:
        """What the rest of the time costs on the new plan."""
        return share_of(self.price, self.share, currency())

    @property
    def retail_charge(self) -> Decimal:
        return share_of(self.retail_price, self.share, currency())

    @property
    def due(self) -> Decimal:
        """What is charged; below 0 it is refunded."""
        return self.charge - self.credit

    @property
    def retail_due(self) -> Decimal:
        return self.retail_charge - self.retail_credit

    @property
    def back(self) -> Decimal:
        """What is refunded to the wallets that paid."""
        return max(-self.due, ZERO)

    @property
    def quota_mb(self) -> int | None:
        """The share of the new plan's quota that comes with the rest of the time; None is unlimited."""
        return None if self.plan.quota_mb is None else max(1, int(self.plan.quota_mb * self.share))

    @property
    def wallet(self) -> LedgerAccount:
        return self.payer.wallet

    @property
    def is_affordable(self) -> bool:
        return self.due <= 0 or self.due <= self.wallet.available

    @property
    def changes_period(self) -> bool:
        """Say whether there is time left to run; where not, the next renewal is the first of the new plan."""
        return self.seconds_left > 0


def plan_change_of(
    subscriber: Subscriber, plan: Plan, terms: Terms, at: datetime, periods: Iterable[Renewal] | None = None
) -> PlanChange:
    """Return what changing to the plan at a moment does. The expiry stays; seconds are whole, and rounded down.

    Credit, for each paid period: its seconds left / its seconds x what it counts for, no more than the share of its
    quota that is unused. Charge: the seconds left / the new plan's seconds from now x its price. Both are rounded half
    up to the currency's decimals.

    :param periods: the line's `unfinished_periods`, where they were read with those of others.
    """
    expires_at = subscriber.expires_at
    runs = expires_at is not None and expires_at > at
    return PlanChange(
        subscriber=subscriber,
        payer=terms.reseller,
        old_plan=subscriber.plan,
        plan=plan,
        at=at,
        price=terms.wholesale(plan),
        retail_price=terms.retail(plan),
        seconds_left=seconds_between(at, expires_at) if expires_at and runs else 0,
        seconds=seconds_between(at, plan.end_of_period(at)),
        credits=list(credits_of(subscriber, at, periods)) if runs else [],
    )


def unfinished_periods(at: datetime) -> RenewalQuerySet:
    """Return the paid periods that are not over, of all lines, the first one first."""
    rows = Renewal.objects.kept().periods().filter(ends_at__gt=at)
    return rows.select_related("plan", "transfer").order_by("starts_at")


def credits_of(subscriber: Subscriber, at: datetime, periods: Iterable[Renewal] | None = None) -> Iterator[Credit]:
    """Yield what each period that is not over counts for, the first one first."""
    for period in unfinished_periods(at).filter(subscriber=subscriber) if periods is None else periods:
        left = seconds_between(max(at, period.starts_at), period.ends_at)
        whole = seconds_between(period.starts_at, period.ends_at)
        unused = None if period.quota_mb is None else max(0, period.quota_mb - period.used_mb)
        share = share_left(left, whole, unused, period.quota_mb)
        yield Credit(
            period=period,
            seconds_left=left,
            seconds=whole,
            unused_mb=unused,
            amount=share_of(period.worth, share, currency()),
            # What a former owner asked is none of the present one's business, nor its revenue.
            retail=share_of(period.retail_worth, share, currency())
            if period.reseller_id == subscriber.reseller_id
            else ZERO,
        )


def share_left(seconds_left: int, seconds: int, unused_mb: int | None, quota_mb: int | None) -> Fraction:
    """Return the share of a period that is left: of its time, and no more than of its quota."""
    of_time = Fraction(seconds_left, seconds) if seconds else Fraction(0)
    if unused_mb is None or not quota_mb:
        return of_time
    return min(of_time, Fraction(unused_mb, quota_mb))


def seconds_between(start: datetime, end: datetime) -> int:
    """Return the whole seconds from one moment to another."""
    return (end - start) // timedelta(seconds=1)


@transaction.atomic
def change_plan(
    *,
    actor: Seat,
    subscriber_id: int,
    plan: Plan,
    shown_at: datetime | None = None,
    agreed_due: Decimal | None = None,
    key: ActKey | None = None,
    now: datetime,
) -> Subscriber:
    """Put a subscriber on another plan and settle the difference; the expiry stays.

    What is due is charged to the wallet of the subscriber's reseller; what is over is refunded to the wallets that
    had paid, the latest charge first. The line's own retail price goes with the old plan.

    :param shown_at: the moment that the arithmetic was made for; it stands for `SHOWN_FOR`.
    :param agreed_due: what was due in it, below 0 for what comes back; anything else is refused.
    :raises Forbidden, SamePlan, SubscriberTerminated, NoServiceGroups, PlanOutOfReach, PlanNotOnSale, PriceChanged,
        InsufficientFunds, WalletClosed, FormAlreadyUsed: and nothing has changed.
    """
    subscriber = locked(actor, subscriber_id)
    if key and ledger.recall(actor=actor, key=key):
        return subscriber
    terms = terms_of(subscriber.reseller)
    check_changeable(subscriber, plan, terms)
    change = plan_change_of(subscriber, plan, terms, moment_of(shown_at, now))
    if agreed_due is not None and agreed_due != change.due:
        raise PriceChanged(change.due)
    told_id, sold = change_locked(actor=actor, change=change, terms=terms, now=now)
    if key:
        ledger.remember(actor=actor, key=key, result_id=told_id, now=now)
    issue_papers(sold=sold, now=now)
    return subscriber


def moment_of(shown_at: datetime | None, now: datetime) -> datetime:
    """Return the moment that the arithmetic is made for: the one that was shown, while it stands, else now."""
    return shown_at if shown_at and now - SHOWN_FOR <= shown_at <= now else now


def check_changeable(subscriber: Subscriber, plan: Plan, terms: Terms) -> None:
    """Check what may stand against the change, whatever the wallet holds.

    :raises SubscriberTerminated, SamePlan, NoServiceGroups, PlanOutOfReach, PlanNotOnSale:
    """
    if subscriber.terminated_at:
        raise SubscriberTerminated
    if plan.pk == subscriber.plan_id:
        raise SamePlan(plan)
    terms.check_new_plan(plan)


def change_locked(*, actor: Seat, change: PlanChange, terms: Terms, now: datetime) -> tuple[int, list[Renewal]]:
    """Carry out a change of plan on a line that is locked, in the caller's transaction.

    :return: the id of the change's row in the trail, and what was sold, for which the caller issues the papers last.
    :raises InsufficientFunds, WalletClosed:
    """
    subscriber = change.subscriber
    told_id, sold = carry_out(actor=actor, change=change, now=now)
    subscriber.plan, subscriber.retail_price, subscriber.updated_at = change.plan, None, now
    subscriber.may_keep_renewing = subscriber.may_keep_renewing and not nas_is_within(subscriber, terms)
    subscriber.throttled_at = None
    for name, value in NOT_FAILED.items():
        setattr(subscriber, name, value)
    subscriber.save(
        update_fields=["plan", "retail_price", "may_keep_renewing", "throttled_at", "updated_at", *NOT_FAILED]
    )
    if change.changes_period and not subscriber.suspended_at:
        network.set_speed(
            actor=actor,
            nas=subscriber.nas,
            subscriber_id=subscriber.pk,
            username=subscriber.username,
            reason=_("Plan changed"),
            download_kbps=change.plan.download_kbps,
            upload_kbps=change.plan.upload_kbps,
            now=now,
        )
    return told_id, sold


def nas_is_within(subscriber: Subscriber, terms: Terms) -> bool:
    """Say whether the line's NAS device is within the reseller's scope."""
    try:
        terms.check_nas(subscriber.nas)
    except NasOutOfReach:
        return False
    return True


def carry_out(*, actor: Seat, change: PlanChange, now: datetime) -> tuple[int, list[Renewal]]:
    """Charge or refund the difference, give up the old periods and begin the new one.

    :return: the id of the change's row in the trail, and the new period, where there is one.
    """
    subscriber = change.subscriber
    told = audit.row(
        actor=actor,
        action=Action.SUBSCRIBER_PLAN_CHANGED,
        obj=subscriber,
        reseller_id=change.payer.pk,
        changes={
            "plan": (change.old_plan, change.plan),
            "credit": (None, change.credit),
            "charge": (None, change.charge),
            "due": (None, change.due),
        }
        | ({"retail_price": (subscriber.retail_price, None)} if subscriber.retail_price is not None else {}),
        now=now,
    )
    parts = [part for credit in change.credits for part in parts_of(credit)]
    given_back: list[Transfer] = []
    if change.due > 0:
        posted = ledger.post(
            actor=actor,
            kind=TransferKind.PLAN_CHANGE,
            debit=change.wallet,
            credit=ledger.income_account(),
            amount=change.due,
            note=f"{subscriber.username} · {change.old_plan} → {change.plan}"[:NOTE_LENGTH],
            trail=told,
            now=now,
        )
        parts.append(Part(posted.transfer, change.due))
        told_id = posted.transfer.audit_entry_id
    else:
        told.save(force_insert=True)
        told_id = told.pk
        parts, given_back = give_back(actor=actor, change=change, parts=parts, now=now)
    assert told_id is not None, "every transfer has its row"
    if not change.changes_period:
        return told_id, []
    Renewal.objects.filter(pk__in=[credit.period.pk for credit in change.credits]).update(replaced_at=change.at)
    expires_at = subscriber.expires_at
    assert expires_at is not None, "there is time left to run"
    period = Renewal.objects.create(
        subscriber=subscriber,
        reseller=change.payer,
        plan=change.plan,
        kind=PeriodKind.PLAN_CHANGE,
        starts_at=change.at,
        ends_at=expires_at,
        price=change.due,
        retail_price=change.retail_due,
        worth=change.charge,
        retail_worth=change.retail_charge,
        quota_mb=change.quota_mb,
        transfer=parts[-1].transfer if change.due > 0 else None,
        created_at=now,
    )
    take_data_over(change, expires_at, now)
    PeriodFunding.objects.bulk_create(
        PeriodFunding(period=period, transfer=part.transfer, amount=part.amount) for part in merged(parts)
    )
    ChangeRefund.objects.bulk_create(ChangeRefund(period=period, transfer=transfer) for transfer in given_back)
    return told_id, [period]


def take_data_over(change: PlanChange, expires_at: datetime, now: datetime) -> None:
    """Let what is left of the data that was bought go on beside the new period, and not a second time in full."""
    subscriber = change.subscriber
    bought = Renewal.objects.running_at(change.at).filter(subscriber=subscriber, kind=PeriodKind.DATA_TOP_UP)
    extra = sum(sold.quota_mb or 0 for sold in bought)
    running = next((credit.period for credit in change.credits if credit.period.starts_at <= change.at), None)
    if not extra or running is None:
        return
    base = running.quota_mb if running.quota_mb is not None else running.plan.fup_threshold_mb
    beyond = max(0, running.used_mb - base) if base is not None else 0
    bought.update(replaced_at=change.at)
    if left := max(0, extra - beyond):
        Renewal.objects.create(
            subscriber=subscriber,
            reseller=change.payer,
            plan=change.plan,
            kind=PeriodKind.DATA_TOP_UP,
            starts_at=change.at,
            ends_at=expires_at,
            price=ZERO,
            retail_price=ZERO,
            worth=ZERO,
            retail_worth=ZERO,
            quota_mb=left,
            created_at=now,
        )


def parts_of(credit: Credit, funding: Iterable[PeriodFunding] | None = None) -> list[Part]:
    """Return which charges a credit came from, the earliest first; the latest of a period is used up last.

    :param funding: what paid for the period, in order, where it was read with that of others.
    """
    period = credit.period
    funding = period.funding.select_related("transfer").order_by("pk") if funding is None else funding
    paid = [Part(each.transfer, each.amount) for each in funding]
    if not paid and period.transfer:
        paid = [Part(period.transfer, period.worth)]
    return latest(paid, credit.amount)


def latest(parts: list[Part], amount: Decimal) -> list[Part]:
    """Return so much of the parts, taken from their end."""
    taken: list[Part] = []
    for part in reversed(parts):
        if amount <= 0:
            break
        taken.insert(0, Part(part.transfer, min(part.amount, amount)))
        amount -= part.amount
    return taken


def given_back(change: PlanChange) -> list[tuple[LedgerAccount, Decimal]]:
    """Return to which wallets a change of plan gives back how much: those that had paid, whoever owns the line now."""
    parts = [part for credit in change.credits for part in parts_of(credit)]
    wallets: dict[int, tuple[LedgerAccount, Decimal]] = {}
    for part in merged(latest(parts, change.back)):
        payer = Transfer.objects.with_sides().get(pk=part.transfer.pk).sent_by
        before = wallets[payer.pk][1] if payer.pk in wallets else ZERO
        wallets[payer.pk] = (payer, before + part.amount)
    return list(wallets.values())


def give_back(
    *, actor: Seat, change: PlanChange, parts: list[Part], now: datetime
) -> tuple[list[Part], list[Transfer]]:
    """Refund what is over, the latest charge first; return the parts that stay, and the refunds."""
    refunds: list[Transfer] = []
    back = merged(latest(parts, change.back))
    for part in reversed(back):
        charge = Transfer.objects.with_sides().get(pk=part.transfer.pk)
        if charge.sent_by.closed_at:
            raise PayerClosed
        posted = ledger.post(
            actor=actor,
            kind=TransferKind.REFUND,
            debit=ledger.income_account(),
            credit=charge.sent_by,
            amount=part.amount,
            note=f"{change.subscriber.username} · {change.old_plan} → {change.plan}"[:NOTE_LENGTH],
            undoes=charge,
            trail=audit.row(
                actor=actor,
                action=Action.SUBSCRIBER_REFUNDED,
                obj=change.subscriber,
                reseller_id=charge.sent_by.reseller.pk,
                detail=with_code(part.amount, currency()),
                changes={"refunded": (None, part.amount)},
                now=now,
            ),
            now=now,
        )
        refunds.append(posted.transfer)
    return earliest(parts, sum((part.amount for part in parts), ZERO) - change.back), refunds


def earliest(parts: list[Part], amount: Decimal) -> list[Part]:
    """Return so much of the parts, taken from their beginning."""
    return latest(parts[::-1], amount)[::-1]


def merged(parts: list[Part]) -> list[Part]:
    """Return the parts with those of one charge put together."""
    together: dict[int, Part] = {}
    for part in parts:
        held = together.get(part.transfer.pk)
        together[part.transfer.pk] = Part(part.transfer, part.amount + (held.amount if held else ZERO))
    return list(together.values())
