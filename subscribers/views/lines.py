"""The acts on a subscriber's line that cost nothing."""

from __future__ import annotations

from django.http import HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.access import SignedInRequest, requires
from ispanel.http import done
from ispanel.refusals import refusals_into
from subscribers import operations
from subscribers.forms import ConfirmationForm, SuspensionForm, TerminationForm
from subscribers.models import Subscriber
from subscribers.usage import usage_of
from subscribers.views.acts import page_of, render_act_on


@requires("subscribers.edit", of=Subscriber)
@require_http_methods(["GET", "POST"])
def suspension(request: SignedInRequest, subscriber: Subscriber) -> HttpResponse:
    """Keep the line off until somebody resumes it."""
    form = SuspensionForm(request.POST) if request.method == "POST" else SuspensionForm()
    if form.is_valid():
        with refusals_into(form):
            operations.suspend_subscriber(
                actor=request.seat,
                subscriber_id=subscriber.pk,
                reason=form.cleaned_data["reason"],
                now=timezone.now(),
            )
            return done(request, _("%(name)s is suspended.") % {"name": subscriber}, to=page_of(subscriber))
    return render_act_on(request, subscriber, "subscribers/suspend.html", {"form": form})


@requires("subscribers.edit", of=Subscriber)
@require_http_methods(["GET", "POST"])
def resumption(request: SignedInRequest, subscriber: Subscriber) -> HttpResponse:
    """Let a suspended line be used again."""
    form = ConfirmationForm(request.POST) if request.method == "POST" else ConfirmationForm()
    if form.is_valid():
        with refusals_into(form):
            operations.resume_subscriber(actor=request.seat, subscriber_id=subscriber.pk, now=timezone.now())
            return done(request, _("%(name)s is resumed.") % {"name": subscriber}, to=page_of(subscriber))
    return render_act_on(request, subscriber, "subscribers/resume.html", {"form": form})


@requires("subscribers.delete", of=Subscriber)
@require_http_methods(["GET", "POST"])
def termination(request: SignedInRequest, subscriber: Subscriber) -> HttpResponse:
    """End the line for ever, once its username is typed."""
    form = TerminationForm(request.POST or None, username=subscriber.username)
    if request.method == "POST" and form.is_valid():
        with refusals_into(form):
            operations.terminate_subscriber(actor=request.seat, subscriber_id=subscriber.pk, now=timezone.now())
            return done(request, _("%(name)s is terminated.") % {"name": subscriber}, to=page_of(subscriber))
    return render_act_on(request, subscriber, "subscribers/terminate.html", {"form": form})


@requires("subscribers.disconnect", of=Subscriber)
@require_http_methods(["GET", "POST"])
def disconnection(request: SignedInRequest, subscriber: Subscriber) -> HttpResponse:
    """End the line's session at its access server."""
    form = ConfirmationForm(request.POST) if request.method == "POST" else ConfirmationForm()
    if form.is_valid():
        with refusals_into(form):
            asked = operations.disconnect_subscriber(
                actor=request.seat, subscriber_id=subscriber.pk, now=timezone.now()
            )
            message = (
                _("%(nas)s is told to disconnect %(name)s. Its answer stands below.")
                if asked.nas
                else _("%(name)s has no NAS device, so nobody is told.")
            )
            return done(request, message % {"nas": asked.nas, "name": subscriber}, to=page_of(subscriber))
    return render_act_on(request, subscriber, "subscribers/disconnect.html", {"form": form})


@requires("subscribers.reset_fup", of=Subscriber)
@require_http_methods(["GET", "POST"])
def fup_reset(request: SignedInRequest, subscriber: Subscriber) -> HttpResponse:
    """Give the throttled line its full speed back."""
    form = ConfirmationForm(request.POST) if request.method == "POST" else ConfirmationForm()
    if form.is_valid():
        with refusals_into(form):
            operations.reset_fup(actor=request.seat, subscriber_id=subscriber.pk, now=timezone.now())
            message = _("%(name)s has its full speed again.") % {"name": subscriber}
            return done(request, message, to=page_of(subscriber))
    context = {"form": form, "usage": usage_of(subscriber.pk, timezone.now())}
    return render_act_on(request, subscriber, "subscribers/reset_fup.html", context)
