"""The second step of signing in, for logins that have one."""

from __future__ import annotations

import logging

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts import operations, pending
from accounts.access import public
from accounts.forms.two_step import SecondStepForm
from accounts.seats import Seat
from accounts.views.sign_in import check_at_sign_in, finish_sign_in
from ispanel.http import render_form
from ispanel.refusals import refusals_into

log = logging.getLogger(__name__)


@public
@sensitive_post_parameters("code")
@require_http_methods(["GET", "POST"])
def second_step(request: HttpRequest) -> HttpResponse:
    """Ask for the code of the app, or a recovery code, before anybody is signed in."""
    now = timezone.now()
    held = pending.held(request, now)
    if held is None:
        if pending.drop(request):
            messages.info(request, _("Please sign in again: five minutes are over, or your login has changed."))
        return redirect("accounts:sign_in")
    recovery = "recovery" in request.GET
    form = SecondStepForm(request.POST or None, recovery=recovery)
    if request.method == "POST" and form.is_valid():
        seat = Seat.own(held.user, request.origin)  # type: ignore[attr-defined]
        check_at_sign_in(request, seat)
        with refusals_into(form):
            operations.check_code(actor=seat, code=form.cleaned_data["code"], now=now)
            return finish_sign_in(request, seat, to=held.to)
    if form.errors:
        log.warning("second step failed from %s", request.origin.address)  # type: ignore[attr-defined]
    return render_form(request, "accounts/second_step.html", {"form": form, "recovery": recovery, "to": held.to})
