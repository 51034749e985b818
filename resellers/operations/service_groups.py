"""What is done to service groups.

Taking a plan out of one takes it from every reseller that has it by that group alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.seats import Seat
from audit import operations as audit
from audit.actions import Action
from ispanel.refusals import Forbidden, Refusal
from plans.models import Plan, ServiceGroup
from resellers.models import Reseller
from resellers.operations.reach import (
    Changes,
    Taking,
    beyond_scope,
    held_service_groups,
    settle,
)
from resellers.operations.rules import in_words, locked
from resellers.operations.scope import tell

#: How many resellers a refusal names.
NAMED = 5


class ServiceGroupNameTaken(Refusal):
    """Another service group has this name."""

    field = "name"

    def __init__(self, name: str) -> None:
        super().__init__(_("There is a service group named “%(name)s” already.") % {"name": name})


class ServiceGroupChangedMeanwhile(Refusal):
    """Somebody else saved or deleted the service group, or gave it to a reseller, since the form was shown."""

    def __init__(self) -> None:
        super().__init__(_("Somebody changed this meanwhile. Open the form again to see it as it is now."))


class HoldsEveryPlan(Refusal):
    """The service group that keeps every plan stays."""

    def __init__(self, group: ServiceGroup) -> None:
        super().__init__(_("%(name)s keeps every plan, and stays.") % {"name": group})


class ServiceGroupInUse(Refusal):
    """A service group that resellers have cannot be deleted."""

    def __init__(self, names: list[str]) -> None:
        named, more = ", ".join(names[:NAMED]), len(names) - NAMED
        if more > 0:
            named += " " + ngettext("and %(count)d more", "and %(count)d more", more) % {"count": more}
        super().__init__(_("It belongs to %(names)s. Take it from them first.") % {"names": named})


@transaction.atomic
def create_service_group(
    *, actor: Seat, name: str, sentence: str = "", is_default: bool = False, plans: Iterable[Plan] = (), now: datetime
) -> ServiceGroup:
    """Insert a service group.

    :raises ServiceGroupNameTaken:
    """
    check_admin(actor)
    plans = sorted(plans, key=str)
    group = ServiceGroup(name=name, sentence=sentence, is_default=is_default)
    save_group(group)
    group.plans.set(plans)
    changes = {
        "sentence": (None, sentence or None),
        "is_default": (None, is_default),
        "plans": (None, in_words(plans) or None),
    }
    audit.record(actor=actor, action=Action.SERVICE_GROUP_CREATED, obj=group, changes=changes, now=now)
    return group


@transaction.atomic
def edit_service_group(
    *,
    actor: Seat,
    group_id: int,
    name: str,
    sentence: str,
    is_default: bool,
    plans: Iterable[Plan],
    seen: str = "",
    shown: str | None = None,
    may_keep_renewing: bool = False,
    now: datetime,
) -> ServiceGroup:
    """Change a service group; the one that keeps every plan keeps them, whatever plans are passed.

    :param seen: the `ServiceGroup.state` that the person was shown; any other one is refused.
    :param shown: see `resellers.operations.reach.settle`.
    :raises ServiceGroupNameTaken, ServiceGroupChangedMeanwhile, TakesAway:
    """
    check_admin(actor)
    resellers = locked_resellers_of([group_id])
    [group] = locked_groups([group_id], resellers)
    if seen and seen != group.state:
        raise ServiceGroupChangedMeanwhile
    changes = audit.changed_fields(group, {"name": name, "sentence": sentence, "is_default": is_default})
    if changes:
        save_group(group, fields=list(changes))
    taking = Taking()
    if not group.holds_every_plan:
        before, had = beyond_scope(resellers.keys()), plans_in_words(group)
        group.plans.set(plans)
        taking = settle(actor, resellers.keys(), before=before, shown=shown, may_keep_renewing=may_keep_renewing)
        changes |= {"plans": (had, plans_in_words(group))} if had != plans_in_words(group) else {}
        changes |= touched(taking)
    if changes:
        audit.record(actor=actor, action=Action.SERVICE_GROUP_EDITED, obj=group, changes=changes, now=now)
    tell_resellers(
        actor, resellers, taking, _("Plans were taken out of the service group %(name)s.") % {"name": group}, now
    )
    return group


@transaction.atomic
def delete_service_group(*, actor: Seat, group_id: int, now: datetime) -> None:
    """Delete a service group that no reseller has.

    :raises ServiceGroupChangedMeanwhile, HoldsEveryPlan, ServiceGroupInUse:
    """
    check_admin(actor)
    group = ServiceGroup.objects.select_for_update().filter(pk=group_id).first()
    if group is None:
        raise ServiceGroupChangedMeanwhile
    if refusal := why_service_group_stays(group):
        raise refusal
    changes = {"plans": (plans_in_words(group), None)}
    audit.record(actor=actor, action=Action.SERVICE_GROUP_DELETED, obj=group, changes=changes, now=now)
    group.delete()


def why_service_group_stays(group: ServiceGroup) -> Refusal | None:
    """Return the refusal to delete the group, or None.

    Resellers that are deleted, and may be restored, have it still; what was deleted for good does not.
    """
    if group.holds_every_plan:
        return HoldsEveryPlan(group)
    rows = Reseller.objects.filter(service_groups=group, purged_at__isnull=True).order_by("company_name", "pk")
    deleted = _("%(name)s (deleted)")
    names = [(deleted if each.is_deleted else "%(name)s") % {"name": each.public_name} for each in rows]
    return ServiceGroupInUse(names) if names else None


@transaction.atomic
def set_groups_of_plan(
    *,
    actor: Seat,
    plan_id: int,
    service_groups: Iterable[ServiceGroup],
    seen: str = "",
    shown: str | None = None,
    may_keep_renewing: bool = False,
    now: datetime,
) -> Plan:
    """Say which service groups hold a plan, besides those that keep every plan.

    :param seen: the `Plan.state_of_groups` that the person was shown; any other one is refused.
    :param shown: see `resellers.operations.reach.settle`.
    :raises GroupDeletedMeanwhile, ServiceGroupChangedMeanwhile, TakesAway:
    """
    check_admin(actor)
    wanted = {group.pk: group for group in service_groups}
    there = set(ServiceGroup.objects.filter(plans=plan_id, holds_every_plan=False).values_list("pk", flat=True))
    resellers = locked_resellers_of(there - wanted.keys())
    locked_groups(there - wanted.keys(), resellers)
    held = held_service_groups(wanted.values())
    plan = Plan.objects.select_for_update(no_key=True).get(pk=plan_id)
    if seen and seen != plan.state_of_groups:
        raise ServiceGroupChangedMeanwhile
    before, had = beyond_scope(resellers.keys()), groups_in_words(plan)
    plan.service_groups.set(held)
    taking = settle(actor, resellers.keys(), before=before, shown=shown, may_keep_renewing=may_keep_renewing)
    changes: Changes = {"service_groups": (had, groups_in_words(plan))} if had != groups_in_words(plan) else {}
    if changes:
        changes |= touched(taking)
        audit.record(actor=actor, action=Action.PLAN_EDITED, obj=plan, changes=changes, now=now)
    tell_resellers(
        actor, resellers, taking, _("The plan %(name)s was taken out of service groups.") % {"name": plan}, now
    )
    return plan


def check_admin(actor: Seat) -> None:
    """:raises Forbidden: Service groups are the admin's."""
    if not actor.is_admin:
        raise Forbidden


