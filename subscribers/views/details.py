"""Adding subscribers, and changing what is known of them."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.access import SignedInRequest, requires
from ispanel.http import done, render_form, wants
from ispanel.refusals import refusals_into
from resellers.terms import terms_of
from subscribers import operations
from subscribers.forms import SubscriberCreateForm, SubscriberEditForm
from subscribers.models import Subscriber

#: What is asked for afresh while the form is filled in; the password is not among it.
OFFER = ("reseller", "plan", "nas", "retail_price", "auto_renew", "activate")


@requires("subscribers.create")
@require_http_methods(["GET", "POST"])
def create(request: SignedInRequest) -> HttpResponse:
    """Add a subscriber; htmx asks what a reseller may sell when it is chosen, and what a plan will cost."""
    if wants(request, "quote"):
        return render(request, "subscribers/form.html#quote", {"quote": chosen_quote(request, request.GET)})
    if wants(request, "offer"):
        typed = {name: request.GET.get(name) for name in OFFER}
        form = SubscriberCreateForm(seat=request.seat, initial=typed)
        context = {"form": form, "quote": chosen_quote(request, request.GET)}
        return render(request, "subscribers/form.html#offer", context)
    form = SubscriberCreateForm(request.POST or None, seat=request.seat)
    if request.method == "POST" and form.is_valid():
        with refusals_into(form):
            subscriber = operations.add_subscriber(
                actor=request.seat, key=form.key_of_creation(), now=timezone.now(), **form.contents()
            )
            message = _("%(name)s is added.") % {"name": subscriber.username}
            return done(request, message, to=reverse("subscribers:detail", args=[subscriber.pk]))
    response = render_form(
        request, "subscribers/form.html", {"form": form, "quote": chosen_quote(request, request.POST)}
    )
    response["Cache-Control"] = "no-store"
    return response


def chosen_quote(request: SignedInRequest, typed: Any) -> operations.Quote | None:
    """Return what the chosen plan costs the chosen reseller, or None while either is missing."""
    form = SubscriberCreateForm(typed or None, seat=request.seat)
    form.is_valid()
    held = form.cleaned_data if form.is_bound else {}
    if "plan" not in held or "reseller" not in held or not held.get("activate"):
        return None
    terms = terms_of(held["reseller"])
    return operations.quote(terms=terms, plan=held["plan"], own_price=held.get("retail_price"), now=timezone.now())


@requires("subscribers.edit", of=Subscriber)
@require_http_methods(["GET", "POST"])
def edit(request: SignedInRequest, subscriber: Subscriber) -> HttpResponse:
    """Change a subscriber's details."""
    initial = {name: getattr(subscriber, name) for name in operations.DETAILS}
    initial["seen"] = operations.state_of(subscriber)
    form = SubscriberEditForm(request.POST or None, initial=initial, seat=request.seat, subscriber=subscriber)
    if request.method == "POST" and form.is_valid():
        with refusals_into(form):
            operations.edit_subscriber(
                actor=request.seat,
                subscriber_id=subscriber.pk,
                seen=form.cleaned_data["seen"],
                now=timezone.now(),
                **form.changes(),
            )
            return done(request, _("The changes are saved."), to=reverse("subscribers:detail", args=[subscriber.pk]))
    response = render_form(request, "subscribers/form.html", {"form": form, "subscriber": subscriber})
    response["Cache-Control"] = "no-store"
    return response
