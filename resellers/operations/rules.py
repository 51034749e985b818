"""What the acts on resellers have in common: who may act on which, what is locked, and what the tree allows."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from django.utils.translation import gettext as _

from accounts.models import PermissionGroup, rights_of_group, rights_of_reseller
from accounts.operations import held_groups
from accounts.seats import Seat
from ispanel.installation import currency
from ispanel.money import with_code
from ispanel.refusals import Forbidden, Refusal
from plans.models import Level
from resellers.models import Reseller, ResellerQuerySet


class MaxDepthReached(Forbidden):
    """A sub-reseller has no sub-resellers of its own."""

    def __init__(self) -> None:
        super().__init__(_("You are a sub-reseller and cannot create resellers of your own: max depth reached."))


class ParentIsSub(Refusal):
    """The chosen parent is a sub-reseller itself."""

    field = "parent"

    def __init__(self, parent: Reseller) -> None:
        super().__init__(
            _("%(name)s is a sub-reseller and cannot be a parent: max depth reached.") % {"name": parent.public_name}
        )


class HasSubResellers(Refusal):
    """A reseller with subs of its own cannot be put under a parent; deleted ones can come back, so they count too."""

    field = "parent"

    def __init__(self, *, deleted: bool = False) -> None:
        sentence = _("This reseller has sub-resellers, so it cannot be put under a parent.")
        if deleted:
            sentence = _("This reseller has deleted sub-resellers, so it cannot be put under a parent.")
        super().__init__(sentence)


class OwnParent(Refusal):
    """A reseller cannot be put under itself."""

    field = "parent"

    def __init__(self) -> None:
        super().__init__(_("A reseller cannot be its own parent."))


class ResellerDeleted(Refusal):
    """Nothing is done to a deleted reseller but restoring it, or deleting it for good."""

    def __init__(self, reseller: Reseller) -> None:
        self.reseller = reseller
        super().__init__(_("%(name)s is deleted. Restore it first.") % {"name": reseller.public_name})


class ParentDeleted(Refusal):
    """The chosen parent is deleted."""

    field = "parent"

    def __init__(self, parent: Reseller) -> None:
        super().__init__(_("%(name)s is deleted and cannot be a parent.") % {"name": parent.public_name})


class GroupOutOfReach(Refusal):
    """The permission group is missing, not for sub-resellers, or holds more than the parent has."""

    field = "permission_group"


class ChangedMeanwhile(Refusal):
    """Somebody else saved the reseller since the form was shown."""

    def __init__(self) -> None:
        super().__init__(_("Somebody changed this reseller meanwhile. Open the form again to see it as it is now."))


class CreditLimitTooHigh(Refusal):
    """The credit limit is above the highest of the reseller's level."""

    field = "credit_limit"

    def __init__(self, level: Level, highest: Decimal) -> None:
        super().__init__(
            _("%(level)s allows at most %(highest)s. Enter less, or choose a higher level.")
            % {"level": level, "highest": with_code(highest, currency())}
        )


def own_reseller_as_parent(actor: Seat) -> Reseller:
    """Return the reseller whose sub-resellers this seat creates.

    :raises MaxDepthReached: for a sub-reseller.
    """
    if actor.reseller is None:
        raise Forbidden
    if actor.reseller.is_sub:
        raise MaxDepthReached
    return actor.reseller


def check_parent(parent: Reseller | None) -> None:
    """:raises ParentIsSub, ParentDeleted: The first the database holds too, whoever writes at the same moment."""
    if parent is None:
        return
    if parent.is_sub:
        raise ParentIsSub(parent)
    if parent.is_deleted:
        raise ParentDeleted(parent)


def locked(*ids: int) -> list[Reseller]:
    """Return the resellers, locked in the order of their ids, so that none of them moves in the tree meanwhile."""
    rows = Reseller.objects.select_for_update(of=("self",), no_key=True).select_related("permission_group")
    return list(rows.filter(pk__in=ids).order_by("pk"))


