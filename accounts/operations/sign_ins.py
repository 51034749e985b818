"""What is recorded of signing in and out, and of refusals."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.lanes import remember_address
from accounts.models import Session, User
from accounts.operations.passwords import (
    erase_expired_initial_passwords,
)
from accounts.seats import Seat
from audit import operations as audit
from audit.actions import Action
from audit.models import Grade
from ispanel.installation import panel_settings
from ispanel.refusals import Forbidden


class PanelSuspended(Forbidden):
    """The reseller of a login, or its parent, is suspended."""

    def __init__(self) -> None:
        super().__init__(_("This panel is suspended. Ask your provider."))


def check_not_suspended(login: User) -> None:
    """:raises PanelSuspended: To be asked after a right password alone: a wrong one learns nothing."""
    if login.is_suspended:
        raise PanelSuspended


def record_sign_in(*, actor: Seat, now: datetime) -> None:
    """Record that a login signed in, and from where."""
    erase_expired_initial_passwords(now)
    Session.objects.outdated(now, panel_settings()).delete()
    remember_address(user=actor.login, address=actor.origin.address, now=now)
    audit.record(actor=actor, action=Action.SIGNED_IN, obj=actor.login, reseller_id=actor.login.reseller_id, now=now)


def record_sign_out(*, actor: Seat, now: datetime) -> None:
    """Record that a login signed out."""
    audit.record(actor=actor, action=Action.SIGNED_OUT, obj=actor.login, reseller_id=actor.login.reseller_id, now=now)


@transaction.atomic
def end_sign_in(*, actor: Seat, sign_in: Session, now: datetime) -> None:
    """End one of one's own sign-ins, on its next request."""
    sign_in.delete()
    record_ended(actor, f"{sign_in.browser}, {sign_in.address or '—'}", now)


@transaction.atomic
def end_other_sign_ins(*, actor: Seat, besides: str, now: datetime) -> int:
    """End one's own sign-ins but for one, on their next requests; return how many there were.

    :param besides: the `Session.session_key` of the one that goes on.
    """
    others = Session.objects.in_force(now, panel_settings()).filter(user=actor.login).exclude(session_key=besides)
    ended: int = others.count()
    end_sign_ins([actor.login], besides=besides)
    if ended:
        record_ended(actor, ngettext("%(count)d sign-in", "%(count)d sign-ins", ended) % {"count": ended}, now)
    return ended


def record_ended(actor: Seat, which: str, now: datetime) -> None:
    """Record that somebody ended sign-ins of their own."""
    audit.record(
        actor=actor,
        action=Action.SIGN_INS_ENDED,
        obj=actor.login,
        reseller_id=actor.login.reseller_id,
        detail=which,
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
