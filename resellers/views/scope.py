"""What a reseller may sell and where, on what level, and what it asks."""

from __future__ import annotations

from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.access import SignedInRequest, admin_only, requires, visible_or_404
from ispanel.http import done, render_act, render_form, wants
from ispanel.installation import currency
from ispanel.money import with_code
from ispanel.refusals import Forbidden, refusals_into
from plans.models import Level, Plan
from resellers import operations
from resellers.forms import LevelChangeForm, RetailPriceForm, ScopeForm, held_back_into
from resellers.forms.scope import ALL, LIST
from resellers.models import Reseller
from resellers.terms import terms_of


@requires("resellers.edit", of=Reseller)
@require_http_methods(["GET", "POST"])
def scope(request: SignedInRequest, reseller: Reseller) -> HttpResponse:
    """Say which service groups and NAS devices the reseller has."""
    form = ScopeForm(request.POST or None, reseller=reseller, initial=scope_as_typed(reseller))
    if request.method == "POST" and form.is_valid():
        with refusals_into(form), held_back_into(form):
            operations.change_scope(
                actor=request.seat,
                reseller_id=reseller.pk,
                seen=form.cleaned_data["seen"],
                now=timezone.now(),
                **form.consent(),
                **form.scope(),
            )
            return done(request, _("The changes are saved."), to=reverse("resellers:detail", args=[reseller.pk]))
    return render_form(request, "resellers/scope.html", {"form": form, "reseller": reseller})


def scope_as_typed(reseller: Reseller) -> dict[str, object]:
    """Return the scope as the form shows it."""
    return {
        "service_groups": list(reseller.service_groups.all()),
        "nas_scope": LIST if reseller.nas_is_limited else ALL,
        "nas_devices": list(reseller.nas_devices.all()),
        "seen": operations.state_of(reseller),
    }


@admin_only
@require_http_methods(["GET", "POST"])
def level(request: SignedInRequest, pk: int) -> HttpResponse:
    """Give the reseller another level; each is shown with what it does."""
    reseller = reseller_or_404(pk)
    levels: QuerySet[Level] = Level.objects.select_related("default_permission_group").order_by("rank")
    shown = {
        "level": reseller.level_id or LevelChangeForm.NONE,
        "seen": operations.terms_seen(reseller, reseller.wallet),
    }
    form = LevelChangeForm(request.POST or None, reseller=reseller, levels=list(levels), initial=shown)
    if request.method == "POST" and form.is_valid():
        with refusals_into(form):
            changed = operations.change_level(
                actor=request.seat,
                reseller_id=reseller.pk,
                level=form.chosen(),
                takes_group=form.cleaned_data["takes_group"],
                seen=form.cleaned_data["seen"],
                now=timezone.now(),
            )
            message = _("%(name)s has no level any more.")
            if changed.level:
                message = _("%(name)s is %(level)s.")
            words = message % {"name": changed.public_name, "level": changed.level}
            return done(request, words, to=reverse("resellers:detail", args=[reseller.pk]))
    context = {"form": form, "reseller": reseller}
    return render_act(request, "resellers/level.html", context, cancel_url=reverse("resellers:detail", args=[pk]))


def reseller_or_404(pk: int) -> Reseller:
    """Return the reseller, unless it is deleted, for an admin."""
    rows = Reseller.objects.kept().select_related("wallet", "level", "permission_group")
    reseller = rows.filter(pk=pk).first()
    if reseller is None:
        raise Http404
    return reseller


@requires("subscribers.set_price")
@require_http_methods(["GET", "POST"])
def retail_price(request: SignedInRequest, pk: int) -> HttpResponse:
    """Say what the own reseller asks for a plan."""
    plan = visible_or_404(Plan, request.seat, pk)
    assert isinstance(plan, Plan)
    own = request.seat.reseller
    if own is None:
        raise Forbidden(_("Only a reseller sets what its subscribers are asked for."))
    terms = terms_of(own)
    present = terms.retail_prices.get(plan.pk)
    typed = "" if present is None else str(present.quantize(currency().smallest))
    form = RetailPriceForm(request.POST or None, plan=plan, initial={"price": typed})
    if request.method == "POST" and form.is_valid():
        with refusals_into(form):
            price = form.cleaned_data["price"]
            operations.set_retail_price(actor=request.seat, plan_id=plan.pk, price=price, now=timezone.now())
            asked = with_code(plan.price if price is None else price, currency())
            message = _("You ask %(price)s for %(plan)s.") % {"price": asked, "plan": plan}
            return done(request, message, to=reverse("plans:list"))
    preview = RetailPriceForm(request.GET, plan=plan) if "price" in request.GET else form
    asked_now = present
    if preview.is_bound:
        asked_now = preview.cleaned_data["price"] if preview.is_valid() else None
    cost, asked_now = terms.wholesale(plan), plan.price if asked_now is None else asked_now
    context = {"form": form, "plan": plan, "cost": cost, "asked": asked_now, "margin": asked_now - cost}
    if wants(request, "preview"):
        return render(request, "plans/price.html#preview", context)
    return render_act(request, "plans/price.html", context, cancel_url=reverse("plans:list"))
