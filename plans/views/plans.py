"""The pages about plans."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db.models import Count, Exists, OuterRef, Prefetch, Q, Subquery
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from accounts.access import SignedInRequest, admin_only, requires
from accounts.trail import trail_about
from ispanel.http import done, render_form, render_list
from ispanel.lists import page_of
from ispanel.refusals import refusals_into
from plans import operations
from plans.forms.plans import PlanForm, PlanListForm, as_typed
from plans.models import DataPack, Plan, ServiceGroup, wholesale

if TYPE_CHECKING:
    from resellers.models import Reseller


@dataclass(frozen=True, slots=True)
class Offer:
    """What a plan costs a reseller, and what it asks for it."""

    cost: Decimal
    asked: Decimal

    @property
    def margin(self) -> Decimal:
        return self.asked - self.cost


@requires("plans.view")
@require_GET
def list_(request: SignedInRequest) -> HttpResponse:
    """List the plans, each with its subscribers of the seat's scope, and with what a reseller pays and asks for it."""
    form, seat = PlanListForm(request.GET), request.seat
    every_subscriber: Any = Plan._meta.get_field("subscribers").related_model
    subscribers = every_subscriber.objects.visible_to(seat).kept()
    counted = Count("subscribers", filter=Q(subscribers__in=subscribers))
    rows = Plan.objects.visible_to(seat).annotate(subscriber_count=counted)
    rows = rows.prefetch_related(Prefetch("data_packs", DataPack.objects.on_sale(), to_attr="packs"))
    shows_groups = seat.sees_all("plans")
    if shows_groups:
        rows = rows.prefetch_related("service_groups")
    if seat.reseller:
        rows = rows.annotate(**terms_of(seat.reseller))
    page = page_of(request, form.ordered(rows))
    context = {
        "page_obj": page,
        "lines": [(plan, offer_of(plan, seat.reseller) if seat.reseller else None) for plan in page],
        "shows_groups": shows_groups,
        "sets_prices": seat.reseller is not None and seat.has("subscribers.set_price"),
        "every": ServiceGroup.objects.filter(holds_every_plan=True).order_by("name") if shows_groups else [],
        "lacks_groups": not page.object_list and seat.reseller and not seat.reseller.service_groups.exists(),
    }
    return render_list(request, "plans/list.html", context)


def terms_of(reseller: Reseller) -> dict[str, Any]:
    """Return what the rows are to say of each plan: whether the reseller may sell it, and its own price for it."""
    sold = Plan.objects.within(reseller.service_groups.all()).filter(pk=OuterRef("pk"))
    own_price = reseller.retail_prices.filter(plan=OuterRef("pk")).values("price")
    return {"is_sold": Exists(sold), "own_price": Subquery(own_price)}


def offer_of(plan: Any, reseller: Reseller) -> Offer | None:
    """Return what a plan with `terms_of` costs the reseller and what it asks for it, if it may sell it."""
    if not plan.is_sold:
        return None
    asked = plan.price if plan.own_price is None else plan.own_price
    return Offer(cost=wholesale(plan.price, reseller.discount), asked=asked)


@admin_only
@require_http_methods(["GET", "POST"])
def create(request: SignedInRequest) -> HttpResponse:
    """Add a plan."""
    form = PlanForm(request.POST or None, is_new=True)
    if request.method == "POST" and form.is_valid():
        with refusals_into(form):
            plan = operations.create_plan(actor=request.seat, now=timezone.now(), **form.details())  # type: ignore[arg-type]
            return done(request, _("The plan %(name)s is created.") % {"name": plan}, to=reverse("plans:list"))
    return render_form(request, "plans/form.html", {"form": form})


@admin_only
@require_http_methods(["GET", "POST"])
def edit(request: SignedInRequest, pk: int) -> HttpResponse:
    """Change a plan."""
    plan = get_object_or_404(Plan, pk=pk)
    form = PlanForm(request.POST or None, initial=as_typed(plan))
    if request.method == "POST" and form.is_valid():
        with refusals_into(form):
            operations.edit_plan(actor=request.seat, plan_id=plan.pk, now=timezone.now(), **form.details())  # type: ignore[arg-type]
            return done(request, _("The changes are saved."), to=reverse("plans:list"))
    context = {
        "form": form,
        "plan": plan,
        "groups": ServiceGroup.objects.holding(plan).order_by("name"),
        "audit_entries": trail_about(request.seat, plan),
    }
    return render_form(request, "plans/form.html", context)
