"""Inserting and saving logins."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import (
    PermissionGroup,
    User,
    UserType,
)
from accounts.operations.names import (
    check_names_are_free,
    fold_username,
    name_taken,
)
from accounts.operations.passwords import (
    check_password,
    keep_initial_password,
)
from accounts.seats import Seat
from audit import operations as audit
from audit.actions import Action
from audit.models import Grade

if TYPE_CHECKING:
    from resellers.models import Reseller


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
    last_name: str | None = None,
    must_change_password: bool = True,
    company_name: str = "",
    reseller: Reseller | None = None,
    permission_group: PermissionGroup | None = None,
    now: datetime,
) -> User:
    """Insert a login with a password that somebody else chose; a reseller's is kept, encrypted, for seven days.

    :param last_name: what of the full name is the last name, where that is not its last word.
    :param company_name: what the password may not contain, where the company has no row yet.
    :param reseller: whose staff the login is.
    :raises UsernameTaken, EmailTaken, UnusableUsername, WeakPassword:
    """
    user = User(
        username=fold_username(username),
        email=email.strip() or None,
        phone=phone.strip(),
        full_name=full_name.strip(),
        last_name_given=last_name,
        user_type=user_type,
        must_change_password=must_change_password,
        reseller=reseller,
        permission_group=permission_group,
    )
    user.company_for_password_rules_override = company_name
    check_names_are_free(user.username, user.email)
    check_password(password, user)
    user.set_password(password)
    save_login(user)
    if user_type == UserType.RESELLER:
        keep_initial_password(user=user, password=password, created_by=actor.login, now=now)
    return user


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
