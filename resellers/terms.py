"""On what terms a reseller sells: what a plan costs it, what it asks for it, and what is within its scope."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from django.utils.translation import gettext as _

from ispanel.refusals import Refusal
from network.models import Nas
from plans.models import Plan, wholesale
from resellers.models import Reseller, RetailPrice


class NoServiceGroups(Refusal):
    """The reseller has no service group, so there is nothing that it may sell."""

    field = "plan"

    def __init__(self, reseller: Reseller) -> None:
        whom = reseller.parent.public_name if reseller.parent else _("the administrator")
        super().__init__(
            _("%(reseller)s has no service group, so it can sell nothing. Ask %(whom)s for one.")
            % {"reseller": reseller.public_name, "whom": whom}
        )


class PlanOutOfReach(Refusal):
    """The plan is in none of the reseller's service groups."""

    field = "plan"

    def __init__(self, reseller: Reseller, plan: Plan) -> None:
        super().__init__(
            _("The plan %(plan)s is in none of the service groups of %(reseller)s.")
            % {"plan": plan, "reseller": reseller.public_name}
        )


class PlanNotOnSale(Refusal):
    """The plan is no longer sold."""

    field = "plan"

    def __init__(self, plan: Plan) -> None:
        super().__init__(_("The plan %(name)s is no longer sold. Choose another one.") % {"name": plan})


class NasOutOfReach(Refusal):
    """The NAS device is not within the reseller's scope."""

    field = "nas"

    def __init__(self, reseller: Reseller, nas: Nas) -> None:
        super().__init__(
            _("The NAS device %(nas)s is not within the scope of %(reseller)s.")
            % {"nas": nas, "reseller": reseller.public_name}
        )


@dataclass(frozen=True, slots=True)
class Terms:
    """A reseller's terms, read once: for one subscriber, or for many."""

    reseller: Reseller
    #: What it asks for plans, where that is not their own price.
    retail_prices: dict[int, Decimal]
    has_groups: bool
    #: The plans of its service groups; None is every plan.
    plan_ids: frozenset[int] | None
    #: The NAS devices of its scope; None is every one.
    nas_ids: frozenset[int] | None

    def wholesale(self, plan: Plan) -> Decimal:
        """Return what the reseller's wallet is charged: the plan's price less the level's discount."""
        return wholesale(plan.price, self.reseller.discount)

    def retail(self, plan: Plan, own_price: Decimal | None = None) -> Decimal:
        """Return what the reseller asks: the line's own price, else the reseller's for the plan, else the plan's."""
        if own_price is not None:
            return own_price
        return self.retail_prices.get(plan.pk, plan.price)

    def check_plan(self, plan: Plan) -> None:
        """:raises NoServiceGroups, PlanOutOfReach:"""
        if not self.has_groups:
            raise NoServiceGroups(self.reseller)
        if self.plan_ids is not None and plan.pk not in self.plan_ids:
            raise PlanOutOfReach(self.reseller, plan)

    def check_new_plan(self, plan: Plan) -> None:
        """Check what is sold to somebody who does not have it yet.

        :raises NoServiceGroups, PlanOutOfReach, PlanNotOnSale:
        """
        self.check_plan(plan)
        if not plan.is_on_sale:
            raise PlanNotOnSale(plan)

    def check_nas(self, nas: Nas | None) -> None:
        """:raises NasOutOfReach:"""
        if nas is not None and self.nas_ids is not None and nas.pk not in self.nas_ids:
            raise NasOutOfReach(self.reseller, nas)


def terms_of(reseller: Reseller) -> Terms:
    """Read the terms of a reseller, in three queries or four."""
    groups = list(reseller.service_groups.values_list("pk", "holds_every_plan"))
    plan_ids = None
    if not any(every for _pk, every in groups):
        plans = Plan.objects.filter(service_groups__in=[pk for pk, _every in groups])
        plan_ids = frozenset(plans.values_list("pk", flat=True))
    limited = reseller.nas_is_limited or (reseller.parent is not None and reseller.parent.nas_is_limited)
    return Terms(
        reseller=reseller,
        retail_prices=dict(RetailPrice.objects.filter(reseller=reseller).values_list("plan_id", "price")),
        has_groups=bool(groups),
        plan_ids=plan_ids,
        nas_ids=frozenset(reseller.nas_in_scope().values_list("pk", flat=True)) if limited else None,
    )
