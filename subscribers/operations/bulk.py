"""One act on many subscribers, of one reseller or of several: one transaction, whose outcome is kept line by line."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from uuid import uuid5

from django.db import transaction
from django.utils import timezone
from django.utils.dateformat import format as date_format
from django.utils.translation import gettext as _

from accounts.seats import Seat
from audit import operations as audit
from audit.actions import Action
from audit.models import AuditEntry
from billing.operations import issue_papers
from ispanel.installation import currency, settings_in_force
from ispanel.money import with_code
from ispanel.refusals import Busy, Forbidden, Refusal
from network import operations as network
from network.models import Nas
from network.operations import Line
from plans.models import Plan
from resellers.models import Reseller
from resellers.operations import locked as locked_resellers
from resellers.terms import Terms, terms_of
from subscribers.models import BulkAct, BulkKind, BulkOutcome, PeriodFunding, Renewal, RenewalBatch, Subscriber
from subscribers.operations.batches import order_of, renew_batch
from subscribers.operations.lines import check_resumable, check_suspendable
from subscribers.operations.moves import MoveRefused, check_movable, check_target, hand_over, record_refusal
from subscribers.operations.plan_changes import (
    PlanChange,
    change_locked,
    check_changeable,
    latest,
    moment_of,
    parts_of,
    plan_change_of,
    unfinished_periods,
)
from subscribers.operations.renewals import MovedMeanwhile, PriceChanged
from wallet import ledger
from wallet.ledger import ActKey
from wallet.models import Transfer

#: Subscribers in one bulk act: what a person can look over before, and a page shows after.
AT_MOST = 1000
#: Changes of plan in one of them. Each settles accounts of its own, and all wallets wait until the last one is done.
CHANGES_AT_MOST = 200
Lines = dict[int, Subscriber]


class TooManyAtOnce(Refusal):
    """More subscribers than one bulk act takes."""

    def __init__(self, count: int, most: int) -> None:
        super().__init__(
            _("%(count)s subscribers are more than the %(most)s that one act takes. Filter the list, or pick fewer.")
            % {"count": f"{count:,}", "most": f"{most:,}"}
        )


@transaction.atomic
def renew_many(
    *, actor: Seat, subscriber_ids: Sequence[int], agreed_total: Decimal | None = None, key: ActKey, now: datetime
) -> BulkAct:
    """Renew subscribers, those of each reseller as far as its wallet goes; see `renew_subscribers`.

    :param agreed_total: the price of all that can be renewed, over all wallets, as the person was shown it.
    :raises Forbidden, TooManyAtOnce, MovedMeanwhile, PriceChanged, WalletClosed, FormAlreadyUsed: nothing has changed.
    """
    lines, _resellers = hold(actor, subscriber_ids)
    if first := recalled(actor, key):
        return first
    totals: dict[int, Decimal] = {}
    outcomes: list[BulkOutcome] = []
    sold: list[Renewal] = []
    with settings_in_force():
        groups = list(by_reseller(lines, subscriber_ids))
        for reseller, ours in groups:
            terms = terms_of(reseller)
            orders = [order_of(line, terms, now) for line in ours]
            totals[reseller.pk] = sum((order.bought.price for order in orders if order.bought), Decimal(0))
        if agreed_total is not None and agreed_total != (total := sum(totals.values(), Decimal(0))):
            raise PriceChanged(total)
        for reseller, ours in groups:
            ids = [line.pk for line in ours]
            batch, bought = renew_batch(
                actor=actor,
                reseller_id=reseller.pk,
                subscriber_ids=ids,
                agreed_total=totals[reseller.pk],
                key=ActKey("renew_subscribers", uuid5(key.key, str(reseller.pk)), {"subscribers": ids}),
                now=now,
            )
            outcomes += told_of_renewals(batch, lines)
            sold += bought
        act = keep(actor, BulkKind.RENEWAL, subscriber_ids, outcomes, key, now)
        issue_papers(sold=sold, now=now)
    return act


def told_of_renewals(batch: RenewalBatch, lines: Lines) -> Iterator[BulkOutcome]:
    """Yield what became of each line of one reseller."""
    periods = Renewal.objects.in_bulk([result.renewal_id for result in batch.results if result.renewal_id])
    for result in batch.results:
        words = result.reason
        if result.renewal_id:
            period = periods[result.renewal_id]
            words = _("%(price)s, until %(day)s") % {
                "price": with_code(period.price, currency()),
                "day": date_format(timezone.localtime(period.ends_at), "j M Y"),
            }
        name = lines[result.subscriber_id].username
        yield BulkOutcome(result.subscriber_id, name, result.renewal_id is not None, words)


@transaction.atomic
def suspend_many(
    *, actor: Seat, subscriber_ids: Sequence[int], reason: str = "", key: ActKey, now: datetime
) -> BulkAct:
    """Suspend subscribers; see `suspend_subscriber`.

    :raises Forbidden, TooManyAtOnce, MovedMeanwhile, FormAlreadyUsed:
    """
    lines, _resellers = hold(actor, subscriber_ids)
    if first := recalled(actor, key):
        return first
    outcomes = [outcome_of(line, check_suspendable, _("Suspended")) for line in lines.values()]
    done = [lines[outcome.subscriber_id] for outcome in outcomes if outcome.is_done]
    set_suspended(actor, done, now, Action.SUBSCRIBER_SUSPENDED, suspended_at=now, detail=reason)
    network.disconnect_many(
        actor=actor,
        lines=[Line(line.nas_id, line.pk, line.username) for line in done],
        reason=_("Suspended"),
        now=now,
    )
    return keep(actor, BulkKind.SUSPENSION, subscriber_ids, outcomes, key, now)


@transaction.atomic
def resume_many(*, actor: Seat, subscriber_ids: Sequence[int], key: ActKey, now: datetime) -> BulkAct:
    """Resume suspended subscribers; see `resume_subscriber`.

    :raises Forbidden, TooManyAtOnce, MovedMeanwhile, FormAlreadyUsed:
    """
    lines, _resellers = hold(actor, subscriber_ids)
    if first := recalled(actor, key):
        return first
    outcomes = [outcome_of(line, check_resumable, _("Resumed")) for line in lines.values()]
    done = [lines[outcome.subscriber_id] for outcome in outcomes if outcome.is_done]
    set_suspended(actor, done, now, Action.SUBSCRIBER_RESUMED, suspended_at=None)
    return keep(actor, BulkKind.RESUMPTION, subscriber_ids, outcomes, key, now)


def set_suspended(
    actor: Seat,
    lines: list[Subscriber],
    now: datetime,
    action: Action,
    *,
    suspended_at: datetime | None,
    detail: str = "",
) -> None:
    """Suspend or resume lines that are locked, each with its row of the trail."""
    Subscriber.objects.filter(pk__in=[line.pk for line in lines]).update(suspended_at=suspended_at, updated_at=now)
    AuditEntry.objects.bulk_create(
        audit.row(actor=actor, action=action, obj=line, reseller_id=line.reseller_id, detail=detail, now=now)
        for line in lines
    )


@transaction.atomic
def change_plan_of_many(
    *,
    actor: Seat,
    subscriber_ids: Sequence[int],
    plan: Plan,
    shown_at: datetime | None = None,
    agreed_total: Decimal | None = None,
    key: ActKey,
    now: datetime,
) -> BulkAct:
    """Put subscribers on another plan, each of them whose difference can be paid; see `change_plan`.

    :param agreed_total: what was due of all that can be changed, below 0 for what comes back, as it was shown.
    :raises Forbidden, TooManyAtOnce, MovedMeanwhile, PriceChanged, FormAlreadyUsed: and nothing has changed.
    """
    lines, _resellers = hold(actor, subscriber_ids, most=CHANGES_AT_MOST)
    if first := recalled(actor, key):
        return first
    at = moment_of(shown_at, now)
    outcomes: list[BulkOutcome] = []
    sold: list[Renewal] = []
    with settings_in_force():
        wanted, refused = plan_changes_of(lines, subscriber_ids, plan, at)
        if agreed_total is not None and agreed_total != (total := total_due(change for change, _terms in wanted)):
            raise PriceChanged(total)
        outcomes += [BulkOutcome(line.pk, line.username, False, reason) for line, reason in refused]
        for change, terms in wanted:
            outcome, begun = changed_or_not(actor, change, terms, now)
            outcomes.append(outcome)
            sold += begun
        act = keep(actor, BulkKind.PLAN_CHANGE, subscriber_ids, outcomes, key, now)
        issue_papers(sold=sold, now=now)
    return act


def plan_changes_of(
    lines: Lines, subscriber_ids: Sequence[int], plan: Plan, at: datetime
) -> tuple[list[tuple[PlanChange, Terms]], list[tuple[Subscriber, str]]]:
    """Return what changing the plan of each does, and those for whom something stands against it, with the reason."""
    wanted: list[tuple[PlanChange, Terms]] = []
    refused: list[tuple[Subscriber, str]] = []
    periods: dict[int, list[Renewal]] = defaultdict(list)
    for period in unfinished_periods(at).filter(subscriber__in=list(lines)):
        periods[period.subscriber_id].append(period)
    for reseller, ours in by_reseller(lines, subscriber_ids):
        terms = terms_of(reseller)
        for line in ours:
            try:
                check_changeable(line, plan, terms)
            except Refusal as refusal:
                refused.append((line, str(refusal)))
            else:
                wanted.append((plan_change_of(line, plan, terms, at, periods[line.pk]), terms))
    return wanted, refused


def total_due(changes: Iterable[PlanChange]) -> Decimal:
    """Return what is due of all of them, below 0 where more comes back than is charged."""
    return sum((change.due for change in changes), Decimal(0))


def back_to_payers(changes: Sequence[PlanChange]) -> list[Decimal]:
    """Return how much of what each change gives back comes to the wallet of the line's present reseller.

    The rest goes to whoever had paid before it was moved.
    """
    periods = [credit.period.pk for change in changes if change.back for credit in change.credits]
    funding: dict[int, list[PeriodFunding]] = defaultdict(list)
    for each in PeriodFunding.objects.filter(period__in=periods).select_related("transfer").order_by("pk"):
        funding[each.period_id].append(each)
    parts = [
        latest([part for each in change.credits for part in parts_of(each, funding[each.period.pk])], change.back)
        for change in changes
    ]
    charges = Transfer.objects.with_sides().in_bulk({part.transfer.pk for each in parts for part in each})
    return [
        sum((part.amount for part in each if charges[part.transfer.pk].sent_by == change.wallet), Decimal(0))
        for change, each in zip(changes, parts, strict=True)
    ]


def changed_or_not(actor: Seat, change: PlanChange, terms: Terms, now: datetime) -> tuple[BulkOutcome, list[Renewal]]:
    """Carry out one change, or none of it where the wallet does not pay for it; return also what was sold."""
    line = change.subscriber
    try:
        with transaction.atomic():
            _told_id, sold = change_locked(actor=actor, change=change, terms=terms, now=now)
    except Busy:
        raise  # Nobody's fault and nothing final: all of it is tried again, with the same form.
    except Refusal as refusal:
        return BulkOutcome(line.pk, line.username, False, str(refusal)), []
    return BulkOutcome(line.pk, line.username, True, words_of_change(change)), sold


def words_of_change(change: PlanChange) -> str:
    """Return what a change of plan cost, or gave back."""
    named = {"old": change.old_plan, "new": change.plan, "amount": with_code(abs(change.due), currency())}
    if not change.changes_period:
        return _("%(old)s → %(new)s, from the next renewal on") % named
    if change.back:
        return _("%(old)s → %(new)s, %(amount)s given back") % named
    return _("%(old)s → %(new)s, %(amount)s charged") % named


def move_many(*, actor: Seat, subscriber_ids: Sequence[int], to: Reseller, key: ActKey, now: datetime) -> BulkAct:
    """Give those subscribers that may be moved to another reseller; see `move_subscribers`.

    What stays is told in the trail as a matter of security, one by one.

    :raises MoveRefused: where nothing at all may be moved there.
    :raises Forbidden, TooManyAtOnce, MovedMeanwhile, FormAlreadyUsed:
    """
    try:
        with transaction.atomic():
            return moved_many(actor, subscriber_ids, to, key, now)
    except MoveRefused as refusal:
        record_refusal(actor, refusal, now)
        raise


def moved_many(actor: Seat, subscriber_ids: Sequence[int], to: Reseller, key: ActKey, now: datetime) -> BulkAct:
    """Move the lines in the caller's transaction."""
    lines, resellers = hold(actor, subscriber_ids, to.pk)
    if first := recalled(actor, key):
        return first
    to = resellers[to.pk]
    outcomes: list[BulkOutcome] = []
    check_target(actor, next(iter(lines.values())), to)
    terms = terms_of(to)
    for line in lines.values():
        if line.reseller_id == to.pk:
            outcomes.append(BulkOutcome(line.pk, line.username, False, already_there(to)))
            continue
        try:
            check_movable(actor, line, to, terms)
        except MoveRefused as refusal:
            record_refusal(actor, refusal, now)
            outcomes.append(BulkOutcome(line.pk, line.username, False, str(refusal)))
        else:
            words = f"{line.reseller.public_name} → {to.public_name}"
            hand_over(actor, line, to, now)
            outcomes.append(BulkOutcome(line.pk, line.username, True, words))
    return keep(actor, BulkKind.MOVE, subscriber_ids, outcomes, key, now)


