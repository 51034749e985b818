"""The acts on a login that several pages share; each is a dialog, or a page of its own without JavaScript.

The pages differ in where they were reached from: `Place` says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.http import HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import operations
from accounts.access import SignedInRequest
from accounts.forms.passwords import RevealForm
from accounts.forms.people import ConfirmForm, ContactForm, NewPasswordForm, UsernameForm
from accounts.models import User
from ispanel.http import done, render_act
from ispanel.refusals import refusals_into


@dataclass(frozen=True)
class Place:
    """Where an act is reached from: the way there as (address, name), the last one being where it leads back to."""

    trail: tuple[tuple[str, Any], ...]

    @property
    def back(self) -> str:
        return self.trail[-1][0]


def act(
    request: SignedInRequest,
    template: str,
    form: forms.Form,
    user: User,
    place: Place,
    *,
    do: Callable[..., str],
    context: dict[str, Any] | None = None,
) -> HttpResponse:
    """Show the form of an act on a login, or do it, say what was done and lead back.

    :param do: does it with the form's contents and returns the sentence.
    """
    if request.method == "POST" and form.is_valid():
        with refusals_into(form):
            return done(request, do(now=timezone.now(), **form.cleaned_data), to=place.back)
    whole = {"form": form, "subject": user, "trail": place.trail, **(context or {})}
    return render_act(request, template, whole, cancel_url=place.back)


def posted(request: SignedInRequest) -> Any:
    """Return what was sent; an act's form may be empty, and is sent all the same."""
    return request.POST if request.method == "POST" else None


def rename(request: SignedInRequest, user: User, place: Place) -> HttpResponse:
    """Change the username."""

    def do(**contents: Any) -> str:
        renamed = operations.change_username(actor=request.seat, user_id=user.pk, **contents)
        return _("The username is now “%(name)s”.") % {"name": renamed.username}

    form = UsernameForm(posted(request), initial={"username": user.username})
    return act(request, "accounts/acts/username.html", form, user, place, do=do)


def contact(request: SignedInRequest, user: User, place: Place) -> HttpResponse:
    """Change the sign-in email and the phone."""

    def do(**contents: Any) -> str:
        operations.change_contact_of(actor=request.seat, user_id=user.pk, **contents)
        changed = form.changed_data != ["own_password"]
        return saved(user.email if changed else None)

    form = ContactForm(posted(request), initial={"email": user.email or "", "phone": user.phone})
    return act(request, "accounts/acts/contact.html", form, user, place, do=do)


def saved(old_email: str | None) -> str:
    """Return the sentence after a change of contact, with why the old address was not told."""
    return " ".join(filter(None, [_("The changes are saved."), operations.why_not_told(old_email)]))


def new_password(
    request: SignedInRequest, user: User, place: Place, *, set_it: Callable[..., User], keeps: bool
) -> HttpResponse:
    """Give the login a password that it has to change.

    :param keeps: whether the password can be revealed later on.
    """

    def do(**contents: Any) -> str:
        set_it(actor=request.seat, user_id=user.pk, **contents)
        return _("%(name)s has a new password, and their sign-ins have ended.") % {"name": user.shown_name}

    form = NewPasswordForm(posted(request))
    return act(request, "accounts/acts/password.html", form, user, place, do=do, context={"keeps": keeps})


def two_step_reset(request: SignedInRequest, user: User, place: Place) -> HttpResponse:
    """Take the second step off a login whose phone and recovery codes are lost."""

    def do(**contents: Any) -> str:
        operations.reset_two_step_of(actor=request.seat, user_id=user.pk, **contents)
        return _("Two-step sign-in of %(name)s is off, and their sign-ins have ended.") % {"name": user.shown_name}

    return act(request, "accounts/acts/two_step_reset.html", ConfirmForm(posted(request)), user, place, do=do)


def removal(
    request: SignedInRequest, user: User, place: Place, *, remove: Callable[..., User], ask: bool
) -> HttpResponse:
    """Remove the login.

    :param ask: whether the own password is asked for.
    """

    def do(**contents: Any) -> str:
        remove(actor=request.seat, user_id=user.pk, **contents)
        return _("%(name)s is removed.") % {"name": user.shown_name}

    form = ConfirmForm(posted(request)) if ask else forms.Form(posted(request))
    return act(request, "accounts/acts/removal.html", form, user, place, do=do)


def restoration(
    request: SignedInRequest, user: User, place: Place, *, restore: Callable[..., User], ask: bool
) -> HttpResponse:
    """Let the removed login sign in again.

    :param ask: whether the own password is asked for.
    """

    def do(**contents: Any) -> str:
        restore(actor=request.seat, user_id=user.pk, **contents)
        return _("%(name)s is restored and can sign in again.") % {"name": user.shown_name}

    form = ConfirmForm(posted(request)) if ask else forms.Form(posted(request))
    return act(request, "accounts/acts/restoration.html", form, user, place, do=do)


def reveal(request: SignedInRequest, user: User, place: Place, *, reveal_it: Callable[..., str]) -> HttpResponse:
    """Reveal the initial password, on this answer alone."""
    now = timezone.now()
    ask = not operations.may_reveal_without_password(actor=request.seat, user=user, now=now)
    form = RevealForm(posted(request), ask=ask)
    secret = ""
    if request.method == "POST" and form.is_valid():
        with refusals_into(form):
            secret = reveal_it(actor=request.seat, own_password=form.cleaned_data.get("own_password", ""), now=now)
    context = {"form": form, "subject": user, "trail": place.trail, "secret": secret}
    return render_act(request, "accounts/acts/initial_password.html", context, cancel_url=place.back)