def held_group(group: PermissionGroup | None, parent: Reseller | None, *subs: Reseller) -> PermissionGroup | None:
    """Return the group as it is now. Neither it nor those that it is compared with are edited before the act is done.

    :raises GroupOutOfReach: where it was deleted meanwhile.
    """
    around = [parent, *subs] if parent else subs
    held = held_groups([group.pk if group else None, *(each.permission_group_id for each in around)])
    if parent and parent.permission_group_id:
        parent.permission_group = held[parent.permission_group_id]
    if group is None:
        return None
    if group.pk not in held:
        raise GroupOutOfReach(_("Somebody deleted the group %(name)s meanwhile.") % {"name": group})
    return held[group.pk]


def check_group(actor: Seat, group: PermissionGroup | None, parent: Reseller | None) -> None:
    """Check that the group may be given: by a reseller only within what it may do itself, and never beyond the parent.

    :raises GroupOutOfReach:
    """
    if not actor.is_admin:
        if group is None:
            raise GroupOutOfReach(_("Choose a permission group."))
        if not PermissionGroup.objects.within(actor.rights).filter(pk=group.pk).exists():
            raise GroupOutOfReach(_("%(name)s allows more than you may do yourself.") % {"name": group})
    if parent and not rights_of_group(group) <= rights_of_reseller(parent):
        raise GroupOutOfReach(
            _("%(name)s allows more than %(parent)s may do.")
            % {"name": group or _("No group"), "parent": parent.public_name}
        )
    if parent and group and not group.available_to_subs:
        raise GroupOutOfReach(_("%(name)s is not available to sub-resellers.") % {"name": group})


def check_subs_keep_within(reseller: Reseller, group: PermissionGroup | None) -> None:
    """Check that no sub-reseller would be left with more than its parent.

    :raises GroupOutOfReach: naming the first that would.
    """
    for sub in reseller.subs.kept().select_related("permission_group").order_by("pk"):
        if not rights_of_group(sub.permission_group) <= rights_of_group(group):
            raise GroupOutOfReach(
                _("%(name)s would be left with more than its parent. Change its permission group first.")
                % {"name": sub.public_name}
            )


def check_credit_limit(level: Level | None, credit_limit: Decimal) -> None:
    """:raises CreditLimitTooHigh:"""
    if level is not None and level.highest_credit_limit is not None and not level.allows(credit_limit):
        raise CreditLimitTooHigh(level, level.highest_credit_limit)


def actable(actor: Seat, reseller_id: int) -> Reseller:
    """Return the reseller, if the actor may act on it and it is not deleted.

    :raises Forbidden, ResellerDeleted:
    """
    return one_of(Reseller.objects.actable_by(actor), reseller_id)


def one_of(rows: ResellerQuerySet, reseller_id: int) -> Reseller:
    """:raises Forbidden: where the reseller is not among the rows."""
    reseller = rows.select_related("wallet").filter(pk=reseller_id).first()
    if reseller is None:
        raise Forbidden
    check_kept(reseller)
    return reseller


def check_kept(reseller: Reseller) -> None:
    """:raises ResellerDeleted:"""
    if reseller.is_deleted:
        raise ResellerDeleted(reseller)


def check_new_parent(reseller: Reseller, parent: Reseller | None) -> None:
    """:raises ParentIsSub, ParentDeleted, OwnParent, HasSubResellers:"""
    check_parent(parent)
    if parent is None:
        return
    if parent.pk == reseller.pk:
        raise OwnParent
    if reseller.subs.exists():
        raise HasSubResellers(deleted=not reseller.subs.kept().exists())


def state_of(reseller: Reseller) -> str:
    """Return what tells this state of a reseller's details from any later one."""
    return reseller.updated_at.isoformat()


def in_words(rows: Iterable[object]) -> str:
    """Return the names of rows as the trail tells them."""
    return ", ".join(map(str, rows))
