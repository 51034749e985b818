"""What is done to plans."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NotRequired, TypedDict, Unpack

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts.seats import Seat
from audit import operations as audit
from audit.actions import Action
from ispanel.installation import currency
from ispanel.money import format_amount
from ispanel.refusals import Forbidden, Refusal
from plans.models import DataPack, Plan, ServiceGroup, in_gb


class PlanNameTaken(Refusal):
    """Another plan has this name."""

    field = "name"

    def __init__(self, name: str) -> None:
        super().__init__(_("There is a plan named “%(name)s” already.") % {"name": name})


class PlanDetails(TypedDict):
    """What a plan is: price in the installation's currency, speeds in kbit/s, quota in MB (None is unlimited).

    Fair use is the megabytes after which the throttled speeds hold: all three, or none.
    """

    name: str
    price: Decimal
    duration: int
    duration_unit: str
    download_kbps: int
    upload_kbps: int
    quota_mb: int | None
    fup_threshold_mb: NotRequired[int | None]
    throttled_download_kbps: NotRequired[int | None]
    throttled_upload_kbps: NotRequired[int | None]
    is_on_sale: bool


#: The price of a data pack by its megabytes.
Packs = Mapping[int, Decimal]


@transaction.atomic
def create_plan(
    *,
    actor: Seat,
    data_packs: Packs | None = None,
    service_groups: Sequence[ServiceGroup] = (),
    now: datetime,
    **details: Unpack[PlanDetails],
) -> Plan:
    """Insert a plan with its data packs, and put it into service groups besides those that hold every plan.

    :raises Forbidden, PlanNameTaken:
    """
    if not actor.is_admin:
        raise Forbidden
    plan = Plan(**details)
    save_plan(plan)
    plan.service_groups.set(service_groups)
    changes = {
        **{name: (None, value) for name, value in details.items()},
        **set_packs(plan, data_packs or {}),
        "service_groups": (None, ", ".join(map(str, service_groups)) or None),
    }
    audit.record(actor=actor, action=Action.PLAN_CREATED, obj=plan, changes=changes, now=now)
    return plan


@transaction.atomic
def edit_plan(
    *, actor: Seat, plan_id: int, data_packs: Packs | None = None, now: datetime, **details: Unpack[PlanDetails]
) -> Plan:
    """Change a plan. Periods that are paid keep their price and length.

    :param data_packs: all that are sold from now on; None leaves them as they are.
    :raises Forbidden, PlanNameTaken:
    """
    if not actor.is_admin:
        raise Forbidden
    plan = Plan.objects.select_for_update(no_key=True).get(pk=plan_id)
    changes = audit.changed_fields(plan, details)
    if changes:
        save_plan(plan, fields=list(changes))
    if data_packs is not None:
        changes |= set_packs(plan, data_packs)
    if changes:
        audit.record(actor=actor, action=Action.PLAN_EDITED, obj=plan, changes=changes, now=now)
    return plan


def set_packs(plan: Plan, wanted: Packs) -> dict[str, tuple[str | None, str | None]]:
    """Sell these data packs and no others, and return what changed; the plan is locked, or new.

    One that is taken out is switched off and stays, since it may have been sold; it comes back with its size.
    """
    there = {pack.megabytes: pack for pack in plan.data_packs.order_by("is_on_sale", "pk")}
    old = [pack for pack in there.values() if pack.is_on_sale]
    before = packs_in_words(old)
    for pack in old:
        if pack.megabytes not in wanted:
            pack.is_on_sale = False
            pack.save(update_fields=["is_on_sale"])
    for megabytes, price in wanted.items():
        if megabytes not in there:
            DataPack.objects.create(plan=plan, megabytes=megabytes, price=price)
            continue
        pack = there[megabytes]
        if audit.changed_fields(pack, {"price": price, "is_on_sale": True}):
            pack.save(update_fields=["price", "is_on_sale"])
    after = packs_in_words(plan.data_packs.on_sale())
    return {"data_packs": (before, after)} if before != after else {}


def packs_in_words(packs: Iterable[DataPack]) -> str | None:
    """Return sizes and prices as the trail tells them, or None where there are none."""
    told = sorted((pack.megabytes, pack.price) for pack in packs)
    return ", ".join(f"{in_gb(size)} {format_amount(price, currency())}" for size, price in told) or None


def save_plan(plan: Plan, *, fields: list[str] | None = None) -> None:
    """:raises PlanNameTaken:"""
    try:
        with transaction.atomic():
            plan.save(update_fields=fields)
    except IntegrityError as problem:
        if Plan.objects.filter(name=plan.name).exclude(pk=plan.pk).exists():
            raise PlanNameTaken(plan.name) from problem
        raise
