"""Admins and support staff: taking them on, changing them, removing and restoring them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import PermissionGroup, Session, User, UserType
from accounts.operations.groups import held_groups
from accounts.operations.logins import create_login
from accounts.operations.passwords import confirm_own_password, set_initial_password
from accounts.operations.sign_ins import end_sign_ins
from accounts.operations.two_step import reset_two_step
from accounts.seats import Seat
from audit import operations as audit
from audit.actions import Action
from audit.models import Grade
from ispanel.installation import panel_settings
from ispanel.refusals import Forbidden, Refusal


class LastAdmin(Refusal):
    """Without this admin there would be none."""

    def __init__(self) -> None:
        super().__init__(_("This is the last admin. Create another one first: without any, nobody could manage this."))


class CannotRemoveOneself(Refusal):
    """Whoever removes themselves could not undo it."""

    def __init__(self) -> None:
        super().__init__(_("You cannot remove your own login: you could not undo it. Ask another admin."))


class GroupGone(Refusal):
    """Somebody deleted the permission group since the form was shown."""

    field = "permission_group"

    def __init__(self) -> None:
        super().__init__(_("Somebody deleted this permission group meanwhile. Choose another one."))


class OwnPasswordElsewhere(Refusal):
    """The own password is chosen on the own account page, and shown to nobody else."""

    def __init__(self) -> None:
        super().__init__(_("This is your own login. Choose your password on the page of your account."))


def locked_person(actor: Seat, user_id: int) -> User:
    """Return the admin or member of the support staff, locked, for an admin to change.

    :raises Forbidden:
    """
    person = User.objects.people().select_for_update(no_key=True, of=("self",)).filter(pk=user_id).first()
    check_is_admin(actor)
    if person is None:
        raise Forbidden
    return person


def create_person(
    *,
    actor: Seat,
    user_type: UserType,
    username: str,
    password: str,
    own_password: str,
    email: str = "",
    phone: str = "",
    full_name: str = "",
    permission_group: PermissionGroup | None = None,
    must_change_password: bool = True,
    now: datetime,
) -> User:
    """Take on an admin, or a member of the support staff; an admin has all rights, so a group is not for them.

    :raises Forbidden, WrongPassword, TooManyAttempts, UsernameTaken, EmailTaken, UnusableUsername, WeakPassword:
    :raises GroupGone:
    """
    check_is_admin(actor)
    if user_type not in (UserType.ADMIN, UserType.SUPPORT):
        raise Forbidden
    confirm_own_password(actor, own_password)
    group = permission_group if user_type == UserType.SUPPORT else None
    with transaction.atomic():
        user = create_login(
            actor=actor,
            user_type=user_type,
            username=username,
            password=password,
            email=email,
            phone=phone,
            full_name=full_name,
            must_change_password=must_change_password,
            permission_group=held(group),
            now=now,
        )
        audit.record(
            actor=actor,
            action=Action.ADMIN_CREATED if user.is_admin else Action.LOGIN_CREATED,
            obj=user,
            changes={
                "kind": (None, user.get_user_type_display()),
                "email": (None, user.email),
                "full_name": (None, user.full_name or None),
                "permission_group": (None, group),
            },
            grade=Grade.SECURITY,
            now=now,
        )
    return user


def held(group: PermissionGroup | None) -> PermissionGroup | None:
    """Return the group, which nobody deletes before this transaction ends.

    :raises GroupGone:
    """
    if group is not None and group.pk not in held_groups([group.pk]):
        raise GroupGone
    return group


@transaction.atomic
def edit_person(
    *, actor: Seat, user_id: int, full_name: str, permission_group: PermissionGroup | None = None, now: datetime
) -> User:
    """Change the name of an admin or of support staff, and the group of the latter.

    :raises Forbidden, GroupGone:
    """
    person = locked_person(actor, user_id)
    of_support = {} if person.is_admin else {"permission_group": held(permission_group)}
    save_edited(actor=actor, user=person, new={"full_name": full_name, **of_support}, now=now)
    return person


def save_edited(*, actor: Seat, user: User, new: Mapping[str, object], now: datetime) -> None:
    """Save what differs, and record it."""
    if changes := audit.changed_fields(user, new):
        user.save(update_fields=list(changes))
        audit.record(
            actor=actor,
            action=Action.LOGIN_EDITED,
            obj=user,
            reseller_id=user.reseller_id,
            changes=changes,
            grade=Grade.SECURITY if "permission_group" in changes else Grade.REGULAR,
            now=now,
        )


def set_password_of(*, actor: Seat, user_id: int, password: str, own_password: str, now: datetime) -> User:
    """Give any login but one's own a password, which it has to change at its next sign-in; its sign-ins end.

    :raises Forbidden, OwnPasswordElsewhere, WrongPassword, TooManyAttempts, WeakPassword:
    """
    check_is_admin(actor)
    if user_id == actor.login.pk:
        raise OwnPasswordElsewhere
    confirm_own_password(actor, own_password)
    with transaction.atomic():
        user = User.objects.select_for_update(no_key=True).get(pk=user_id)
        set_initial_password(actor=actor, user=user, password=password, now=now)
    return user


def reset_two_step_of(*, actor: Seat, user_id: int, own_password: str, now: datetime) -> User:
    """Take the second step off any login but one's own, after the own password; its sign-ins end.

    :raises Forbidden, WrongPassword, TooManyAttempts, TwoStepIsOff:
    """
    check_is_admin(actor)
    confirm_own_password(actor, own_password)
    user = User.objects.get(pk=user_id)
    reset_two_step(actor=actor, user=user, now=now)
    return user


def check_is_admin(actor: Seat) -> None:
    """:raises Forbidden:"""
    if not actor.is_admin:
        raise Forbidden


def remove_person(*, actor: Seat, user_id: int, own_password: str, now: datetime) -> User:
    """Remove an admin or a member of the support staff.

    All admins are locked in the order of their ids: of two who remove each other at once, the second one waits and then
    finds itself the last. The database holds it too.

    :raises Forbidden, CannotRemoveOneself, LastAdmin, WrongPassword, TooManyAttempts:
    """
    check_is_admin(actor)
    if user_id == actor.login.pk:
        raise CannotRemoveOneself
    confirm_own_password(actor, own_password)
    with transaction.atomic():
        admins = list(User.objects.people().admins().select_for_update(no_key=True, of=("self",)).order_by("pk"))
        person = locked_person(actor, user_id)
        if person.is_admin and all(admin.pk == person.pk for admin in admins):
            raise LastAdmin
        remove_login(actor=actor, user=person, now=now)
    return person


def restore_person(*, actor: Seat, user_id: int, own_password: str, now: datetime) -> User:
    """Let a removed admin or member of the support staff sign in again, with the rights they had.

    :raises Forbidden, WrongPassword, TooManyAttempts:
    """
    check_is_admin(actor)
    confirm_own_password(actor, own_password)
    with transaction.atomic():
        person = locked_person(actor, user_id)
        restore_login(actor=actor, user=person, now=now)
    return person


def remove_login(*, actor: Seat, user: User, now: datetime) -> None:
    """End the login's sign-ins and let it sign in no more; its names stay reserved. Twice is once."""
    if not user.is_active:
        return
    user.is_active = False
    user.save(update_fields=["is_active"])
    end_sign_ins([user])
    record_about(actor, user, Action.LOGIN_REMOVED, now)


def restore_login(*, actor: Seat, user: User, now: datetime) -> None:
    """Let a removed login sign in again. Twice is once."""
    if user.is_active:
        return
    user.is_active = True
    user.save(update_fields=["is_active"])
    record_about(actor, user, Action.LOGIN_RESTORED, now)


@transaction.atomic
def end_sign_ins_of(*, actor: Seat, user_id: int, besides: str | None = None, now: datetime) -> int:
    """End all sign-ins of an admin or of support staff; return how many there were.

    :param besides: the `Session.session_key` of the one that goes on, where it is the actor's own.
    :raises Forbidden:
    """
    person = locked_person(actor, user_id)
    sign_ins = Session.objects.in_force(now, panel_settings()).filter(user=person)
    ended: int = (sign_ins.exclude(session_key=besides) if besides else sign_ins).count()
    end_sign_ins([person], besides=besides)
    if ended:
        record_about(actor, person, Action.SIGN_INS_ENDED, now)
    return ended


def record_about(actor: Seat, user: User, action: Action, now: datetime) -> None:
    """Record an act on a login that matters to its safety."""
    audit.record(actor=actor, action=action, obj=user, reseller_id=user.reseller_id, grade=Grade.SECURITY, now=now)
