"""How a reseller looks, and its domain: for itself under Settings, and for admins as a tab of its page."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from django import forms
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.access import SignedInRequest, admin_only, requires
from ispanel.colours import BadColour, Palette, colour_from, shades, stylesheet
from ispanel.doors import address_of
from ispanel.http import done, render_act, render_form, wants
from ispanel.installation import panel_settings
from ispanel.issuer import panel_issuer
from ispanel.refusals import Forbidden, Refusal, refusals_into
from resellers import operations
from resellers.domains import host_of_panel, record_type
from resellers.forms import BrandingForm, DomainForm
from resellers.models import Branding, CustomDomain, Reseller
from resellers.views.acts import reseller_or_404
from resellers.views.pages import tab_context

#: What the preview's stylesheet is confined to.
PREVIEW = ".brand-preview"


@dataclass(frozen=True)
class Desk:
    """Where a reseller's looks are set: by itself, or by an admin on its page."""

    reseller: Reseller
    is_admins: bool = False

    @property
    def owner(self) -> str:
        """The reseller's name, for an admin; blank for itself, who is spoken to."""
        return self.reseller.public_name if self.is_admins else ""

    @property
    def url(self) -> str:
        return self.address("branding")

    @property
    def claim_url(self) -> str:
        return self.address("branding_domain")

    @property
    def check_url(self) -> str:
        return self.address("branding_domain_check")

    @property
    def release_url(self) -> str:
        return self.address("branding_domain_release")

    def address(self, act: str) -> str:
        """Return the address of an act here."""
        if self.is_admins:
            return reverse(f"resellers:{act}", args=[self.reseller.pk])
        return reverse(f"resellers:own_{act}")


def own_desk(request: SignedInRequest) -> Desk:
    """Return the desk of the seat's own reseller; there is none where no admin allowed it."""
    reseller = request.seat.reseller
    if reseller is None:
        raise Forbidden(_("Only a reseller has branding of its own. Set it on its page."))
    if not reseller.has_branding:
        raise Http404
    return Desk(reseller)


def admins_desk(pk: int) -> Desk:
    """Return the desk at which an admin sits for a reseller."""
    return Desk(reseller_or_404(pk), is_admins=True)


@requires("branding.edit")
@require_http_methods(["GET", "POST"])
def own_branding(request: SignedInRequest) -> HttpResponse:
    """Change how the own reseller looks."""
    return render_branding(request, own_desk(request), "resellers/own_branding.html", {})


@admin_only
@require_http_methods(["GET", "POST"])
def branding(request: SignedInRequest, pk: int) -> HttpResponse:
    """Change how a reseller looks, where that is allowed; say so where it is not."""
    desk = admins_desk(pk)
    context = tab_context(request, desk.reseller, "branding")
    return render_branding(request, replace(desk, reseller=context["reseller"]), "resellers/branding.html", context)


def render_branding(request: SignedInRequest, desk: Desk, template: str, context: dict[str, Any]) -> HttpResponse:
    """Answer with the form, with its preview alone while somebody picks a colour, or save and lead back."""
    if wants(request, "preview"):
        return render(request, "resellers/_branding_preview.html", preview_of(request.GET.get("colour", "")))
    held = Branding.objects.filter(reseller=desk.reseller).first() or Branding(reseller=desk.reseller)
    initial = {"colour": held.colour, "tagline": held.tagline, "footer": held.footer}
    only_shows = "preview" in request.POST
    uploaded, refusal = pictures_of(request) if not only_shows else (None, None)
    form = BrandingForm(
        request.POST or None,
        uploaded,
        initial=initial,
        owner=desk.owner,
        issuer="" if panel_settings().reseller_is_issuer else panel_issuer().name,
    )
    if request.method == "POST" and form.is_valid() and not only_shows:
        with refusals_into(form):
            if refusal:
                raise refusal
            operations.change_branding(
                actor=request.seat, reseller_id=desk.reseller.pk, now=timezone.now(), **form.cleaned_data
            )
            return done(request, _("The branding is saved."), to=desk.url)
    context |= {
        "form": form,
        "desk": desk,
        "branding": held,
        **domain_of(desk.reseller),
        **preview_of(form["colour"].value() or ""),
    }
    return render_form(request, template, context)


def pictures_of(request: SignedInRequest) -> tuple[Any, Refusal | None]:
    """Return the uploaded logos that may be read, which takes long; or why none may, where there were many."""
    try:
        if request.FILES:
            operations.count_upload(request.seat)
    except Refusal as refusal:
        return None, refusal
    return request.FILES or None, None


def domain_of(reseller: Reseller) -> dict[str, Any]:
    """Return what the card of a reseller's domain shows."""
    domain, target = CustomDomain.objects.filter(reseller=reseller).first(), host_of_panel()
    is_live = domain is not None and domain.is_verified and reseller.has_branding
    return {
        "domain": domain,
        "address": address_of(reverse("accounts:sign_in"), reseller) if is_live else "",
        "looked_for_until": operations.looked_for_until(domain, timezone.now()) if domain else None,
        "target": target,
        "target_type": record_type(target),
    }


