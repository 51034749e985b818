"""The staff logins of a reseller."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from accounts import operations as accounts
from accounts.models import PermissionGroup, User, UserType
from accounts.seats import Seat
from audit import operations as audit
from audit.actions import Action
from audit.models import Grade
from ispanel.refusals import Forbidden
from resellers.models import Reseller, StaffLogin
from resellers.operations.rules import GroupOutOfReach, check_kept, locked


class StaffGroupOutOfReach(GroupOutOfReach):
    """A staff login must have a permission group, and one within the rights of whoever gives it."""


@transaction.atomic
def create_staff(
    *,
    actor: Seat,
    reseller: Reseller | None = None,
    username: str,
    password: str,
    permission_group: PermissionGroup | None,
    email: str = "",
    phone: str = "",
    full_name: str = "",
    must_change_password: bool = True,
    now: datetime,
) -> User:
    """Make a login for somebody of a reseller's staff: an admin for any reseller, others for their own, always.

    :raises Forbidden: from a borrowed seat too, where one would make oneself a way in.
    :raises ResellerDeleted, StaffGroupOutOfReach, UsernameTaken, EmailTaken, UnusableUsername, WeakPassword:
    """
    owner = reseller if actor.is_admin else actor.reseller
    if owner is None or actor.is_borrowed:
        raise Forbidden
    # Locked, so that it is not deleted at the same moment.
    [owner] = locked(owner.pk)
    check_kept(owner)
    group = checked_group(actor, permission_group)
    user = accounts.create_login(
        actor=actor,
        user_type=UserType.RESELLER,
        username=username,
        password=password,
        email=email,
        phone=phone,
        full_name=full_name,
        must_change_password=must_change_password,
        reseller=owner,
        permission_group=group,
        now=now,
    )
    audit.record(
        actor=actor,
        action=Action.LOGIN_CREATED,
        obj=user,
        reseller_id=owner.pk,
        changes={
            "reseller": (None, owner),
            "permission_group": (None, group),
            "email": (None, user.email),
            "full_name": (None, user.full_name or None),
        },
        grade=Grade.SECURITY,
        now=now,
    )
    return user


def checked_group(actor: Seat, group: PermissionGroup | None) -> PermissionGroup:
    """Return the group if this seat may give it to staff: an admin any, others within what they may do themselves.

    What the staff may do is the intersection of its group and its reseller's rights, whatever the group says.

    :raises StaffGroupOutOfReach:
    """
    if group is None:
        raise StaffGroupOutOfReach(_("Choose a permission group."))
    held = accounts.held_groups([group.pk]).get(group.pk)
    if held is None:
        raise StaffGroupOutOfReach(_("Somebody deleted the group %(name)s meanwhile.") % {"name": group})
    if not actor.is_admin and not PermissionGroup.objects.within(actor.rights).filter(pk=group.pk).exists():
        raise StaffGroupOutOfReach(_("%(name)s allows more than you may do yourself.") % {"name": group})
    return held


def actable_staff(actor: Seat, user_id: int) -> StaffLogin:
    """Return the staff login, if the actor may act on it.

    :raises Forbidden: outside the actor's scope, on oneself, and on a login that may do more than the actor.
    """
    staff = StaffLogin.objects.actable_by(actor).for_list().filter(pk=user_id).first()
    if staff is None:
        raise Forbidden
    if not staff.is_actable_by(actor):
        raise Forbidden(_("%(name)s may do more than you. Leave this to your reseller's own login.") % {"name": staff})
    return staff


def locked_staff(actor: Seat, user_id: int) -> User:
    """Return the staff login, locked, if the actor may act on it, as it is once nobody else changes it.

    :raises Forbidden:
    """
    actable_staff(actor, user_id)
    staff = User.objects.select_for_update(no_key=True).get(pk=user_id)
    actable_staff(actor, user_id)
    return staff


@transaction.atomic
def edit_staff(
    *,
    actor: Seat,
    user_id: int,
    full_name: str,
    permission_group: PermissionGroup | None,
    email: str = "",
    phone: str = "",
    now: datetime,
) -> User:
    """Change a staff login's name, contact and permission group; its rights follow at once.

    Email and phone are out of reach of a borrowed seat, and ignored from there.

    :raises Forbidden, StaffGroupOutOfReach, EmailTaken, UsernameIsEmail:
    """
    staff = locked_staff(actor, user_id)
    if permission_group is None or permission_group.pk != staff.permission_group_id:
        checked_group(actor, permission_group)
    new = {"full_name": full_name, "permission_group": permission_group}
    accounts.save_edited(actor=actor, user=staff, new=new, now=now)
    if not actor.is_borrowed:
        accounts.change_contact(actor=actor, user=staff, email=email, phone=phone, now=now)
    return staff


def set_password_of_staff(*, actor: Seat, user_id: int, password: str, own_password: str, now: datetime) -> User:
    """Give a staff login a password, which it has to change at its next sign-in; its sign-ins end.

    :raises Forbidden, WrongPassword, TooManyAttempts, WeakPassword:
    """
    if actor.is_borrowed:
        raise Forbidden
    actable_staff(actor, user_id)
    accounts.confirm_own_password(actor, own_password)
    with transaction.atomic():
        staff = locked_staff(actor, user_id)
        accounts.set_initial_password(actor=actor, user=staff, password=password, now=now)
    return staff


def reveal_initial_password_of_staff(*, actor: Seat, user_id: int, own_password: str, now: datetime) -> str:
    """Return the initial password of a staff login; see `accounts.operations.reveal_initial_password`.

    :raises Forbidden, NoInitialPassword, WrongPassword, TooManyAttempts:
    """
    staff = actable_staff(actor, user_id)
    return accounts.reveal_initial_password(actor=actor, user=staff, own_password=own_password, now=now)


@transaction.atomic
def remove_staff(*, actor: Seat, user_id: int, now: datetime) -> User:
    """Remove a staff login: its sign-ins end, its names stay reserved.

    :raises Forbidden:
    """
    staff = locked_staff(actor, user_id)
    accounts.remove_login(actor=actor, user=staff, now=now)
    return staff


@transaction.atomic
def restore_staff(*, actor: Seat, user_id: int, now: datetime) -> User:
    """Let a removed staff login sign in again.

    :raises Forbidden:
    """
    staff = locked_staff(actor, user_id)
    accounts.restore_login(actor=actor, user=staff, now=now)
    return staff
