"""What is done to logins: creating them, their passwords, and whose panel they are in."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from psycopg import Error as PostgresError

from accounts.models import (
    InitialPassword,
    LoginName,
    PermissionGroup,
    User,
    UserType,
    purpose_of_initial_password,
    username_characters,
)
from accounts.seats import BORROWED_FOR, Seat
from audit import operations as audit
from audit.actions import Action
from audit.identity import Actor
from audit.models import Grade
from ispanel import crypto
from ispanel.refusals import Forbidden, Refusal

KEPT_FOR = timedelta(days=7)
REVEALED_WITHOUT_PASSWORD_FOR = timedelta(minutes=15)


class UsernameTaken(Refusal):
    """The username is, or once was, another login's username or email."""

    field = "username"

    def __init__(self, username: str) -> None:
        super().__init__(_("The username “%(name)s” is taken. Choose another one.") % {"name": username})


class EmailTaken(Refusal):
    """The email is, or once was, another login's username or email."""

    field = "email"

    def __init__(self) -> None:
        super().__init__(_("This email belongs to another login. Enter a different one."))


class UnusableUsername(Refusal):
    """The username has characters that none may have, is too long, or has an @ without being the login's email."""

    field = "username"


class WeakPassword(Refusal):
    """The password breaks a rule; the sentence says which."""

    field = "password"


class NoInitialPassword(Refusal):
    """There is no initial password to show: the login chose its own, or seven days are over."""

    def __init__(self) -> None:
        super().__init__(
            _("There is no initial password to show: a new one has been chosen, or it was kept for seven days.")
        )


class WrongPassword(Refusal):
    """The own password, asked for again, is wrong."""

    field = "own_password"

    def __init__(self) -> None:
        super().__init__(_("This is not your password."))


def fold_username(username: str) -> str:
    """Return the username in lower case.

    :raises UnusableUsername: for characters that no username has.
    """
    folded = username.strip().lower()
    if len(folded) > 150:
        raise UnusableUsername(_("Use at most 150 characters for the username."))
    try:
        username_characters(folded)
    except ValidationError as problem:
        raise UnusableUsername(problem.messages[0]) from problem
    return folded


def check_names_are_free(username: str, email: str | None, *, besides: User | None = None) -> None:
    """Check that neither name is, or ever was, another login's.

    :raises UsernameTaken, EmailTaken, UnusableUsername:
    """
    if "@" in username and username != (email or "").lower():
        raise UnusableUsername(_("A username with @ must be the login's own email."))
    wanted = [username, *([email.lower()] if email else [])]
    names = LoginName.objects.filter(name__in=wanted)
    if besides:
        names = names.exclude(user_id=besides.pk)
    taken = set(names.values_list("name", flat=True))
    if username in taken:
        raise UsernameTaken(username)
    if taken:
        raise EmailTaken


def check_password(password: str, user: User) -> None:
    """:raises WeakPassword: where the password breaks a rule for this login."""
    try:
        validate_password(password, user)
    except ValidationError as problem:
        raise WeakPassword(" ".join(problem.messages)) from problem


def save_login(user: User, *, fields: list[str] | None = None) -> None:
    """Insert the login, or update the named fields.

    :raises UsernameTaken, EmailTaken: also where somebody else took the name a moment ago.
    """
    besides = None if user._state.adding else user
    check_names_are_free(user.username, user.email, besides=besides)
    try:
        with transaction.atomic():
            user.save(force_insert=user._state.adding, update_fields=fields)
    except IntegrityError as problem:
        raise (name_taken(problem, user) or problem) from problem


def name_taken(problem: IntegrityError, user: User) -> Refusal | None:
    """Return the refusal for a name that the database found taken; None for any other problem.

    The database has the last word on what is the same name: it folds letters of all scripts in its own way.
    """
    diagnosis = problem.__cause__.diag if isinstance(problem.__cause__, PostgresError) else None
    constraint = diagnosis.constraint_name if diagnosis else None
    if constraint == "email_is_unique":
        return EmailTaken()
    if constraint == "login_names_have_one_owner" and diagnosis:
        return UsernameTaken(user.username) if diagnosis.message_detail == user.username else EmailTaken()
    return UsernameTaken(user.username) if constraint and "username" in constraint else None


