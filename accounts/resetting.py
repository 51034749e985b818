"""What the worker does of a password reset: decide whether the login may have one, and send it.

Nobody who asks waits for that, so the time of an answer does not tell whether there is such a login.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime, timedelta

from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts import limits
from accounts.lanes import digest_of, knows, network_of
from accounts.models import PasswordReset, User, state_of
from accounts.reset_secrets import digest_of_code, digest_of_token, new_code, new_token
from audit import operations as audit
from audit.actions import Action
from audit.identity import SYSTEM
from audit.models import Grade
from ispanel.messages import Event, Occurrence, Way, announce

log = logging.getLogger(__name__)

#: How long the link, or the code, works.
LASTS = {Way.EMAIL: timedelta(minutes=30), Way.SMS: timedelta(minutes=10)}
#: How many are sent in an hour for one login, and to one address or phone number, whosever it is: of those that
#: strangers ask for, and of those that are asked for at an address from which the login signed in of late.
SENT_PER_HOUR = 3
HOUR = timedelta(hours=1)
#: A row is of no use after that; it is kept as long for whoever looks what happened.
KEPT_FOR = timedelta(days=1)


@transaction.atomic
def send(*, reset_id: int, now: datetime) -> None:
    """Send the link or the code that was asked for, if the login may have one.

    Those before it stay in force until one is used, or whoever asks in another's name would void what its owner holds.
    Twice is once.
    """
    reset = PasswordReset.objects.select_for_update(no_key=True, of=("self",)).filter(pk=reset_id, sent_at=None).first()
    if reset is None or reset.user_id is None:
        return
    locked = User.objects.with_rights().select_for_update(no_key=True, of=("self",))
    user = locked.filter(pk=reset.user_id).first()
    if user is None:
        return
    way = Way(reset.way)
    to = (user.email or "") if way == Way.EMAIL else user.phone
    if why := why_not_sent(reset, user, to, now):
        log.warning("a password reset of %s is not sent: %s", user, why)
        return
    facts = make_secret(reset, user, now)
    audit.record(
        actor=replace(SYSTEM, origin=reset.origin),
        action=Action.PASSWORD_RESET_ASKED,
        obj=user,
        reseller_id=user.reseller_id,
        detail=_("Sent by %(way)s") % {"way": way.label},
        grade=Grade.SECURITY,
        now=now,
    )
    announce(
        Occurrence(
            Event.PASSWORD_RESET,
            key=str(reset.pk),
            facts={"username": user.username, "name": user.shown_name, **facts},
            reseller=reset.reseller,
            user=user,
            to=(way, to),
            is_secret=True,
        )
    )


def why_not_sent(reset: PasswordReset, user: User, to: str, now: datetime) -> str:
    """Return why the login gets no link and no code, for the log; nothing where it gets one, which is counted."""
    if user.is_removed:
        return "it was removed"
    if user.is_suspended:
        return "its panel is suspended"
    if not to:
        return f"it has no address for {reset.way}"
    if user.reset_held_until and now < user.reset_held_until:
        return "its email or phone has just been changed"
    if now >= reset.asked_at + LASTS[Way(reset.way)]:
        return "it was asked for too long ago"
    # However a phone number is written, it is the same one.
    same = "".join(filter(str.isdigit, to)) if reset.way == Way.SMS else to
    network = network_of(reset.asked_from)
    place = f":{network}" if knows(user, network, now) else ""
    try:
        for key in (f"reset:{user.pk}", f"reset to:{digest_of(same)}"):
            limits.raise_count(f"{key}{place}", most=SENT_PER_HOUR, within=HOUR, prolonged=False)
    except limits.TooManyAttempts:
        return "too many were sent within the hour"
    return ""


def make_secret(reset: PasswordReset, user: User, now: datetime) -> dict[str, str]:
    """Make what opens the reset, keep its digest, and return it in the facts of the message."""
    lasts = LASTS[Way(reset.way)]
    link = code = ""
    if reset.way == Way.EMAIL:
        token = new_token()
        reset.digest = digest_of_token(token)
        link = f"{reset.address}{reverse('accounts:reset_password')}?token={token}"
    else:
        code = new_code()
        reset.digest = digest_of_code(reset.pk, code)
    reset.login_was, reset.sent_at, reset.expires_at = state_of(user), now, now + lasts
    reset.save(update_fields=["digest", "login_was", "sent_at", "expires_at"])
    return {"link": link, "code": code, "minutes": str(lasts // timedelta(minutes=1))}


def erase_old(*, now: datetime) -> None:
    """Erase the resets that were asked for more than a day ago."""
    PasswordReset.objects.filter(asked_at__lte=now - KEPT_FOR).delete()