def preview_of(typed: str) -> dict[str, Any]:
    """Return what the preview shows of a colour; of one that is none, or is not there, the panel's own."""
    return {"palette": palette_of(typed)}


def palette_of(typed: str) -> Palette | None:
    try:
        return shades(colour_from(typed))
    except BadColour:
        return None


@requires("branding.edit")
@require_GET
def preview_theme(request: SignedInRequest) -> HttpResponse:
    """Send the stylesheet that shows a colour in the preview alone."""
    palette = palette_of(request.GET.get("colour", ""))
    css = stylesheet(palette, selector=PREVIEW) if palette else ""
    return HttpResponse(css, content_type="text/css; charset=utf-8")


@admin_only
@require_http_methods(["GET", "POST"])
def allowance(request: SignedInRequest, pk: int) -> HttpResponse:
    """Let a reseller have its own branding."""
    return render_switch(request, pk, allows=True)


@admin_only
@require_http_methods(["GET", "POST"])
def withdrawal(request: SignedInRequest, pk: int) -> HttpResponse:
    """Take a reseller's branding back."""
    return render_switch(request, pk, allows=False)


def render_switch(request: SignedInRequest, pk: int, *, allows: bool) -> HttpResponse:
    """Show what the switch does, or turn it and lead back."""
    desk, form = admins_desk(pk), forms.Form(request.POST if request.method == "POST" else None)
    turn = operations.allow_branding if allows else operations.forbid_branding
    if request.method == "POST" and form.is_valid():
        with refusals_into(form):
            reseller = turn(actor=request.seat, reseller_id=pk, now=timezone.now())
            message = (
                _("%(name)s may have its own branding.") if allows else _("The branding of %(name)s is taken back.")
            )
            return done(request, message % {"name": reseller.public_name}, to=desk.url)
    domain = CustomDomain.objects.filter(reseller=desk.reseller).first()
    context = {"form": form, "reseller": desk.reseller, "allows": allows, "domain": domain}
    return render_act(request, "resellers/branding_switch.html", context, cancel_url=desk.url)


@requires("branding.edit", in_borrowed_seat=False)
@require_http_methods(["GET", "POST"])
def own_domain(request: SignedInRequest) -> HttpResponse:
    """Claim a domain for the own reseller."""
    return render_claim(request, own_desk(request))


@admin_only
@require_http_methods(["GET", "POST"])
def domain(request: SignedInRequest, pk: int) -> HttpResponse:
    """Claim a domain for a reseller."""
    return render_claim(request, admins_desk(pk))


def render_claim(request: SignedInRequest, desk: Desk) -> HttpResponse:
    """Ask for the domain, or claim it and lead to the records that it needs."""
    form = DomainForm(request.POST or None, owner=desk.owner)
    if request.method == "POST" and form.is_valid():
        with refusals_into(form):
            claimed = operations.claim_domain(
                actor=request.seat, reseller_id=desk.reseller.pk, name=form.cleaned_data["name"], now=timezone.now()
            )
            message = _("Now create the records of %(name)s.") % {"name": claimed}
            return done(request, message, to=desk.url)
    context = {"form": form, "desk": desk, "reseller": desk.reseller}
    return render_act(request, "resellers/domain_claim.html", context, cancel_url=desk.url)


@requires("branding.edit", in_borrowed_seat=False)
@require_POST
def own_domain_check(request: SignedInRequest) -> HttpResponse:
    """Look now for the record that proves the own domain."""
    return check_now(request, own_desk(request))


@admin_only
@require_POST
def domain_check(request: SignedInRequest, pk: int) -> HttpResponse:
    """Look now for the record that proves a reseller's domain."""
    return check_now(request, admins_desk(pk))


def check_now(request: SignedInRequest, desk: Desk) -> HttpResponse:
    """Ask DNS, and lead back to what it said."""
    form, message = forms.Form({}), ""
    with refusals_into(form):
        checked = operations.check_domain(actor=request.seat, reseller_id=desk.reseller.pk, now=timezone.now())
        message = "" if checked.failure else _("%(name)s is verified.") % {"name": checked}
    return done(request, message or " ".join(map(str, form.non_field_errors())), to=f"{desk.url}#domain")


@requires("branding.edit", in_borrowed_seat=False)
@require_http_methods(["GET", "POST"])
def own_domain_release(request: SignedInRequest) -> HttpResponse:
    """Give the own domain up."""
    return render_release(request, own_desk(request))


@admin_only
@require_http_methods(["GET", "POST"])
def domain_release(request: SignedInRequest, pk: int) -> HttpResponse:
    """Give a reseller's domain up."""
    return render_release(request, admins_desk(pk))


def render_release(request: SignedInRequest, desk: Desk) -> HttpResponse:
    """Show what is given up, or give it up and lead back."""
    held = CustomDomain.objects.filter(reseller=desk.reseller).first()
    form = forms.Form(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with refusals_into(form):
            operations.release_domain(actor=request.seat, reseller_id=desk.reseller.pk, now=timezone.now())
            return done(request, _("The domain is released."), to=desk.url)
    context = {"form": form, "domain": held, "reseller": desk.reseller, "desk": desk}
    return render_act(request, "resellers/domain_release.html", context, cancel_url=desk.url)
