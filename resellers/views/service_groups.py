"""Settings → Service groups: named sets of plans that resellers may sell; and which of them hold a plan."""

from __future__ import annotations

from django.forms import Form
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from accounts.access import SignedInRequest, admin_only
from accounts.trail import trail_about
from ispanel.http import done, render_act, render_form, render_list
from ispanel.lists import page_of
from ispanel.refusals import refusals_into
from plans.models import Plan, ServiceGroup
from resellers import operations
from resellers.forms import GroupsOfPlanForm, ServiceGroupForm, held_back_into


@admin_only
@require_GET
def list_(request: SignedInRequest) -> HttpResponse:
    """List the service groups, with how many plans each holds and how many resellers have it."""
    rows = ServiceGroup.objects.for_list().order_by("name")
    context = {"page_obj": page_of(request, rows), "plan_count": Plan.objects.count()}
    return render_list(request, "settings/service_groups.html", context)


@admin_only
@require_http_methods(["GET", "POST"])
def create(request: SignedInRequest) -> HttpResponse:
    """Add a service group."""
    form = ServiceGroupForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with refusals_into(form):
            group = operations.create_service_group(actor=request.seat, now=timezone.now(), **form.details())
            message = _("The service group %(name)s is created.") % {"name": group}
            return done(request, message, to=reverse("resellers:service_groups"))
    return render_form(request, "settings/service_group_form.html", {"form": form})


@admin_only
@require_http_methods(["GET", "POST"])
def edit(request: SignedInRequest, pk: int) -> HttpResponse:
    """Change a service group; what it takes from lines is shown first."""
    group = get_object_or_404(ServiceGroup.objects.for_list(), pk=pk)
    typed = {
        "name": group.name,
        "sentence": group.sentence,
        "is_default": group.is_default,
        "plans": list(group.plans.all()),
        "seen": group.state,
    }
    form = ServiceGroupForm(request.POST or None, group=group, initial=typed)
    if request.method == "POST" and form.is_valid():
        with refusals_into(form), held_back_into(form):
            operations.edit_service_group(
                actor=request.seat,
                group_id=group.pk,
                seen=form.cleaned_data["seen"],
                now=timezone.now(),
                **form.consent(),
                **form.details(),
            )
            return done(request, _("The changes are saved."), to=reverse("resellers:service_groups"))
    context = {"form": form, "group": group, "audit_entries": trail_about(request.seat, group)}
    return render_form(request, "settings/service_group_form.html", context)


@admin_only
@require_http_methods(["GET", "POST"])
def deletion(request: SignedInRequest, pk: int) -> HttpResponse:
    """Delete a service group that no reseller has."""
    group = get_object_or_404(ServiceGroup, pk=pk)
    form = Form(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with refusals_into(form):
            operations.delete_service_group(actor=request.seat, group_id=group.pk, now=timezone.now())
            message = _("The service group %(name)s is deleted.") % {"name": group}
            return done(request, message, to=reverse("resellers:service_groups"))
    context = {"form": form, "group": group, "stays": operations.why_service_group_stays(group)}
    return render_act(
        request, "settings/service_group_deletion.html", context, cancel_url=reverse("resellers:service_groups")
    )


@admin_only
@require_http_methods(["GET", "POST"])
def of_plan(request: SignedInRequest, pk: int) -> HttpResponse:
    """Say which service groups hold a plan; what that takes from lines is shown first."""
    plan = get_object_or_404(Plan, pk=pk)
    form = GroupsOfPlanForm(
        request.POST if request.method == "POST" else None,
        initial={"service_groups": list(plan.service_groups.all()), "seen": plan.state_of_groups},
    )
    if request.method == "POST" and form.is_valid():
        with refusals_into(form), held_back_into(form):
            operations.set_groups_of_plan(
                actor=request.seat,
                plan_id=plan.pk,
                service_groups=form.cleaned_data["service_groups"],
                seen=form.cleaned_data["seen"],
                now=timezone.now(),
                **form.consent(),
            )
            return done(request, _("The changes are saved."), to=reverse("plans:edit", args=[plan.pk]))
    context = {"form": form, "plan": plan, "every": ServiceGroup.objects.filter(holds_every_plan=True).order_by("name")}
    return render_act(request, "plans/groups.html", context, cancel_url=reverse("plans:edit", args=[plan.pk]))