def already_there(to: Reseller) -> str:
    """Return why a line is not moved to whom it belongs."""
    return _("It is one of %(reseller)s already.") % {"reseller": to.public_name}


# --- what they have in common -----------------------------------------------------------------------------------------


def hold(
    actor: Seat, subscriber_ids: Sequence[int], *also: int, most: int = AT_MOST
) -> tuple[Lines, dict[int, Reseller]]:
    """Return those of the subscribers that the actor may act on, locked, with plan, NAS and reseller, by their id.

    Their resellers, and the others named, are locked before them, in the order of their ids, and returned too.

    :raises Forbidden: where it may act on none of them.
    :raises TooManyAtOnce, MovedMeanwhile:
    """
    if len(subscriber_ids) > most:
        raise TooManyAtOnce(len(subscriber_ids), most)
    asked = Subscriber.objects.actable_by(actor).filter(pk__in=set(subscriber_ids))
    owners = set(asked.values_list("reseller_id", flat=True))
    resellers = {reseller.pk: reseller for reseller in locked_resellers(*sorted({*owners, *also}))}
    lines = asked.select_for_update(of=("self",), no_key=True).order_by("pk").in_bulk()
    if not lines:
        raise Forbidden
    # Read once the lines stand still, since a join would not see what was changed while it waited for them.
    plans = Plan.objects.in_bulk({line.plan_id for line in lines.values()})
    devices = Nas.objects.in_bulk({line.nas_id for line in lines.values() if line.nas_id})
    for line in lines.values():
        if line.reseller_id not in owners:
            raise MovedMeanwhile
        line.plan, line.reseller = plans[line.plan_id], resellers[line.reseller_id]
        line.nas = devices[line.nas_id] if line.nas_id else None
    return lines, resellers


