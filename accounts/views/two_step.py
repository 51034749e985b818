"""Setting up one's own second step, and getting rid of it."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts import authenticator, operations
from accounts.access import SignedInRequest, signed_in
from accounts.entrance import entrance_of
from accounts.forms.two_step import CodeForm, OwnPasswordForm
from accounts.sessions import digest_of
from ispanel.http import done, render_act, render_form
from ispanel.installation import panel_settings
from ispanel.refusals import refusals_into

#: When this sign-in typed the password to set it up. The secret is shown to this sign-in alone, and not for ever.
BEGUN_AT = "two_step_begun_at"
SHOWN_FOR = timedelta(minutes=15)


@signed_in(in_borrowed_seat=False)
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def two_step(request: SignedInRequest) -> HttpResponse:
    """Show whether the own second step is on; while it is off, set it up: the password first, then the app's code."""
    login = request.seat.login
    if not operations.has_two_step(login):
        secret = operations.secret_to_confirm(request.seat) if has_begun(request, timezone.now()) else None
        return confirm(request, secret) if secret else begin(request)
    if request.method == "POST":
        return redirect("accounts:two_step")
    required = operations.two_step_is_required_of(login)
    return render(request, "accounts/two_step.html", {"left": login.recovery_codes.count(), "required": required})


def begin(request: SignedInRequest) -> HttpResponse:
    """Ask for the password before a secret is made."""
    form = OwnPasswordForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        now = timezone.now()
        with refusals_into(form):
            operations.begin_two_step(actor=request.seat, own_password=form.cleaned_data["own_password"], now=now)
            request.session[BEGUN_AT] = now.isoformat()
            return done(request, "", to=reverse("accounts:two_step"))
    leads_here = operations.two_step_is_required_of(request.seat.login)
    return render_form(request, "accounts/two_step_begin.html", {"form": form, "leads_here": leads_here})


def confirm(request: SignedInRequest, secret: str) -> HttpResponse:
    """Show the QR code, and the recovery codes once the app has shown a code."""
    login, form = request.seat.login, CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with refusals_into(form):
            codes = operations.confirm_two_step(
                actor=request.seat, code=form.cleaned_data["code"], now=timezone.now(), besides=this_sign_in(request)
            )
            del request.session[BEGUN_AT]
            return show_codes(request, codes, just_on=True)
    reseller = entrance_of(request).reseller
    issuer = reseller.company_name if reseller else panel_settings().name
    uri = authenticator.uri_of(secret, username=login.username, issuer=issuer)
    context = {
        "form": form,
        "secret": secret,
        "in_groups": authenticator.in_groups(secret),
        "qr_code": authenticator.qr_code(uri),
        "leads_here": operations.two_step_is_required_of(login),
    }
    return render_form(request, "accounts/two_step_confirm.html", context)


@signed_in(in_borrowed_seat=False)
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def off(request: SignedInRequest) -> HttpResponse:
    """Turn the own second step off."""
    if not operations.has_two_step(request.seat.login):
        return redirect("accounts:two_step")
    form = OwnPasswordForm(request.POST or None)
    here = reverse("accounts:two_step")
    if request.method == "POST" and form.is_valid():
        with refusals_into(form):
            operations.end_two_step(
                actor=request.seat,
                own_password=form.cleaned_data["own_password"],
                now=timezone.now(),
                besides=this_sign_in(request),
            )
            return done(request, _("Two-step sign-in is off."), to=here)
    return render_act(request, "accounts/two_step_off.html", {"form": form}, cancel_url=here)


@signed_in(in_borrowed_seat=False)
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def codes(request: SignedInRequest) -> HttpResponse:
    """Make new recovery codes in the place of those there were."""
    if not operations.has_two_step(request.seat.login):
        return redirect("accounts:two_step")
    form = OwnPasswordForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with refusals_into(form):
            made = operations.renew_recovery_codes(
                actor=request.seat,
                own_password=form.cleaned_data["own_password"],
                now=timezone.now(),
                besides=this_sign_in(request),
            )
            return show_codes(request, made, just_on=False)
    context = {"form": form, "frame": "frames/page_act.html", "cancel_url": reverse("accounts:two_step")}
    return render_form(request, "accounts/two_step_codes.html", context)


def show_codes(request: SignedInRequest, codes: list[str], *, just_on: bool) -> HttpResponse:
    """Answer the act itself with the codes: nothing keeps them, so there is no page to come back to."""
    context = {"codes": "\n".join(codes), "just_on": just_on}
    return render(request, "accounts/recovery_codes.html", context)


def has_begun(request: SignedInRequest, now: datetime) -> bool:
    """Say whether this sign-in has typed the password a short while ago."""
    begun_at: str | None = request.session.get(BEGUN_AT)
    return begun_at is not None and now < datetime.fromisoformat(begun_at) + SHOWN_FOR


def this_sign_in(request: SignedInRequest) -> str:
    """Return the key of the sign-in that goes on when the others end."""
    assert request.session.session_key
    return digest_of(request.session.session_key)