def locked_resellers_of(group_ids: Collection[int]) -> dict[int, Reseller]:
    """Return the resellers that have one of the groups, the deleted ones included, locked."""
    ids = Reseller.objects.filter(service_groups__in=group_ids).values_list("pk", flat=True).distinct()
    return {row.pk: row for row in locked(*ids)}


def locked_groups(group_ids: Collection[int], resellers: Collection[int]) -> list[ServiceGroup]:
    """Return the groups, locked after the resellers that have them.

    :raises ServiceGroupChangedMeanwhile: where one is gone, or was given to somebody else in between.
    """
    rows = ServiceGroup.objects.select_for_update(no_key=True).filter(pk__in=group_ids).order_by("pk")
    groups = list(rows)
    now_held = Reseller.objects.filter(service_groups__in=group_ids).exclude(pk__in=resellers)
    if len(groups) != len(group_ids) or now_held.exists():
        raise ServiceGroupChangedMeanwhile
    return groups


def save_group(group: ServiceGroup, *, fields: list[str] | None = None) -> None:
    """:raises ServiceGroupNameTaken:"""
    try:
        with transaction.atomic():
            group.save(update_fields=fields)
    except IntegrityError as problem:
        if ServiceGroup.objects.filter(name=group.name).exclude(pk=group.pk).exists():
            raise ServiceGroupNameTaken(group.name) from problem
        raise


def plans_in_words(group: ServiceGroup) -> str | None:
    """Return the plans of a service group as the trail tells them."""
    return _("every plan") if group.holds_every_plan else in_words(group.plans.order_by("name")) or None


def groups_in_words(plan: Plan) -> str | None:
    """Return the service groups that hold a plan by name, as the trail tells them."""
    return in_words(plan.service_groups.order_by("name")) or None


def touched(taking: Taking) -> Changes:
    """Return how many subscribers were touched, as the trail tells it."""
    return {"subscribers_touched": (None, taking.lines)} if taking.lines else {}


def tell_resellers(actor: Seat, resellers: dict[int, Reseller], taking: Taking, detail: str, now: datetime) -> None:
    """Append to the trail of each reseller how many of its subscribers were touched."""
    for reseller_id, lines in sorted(taking.lines_by_reseller.items()):
        tell(actor, resellers[reseller_id], {"subscribers_touched": (None, lines)}, now, detail=detail)
