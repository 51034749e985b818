"""Giving a reseller another level."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.db import transaction

from accounts.models import PermissionGroup
from accounts.seats import Seat
from audit import operations as audit
from audit.actions import Action
from ispanel.refusals import Forbidden
from plans.models import Level, digest_of
from resellers.models import Reseller
from resellers.operations.reach import Changes
from resellers.operations.rules import (
    ChangedMeanwhile,
    actable,
    check_group,
    check_kept,
    check_subs_keep_within,
    held_group,
    locked,
)
from wallet.models import LedgerAccount


@transaction.atomic
def change_level(
    *,
    actor: Seat,
    reseller_id: int,
    level: Level | None,
    takes_group: bool = False,
    seen: str = "",
    now: datetime,
) -> Reseller:
    """Give a reseller another level, or none: its discount counts from the next charge on, and a credit limit above the
    level's highest is clipped to it.

    :param takes_group: give it the level's default permission group too, which otherwise stays.
    :param seen: the `terms_seen` that the person was shown; any other ones are refused.
    :raises Forbidden: for anybody but an admin.
    :raises ResellerDeleted, ChangedMeanwhile, GroupOutOfReach:
    """
    if not actor.is_admin:
        raise Forbidden
    parent_id = actable(actor, reseller_id).parent_id
    rows = {row.pk: row for row in locked(reseller_id, *filter(None, [parent_id]))}
    reseller = rows[reseller_id]
    check_kept(reseller)
    wallet = LedgerAccount.objects.select_for_update(no_key=True).get(pk=reseller.wallet_id)
    level = Level.objects.select_related("default_permission_group").get(pk=level.pk) if level else None
    if seen and seen != terms_seen(reseller, wallet):
        raise ChangedMeanwhile
    old = reseller.level
    changes: Changes = audit.changed_fields(reseller, {"level": level})
    if changes:
        changes["discount"] = (old.discount if old else 0, level.discount if level else 0)
    if level and takes_group:
        parent = rows[parent_id] if parent_id else None
        changes |= take_group(actor, reseller, level.default_permission_group, parent)
    limit = wallet.credit_limit or Decimal(0)
    if level and level != old and not level.allows(limit):
        changes |= audit.changed_fields(wallet, {"credit_limit": level.clipped(limit)})
        wallet.save(update_fields=["credit_limit"])
    if changes:
        reseller.updated_at = now
        reseller.save(update_fields=["level", "permission_group", "updated_at"])
        audit.record(
            actor=actor,
            action=Action.RESELLER_LEVEL_CHANGED,
            obj=reseller,
            reseller_id=reseller.pk,
            changes=changes,
            now=now,
        )
    return reseller


def take_group(actor: Seat, reseller: Reseller, group: PermissionGroup | None, parent: Reseller | None) -> Changes:
    """Set the reseller's permission group, where it may have it, and return what changed.

    :raises GroupOutOfReach:
    """
    group = held_group(group, parent, *reseller.subs.all())
    check_group(actor, group, parent)
    check_subs_keep_within(reseller, group)
    return audit.changed_fields(reseller, {"permission_group": group})


def terms_seen(reseller: Reseller, wallet: LedgerAccount) -> str:
    """Return what tells what changes of level would do now from what they would do at any other moment."""
    levels = [[level.pk, level.state] for level in Level.objects.order_by("rank")]
    limit = wallet.credit_limit or Decimal(0)
    return digest_of(reseller.level_id, f"{limit.normalize():f}", levels)
