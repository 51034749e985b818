"""What is recorded of signing in and out, and of refusals."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from accounts.lanes import remember_address
from accounts.models import Session, User
from accounts.operations.passwords import (
    erase_expired_initial_passwords,
)
from accounts.seats import Seat
from audit import operations as audit
from audit.actions import Action
from audit.models import Grade
from ispanel.refusals import Forbidden


def record_sign_in(*, actor: Seat, now: datetime) -> None:
    """Record that a login signed in, and from where."""
    erase_expired_initial_passwords(now)
    remember_address(user=actor.login, address=actor.origin.address, now=now)
    audit.record(actor=actor, action=Action.SIGNED_IN, obj=actor.login, reseller_id=actor.login.reseller_id, now=now)


def record_sign_out(*, actor: Seat, now: datetime) -> None:
    """Record that a login signed out."""
    audit.record(actor=actor, action=Action.SIGNED_OUT, obj=actor.login, reseller_id=actor.login.reseller_id, now=now)


def record_refusal(*, actor: Seat, refusal: Forbidden, path: str, now: datetime) -> None:
    """Record that a signed-in person was refused, after the rollback of what they tried."""
    audit.record(
        actor=actor,
        action=Action.REFUSED,
        detail=f"{path}: {refusal}",
        reseller_id=actor.user.reseller_id,
        grade=Grade.SECURITY,
        now=now,
    )


def end_sign_ins(users: Iterable[User], *, besides: str | None = None) -> int:
    """End the sign-ins of these logins on their next request; return how many there were.

    :param besides: the `Session.session_key` of the one that goes on.
    """
    rows = Session.objects.filter(user__in=[user.pk for user in users])
    ended, _by_model = (rows.exclude(session_key=besides) if besides else rows).delete()
    return ended