@transaction.atomic
def create_login(
    *,
    actor: Seat,
    user_type: UserType,
    username: str,
    password: str,
    email: str = "",
    phone: str = "",
    full_name: str = "",
    must_change_password: bool = True,
    company_name: str = "",
    now: datetime,
) -> User:
    """Insert a login with a password that somebody else chose, and keep that one, encrypted, for seven days.

    :param company_name: what the password may not contain, where the company has no row yet.
    :raises UsernameTaken, EmailTaken, UnusableUsername, WeakPassword:
    """
    user = User(
        username=fold_username(username),
        email=email.strip() or None,
        phone=phone.strip(),
        full_name=full_name.strip(),
        user_type=user_type,
        must_change_password=must_change_password,
    )
    user.company_for_password_rules_override = company_name
    check_names_are_free(user.username, user.email)
    check_password(password, user)
    user.set_password(password)
    save_login(user)
    keep_initial_password(user=user, password=password, created_by=actor.login, now=now)
    return user


def keep_initial_password(*, user: User, password: str, created_by: User, now: datetime) -> None:
    """Keep the password, encrypted with a key that is not in the database, until the login chooses its own."""
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


@transaction.atomic
def reveal_initial_password(*, actor: Seat, user: User, own_password: str, now: datetime) -> str:
    """Return the initial password of a login, after the actor's own password unless they just made the login.

    :raises NoInitialPassword, WrongPassword:
    """
    kept = InitialPassword.objects.in_force(now).filter(user=user).first()
    if kept is None:
        raise NoInitialPassword
    if not may_reveal_without_password(actor=actor, user=user, now=now) and not actor.login.check_password(
        own_password
    ):
        raise WrongPassword
    audit.record(
        actor=actor,
        action=Action.INITIAL_PASSWORD_REVEALED,
        obj=user,
        reseller_id=user.reseller_id,
        grade=Grade.SECURITY,
        now=now,
    )
    return crypto.decrypt(bytes(kept.ciphertext), purpose=purpose_of_initial_password(user.pk))


@transaction.atomic
def change_own_password(*, actor: Seat, old_password: str, new_password: str, now: datetime) -> User:
    """Set the password that a login chooses for itself; the copy of its initial one is erased.

    :raises WrongPassword, WeakPassword:
    """
    user = User.objects.select_for_update().get(pk=actor.login.pk)
    if not user.check_password(old_password):
        raise WrongPassword
    if old_password == new_password:
        raise WeakPassword(_("Choose a password that differs from the present one."))
    check_password(new_password, user)
    user.set_password(new_password)
    user.must_change_password = False
    user.save(update_fields=["password", "must_change_password"])
    InitialPassword.objects.filter(user=user).delete()
    audit.record(
        actor=actor,
        action=Action.PASSWORD_CHANGED,
        obj=user,
        reseller_id=user.reseller_id,
        grade=Grade.SECURITY,
        now=now,
    )
    return user


@transaction.atomic
def enter_seat(*, actor: Seat, user: User, reason: str, now: datetime) -> Seat:
    """Return the seat in another login's panel, after recording who takes it and why.

    It lasts 60 minutes and cannot be chained.

    :raises Forbidden: from a borrowed seat.
    """
    if actor.is_borrowed:
        raise Forbidden(_("Go back to your own panel before you log in as somebody else."))
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


def record_sign_in(*, actor: Seat, now: datetime) -> None:
    """Record that a login signed in."""
    erase_expired_initial_passwords(now)
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


@transaction.atomic
def set_password(*, actor: Actor, user: User, password: str, now: datetime) -> None:
    """Set a login's password in an emergency; all its sign-ins end.

    :raises WeakPassword:
    """
    check_password(password, user)
    user.set_password(password)
    user.save(update_fields=["password"])
    InitialPassword.objects.filter(user=user).delete()
    audit.record(
        actor=actor, action=Action.PASSWORD_SET, obj=user, reseller_id=user.reseller_id, grade=Grade.SECURITY, now=now
    )


@transaction.atomic
def create_admin(*, username: str, password: str) -> User:
    """Insert an admin: the first of a new installation, or one more in an emergency.

    :raises UsernameTaken, UnusableUsername, WeakPassword:
    """
    now = timezone.now()
    user = User(username=fold_username(username), user_type=UserType.ADMIN, full_name="")
    check_password(password, user)
    user.set_password(password)
    save_login(user)
    audit.record(actor=Seat.own(user), action=Action.ADMIN_CREATED, obj=user, grade=Grade.SECURITY, now=now)
    return user


def group_for_new_resellers() -> PermissionGroup | None:
    """Return SALES, the group that the form proposes."""
    return PermissionGroup.objects.filter(name="SALES").first()
