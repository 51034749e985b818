"""What a login may do, and why. It is decided here and nowhere else: a login may do what all of its bounds leave.

A reseller's own login is bound by the group of its reseller, or by its own scope where there is none; staff by their
own group and their reseller's besides; and whatever belongs to a sub-reseller by the group of the parent too. A seat
that is borrowed has what both of its logins have: `accounts.seats`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.permissions import ALL_CODES, DESK_CODES, OWN_SCOPE_CODES, PERMISSIONS, Permission

if TYPE_CHECKING:
    from accounts.models.groups import PermissionGroup
    from accounts.models.logins import User
    from resellers.models import Reseller


BY_ADMIN = _("Admins may do everything.")
WITHOUT_PANEL = _("Support staff have no panel of their own.")
NOT_AT_DESK = _("Not a matter of the support desk.")
SUPPORT_WITHOUT_GROUP = _("Support staff without a permission group may do nothing.")
IN_OWN_SCOPE, BEYOND_OWN_SCOPE = _("No group, so everything in its own scope."), _("Beyond its own scope.")
BY_GROUP, NOT_BY_GROUP = _("%(name)s allows it."), _("The group %(name)s does not allow it.")
NOT_BY_EMPLOYER = _("%(name)s, whose staff this is, may not.")
NOT_BY_PARENT = _("Its parent %(name)s may not.")
STAFF_WITHOUT_GROUP = _("Staff without a permission group may do nothing.")


@dataclass(frozen=True, slots=True)
class Bound:
    """What a login cannot go beyond, and what to say of a permission inside and outside of it."""

    codes: frozenset[str]
    allows: str | Promise
    refuses: str | Promise
    #: Whose bound it is: ``%(name)s`` in the sentences.
    name: str = ""

    def reason(self, code: str) -> str:
        return str(self.allows if code in self.codes else self.refuses) % {"name": self.name}


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a login may do one thing, and why, in words."""

    permission: Permission
    allowed: bool
    reason: str


def bounds_of(login: User) -> list[Bound]:
    """Return all that bounds the login's rights, what decides first at the start."""
    if login.is_admin:
        return [Bound(ALL_CODES, BY_ADMIN, "")]
    reseller = login.reseller
    if reseller is None:
        return [Bound(frozenset(), "", WITHOUT_PANEL)]
    if login.is_own_login_of_reseller:
        return bounds_of_reseller(reseller)
    of_reseller = Bound(rights_of_group(reseller.permission_group), "", NOT_BY_EMPLOYER, reseller.public_name)
    return [bound_of_staff(login.permission_group), of_reseller, *bounds_by_parent(reseller)]


def bounds_at_desk(login: User) -> list[Bound]:
    """Return what bounds the login at the support desk: the desk itself, and the group of support staff."""
    desk = Bound(DESK_CODES, BY_ADMIN, NOT_AT_DESK)
    if login.is_admin:
        return [desk]
    if not login.works_at_desk:
        return [Bound(frozenset(), "", NOT_AT_DESK)]
    group = login.permission_group
    return [bound_of_group(group) if group else Bound(frozenset(), "", SUPPORT_WITHOUT_GROUP), desk]


def bounds_of_reseller(reseller: Reseller) -> list[Bound]:
    """Return what bounds a reseller: its group, or its own scope without one, and its parent's group."""
    group = reseller.permission_group
    own = bound_of_group(group) if group else Bound(OWN_SCOPE_CODES, IN_OWN_SCOPE, BEYOND_OWN_SCOPE)
    return [own, *bounds_by_parent(reseller)]


def bounds_by_parent(reseller: Reseller) -> list[Bound]:
    """Return what a sub-reseller's parent may do: no edit leaves a sub with more, and none that did would count."""
    parent = reseller.parent
    if parent is None:
        return []
    return [Bound(rights_of_group(parent.permission_group), "", NOT_BY_PARENT, parent.public_name)]


def bound_of_group(group: PermissionGroup) -> Bound:
    return Bound(group.rights, BY_GROUP, NOT_BY_GROUP, group.name)


def bound_of_staff(group: PermissionGroup | None) -> Bound:
    """Return what a staff login's group bounds it to: without one it may do nothing."""
    return bound_of_group(group) if group else Bound(frozenset(), "", STAFF_WITHOUT_GROUP)


def within(bounds: list[Bound]) -> frozenset[str]:
    """Return the codes that all the bounds leave."""
    return frozenset.intersection(*(bound.codes for bound in bounds))


def decide(bounds: list[Bound], code: str) -> Decision:
    """Decide about one code: the first bound that leaves it out says why not, else the first of all says why."""
    refusing = next((bound for bound in bounds if code not in bound.codes), None)
    return Decision(PERMISSIONS[code], refusing is None, (refusing or bounds[0]).reason(code))


def rights_of_reseller(reseller: Reseller) -> frozenset[str]:
    """Return the rights of a reseller's own login."""
    return within(bounds_of_reseller(reseller))


def rights_of_group(group: PermissionGroup | None) -> frozenset[str]:
    """Return what a top-level reseller with this group may do; without one, everything in its own scope."""
    return group.rights if group else OWN_SCOPE_CODES
