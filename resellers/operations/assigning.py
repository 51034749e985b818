"""Giving a reseller one service group more, and taking one away."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.seats import Seat
from ispanel.refusals import Refusal
from plans.models import ServiceGroup
from resellers.models import Reseller
from resellers.operations.scope import change_scope, locked_family


class AlreadyAssigned(Refusal):
    """The reseller has the service group."""

    def __init__(self, reseller: Reseller, group: ServiceGroup) -> None:
        super().__init__(_("%(name)s has %(group)s already.") % {"name": reseller.public_name, "group": group})


class NotAssigned(Refusal):
    """The reseller does not have the service group."""

    def __init__(self, reseller: Reseller, group: ServiceGroup) -> None:
        super().__init__(_("%(name)s does not have %(group)s.") % {"name": reseller.public_name, "group": group})


@transaction.atomic
def assign_service_group(*, actor: Seat, reseller_id: int, group: ServiceGroup, now: datetime) -> Reseller:
    """Let a reseller sell the plans of a service group besides those that it sells.

    :raises Forbidden, ResellerDeleted, AlreadyAssigned, GroupsBeyondParent, GroupDeletedMeanwhile:
    """
    reseller, groups = held_with_groups(actor, reseller_id)
    if group in groups:
        raise AlreadyAssigned(reseller, group)
    return with_groups(actor, reseller, [*groups, group], now)


@transaction.atomic
def unassign_service_group(*, actor: Seat, reseller_id: int, group: ServiceGroup, now: datetime) -> Reseller:
    """Take a service group from a reseller and its subs; the lines on its plans run to their expiry, and no further.

    :raises Forbidden, ResellerDeleted, NotAssigned:
    """
    reseller, groups = held_with_groups(actor, reseller_id)
    if group not in groups:
        raise NotAssigned(reseller, group)
    return with_groups(actor, reseller, [each for each in groups if each != group], now)


def held_with_groups(actor: Seat, reseller_id: int) -> tuple[Reseller, list[ServiceGroup]]:
    """Return the reseller, locked as any change of scope locks it, and the service groups that it has until then.

    :raises Forbidden, ResellerDeleted:
    """
    reseller, _parent, _subs = locked_family(actor, reseller_id)
    return reseller, list(reseller.service_groups.order_by("pk"))


def with_groups(actor: Seat, reseller: Reseller, groups: list[ServiceGroup], now: datetime) -> Reseller:
    """Give the locked reseller these service groups; its NAS devices stay."""
    return change_scope(
        actor=actor,
        reseller_id=reseller.pk,
        service_groups=groups,
        nas_is_limited=reseller.nas_is_limited,
        nas_devices=reseller.nas_devices.all(),
        now=now,
    )
