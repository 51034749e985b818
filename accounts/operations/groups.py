"""What is done to permission groups, and how they are kept still while one is given to somebody.

Whoever edits or deletes a group locks all of them, so that two edits never cross. Whoever gives one holds it, and those
that it is compared with, until the end of the transaction: what was found to be within stays within.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import PermissionGroup, rights_of_group
from accounts.permissions import ALL_CODES, OWN_SCOPE_CODES, PERMISSIONS, with_implied
from accounts.seats import Seat
from audit import operations as audit
from audit.actions import Action
from audit.models import Grade
from ispanel.refusals import Refusal

if TYPE_CHECKING:
    from resellers.models import Reseller

Changes = dict[str, tuple[Any, Any]]

#: What the audit trail calls a field whose own name is no word of the panel.
SPOKEN = {"available_to_subs": "available_to_sub_resellers"}

#: How many names a refusal spells out.
NAMED = 5


class GroupNameTaken(Refusal):
    """Another group has this name, in whatever case."""

    field = "name"

    def __init__(self, name: str) -> None:
        super().__init__(_("There is a permission group named “%(name)s” already.") % {"name": name})


class UnknownPermission(Refusal):
    """A code that is not in the registry."""

    field = "codes"

    def __init__(self, codes: Iterable[str]) -> None:
        super().__init__(_("There is no permission %(codes)s.") % {"codes": ", ".join(sorted(codes))})


class ViewAllForSubs(Refusal):
    """A sub-reseller never sees more than its own."""

    field = "available_to_subs"

    def __init__(self, codes: Iterable[str]) -> None:
        super().__init__(
            _("A group that sees beyond its own scope (%(codes)s) can never be available to sub-resellers.")
            % {"codes": ", ".join(sorted(codes))}
        )


class SubsInGroup(Refusal):
    """The group cannot be taken from sub-resellers that are in it."""

    field = "available_to_subs"

    def __init__(self, names: list[str]) -> None:
        super().__init__(
            _("In this group are the sub-resellers %(names)s. Give them another one first.") % {"names": some_of(names)}
        )


class SubsBeyondParent(Refusal):
    """The edit would leave sub-resellers with more than their parents."""

    field = "codes"

    def __init__(self, subs: list[Reseller]) -> None:
        sentence = _("%(sub)s would be left with more than its parent %(parent)s.")
        named = [sentence % {"sub": sub.public_name, "parent": parent_of(sub).public_name} for sub in subs[:NAMED]]
        if len(subs) > NAMED:
            named.append(_("So would %(count)d more.") % {"count": len(subs) - NAMED})
        super().__init__(" ".join([*named, _("Change the permission groups of these sub-resellers first.")]))


class GroupInUse(Refusal):
    """A group that somebody is in, or that a level fills in, cannot be deleted."""

    def __init__(self, names: list[str], levels: list[str]) -> None:
        members = _("Still in this group: %(names)s. Give them another one first.") % {"names": some_of(names)}
        default_of = _("It is the default group of %(levels)s. Choose another one for each of these levels first.")
        sentences = [members if names else "", default_of % {"levels": ", ".join(levels)} if levels else ""]
        super().__init__(" ".join(filter(None, sentences)))


class GroupChangedMeanwhile(Refusal):
    """Somebody else saved or deleted the group since the form was shown."""

    def __init__(self) -> None:
        super().__init__(_("Somebody changed this group meanwhile. Open the form again to see it as it is now."))


class GroupDetails(TypedDict):
    """What a permission group is."""

    name: str
    sentence: str
    codes: Collection[str]
    available_to_subs: bool


@transaction.atomic
def create_group(*, actor: Seat, now: datetime, **details: Unpack[GroupDetails]) -> PermissionGroup:
    """Insert a permission group. Each view_all brings the view that it implies.

    :raises GroupNameTaken, UnknownPermission, ViewAllForSubs:
    """
    group = PermissionGroup(**checked(details))
    save_group(group)
    audit.record(
        actor=actor,
        action=Action.GROUP_CREATED,
        obj=group,
        changes={
            "sentence": (None, group.sentence),
            "available_to_sub_resellers": (None, group.available_to_subs),
            "permissions": (None, group.codes),
        },
        grade=Grade.SECURITY,
        now=now,
    )
    return group


@transaction.atomic
def edit_group(
    *, actor: Seat, group_id: int, seen: str = "", now: datetime, **details: Unpack[GroupDetails]
) -> PermissionGroup:
    """Change a permission group; it counts on the next request of everybody in it.

    :param seen: the `PermissionGroup.state` that the person was shown; any other one is refused.
    :raises GroupChangedMeanwhile, GroupNameTaken, UnknownPermission, ViewAllForSubs, SubsInGroup, SubsBeyondParent:
    """
    group = locked_group(group_id)
    if seen and seen != group.state:
        raise GroupChangedMeanwhile
    had, new = group.rights, dict[str, Any](**checked(details))
    if new["codes"] == in_order(had):
        del new["codes"]
    changes = audit.changed_fields(group, new)
    if "available_to_subs" in changes:
        check_subs_keep_group(group)
    if group.rights != had:
        check_subs_keep_within_parents(group)
    if changes:
        save_group(group, fields=list(changes))
        audit.record(
            actor=actor,
            action=Action.GROUP_EDITED,
            obj=group,
            changes=readable(changes, added=group.rights - had, removed=had - group.rights),
            grade=Grade.SECURITY,
            now=now,
        )
    return group


def readable(changes: Changes, *, added: frozenset[str], removed: frozenset[str]) -> Changes:
    """Return the changes with the permissions that came and went in place of two long lists."""
    told = {SPOKEN.get(name, name): pair for name, pair in changes.items() if name != "codes"}
    if added:
        told["permissions_added"] = (None, in_order(added))
    if removed:
        told["permissions_removed"] = (None, in_order(removed))
    return told


@transaction.atomic
def delete_group(*, actor: Seat, group_id: int, now: datetime) -> None:
    """Delete a permission group that nobody is in.

    :raises GroupChangedMeanwhile, GroupInUse:
    """
    group = locked_group(group_id)
    if refusal := why_group_stays(group):
        raise refusal
    # What is left of resellers that were deleted for good is history, which has no rights.
    group.resellers.update(permission_group=None)
    group.logins.update(permission_group=None)
    audit.record(
        actor=actor,
        action=Action.GROUP_DELETED,
        obj=group,
        changes={"permissions": (in_order(group.rights), None)},
        grade=Grade.SECURITY,
        now=now,
    )
    group.delete()


def checked(details: GroupDetails) -> GroupDetails:
    """Return the details as they are kept: known codes in the order of the registry, with what they imply.

    :raises UnknownPermission, ViewAllForSubs:
    """
    if unknown := set(details["codes"]) - ALL_CODES:
        raise UnknownPermission(unknown)
    codes = with_implied(details["codes"])
    if details["available_to_subs"] and (beyond := codes - OWN_SCOPE_CODES):
        raise ViewAllForSubs(beyond)
    return {**details, "codes": in_order(codes)}


def check_subs_keep_group(group: PermissionGroup) -> None:
    """:raises SubsInGroup: where the group is not available to the sub-resellers that are in it."""
    if group.available_to_subs:
        return
    subs = group.resellers.filter(deleted_at__isnull=True, parent__isnull=False).order_by("company_name")
    if names := [sub.public_name for sub in subs]:
        raise SubsInGroup(names)


def check_subs_keep_within_parents(group: PermissionGroup) -> None:
    """Check that no sub-reseller has more than its parent where one of them, or both, are in the group as it will be.

    Deleted ones are looked at when they are restored.

    :raises SubsBeyondParent: naming them.
    """
    subs = group.resellers.model.objects.filter(deleted_at__isnull=True, parent__isnull=False)
    concerned = subs.filter(Q(permission_group=group) | Q(parent__permission_group=group))
    rows = concerned.select_related("permission_group", "parent__permission_group").order_by("company_name", "pk")

    def rights_of(reseller: Reseller) -> frozenset[str]:
        return group.rights if reseller.permission_group_id == group.pk else rights_of_group(reseller.permission_group)

    if beyond := [sub for sub in rows if not rights_of(sub) <= rights_of(parent_of(sub))]:
        raise SubsBeyondParent(beyond)


def parent_of(sub: Reseller) -> Reseller:
    assert sub.parent is not None
    return sub.parent


def why_group_stays(group: PermissionGroup) -> GroupInUse | None:
    """Return the refusal to delete the group that names what would miss it: levels, resellers, staff, support logins.

    Those that are deleted or removed, and may be restored, are in it still; what was deleted for good is not.
    """
    resellers = group.resellers.filter(purged_at__isnull=True).order_by("company_name")
    logins = group.logins.filter(reseller__purged_at__isnull=True).order_by("username")
    deleted, removed = _("%(name)s (deleted)"), _("%(name)s (removed)")
    names = [
        *((deleted if each.deleted_at else "%(name)s") % {"name": each.public_name} for each in resellers),
        *(("%(name)s" if each.is_active else removed) % {"name": each.username} for each in logins),
    ]
    levels = list(map(str, group.levels.order_by("rank")))
    return GroupInUse(names, levels) if names or levels else None


def some_of(names: list[str]) -> str:
    """Return the first names, and how many more there are."""
    more = len(names) - NAMED
    return ", ".join([*names[:NAMED], *([and_more(more)] if more > 0 else [])])


def and_more(count: int) -> str:
    return ngettext("and %(count)d more", "and %(count)d more", count) % {"count": count}


def in_order(codes: Collection[str]) -> list[str]:
    """Return the codes in the order of the registry."""
    return [code for code in PERMISSIONS if code in codes]


def save_group(group: PermissionGroup, *, fields: list[str] | None = None) -> None:
    """:raises GroupNameTaken:"""
    try:
        with transaction.atomic():
            group.save(update_fields=fields)
    except IntegrityError as problem:
        if PermissionGroup.objects.filter(name__iexact=group.name).exclude(pk=group.pk).exists():
            raise GroupNameTaken(group.name) from problem
        raise


def locked_group(group_id: int) -> PermissionGroup:
    """Return the group, with all of them locked: what one may hold depends on the others.

    :raises GroupChangedMeanwhile: where it is gone.
    """
    groups = {group.pk: group for group in PermissionGroup.objects.select_for_update(no_key=True).order_by("pk")}
    if group_id not in groups:
        raise GroupChangedMeanwhile
    return groups[group_id]


def held_groups(ids: Iterable[int | None]) -> dict[int, PermissionGroup]:
    """Return the groups as they are now; nobody edits or deletes them before this transaction ends.

    Those who give groups do not wait for each other. Call it once in a transaction, with all the groups it is about.
    """
    wanted = sorted({pk for pk in ids if pk is not None})
    rows = PermissionGroup.objects.raw(
        "SELECT * FROM permission_groups WHERE id = ANY(%s) ORDER BY id FOR SHARE", [wanted]
    )
    return {group.pk: group for group in rows}
