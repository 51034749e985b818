"""Entering another's panel and coming back."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from accounts import telling
from accounts.models import User
from accounts.seats import BORROWED_FOR, Seat
from audit import operations as audit
from audit.actions import Action
from audit.identity import Identity
from audit.models import Grade
from ispanel.refusals import Forbidden, Refusal


class PanelClosed(Refusal):
    """The login was removed, or its reseller is deleted."""

    def __init__(self) -> None:
        super().__init__(_("This panel is closed: nobody can log in to it."))


@transaction.atomic
def enter_seat(*, actor: Seat, user: User, reason: str, now: datetime) -> Seat:
    """Return the seat in another login's panel, after recording who takes it and why.

    It lasts 60 minutes and cannot be chained. An admin can enter a suspended reseller's panel, nobody a deleted
    one's.

    :raises Forbidden: from a borrowed seat, and for anybody but an admin while the panel is suspended.
    :raises PanelClosed:
    """
    if actor.is_borrowed:
        raise Forbidden(_("Go back to your own panel before you log in as somebody else."))
    if user.is_removed:
        raise PanelClosed
    if user.is_suspended and not actor.is_admin:
        raise Forbidden(_("This panel is suspended: only an admin can log in to it."))
    entry = audit.record(
        actor=actor,
        action=Action.SEAT_ENTERED,
        obj=user,
        reseller_id=user.reseller_id,
        detail=reason,
        grade=Grade.SECURITY,
        now=now,
    )
    telling.of_login_as(user, entry, actor=actor.login)
    return Seat(actor.login, user, actor.origin, ends_at=now + BORROWED_FOR)


def leave_seat(*, actor: Seat, now: datetime) -> None:
    """Record that the person went back to their own panel."""
    audit.record(
        actor=actor,
        action=Action.SEAT_LEFT,
        obj=actor.user,
        reseller_id=actor.user.reseller_id,
        grade=Grade.SECURITY,
        now=now,
    )


def may_sit_with(own: Seat, user: User) -> bool:
    """Say whether the person may, as things stand now, be in this reseller's panel; in a suspended one only admins."""
    if user.reseller is None or user.is_removed or not own.has("resellers.login_as"):
        return False
    if own.is_admin:
        return True
    return own.reseller is not None and user.reseller.parent_id == own.reseller.pk and not user.is_suspended


def seat_again(who: Identity) -> Seat:
    """Return the seat that somebody acted from, with the rights of now: a worker does in it what they asked for.

    How long a borrowed seat lasts does not count: what was asked for in time is done.

    :raises Forbidden: where they could not sit there any more.
    """
    people = User.objects.with_rights().in_bulk(filter(None, (who.actor_id, who.on_behalf_of_id)))
    login = people.get(who.actor_id or 0)
    if login is None or login.is_removed or login.is_suspended:
        raise Forbidden(_("%(name)s may not sign in any more.") % {"name": who.actor_name})
    own = Seat.own(login, who.origin)
    if who.on_behalf_of_id is None:
        return own
    user = people.get(who.on_behalf_of_id)
    if user is None or not may_sit_with(own, user):
        raise Forbidden(
            _("%(name)s may not be in the panel of %(borrowed)s any more.")
            % {"name": who.actor_name, "borrowed": who.on_behalf_of_name}
        )
    return Seat(login, user, who.origin)
