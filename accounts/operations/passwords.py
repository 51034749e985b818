"""Passwords: their rules, the copies of initial ones, choosing and resetting."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import limits, telling
from accounts.models import (
    InitialPassword,
    Session,
    User,
    UserType,
    purpose_of_initial_password,
)
from accounts.operations.refusals import record_refusal
from accounts.seats import Seat
from audit import operations as audit
from audit.actions import Action
from audit.identity import Actor
from audit.models import Grade
from ispanel import crypto
from ispanel.refusals import Refusal

KEPT_FOR = timedelta(days=7)

REVEALED_WITHOUT_PASSWORD_FOR = timedelta(minutes=15)


class WeakPassword(Refusal):
    """The password breaks a rule; the sentence says which."""

    field = "password"


class NoInitialPassword(Refusal):
    """There is no initial password to show: the login chose its own, seven days are over, or none is kept."""

    def __init__(self) -> None:
        super().__init__(
            _("There is no initial password to show: a new one has been chosen, seven days are over, or none is kept.")
        )


class WrongPassword(Refusal):
    """The own password, asked for again, is wrong."""

    field = "own_password"

    def __init__(self) -> None:
        super().__init__(_("This is not your password."))


def confirm_own_password(actor: Seat, password: str) -> None:
    """Check that it is the person themselves who acts, and not a session that somebody stole.

    Call it before the act's transaction begins: the count of wrong ones outlives the act that is refused.

    :raises WrongPassword:
    :raises TooManyAttempts: after ten wrong ones in a quarter of an hour, whatever is typed then.
    """
    key = f"own-password:{actor.login.pk}"
    try:
        with limits.attempt(key=key, most=10, within=timedelta(minutes=15), field=WrongPassword.field) as attempt:
            if not actor.login.check_password(password):
                raise WrongPassword
            attempt.succeeded()
    except (WrongPassword, limits.TooManyAttempts) as refusal:
        # Somebody may be guessing in a browser that was left signed in.
        record_refusal(actor=actor, refusal=refusal, tried=_("Confirming the own password"), now=timezone.now())
        raise


def check_password(password: str, user: User) -> None:
    """:raises WeakPassword: where the password breaks a rule for this login."""
    try:
        validate_password(password, user)
    except ValidationError as problem:
        raise WeakPassword(" ".join(problem.messages)) from problem


def keep_initial_password(*, user: User, password: str, created_by: User, now: datetime) -> None:
    """Keep the password, encrypted with a key that is not in the database, until the login chooses its own.

    To be called after the login has that password: whatever changes it erases the copy, by a trigger on users. Where
    the settings say that none is kept, none is: PostgreSQL leaves the row out.
    """
    erase_expired_initial_passwords(now)
    InitialPassword.objects.update_or_create(
        user=user,
        defaults={
            "ciphertext": crypto.encrypt(password, purpose=purpose_of_initial_password(user.pk)),
            "created_by_id": created_by.pk,
            "created_at": now,
            "expires_at": now + KEPT_FOR,
        },
    )


def erase_expired_initial_passwords(now: datetime) -> None:
    """Erase the copies that have been kept for seven days."""
    InitialPassword.objects.exclude(expires_at__gt=now).delete()


def may_reveal_without_password(*, actor: Seat, user: User, now: datetime) -> bool:
    """Say whether this person made the login within the last 15 minutes."""
    return (
        InitialPassword.objects.in_force(now)
        .filter(user=user, created_by_id=actor.login.pk, created_at__gt=now - REVEALED_WITHOUT_PASSWORD_FOR)
        .exists()
    )


def reveal_initial_password(*, actor: Seat, user: User, own_password: str, now: datetime) -> str:
    """Return the initial password of a login, after the actor's own password unless they just made the login.

    :raises NoInitialPassword, WrongPassword, TooManyAttempts:
    """
    kept = InitialPassword.objects.in_force(now).filter(user=user).first()
    if kept is None:
        raise NoInitialPassword
    if not may_reveal_without_password(actor=actor, user=user, now=now):
        confirm_own_password(actor, own_password)
    with transaction.atomic():
        audit.record(
            actor=actor,
            action=Action.INITIAL_PASSWORD_REVEALED,
            obj=user,
            reseller_id=user.reseller_id,
            grade=Grade.SECURITY,
            now=now,
        )
        return crypto.decrypt(bytes(kept.ciphertext), purpose=purpose_of_initial_password(user.pk))


def change_own_password(
    *, actor: Seat, old_password: str, new_password: str, besides: str | None = None, now: datetime
) -> User:
    """Set the password that a login chooses for itself; the copy of its initial one is erased, and its sign-ins end.

    :param besides: the `Session.session_key` of the sign-in that goes on.
    :raises WrongPassword, TooManyAttempts, WeakPassword:
    """
    confirm_own_password(actor, old_password)
    if old_password == new_password:
        raise WeakPassword(_("Choose a password that differs from the present one."))
    with transaction.atomic():
        user = User.objects.select_for_update().get(pk=actor.login.pk)
        check_password(new_password, user)
        user.set_password(new_password)
        user.must_change_password = False
        user.save(update_fields=["password", "must_change_password"])
        user.sign_ins.exclude(session_key=besides or "").delete()
        entry = audit.record(
            actor=actor,
            action=Action.PASSWORD_CHANGED,
            obj=user,
            reseller_id=user.reseller_id,
            grade=Grade.SECURITY,
            now=now,
        )
        telling.of_password(user, entry)
    return user


@transaction.atomic
def set_password(*, actor: Actor, user: User, password: str, now: datetime) -> None:
    """Set a login's password in an emergency; all its sign-ins end.

    :raises WeakPassword:
    """
    put_password(user, password)
    record_password_set(actor, user, now)


@transaction.atomic
def set_initial_password(*, actor: Seat, user: User, password: str, now: datetime) -> None:
    """Give a login a new password that it has to change at its next sign-in; all its sign-ins end.

    Of a reseller's logins it is kept, encrypted, for seven days.

    :raises WeakPassword:
    """
    put_password(user, password, must_change=True)
    if user.user_type == UserType.RESELLER:
        keep_initial_password(user=user, password=password, created_by=actor.login, now=now)
    record_password_set(actor, user, now)


def put_password(user: User, password: str, *, must_change: bool | None = None) -> None:
    """Save the new password, and end what the old one opened.

    :param must_change: whether the login has to choose its own first; None leaves that as it is.
    :raises WeakPassword:
    """
    check_password(password, user)
    user.set_password(password)
    if must_change is not None:
        user.must_change_password = must_change
    user.save(update_fields=["password", "must_change_password"])
    Session.objects.filter(user=user).delete()


def record_password_set(actor: Actor, user: User, now: datetime) -> None:
    """Record that somebody else set the login's password, and tell it."""
    entry = audit.record(
        actor=actor, action=Action.PASSWORD_SET, obj=user, reseller_id=user.reseller_id, grade=Grade.SECURITY, now=now
    )
    telling.of_password(user, entry)
