"""The pages about subscribers."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateformat import format as date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from accounts.access import SignedInRequest, admin_only, requires
from accounts.trail import trail_about
from ispanel.http import done, render_act, render_form, render_list, wants
from ispanel.installation import currency
from ispanel.lists import page_of
from ispanel.money import with_code
from ispanel.refusals import Refusal, refusals_into
from subscribers import operations
from subscribers.forms import (
    VIEWS,
    RenewalForm,
    RenewalListForm,
    SubscriberCreateForm,
    SubscriberEditForm,
    SubscriberListForm,
)
from subscribers.models import Renewal, Subscriber
from wallet.forms import UndoForm


@requires("subscribers.view")
@require_GET
def list_(request: SignedInRequest) -> HttpResponse:
    """List the subscribers that the seat sees, without the terminated ones."""
    form = SubscriberListForm(request.GET, seat=request.seat)
    rows = Subscriber.objects.visible_to(request.seat).kept()
    counts = form.filtered(rows).counts(timezone.now())
    context = {
        "form": form,
        "tabs": [(key, label, counts[key or "all"]) for key, label in VIEWS],
        "status": form.value("status") or "",
        "total": counts["all"],
        "page_obj": page_of(request, form.apply(rows.for_list())),
        "is_filtered": any(request.GET.get(name) for name in ("q", "plan", "reseller", "due", "status")),
    }
    return render_list(request, "subscribers/list.html", context)


@requires("subscribers.view")
@require_GET
def sold(request: SignedInRequest) -> HttpResponse:
    """List the periods sold and those refunded, with what they were charged and what they brought in."""
    form = RenewalListForm(request.GET, seat=request.seat)
    rows = Renewal.objects.visible_to(request.seat)
    sold, refunded = form.sold(rows).totals(), form.refunded(rows).totals()
    context = {
        "form": form,
        "page_obj": page_of(request, form.apply(rows)),
        "sold": sold["count"],
        "refunded": refunded["count"],
        "charged": sold["price"] - refunded["price"],
        "retail": sold["retail_price"] - refunded["retail_price"],
    }
    return render_list(request, "subscribers/sold.html", context)


@requires("subscribers.view", of=Subscriber)
@require_GET
def detail(request: SignedInRequest, subscriber: Subscriber) -> HttpResponse:
    """Show the line, its periods and what was done to it."""
    context = {
        "subscriber": Subscriber.objects.for_list().get(pk=subscriber.pk),
        "renewals": Renewal.objects.filter(subscriber=subscriber).select_related("plan", "reseller").order_by("-id"),
        "audit_entries": trail_about(request.seat, subscriber),
    }
    return render(request, "subscribers/detail.html", context)


@requires("subscribers.create")
@require_http_methods(["GET", "POST"])
def create(request: SignedInRequest) -> HttpResponse:
    """Add a subscriber; while a plan is chosen, htmx asks for what it will cost."""
    if wants(request, "quote"):
        return render(request, "subscribers/form.html#quote", {"quote": chosen_quote(request, request.GET)})
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
    return operations.quote(payer=held["reseller"], plan=held["plan"], expires_at=None, now=timezone.now())


@requires("subscribers.edit", of=Subscriber)
@require_http_methods(["GET", "POST"])
def edit(request: SignedInRequest, subscriber: Subscriber) -> HttpResponse:
    """Change a subscriber's details."""
    initial = {name: getattr(subscriber, name) for name in operations.DETAILS}
    initial["seen"] = operations.state_of(subscriber)
    form = SubscriberEditForm(request.POST or None, initial=initial)
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


@requires("subscribers.renew", of=Subscriber)
@require_http_methods(["GET", "POST"])
def renewals(request: SignedInRequest, subscriber: Subscriber) -> HttpResponse:
    """Buy the subscriber's next period."""
    form = RenewalForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with refusals_into(form):
            renewal = operations.renew_subscriber(
                actor=request.seat,
                subscriber_id=subscriber.pk,
                agreed_price=form.cleaned_data["agreed_price"],
                key=form.key("renew_subscriber", {"subscriber": subscriber.pk}),
                now=timezone.now(),
            )
            message = _("%(name)s is renewed until %(day)s.") % {
                "name": subscriber.username,
                "day": date_format(timezone.localtime(renewal.ends_at), "j M Y"),
            }
            return done(request, message, to=reverse("subscribers:detail", args=[subscriber.pk]))
    quote = operations.quote(
        payer=subscriber.reseller, plan=subscriber.plan, expires_at=subscriber.expires_at, now=timezone.now()
    )
    context = {"form": form, "subscriber": subscriber, "quote": quote}
    return render_act(
        request, "subscribers/renew.html", context, cancel_url=reverse("subscribers:detail", args=[subscriber.pk])
    )


@admin_only
@require_http_methods(["GET", "POST"])
def refund(request: SignedInRequest, pk: int) -> HttpResponse:
    """Give the charge of a period back and end the period."""
    renewal = Renewal.objects.select_related("subscriber", "plan", "refund").filter(transfer_id=pk).first()
    if renewal is None:
        raise Http404
    back = reverse("subscribers:detail", args=[renewal.subscriber_id])
    form = UndoForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with refusals_into(form):
            operations.refund_charge(
                actor=request.seat,
                renewal_id=renewal.pk,
                reason=form.cleaned_data["reason"],
                key=form.key("refund", {**form.cleaned_data, "renewal": renewal.pk}),
                now=timezone.now(),
            )
            message = _("%(amount)s is refunded.") % {"amount": with_code(renewal.price, currency())}
            return done(request, message, to=back)
    refund = operations.refund_of(renewal, timezone.now())
    context = {"form": form, "refund": refund, "refusal": why_not_refundable(renewal)}
    return render_act(request, "subscribers/refund.html", context, cancel_url=back)


def why_not_refundable(renewal: Renewal) -> str:
    """Return why the period is not refunded, or nothing."""
    try:
        operations.check_refundable(renewal)
    except Refusal as refusal:
        return str(refusal)
    return ""