def by_reseller(lines: Lines, subscriber_ids: Iterable[int]) -> Iterator[tuple[Reseller, list[Subscriber]]]:
    """Yield each reseller with its lines in the order asked; by their wallets' ids, as they are locked."""
    groups: dict[int, list[Subscriber]] = {}
    for pk in dict.fromkeys(subscriber_ids):
        if line := lines.get(pk):
            groups.setdefault(line.reseller_id, []).append(line)
    yield from sorted(((ours[0].reseller, ours) for ours in groups.values()), key=lambda group: group[0].wallet_id)


def outcome_of(line: Subscriber, check: Callable[[Subscriber], None], done: str) -> BulkOutcome:
    """Return that it is done, or what the check has against it."""
    against = why_not(line, check)
    return BulkOutcome(line.pk, line.username, not against, against or done)


def why_not(line: Subscriber, check: Callable[[Subscriber], None]) -> str:
    """Return what the check has against an act on the line, or nothing."""
    try:
        check(line)
    except Refusal as refusal:
        return str(refusal)
    return ""


def recalled(actor: Seat, key: ActKey) -> BulkAct | None:
    """:raises FormAlreadyUsed:"""
    first = ledger.recall(actor=actor, key=key)
    return BulkAct.objects.get(pk=first) if first else None


def keep(
    actor: Seat,
    kind: BulkKind,
    subscriber_ids: Sequence[int],
    outcomes: Iterable[BulkOutcome],
    key: ActKey,
    now: datetime,
) -> BulkAct:
    """Keep what became of each, in the order asked, and use the form's key up."""
    told = {outcome.subscriber_id: outcome for outcome in outcomes}
    nobodys = _("This is none of the subscribers that you may act on any more.")
    act = BulkAct.objects.create(
        kind=kind,
        reseller=actor.reseller,
        actor_name=actor.identity.actor_name,
        created_at=now,
        outcomes=[list(told.get(pk) or BulkOutcome(pk, "", False, nobodys)) for pk in dict.fromkeys(subscriber_ids)],
    )
    ledger.remember(actor=actor, key=key, result_id=act.pk, now=now)
    return act
