"""One's own login and its password."""

from __future__ import annotations

from django.contrib.auth import update_session_auth_hash
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods

from accounts import operations
from accounts.access import SignedInRequest, signed_in
from accounts.forms.passwords import PasswordForm
from accounts.views import acts
from accounts.views.acts import Place
from ispanel.http import done, render_form
from ispanel.refusals import refusals_into


@signed_in(in_borrowed_seat=False)
@require_GET
def account(request: SignedInRequest) -> HttpResponse:
    """Show one's own login."""
    return render(request, "accounts/account.html", {"login": request.seat.login})


def own_place() -> Place:
    """Return the way to an act on one's own login."""
    return Place(((reverse("accounts:account"), _("Your account")),))


@signed_in(in_borrowed_seat=False)
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def username(request: SignedInRequest) -> HttpResponse:
    """Change one's own username."""
    return acts.rename(request, request.seat.login, own_place())


@signed_in(in_borrowed_seat=False)
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def contact(request: SignedInRequest) -> HttpResponse:
    """Change one's own sign-in email and phone."""
    return acts.contact(request, request.seat.login, own_place())


@signed_in(before_ready=True, in_borrowed_seat=False)
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def password(request: SignedInRequest) -> HttpResponse:
    """Choose a password of one's own; every other sign-in of this login ends."""
    forced = request.seat.login.must_change_password
    form = PasswordForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with refusals_into(form):
            user = operations.change_own_password(
                actor=request.seat,
                old_password=form.cleaned_data["own_password"],
                new_password=form.cleaned_data["password"],
                besides=request.session.row.session_key,  # type: ignore[attr-defined]
                now=timezone.now(),
            )
            update_session_auth_hash(request, user)
            return done(request, _("Your password is changed."), to=reverse(request.seat.home))
    tokens = operations.tokens_in_force(request.seat.login, timezone.now()).count()
    context = {"form": form, "forced": forced, "tokens_in_force": tokens}
    return render_form(request, "accounts/password.html", context)
