"""The pages about access servers."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Q
from django.forms import Form
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django.views.decorators.vary import vary_on_headers

from accounts.access import SignedInRequest, admin_only, requires
from accounts.trail import trail_about
from ispanel.http import done, render_act, render_form, render_list, wants
from ispanel.lists import page_of
from ispanel.refusals import refusals_into
from network import operations
from network.forms import VIEWS, NasForm, NasListForm
from network.models import CoaRequest, Nas

#: How many requests stand on a NAS device's page.
LATEST = 25
TYPED = ("name", "kind", "note", "address", "coa_port", "probe_port")


@requires("nas.view")
@require_GET
def list_(request: SignedInRequest) -> HttpResponse:
    """List the NAS devices of the seat's scope, each with how many subscribers of that scope are on it."""
    form = NasListForm(request.GET)
    rows = form.searched(Nas.objects.visible_to(request.seat))
    counts = rows.aggregate(
        all=Count("pk"),
        reachable=Count("pk", filter=Q(is_reachable=True)),
        unreachable=Count("pk", filter=Q(is_reachable=False)),
    )
    context = {
        "tabs": [(key, label, counts[key or "all"]) for key, label in VIEWS],
        "view": form.value("view") or "",
        "total": counts["all"],
        "page_obj": page_of(request, form.apply(rows.for_list(request.seat))),
    }
    return render_list(request, "network/list.html", context)


@requires("nas.view", of=Nas)
@require_GET
@vary_on_headers("HX-Target")
def detail(request: SignedInRequest, nas: Nas) -> HttpResponse:
    """Show a NAS device, and what it was told last about the lines that the seat sees."""
    requests = CoaRequest.objects.visible_to(request.seat).filter(nas=nas)
    if wants(request, "coa-requests"):
        return render(
            request, "network/_coa_requests.html", {"requests": requests.for_list()[:LATEST], "names_line": True}
        )
    context = {
        "nas": Nas.objects.for_list(request.seat).get(pk=nas.pk),
        "awaits_probe": nas.awaits_probe(timezone.now()),
        "coa_requests": requests.for_list()[:LATEST],
        "audit_entries": trail_about(request.seat, nas),
    }
    return render(request, "network/detail.html", context)


@admin_only
@sensitive_post_parameters("secret")
@require_http_methods(["GET", "POST"])
def create(request: SignedInRequest) -> HttpResponse:
    """Add a NAS device."""
    form = NasForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with refusals_into(form):
            nas = operations.add_nas(actor=request.seat, now=timezone.now(), **form.cleaned_data)
            return done(request, _("The NAS device %(name)s is added.") % {"name": nas}, to=page_about(nas))
    return render_form(request, "network/form.html", {"form": form})


@admin_only
@sensitive_post_parameters("secret")
@require_http_methods(["GET", "POST"])
def edit(request: SignedInRequest, pk: int) -> HttpResponse:
    """Change a NAS device."""
    nas = get_object_or_404(Nas, pk=pk)
    initial: dict[str, Any] = {name: getattr(nas, name) for name in TYPED}
    form = NasForm(request.POST or None, initial=initial, has_secret=True)
    if request.method == "POST" and form.is_valid():
        with refusals_into(form):
            operations.edit_nas(actor=request.seat, nas_id=nas.pk, now=timezone.now(), **form.cleaned_data)
            return done(request, _("The changes are saved."), to=page_about(nas))
    return render_form(request, "network/form.html", {"form": form, "nas": nas})


@admin_only
@require_POST
def probes(request: SignedInRequest, pk: int) -> HttpResponse:
    """Have a NAS device probed now."""
    nas = get_object_or_404(Nas, pk=pk)
    operations.ask_for_probe(nas_id=nas.pk, now=timezone.now())
    return done(request, _("The probe of %(name)s is on its way.") % {"name": nas}, to=page_about(nas))


@admin_only
@require_http_methods(["GET", "POST"])
def removal(request: SignedInRequest, pk: int) -> HttpResponse:
    """Remove a NAS device that nothing names."""
    nas = get_object_or_404(Nas, pk=pk)
    form = Form(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with refusals_into(form):
            operations.remove_nas(actor=request.seat, nas_id=nas.pk, now=timezone.now())
            message = _("The NAS device %(name)s is removed.") % {"name": nas}
            return done(request, message, to=reverse("network:list"))
    context = {"form": form, "nas": nas, "stays": operations.why_nas_stays(nas)}
    return render_act(request, "network/removal.html", context, cancel_url=page_about(nas))


def page_about(nas: Nas) -> str:
    return reverse("network:detail", args=[nas.pk])
