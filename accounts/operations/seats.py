"""Entering another's panel and coming back."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import (
    User,
)
from accounts.seats import BORROWED_FOR, Seat
from audit import operations as audit
from audit.actions import Action
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
    audit.record(
        actor=actor,
        action=Action.SEAT_ENTERED,
        obj=user,
        reseller_id=user.reseller_id,
        detail=reason,
        grade=Grade.SECURITY,
        now=now,
    )
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
