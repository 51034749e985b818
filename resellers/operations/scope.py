"""Giving resellers service groups and NAS devices, and taking them away."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from accounts.seats import Seat
from audit import operations as audit
from audit.actions import Action
from network.models import Nas
from plans.models import ServiceGroup
from resellers.models import Reseller
from resellers.operations.reach import (
    Changes,
    beyond_scope,
    changes_of_scope,
    check_devices_within,
    check_groups_within,
    cut_to,
    held_service_groups,
    ids_of,
    scope_in_words,
    settle,
)
from resellers.operations.rules import ChangedMeanwhile, actable, check_kept, locked, state_of


@transaction.atomic
def change_scope(
    *,
    actor: Seat,
    reseller_id: int,
    service_groups: Iterable[ServiceGroup],
    nas_is_limited: bool,
    nas_devices: Iterable[Nas] = (),
    seen: str = "",
    shown: str | None = None,
    may_keep_renewing: bool = False,
    now: datetime,
) -> Reseller:
    """Say what a reseller may sell and which NAS devices it may use. What it loses, its sub-resellers lose too.

    :param nas_devices: what it may use of what its parent may, if it ``nas_is_limited``.
    :param seen: the `state_of` the reseller that the person was shown; any other one is refused.
    :param shown: see `resellers.operations.reach.settle`.
    :raises Forbidden, ResellerDeleted, GroupsBeyondParent, GroupDeletedMeanwhile, DevicesBeyondParent, TakesAway,
        ChangedMeanwhile:
    """
    reseller, parent, subs = locked_family(actor, reseller_id)
    if seen and seen != state_of(reseller):
        raise ChangedMeanwhile
    groups = held_service_groups(service_groups)
    check_groups_within(groups, parent)
    devices = list(nas_devices) if nas_is_limited else []
    check_devices_within(devices, parent)

    concerned = [reseller, *subs]
    ids = ids_of(concerned)
    before, had = beyond_scope(ids), {each.pk: scope_in_words(each) for each in concerned}
    kept = ids_of(devices) if nas_is_limited else None
    # What a sub has goes first: the database keeps it within what its parent has.
    cuts = [cut for sub in subs if (cut := cut_to(sub, groups=ids_of(groups), devices=kept))]
    reseller.service_groups.set(groups)
    reseller.nas_devices.set(devices)
    reseller.nas_is_limited = nas_is_limited
    reseller.save(update_fields=["nas_is_limited"])
    taking = settle(actor, ids, before=before, cuts=cuts, shown=shown, may_keep_renewing=may_keep_renewing)
    for each in concerned:
        lines = taking.lines if each == reseller else taking.lines_by_reseller.get(each.pk, 0)
        tell(actor, each, changes_of_scope(had[each.pk], scope_in_words(each), lines), now)
    return reseller


def locked_family(actor: Seat, reseller_id: int) -> tuple[Reseller, Reseller | None, list[Reseller]]:
    """Return the reseller, its parent and its subs, the deleted ones included, locked together.

    :raises Forbidden: where the actor may not act on the reseller.
    :raises ResellerDeleted:
    """
    parent_id = actable(actor, reseller_id).parent_id
    subs = Reseller.objects.filter(parent=reseller_id).values_list("pk", flat=True)
    rows = {row.pk: row for row in locked(reseller_id, *filter(None, [parent_id]), *subs)}
    reseller = rows.pop(reseller_id)
    check_kept(reseller)
    parent = rows.pop(reseller.parent_id, None) if reseller.parent_id else None
    return reseller, parent, [row for row in rows.values() if row.parent_id == reseller_id]


def tell(actor: Seat, reseller: Reseller, changes: Changes, now: datetime, *, detail: str = "") -> None:
    """Append what changed of a reseller's scope to its trail, where something did."""
    if not changes:
        return
    reseller.updated_at = now
    reseller.save(update_fields=["updated_at"])
    audit.record(
        actor=actor,
        action=Action.RESELLER_SCOPE_CHANGED,
        obj=reseller,
        reseller_id=reseller.pk,
        changes=changes,
        detail=detail,
        now=now,
    )
