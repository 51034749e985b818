"""The pages about plans."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db.models import Count, Q
from django.http import Http404, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from accounts.access import SignedInRequest, admin_only, requires
from accounts.trail import trail_about
from ispanel.http import done, render_form, render_list
from ispanel.installation import currency
from ispanel.lists import page_of
from ispanel.refusals import refusals_into
from plans import operations
from plans.forms import KBPS_IN_MBPS, MB_IN_GB, PlanForm, PlanListForm
from plans.models import Plan


@requires("plans.view")
@require_GET
def list_(request: SignedInRequest) -> HttpResponse:
    """List the plans, each with how many subscribers of the seat's scope have it."""
    form = PlanListForm(request.GET)
    every_subscriber: Any = Plan._meta.get_field("subscribers").related_model
    subscribers = every_subscriber.objects.visible_to(request.seat).kept()
    counted = Count("subscribers", filter=Q(subscribers__in=subscribers))
    rows = Plan.objects.visible_to(request.seat).annotate(subscriber_count=counted)
    return render_list(request, "plans/list.html", {"page_obj": page_of(request, form.ordered(rows))})


@admin_only
@require_http_methods(["GET", "POST"])
def create(request: SignedInRequest) -> HttpResponse:
    """Add a plan."""
    form = PlanForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with refusals_into(form):
            plan = operations.create_plan(actor=request.seat, now=timezone.now(), **form.details())  # type: ignore[arg-type]
            return done(request, _("The plan %(name)s is created.") % {"name": plan}, to=reverse("plans:list"))
    return render_form(request, "plans/form.html", {"form": form})


@admin_only
@require_http_methods(["GET", "POST"])
def edit(request: SignedInRequest, pk: int) -> HttpResponse:
    """Change a plan."""
    plan = Plan.objects.filter(pk=pk).first()
    if plan is None:
        raise Http404
    form = PlanForm(request.POST or None, initial=as_typed(plan))
    if request.method == "POST" and form.is_valid():
        with refusals_into(form):
            operations.edit_plan(actor=request.seat, plan_id=plan.pk, now=timezone.now(), **form.details())  # type: ignore[arg-type]
            return done(request, _("The changes are saved."), to=reverse("plans:list"))
    context = {"form": form, "plan": plan, "audit_entries": trail_about(request.seat, plan)}
    return render_form(request, "plans/form.html", context)


def as_typed(plan: Plan) -> dict[str, Any]:
    """Return the plan as the form shows it."""
    return {
        "name": plan.name,
        "price": str(plan.price.quantize(currency().smallest)),
        "duration": plan.duration,
        "duration_unit": plan.duration_unit,
        "download_mbps": trimmed(Decimal(plan.download_kbps) / KBPS_IN_MBPS),
        "upload_mbps": trimmed(Decimal(plan.upload_kbps) / KBPS_IN_MBPS),
        "quota_gb": trimmed(Decimal(plan.quota_mb) / MB_IN_GB) if plan.quota_mb else "",
        "is_on_sale": plan.is_on_sale,
    }


def trimmed(number: Decimal) -> str:
    """Return the number without zeros at its end."""
    return f"{number.normalize():f}"
