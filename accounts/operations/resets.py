"""Forgotten passwords: asking for a reset, proving a code, and choosing the next password.

Nothing here tells whether there is a login of the name that was typed: each asking leaves a row and a job, whoever's
name it is, and the worker decides. See `accounts.resetting`.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _

from accounts import limits, tasks, telling
from accounts.authenticator import bare
from accounts.entrance import Entrance
from accounts.lanes import digest_of, forget_failures, is_known, network_of
from accounts.models import PasswordReset, User
from accounts.operations.passwords import put_password
from accounts.reset_secrets import digest_of_code, digest_of_token
from accounts.seats import Seat
from audit import operations as audit
from audit.actions import Action
from audit.identity import Origin
from audit.models import Grade
from ispanel.jobs import enqueue
from ispanel.messages import Way, ways
from ispanel.refusals import Refusal

#: How often a name may be asked for in an hour, over all addresses at which nobody signed in of late and at each of
#: the others, and how often one address may ask, whatever the names.
PER_NAME = 5
PER_ADDRESS = 20
WITHIN = timedelta(hours=1)
#: How often a code may be got wrong, and how long there is to choose a password after the right one.
TRIES = 5
AFTER_CODE = timedelta(minutes=10)


class WrongResetCode(Refusal):
    """The code is not the one that was sent, or its time is over, or none was sent."""

    field = "code"

    def __init__(self) -> None:
        super().__init__(_("This code is wrong, or its time is over."))


class ResetIsOver(Refusal):
    """The reset was used, its time is over, or the login has changed since."""

    def __init__(self) -> None:
        super().__init__(_("This was used already, or its time is over. Ask for a new one."))


def way_of_resets() -> Way | None:
    """Return by what a reset goes: by email where that is set up, else by SMS; None where neither is."""
    there = ways()
    return next((way for way in (Way.EMAIL, Way.SMS) if way in there), None)


def ask_reset(*, typed: str, at: Entrance, way: Way, origin: Origin, now: datetime) -> PasswordReset:
    """Note that somebody asked for a new password, and leave the rest to the worker.

    :param typed: a username or an email, which may be nobody's; it is not kept.
    :param at: the door at which it is asked; a name of another door is nobody's there.
    :raises TooManyAttempts: whosever name it is.
    """
    network = network_of(origin.address)
    # Whoever's name is typed, and whoever signed in from there: so that tells nothing, and strangers, who ask for a
    # name as often as they may, keep nobody from asking at work or at home.
    place = f":{network}" if is_known(network, now) else ""
    limits.raise_count(f"reset from:{network}", most=PER_ADDRESS, within=WITHIN, prolonged=False)
    limits.raise_count(f"reset of:{digest_of(typed)}{place}", most=PER_NAME, within=WITHIN, prolonged=False)
    user = User.objects.by_login_name(typed)
    with transaction.atomic():
        reset = PasswordReset.objects.create(
            user=user if user and at.admits(user) else None,
            way=way,
            door=at.bound_to,
            address=at.address,
            reseller=at.reseller,
            asked_at=now,
            asked_from=origin.address,
            user_agent=origin.user_agent[:300],
            request_id=origin.request_id,
        )
        enqueue(tasks.send_reset, reset_id=reset.pk)
    return reset


def reset_by_link(*, token: str, at: Entrance, now: datetime) -> PasswordReset | None:
    """Return the reset that a link opens at this door; looking uses nothing up, since mail is looked at by machines."""
    found = PasswordReset.objects.filter(way=Way.EMAIL, digest=digest_of_token(token)).first()
    return reset_in_force(reset_id=found.pk, at=at, now=now) if found else None


def check_reset_code(*, reset_id: int, code: str, now: datetime) -> None:
    """Check the code that was sent, and leave ten minutes to choose a password.

    :raises WrongResetCode: where nothing was sent too, in the same words and after as many tries.
    :raises TooManyAttempts: after five wrong ones.
    """
    key = f"reset-code:{reset_id}"
    with limits.attempt(key=key, most=TRIES, within=AFTER_CODE, field=WrongResetCode.field) as attempt:
        reset = PasswordReset.objects.in_force(now).filter(pk=reset_id, way=Way.SMS).first()
        kept = bytes(reset.digest or b"") if reset else b""
        if not constant_time_compare(kept, digest_of_code(reset_id, bare(code))):
            raise WrongResetCode
        PasswordReset.objects.filter(pk=reset_id).update(expires_at=now + AFTER_CODE)
        attempt.succeeded()


def reset_in_force(*, reset_id: int, at: Entrance, now: datetime, locked: bool = False) -> PasswordReset | None:
    """Return the reset, with its login, while it lets somebody choose a password at this door.

    It is void once it was used or is over, and once the login was closed or has another password, email or phone.

    :param locked: lock both rows until the transaction ends.
    """
    resets, users = PasswordReset.objects.in_force(now), User.objects.with_rights()
    if locked:
        # The login first, as the worker does.
        resets, users = resets.select_for_update(no_key=True), users.select_for_update(of=("self",))
    user = users.filter(password_resets=reset_id).first()
    reset = resets.filter(pk=reset_id, door=at.bound_to).first()
    if reset is None or user is None or user.is_removed or user.is_suspended:
        return None
    reset.user = user
    return reset if reset.is_of(user) and at.admits(user) else None


def reset_password(*, reset_id: int, password: str, at: Entrance, origin: Origin, now: datetime) -> User:
    """Set the password that whoever holds the reset chooses; all sign-ins of the login end, and its other resets.

    The wrong passwords of before count no more: most people have tried some before they ask.
    Nobody is signed in by it: the next sign-in asks for the second step, where the login has one.

    :raises ResetIsOver, WeakPassword:
    """
    with transaction.atomic():
        reset = reset_in_force(reset_id=reset_id, at=at, now=now, locked=True)
        if reset is None or reset.user is None:
            raise ResetIsOver
        user = reset.user
        put_password(user, password, must_change=False)
        forget_failures(user, door=at.bound_to)
        reset.used_at = now
        reset.save(update_fields=["used_at"])
        entry = audit.record(
            actor=Seat.own(user, origin),
            action=Action.PASSWORD_RESET,
            obj=user,
            reseller_id=user.reseller_id,
            grade=Grade.SECURITY,
            now=now,
        )
        telling.of_password(user, entry)
    return user
