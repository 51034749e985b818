"""What resellers ask of their subscribers."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.db import transaction

from accounts.seats import Seat
from audit import operations as audit
from audit.actions import Action
from ispanel.refusals import Forbidden
from plans.models import Plan
from resellers.models import RetailPrice
from resellers.operations.rules import check_kept, locked
from resellers.terms import PlanOutOfReach


@transaction.atomic
def set_retail_price(*, actor: Seat, plan_id: int, price: Decimal | None, now: datetime) -> Plan:
    """Say what the actor's reseller asks for a plan from the next period on; None is the plan's own price.

    :raises Forbidden: where the actor has no reseller.
    :raises PlanOutOfReach, ResellerDeleted:
    """
    if actor.reseller is None:
        raise Forbidden
    [reseller] = locked(actor.reseller.pk)
    check_kept(reseller)
    plan = Plan.objects.get(pk=plan_id)
    if not Plan.objects.within(reseller.service_groups.all()).filter(pk=plan_id).exists():
        raise PlanOutOfReach(reseller, plan)
    prices = RetailPrice.objects.filter(reseller=reseller, plan=plan)
    old = prices.values_list("price", flat=True).first()
    if old == price:
        return plan
    if price is None:
        prices.delete()
    else:
        RetailPrice.objects.update_or_create(reseller=reseller, plan=plan, defaults={"price": price})
    audit.record(
        actor=actor,
        action=Action.RETAIL_PRICE_SET,
        obj=plan,
        reseller_id=reseller.pk,
        changes={"retail_price": (old, price)},
        now=now,
    )
    return plan
