"""What is done to levels."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TypedDict, Unpack

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import PermissionGroup
from accounts.operations import held_groups
from accounts.seats import Seat
from audit import operations as audit
from audit.actions import Action
from ispanel.installation import currency
from ispanel.money import with_code
from ispanel.refusals import Forbidden, Refusal
from plans.models import Level


class DefaultAboveHighest(Refusal):
    """A new reseller of the level would start above what the level allows."""

    field = "default_credit_limit"

    def __init__(self, highest: Decimal) -> None:
        super().__init__(
            _("The default is above the highest credit limit, %(highest)s. Enter that much or less.")
            % {"highest": with_code(highest, currency())}
        )


class LevelChangedMeanwhile(Refusal):
    """Somebody else saved the level since the form was shown, or deleted the group that it would give."""

    def __init__(self) -> None:
        super().__init__(_("Somebody changed this level meanwhile. Open the form again to see it as it is now."))


class LevelDetails(TypedDict):
    """What a level gives: limits in the installation's currency (a highest of None is as high as an admin sets it)."""

    default_permission_group: PermissionGroup | None
    default_credit_limit: Decimal
    highest_credit_limit: Decimal | None
    discount: Decimal
    has_priority_support: bool


@transaction.atomic
def edit_level(*, actor: Seat, level_id: int, seen: str = "", now: datetime, **details: Unpack[LevelDetails]) -> Level:
    """Change a level: the discount counts from the next charge on, the rest for whoever is given the level from now on.

    A lowered highest credit limit touches nobody who is above it already; see `Level.resellers_above`.

    :param seen: the `Level.state` that the person was shown; any other one is refused.
    :raises Forbidden, DefaultAboveHighest, LevelChangedMeanwhile:
    """
    if not actor.is_admin:
        raise Forbidden
    level = Level.objects.select_for_update(no_key=True).get(pk=level_id)
    if seen and seen != level.state:
        raise LevelChangedMeanwhile
    highest = details["highest_credit_limit"]
    if highest is not None and details["default_credit_limit"] > highest:
        raise DefaultAboveHighest(highest)
    group = details["default_permission_group"]
    if group and group.pk not in held_groups([group.pk]):
        raise LevelChangedMeanwhile
    changes = audit.changed_fields(level, details)
    if changes:
        level.save(update_fields=list(changes))
        audit.record(actor=actor, action=Action.LEVEL_EDITED, obj=level, changes=changes, now=now)
    return level
