"""Signing in and out, and the way back from another's seat."""

from __future__ import annotations

from django.contrib.auth import authenticate, login, logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from accounts import operations, pending
from accounts.access import SignedInRequest, public, signed_in
from accounts.allow_list import check_address
from accounts.forms.sign_in import SignInForm
from accounts.limits import TooManyAttempts
from accounts.middleware import end_borrowed_seat, record
from accounts.models import User
from accounts.seats import Seat
from ispanel.http import done, render_form
from ispanel.refusals import Forbidden


def safe_next(request: HttpRequest, user: User) -> str:
    """Return where to go after signing in: the page asked for, if it is ours, else where the work begins."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    # No host is allowed in it, not even the one that the request names.
    if url_has_allowed_host_and_scheme(wanted, None, require_https=request.is_secure()):
        return wanted
    return reverse(Seat.own(user).home)


@public
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """Sign in by username or email. A wrong name and a wrong password get the same answer."""
    if isinstance(request.user, User):
        return redirect(safe_next(request, request.user))
    form = SignInForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            user = authenticate(request, **form.cleaned_data)
        except TooManyAttempts as refusal:
            return refused_for_now(request, form, refusal)
        if isinstance(user, User):
            seat = Seat.own(user, request.origin)  # type: ignore[attr-defined]
            check_at_sign_in(request, seat)
            return after_password(request, seat)
        form.add_error(None, _("Username or password is wrong."))
    return render_sign_in(request, form)


def render_sign_in(request: HttpRequest, form: SignInForm) -> HttpResponse:
    context = {
        "form": form,
        "next": request.GET.get("next", ""),
        "can_reset": operations.way_of_resets() is not None,
    }
    return render_form(request, "accounts/sign_in.html", context)


def refused_for_now(request: HttpRequest, form: SignInForm, refusal: TooManyAttempts) -> HttpResponse:
    """Answer with the form and how long to wait; nothing was compared with what was typed."""
    form.add_error(None, str(refusal))
    response = render_sign_in(request, form)
    response.status_code = 429
    response["Retry-After"] = str(refusal.retry_after)
    return response


def after_password(request: HttpRequest, seat: Seat) -> HttpResponse:
    """Sign in, or ask for the second step first where the login has one."""
    to = safe_next(request, seat.login)
    if not operations.has_two_step(seat.login):
        return finish_sign_in(request, seat, to=to)
    pending.hold(request, seat.login, to=to, now=timezone.now())
    return redirect("accounts:second_step")


def finish_sign_in(request: HttpRequest, seat: Seat, *, to: str) -> HttpResponse:
    """Sign in, now that everything is proved, and lead on."""
    pending.drop(request)
    login(request, seat.login)
    operations.record_sign_in(actor=seat, now=timezone.now())
    return redirect(to)


def check_at_sign_in(request: HttpRequest, seat: Seat) -> None:
    """Refuse a right password from an address that is not on the list, or for a suspended panel, and record that.

    :raises AddressRefused, PanelSuspended:
    """
    try:
        check_address(seat.login, seat.origin.address)
        operations.check_not_suspended(seat.login)
    except Forbidden as refusal:
        record(seat, refusal, request)
        raise


@signed_in(before_ready=True)
@require_POST
def sign_out(request: SignedInRequest) -> HttpResponse:
    """Sign out, from another's seat too."""
    operations.record_sign_out(actor=request.seat, now=timezone.now())
    logout(request)
    return redirect("accounts:sign_in")


@signed_in()
@require_POST
def leave_seat(request: SignedInRequest) -> HttpResponse:
    """Go back to one's own panel."""
    if not request.seat.is_borrowed:
        return redirect("reports:dashboard")
    name = request.seat.user.shown_name
    operations.leave_seat(actor=request.seat, now=timezone.now())
    came_from = request.seat.reseller
    end_borrowed_seat(request)
    to = reverse("resellers:detail", args=[came_from.pk]) if came_from else reverse("reports:dashboard")
    return done(request, _("You are back from the panel of %(name)s.") % {"name": name}, to=to)
