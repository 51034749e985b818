"""Moving subscribers between resellers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.seats import Seat
from audit import operations as audit
from audit.actions import Action
from audit.models import Grade
from ispanel.refusals import Forbidden, Refusal
from resellers.models import Reseller
from resellers.operations import locked as locked_resellers
from resellers.terms import Terms, terms_of
from subscribers.models import Subscriber
from subscribers.operations.renewals import NOT_FAILED, MovedMeanwhile


class MoveRefused(Refusal):
    """The line cannot be moved to that reseller; the trail is told so."""

    field = "reseller"

    def __init__(self, subscriber: Subscriber, to: Reseller, sentence: str) -> None:
        self.subscriber, self.to = subscriber, to
        super().__init__(sentence)


def move_subscribers(*, actor: Seat, subscriber_ids: Sequence[int], to: Reseller, now: datetime) -> list[Subscriber]:
    """Give subscribers to another reseller, all of them or none; it moves no money.

    An admin moves to anyone, a top-level reseller to itself or its subs, a sub-reseller to itself only. Later renewals
    charge the new owner. What the old one asked of the line goes, and so does its leave to keep renewing. A move that
    is refused is told in the trail as a matter of security, once it is rolled back.

    :raises Forbidden: where one of them is not the actor's, or not there.
    :raises MoveRefused: for the first that cannot be moved, in the order of their ids.
    :raises MovedMeanwhile:
    """
    try:
        with transaction.atomic():
            return moved(actor, subscriber_ids, to, now)
    except MoveRefused as refusal:
        record_refusal(actor, refusal, now)
        raise


def record_refusal(actor: Seat, refusal: MoveRefused, now: datetime) -> None:
    """Tell the trail of a move that was refused. A reseller that the actor does not see is told by its number alone."""
    seen = refusal.to.is_in_tree_of(actor)
    audit.record(
        actor=actor,
        action=Action.SUBSCRIBER_MOVE_REFUSED,
        obj=refusal.subscriber,
        reseller_id=refusal.subscriber.reseller_id,
        changes={"reseller": (refusal.subscriber.reseller, refusal.to if seen else f"#{refusal.to.pk}")},
        detail=str(refusal),
        grade=Grade.SECURITY,
        now=now,
    )


def moved(actor: Seat, subscriber_ids: Sequence[int], to: Reseller, now: datetime) -> list[Subscriber]:
    """Move the lines in the caller's transaction; return those whose owner is another one now."""
    asked = Subscriber.objects.actable_by(actor).filter(pk__in=subscriber_ids)
    owners = set(asked.values_list("reseller_id", flat=True))
    resellers = {row.pk: row for row in locked_resellers(*sorted({*owners, to.pk}))}
    to = resellers[to.pk]
    lines = list(asked.select_for_update(of=("self",), no_key=True).order_by("pk"))
    if len(lines) != len(set(subscriber_ids)):
        raise Forbidden
    if {line.reseller_id for line in lines} - set(owners):
        raise MovedMeanwhile
    terms = terms_of(to)
    for line in lines:
        check_movable(actor, line, to, terms)
    changed = [line for line in lines if line.reseller_id != to.pk]
    for line in changed:
        hand_over(actor, line, to, now)
    return changed


def hand_over(actor: Seat, line: Subscriber, to: Reseller, now: datetime) -> None:
    """Make a line that may be moved another reseller's, who does not learn what the old one asked of it."""
    if line.retail_price is not None:
        audit.record(
            actor=actor,
            action=Action.SUBSCRIBER_PRICE_SET,
            obj=line,
            reseller_id=line.reseller_id,
            changes={"retail_price": (line.retail_price, None)},
            now=now,
        )
    # One row for each of them, who learn each other's name only where both are of one tree.
    for owner, change in (
        (line.reseller, (line.reseller, named_to(line.reseller, to))),
        (to, (named_to(to, line.reseller), to)),
    ):
        audit.record(
            actor=actor,
            action=Action.SUBSCRIBER_MOVED,
            obj=line,
            reseller_id=owner.pk,
            changes={"reseller": change},
            now=now,
        )
    line.reseller, line.retail_price, line.may_keep_renewing, line.updated_at = to, None, False, now
    for name, value in NOT_FAILED.items():
        setattr(line, name, value)
    line.save(update_fields=["reseller", "retail_price", "may_keep_renewing", "updated_at", *NOT_FAILED])


def named_to(reader: Reseller, other: Reseller) -> str:
    """Return the other one's name if both are of one tree, else its number alone."""
    is_related = (reader.parent_id or reader.pk) == (other.parent_id or other.pk)
    return str(other) if is_related else f"#{other.pk}"


def check_target(actor: Seat, line: Subscriber, to: Reseller) -> None:
    """Check that the actor may move anything to that reseller.

    :raises MoveRefused:
    """
    if not to.is_in_tree_of(actor):
        raise MoveRefused(line, to, _("You can move subscribers to yourself and your own sub-resellers only."))
    if to.is_deleted:
        raise MoveRefused(line, to, _("%(name)s is deleted. Restore it first.") % {"name": to.public_name})


def check_movable(actor: Seat, line: Subscriber, to: Reseller, terms: Terms) -> None:
    """:raises MoveRefused:"""
    check_target(actor, line, to)
    if line.terminated_at:
        raise MoveRefused(line, to, _("%(name)s is terminated: that is for ever.") % {"name": line.username})
    if line.reseller_id == to.pk:
        return
    try:
        terms.check_plan(line.plan)
        terms.check_nas(line.nas)
    except Refusal as refusal:
        raise MoveRefused(line, to, f"{line.username}: {refusal}") from refusal
