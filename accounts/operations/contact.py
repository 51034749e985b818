"""What a login is known and reached by: changing its username, its email and its phone."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from accounts import telling
from accounts.models import User
from accounts.operations.logins import save_login
from accounts.operations.names import EmailTaken, UnusableUsername, UsernameTaken, fold_username
from accounts.operations.passwords import confirm_own_password
from accounts.seats import Seat
from audit import operations as audit
from audit.actions import Action
from audit.models import Grade
from ispanel.messages import Way, ways
from ispanel.refusals import Forbidden, Refusal

#: How long no password is reset by way of an email or phone that has just been changed.
RESET_HELD_FOR = timedelta(hours=24)


class UsernameIsEmail(Refusal):
    """The username is the old email, and cannot become the new one."""

    field = "email"

    def __init__(self) -> None:
        super().__init__(_("The old email is the username too. Change the username first, to one without @."))


def check_may_change(actor: Seat, own_password: str) -> None:
    """Check that it is the person themselves who acts, in their own seat.

    :raises Forbidden, WrongPassword, TooManyAttempts:
    """
    if actor.is_borrowed:
        raise Forbidden(_("This is out of reach while you are logged in as somebody else."))
    confirm_own_password(actor, own_password)


def change_username(*, actor: Seat, user_id: int, username: str, own_password: str, now: datetime) -> User:
    """Change a username: one's own, or as an admin anybody's. The old one stays reserved for this login for good.

    Its sign-ins go on: what they were opened with, the password, is the same.

    :raises Forbidden, WrongPassword, TooManyAttempts, UsernameTaken, UnusableUsername:
    """
    if not actor.is_admin and actor.login.pk != user_id:
        raise Forbidden
    check_may_change(actor, own_password)
    with transaction.atomic():
        user = User.objects.select_for_update(no_key=True).get(pk=user_id)
        old, user.username = user.username, fold_username(username)
        if user.username != old:
            save_login(user, fields=["username"])
            record_renamed(actor, user, old, now)
    return user


def record_renamed(actor: Seat, user: User, old: str, now: datetime) -> None:
    """Record the old name and the new one, under the new one."""
    audit.record(
        actor=actor,
        action=Action.LOGIN_RENAMED,
        obj=user,
        reseller_id=user.reseller_id,
        changes={"username": (old, user.username)},
        grade=Grade.SECURITY,
        now=now,
    )


def change_contact_of(*, actor: Seat, user_id: int, email: str, phone: str, own_password: str, now: datetime) -> User:
    """Change the email and phone of a login, after the own password: one's own, or as an admin anybody's.

    :raises Forbidden, WrongPassword, TooManyAttempts, EmailTaken, UsernameIsEmail:
    """
    if not actor.is_admin and actor.login.pk != user_id:
        raise Forbidden
    check_may_change(actor, own_password)
    with transaction.atomic():
        user = User.objects.select_for_update(no_key=True).get(pk=user_id)
        change_contact(actor=actor, user=user, email=email, phone=phone, now=now)
    return user


def change_contact(*, actor: Seat, user: User, email: str | None, phone: str, now: datetime) -> bool:
    """Change the email and phone of a locked login, tell its old address, and hold password reset for 24 hours.

    A username that is the old email follows it. Return whether anything differs.

    :raises EmailTaken, UsernameIsEmail:
    """
    old_email, old_username = user.email, user.username
    changes = audit.changed_fields(user, {"email": (email or "").strip() or None, "phone": phone.strip()})
    if not changes:
        return False
    fields = [*changes, "reset_held_until"]
    user.reset_held_until = now + RESET_HELD_FOR
    if "email" in changes and "@" in user.username:
        user.username = username_from(user.email)
        fields += ["username"]
    try:
        save_login(user, fields=fields)
    except UsernameTaken as problem:
        raise EmailTaken from problem
    entry = audit.record(
        actor=actor,
        action=Action.LOGIN_CONTACT_CHANGED,
        obj=user,
        reseller_id=user.reseller_id,
        changes=changes,
        detail=why_not_told(old_email),
        grade=Grade.SECURITY,
        now=now,
    )
    if user.username != old_username:
        record_renamed(actor, user, old_username, now)
    if old_email:
        telling.of_contact(user, entry, old_email=old_email)
    return True


def username_from(email: str | None) -> str:
    """Return the email as the username that it is going to be.

    :raises UsernameIsEmail: where none can be made of it.
    """
    try:
        return fold_username(email or "")
    except UnusableUsername as problem:
        raise UsernameIsEmail from problem


def why_not_told(old_email: str | None) -> str:
    """Return the sentence that says so where a login's old address cannot be told of a change, else nothing."""
    if not old_email or Way.EMAIL in ways():
        return ""
    return _("The old address could not be told: no mail server is set up.")
