"""Suspending, deleting and what undoes or finishes them; and holding an address against the lists."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import Http404, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods

from accounts.access import SignedInRequest, admin_only, requires
from ispanel.http import done, render_act, render_form
from ispanel.refusals import refusals_into
from resellers import operations
from resellers.allowed_ips import verdicts_on
from resellers.forms import AddressTestForm, PurgeForm, SuspensionForm
from resellers.models import Reseller


@requires("resellers.suspend", of=Reseller)
@require_http_methods(["GET", "POST"])
def suspension(request: SignedInRequest, reseller: Reseller) -> HttpResponse:
    """Suspend the reseller, for a reason."""
    data = request.POST if request.method == "POST" else None
    form = SuspensionForm(data, initial={"stops_renewals": reseller.stops_renewals})
    if request.method == "POST" and form.is_valid():
        with refusals_into(form):
            operations.suspend_reseller(
                actor=request.seat, reseller_id=reseller.pk, now=timezone.now(), **form.cleaned_data
            )
            return done(request, said(_("%(name)s is suspended."), reseller), to=page_of_reseller(reseller))
    return render_closing(request, "resellers/suspend.html", form, reseller)


@requires("resellers.suspend", of=Reseller)
@require_http_methods(["GET", "POST"])
def resumption(request: SignedInRequest, reseller: Reseller) -> HttpResponse:
    """Resume a suspended reseller."""
    form = forms.Form(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with refusals_into(form):
            operations.resume_reseller(actor=request.seat, reseller_id=reseller.pk, now=timezone.now())
            return done(request, said(_("%(name)s is resumed."), reseller), to=page_of_reseller(reseller))
    return render_closing(request, "resellers/resume.html", form, reseller)


@requires("resellers.delete", of=Reseller)
@require_http_methods(["GET", "POST"])
def deletion(request: SignedInRequest, reseller: Reseller) -> HttpResponse:
    """Delete the reseller, or say all that is in the way."""
    form = forms.Form(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with refusals_into(form):
            operations.delete_reseller(actor=request.seat, reseller_id=reseller.pk, now=timezone.now())
            # Whoever is no admin does not see a deleted reseller any more.
            to = page_of_reseller(reseller) if request.seat.is_admin else reverse("resellers:list")
            return done(request, said(_("%(name)s is deleted."), reseller), to=to)
    holdings = operations.holdings_of(reseller, reseller.wallet)
    return render_closing(request, "resellers/delete.html", form, reseller, holdings=holdings)


@admin_only
@require_http_methods(["GET", "POST"])
def restoration(request: SignedInRequest, pk: int) -> HttpResponse:
    """Restore a deleted reseller."""
    reseller = reseller_or_404(pk)
    form = forms.Form(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with refusals_into(form):
            operations.restore_reseller(actor=request.seat, reseller_id=reseller.pk, now=timezone.now())
            return done(request, said(_("%(name)s is restored."), reseller), to=page_of_reseller(reseller))
    return render_closing(request, "resellers/restore.html", form, reseller)


@admin_only
@sensitive_post_parameters("own_password")
@require_http_methods(["GET", "POST"])
def purge(request: SignedInRequest, pk: int) -> HttpResponse:
    """Delete a deleted reseller for good."""
    reseller = reseller_or_404(pk)
    form = PurgeForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with refusals_into(form):
            operations.purge_reseller(
                actor=request.seat, reseller_id=reseller.pk, now=timezone.now(), **form.cleaned_data
            )
            message = said(_("%(name)s is deleted for good. Its names are free."), reseller)
            return done(request, message, to=reverse("resellers:list"))
    return render_closing(request, "resellers/purge.html", form, reseller)


@admin_only
@require_GET
def address_test(request: SignedInRequest, pk: int) -> HttpResponse:
    """Say whether an address would be let in, and which list and entry decides that."""
    reseller = reseller_or_404(pk)
    form = AddressTestForm(request.GET if "address" in request.GET else None)
    verdicts = verdicts_on(reseller, form.cleaned_data["address"]) if form.is_valid() else []
    context = {
        "form": form,
        "reseller": reseller,
        "verdicts": verdicts,
        "is_let_in": all(verdict.lets_in for verdict in verdicts),
    }
    return render_form(request, "resellers/address_test.html", context)


def reseller_or_404(pk: int) -> Reseller:
    """Return any reseller, for an admin."""
    reseller = Reseller.objects.select_related("user", "parent").filter(pk=pk).first()
    if reseller is None:
        raise Http404
    return reseller


def said(message: str, reseller: Reseller) -> str:
    return message % {"name": reseller.public_name}


def page_of_reseller(reseller: Reseller) -> str:
    return reverse("resellers:detail", args=[reseller.pk])


def render_closing(
    request: SignedInRequest, template: str, form: forms.Form, reseller: Reseller, **more: Any
) -> HttpResponse:
    """Answer with the act's dialog or page."""
    context = {"form": form, "reseller": reseller, **more}
    return render_act(request, template, context, cancel_url=page_of_reseller(reseller))
