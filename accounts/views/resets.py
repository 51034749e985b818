"""A forgotten password: asking for a link or a code, and choosing the next password.

What is answered is the same whoever's name was typed, nobody's too: the worker decides who is written to.
"""

from __future__ import annotations

import logging
from datetime import datetime

from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import rotate_token
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods

from accounts import operations
from accounts.access import public
from accounts.entrance import entrance_of
from accounts.forms.resets import ForgottenForm, NextPasswordForm, ResetCodeForm
from accounts.limits import TooManyAttempts
from accounts.models import PasswordReset
from ispanel.http import done, render_form
from ispanel.messages import Way
from ispanel.refusals import refusals_into

log = logging.getLogger(__name__)

#: What the session holds: which reset it is about, and whether the link or the code was shown.
SESSION_KEY = "password_reset"


@public
@require_http_methods(["GET", "POST"])
def forgotten(request: HttpRequest) -> HttpResponse:
    """Ask for a link or a code. Where no message can be sent, there is only the way back."""
    way = operations.way_of_resets()
    if way is None:
        return redirect("accounts:sign_in")
    form = ForgottenForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            reset = operations.ask_reset(
                typed=form.cleaned_data["login"],
                at=entrance_of(request),
                way=way,
                origin=request.origin,  # type: ignore[attr-defined]
                now=timezone.now(),
            )
        except TooManyAttempts as refusal:
            return refused_for_now(request, form, way, refusal)
        if way == Way.EMAIL:
            return redirect("accounts:reset_sent")
        hold(request, reset, is_proved=False)
        return redirect("accounts:reset_code")
    return render_form(request, "accounts/forgotten.html", {"form": form, "by_email": way == Way.EMAIL})


def refused_for_now(request: HttpRequest, form: ForgottenForm, way: Way, refusal: TooManyAttempts) -> HttpResponse:
    """Answer with the form and how long to wait; what was typed is not logged."""
    log.warning("asking for a password reset from %s refused: %s", request.origin.address, refusal)  # type: ignore[attr-defined]
    form.add_error(None, str(refusal))
    response = render_form(request, "accounts/forgotten.html", {"form": form, "by_email": way == Way.EMAIL})
    response.status_code = 429
    response["Retry-After"] = str(refusal.retry_after)
    return response


@public
@require_GET
def sent(request: HttpRequest) -> HttpResponse:
    """Say that a link is on its way, if there is such a login."""
    return render(request, "accounts/reset_sent.html")


@public
@sensitive_post_parameters("code")
@require_http_methods(["GET", "POST"])
def code(request: HttpRequest) -> HttpResponse:
    """Ask for the code that was sent, if there is such a login, in the browser that asked for it."""
    held = request.session.get(SESSION_KEY)
    if held is None:
        return redirect("accounts:forgotten")
    form = ResetCodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        now = timezone.now()
        with refusals_into(form):
            operations.check_reset_code(reset_id=held["id"], code=form.cleaned_data["code"], now=now)
            hold(request, operations.reset_in_force(reset_id=held["id"], at=entrance_of(request), now=now))
            return redirect("accounts:reset_password")
    if form.errors:
        log.warning("code of a password reset failed from %s", request.origin.address)  # type: ignore[attr-defined]
    return render_form(request, "accounts/reset_code.html", {"form": form})


@public
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def new_password(request: HttpRequest) -> HttpResponse:
    """Let whoever has shown the link or the code choose the next password."""
    now = timezone.now()
    if "token" in request.GET:
        return open_link(request, request.GET["token"], now)
    reset = proved(request, now)
    if reset is None or reset.user is None:
        return over(request)
    form = NextPasswordForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with refusals_into(form):
            operations.reset_password(
                reset_id=reset.pk,
                password=form.cleaned_data["password"],
                at=entrance_of(request),
                origin=request.origin,  # type: ignore[attr-defined]
                now=now,
            )
            logout(request)
            return done(request, _("Your password is changed. Sign in with it."), to=reverse("accounts:sign_in"))
    tokens = operations.tokens_in_force(reset.user, now).count()
    context = {"form": form, "username": reset.user.username, "tokens_in_force": tokens}
    return render_form(request, "accounts/reset_password.html", context)


def open_link(request: HttpRequest, token: str, now: datetime) -> HttpResponse:
    """Hold what the link opens in the session, and lead to an address without the token.

    So it stands on no page, in no log line of ours and in no Referer. What the link opens is not used up by looking.
    """
    reset = operations.reset_by_link(token=token, at=entrance_of(request), now=now)
    hold(request, reset)
    response = redirect("accounts:reset_password")
    response["Referrer-Policy"] = "no-referrer"
    return response


def hold(request: HttpRequest, reset: PasswordReset | None, *, is_proved: bool = True) -> None:
    """Hold the reset in the session, under another key than before: somebody else may have planted that one."""
    request.session.pop(SESSION_KEY, None)
    if reset:
        request.session.cycle_key()
        request.session[SESSION_KEY] = {"id": reset.pk, "is_proved": is_proved}
        rotate_token(request)


def proved(request: HttpRequest, now: datetime) -> PasswordReset | None:
    """Return the reset whose link or code this browser has shown, while it is in force."""
    held = request.session.get(SESSION_KEY)
    if not held or not held["is_proved"]:
        return None
    return operations.reset_in_force(reset_id=held["id"], at=entrance_of(request), now=now)


def over(request: HttpRequest) -> HttpResponse:
    """Lead to where another one is asked for."""
    request.session.pop(SESSION_KEY, None)
    messages.info(request, str(operations.ResetIsOver()))
    return redirect("accounts:forgotten")
