"""What is done to plans."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TypedDict, Unpack

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts.seats import Seat
from audit import operations as audit
from audit.actions import Action
from ispanel.refusals import Refusal
from plans.models import Plan


class PlanNameTaken(Refusal):
    """Another plan has this name."""

    field = "name"

    def __init__(self, name: str) -> None:
        super().__init__(_("There is a plan named “%(name)s” already.") % {"name": name})


class PlanDetails(TypedDict):
    """What a plan is: price in the installation's currency, speeds in kbit/s, quota in MB (None is unlimited)."""

    name: str
    price: Decimal
    duration: int
    duration_unit: str
    download_kbps: int
    upload_kbps: int
    quota_mb: int | None
    is_on_sale: bool


@transaction.atomic
def create_plan(*, actor: Seat, now: datetime, **details: Unpack[PlanDetails]) -> Plan:
    """Insert a plan.

    :raises PlanNameTaken:
    """
    plan = Plan(**details)
    save_plan(plan)
    changes = {name: (None, value) for name, value in details.items()}
    audit.record(actor=actor, action=Action.PLAN_CREATED, obj=plan, changes=changes, now=now)
    return plan


@transaction.atomic
def edit_plan(*, actor: Seat, plan_id: int, now: datetime, **details: Unpack[PlanDetails]) -> Plan:
    """Change a plan. Periods that are paid keep their price and length.

    :raises PlanNameTaken:
    """
    plan = Plan.objects.select_for_update(no_key=True).get(pk=plan_id)
    changes = audit.changed_fields(plan, details)
    if changes:
        save_plan(plan, fields=list(changes))
        audit.record(actor=actor, action=Action.PLAN_EDITED, obj=plan, changes=changes, now=now)
    return plan


def save_plan(plan: Plan, *, fields: list[str] | None = None) -> None:
    """:raises PlanNameTaken:"""
    try:
        with transaction.atomic():
            plan.save(update_fields=fields)
    except IntegrityError as problem:
        if Plan.objects.filter(name=plan.name).exclude(pk=plan.pk).exists():
            raise PlanNameTaken(plan.name) from problem
        raise
