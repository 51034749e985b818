"""The acts that sell something to a subscriber, take it back, or change on what terms it is sold."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateformat import format as date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.access import SignedInRequest, admin_only, requires
from ispanel.http import back_of, done, render_act, wants
from ispanel.installation import currency
from ispanel.money import with_code
from ispanel.refusals import Refusal, refusals_into
from plans.models import DataPack
from resellers.terms import terms_of
from subscribers import operations
from subscribers.forms import DataForm, MoveForm, PlanChangeForm, PriceForm, RenewalForm, sealed_change
from subscribers.models import Renewal, Status, Subscriber
from subscribers.operations import NotOnline, PlanChange, SubscriberTerminated
from subscribers.usage import Usage, usage_of
from wallet.forms import UndoForm


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
            return done(request, message, to=page_of(subscriber))
    quote = operations.quote_for(subscriber, terms=terms_of(subscriber.reseller), now=timezone.now())
    return render_act_on(request, subscriber, "subscribers/renew.html", {"form": form, "quote": quote})


@requires("subscribers.change_plan", of=Subscriber)
@require_http_methods(["GET", "POST"])
def plan_changes(request: SignedInRequest, subscriber: Subscriber) -> HttpResponse:
    """Put the subscriber on another plan, once it was shown what that costs or gives back."""
    form = PlanChangeForm(request.POST or None, seat=request.seat, subscriber=subscriber)
    if request.method == "POST" and form.is_valid() and (agreed := form.agreed()):
        plan, (shown_at, due) = form.cleaned_data["plan"], agreed
        with refusals_into(form):
            operations.change_plan(
                actor=request.seat,
                subscriber_id=subscriber.pk,
                plan=plan,
                shown_at=shown_at,
                agreed_due=due,
                key=form.key("change_plan", {"subscriber": subscriber.pk, "plan": plan}),
                now=timezone.now(),
            )
            message = _("%(name)s has the plan %(plan)s now.") % {"name": subscriber.username, "plan": plan}
            return done(request, message, to=page_of(subscriber))
    context = {"form": form, **chosen_change(request, subscriber)}
    if wants(request, "preview"):
        return render(request, "subscribers/plan_change.html#preview", {"subscriber": subscriber, **context})
    return render_act_on(request, subscriber, "subscribers/plan_change.html", context)


def chosen_change(request: SignedInRequest, subscriber: Subscriber) -> dict[str, Any]:
    """Return what changing to the plan that is chosen does, or why it cannot be; nothing while none is chosen."""
    form = PlanChangeForm(request.POST or request.GET or None, seat=request.seat, subscriber=subscriber)
    form.is_valid()
    if not form.is_bound or "plan" not in form.cleaned_data:
        return {}
    plan, terms = form.cleaned_data["plan"], terms_of(subscriber.reseller)
    try:
        operations.check_changeable(subscriber, plan, terms)
    except Refusal as refusal:
        return {"refusal": str(refusal)}
    change = operations.plan_change_of(subscriber, plan, terms, timezone.now())
    return {"change": change, "shown": sealed_change(change), "payments": payments_of(change)}


def payments_of(change: PlanChange) -> list[dict[str, Any]]:
    """Return whose wallet holds what before and after the change."""
    if not change.back:
        before = change.wallet.balance or 0
        return [{"owner": change.payer, "before": before, "after": before - change.due}]
    return [
        {
            "owner": wallet.reseller,
            "amount": amount,
            "before": wallet.balance,
            "after": (wallet.balance or 0) + amount,
        }
        for wallet, amount in operations.given_back(change)
    ]


@requires("subscribers.top_up", of=Subscriber)
@require_http_methods(["GET", "POST"])
def data_top_ups(request: SignedInRequest, subscriber: Subscriber) -> HttpResponse:
    """Sell data on top of the running period's quota."""
    usage = usage_of(subscriber.pk, timezone.now())
    packs = packs_of(usage)
    form = DataForm(request.POST or None, packs=packs, reseller=subscriber.reseller)
    if request.method == "POST" and form.is_valid():
        pack, price = form.wanted()
        with refusals_into(form):
            operations.sell_data(
                actor=request.seat,
                subscriber_id=subscriber.pk,
                pack=pack,
                agreed_price=price,
                key=form.key("sell_data", {"subscriber": subscriber.pk, "pack": form.cleaned_data["pack"]}),
                now=timezone.now(),
            )
            message = _("%(name)s has %(data)s more.") % {"name": subscriber.username, "data": pack}
            return done(request, message, to=page_of(subscriber))
    context = {"form": form, "usage": usage, "packs": packs, "refusal": why_no_data(subscriber, usage)}
    return render_act_on(request, subscriber, "subscribers/data_top_up.html", context)


def packs_of(usage: Usage | None) -> list[DataPack]:
    """Return the data that can be bought on top of what runs."""
    return list(usage.plan.data_packs.filter(is_on_sale=True).order_by("megabytes")) if usage else []


def why_no_data(subscriber: Subscriber, usage: Usage | None) -> str:
    """Return why no data can be sold to the line now, or nothing."""
    if subscriber.terminated_at:
        return str(SubscriberTerminated())
    return "" if usage and subscriber.status == Status.ACTIVE else str(NotOnline())


@requires("subscribers.set_price", of=Subscriber)
@require_http_methods(["GET", "POST"])
def price(request: SignedInRequest, subscriber: Subscriber) -> HttpResponse:
    """Set what the subscriber is asked for; while it is typed, htmx asks for the margin."""
    own, terms = subscriber.retail_price, terms_of(subscriber.reseller)
    shown = "" if own is None else f"{own.quantize(currency().smallest):f}"
    form = PriceForm(request.POST or None, initial={"retail_price": shown})
    if request.method == "POST" and form.is_valid():
        with refusals_into(form):
            operations.set_subscriber_price(
                actor=request.seat,
                subscriber_id=subscriber.pk,
                retail_price=form.cleaned_data["retail_price"],
                now=timezone.now(),
            )
            return done(request, _("The changes are saved."), to=page_of(subscriber))
    typed = PriceForm(request.POST or request.GET or {"retail_price": shown})
    typed.is_valid()
    plan = subscriber.plan
    asked = terms.retail(plan, typed.cleaned_data.get("retail_price"))
    context = {
        "form": form,
        "usual": terms.retail(plan),
        "asked": asked,
        "wholesale": terms.wholesale(plan),
        "margin": asked - terms.wholesale(plan),
    }
    if wants(request, "preview"):
        return render(request, "subscribers/price.html#preview", context)
    return render_act_on(request, subscriber, "subscribers/price.html", context)


@requires("subscribers.change_owner", of=Subscriber)
@require_http_methods(["GET", "POST"])
def move(request: SignedInRequest, subscriber: Subscriber) -> HttpResponse:
    """Give the subscriber to another reseller."""
    form = MoveForm(request.POST or None, seat=request.seat, owner=subscriber.reseller)
    if request.method == "POST" and form.is_valid():
        to = form.cleaned_data["reseller"]
        with refusals_into(form):
            operations.move_subscribers(actor=request.seat, subscriber_ids=[subscriber.pk], to=to, now=timezone.now())
            message = _("%(name)s is one of %(reseller)s now.") % {
                "name": subscriber.username,
                "reseller": to.public_name,
            }
            return done(request, message, to=page_of(subscriber))
    return render_act_on(request, subscriber, "subscribers/move.html", {"form": form})


def page_of(subscriber: Subscriber) -> str:
    return reverse("subscribers:detail", args=[subscriber.pk])


def render_act_on(
    request: SignedInRequest, subscriber: Subscriber, template: str, context: dict[str, Any]
) -> HttpResponse:
    """Answer with an act's form, whose Cancel leads to the subscriber's page."""
    return render_act(request, template, {"subscriber": subscriber, **context}, cancel_url=page_of(subscriber))


@admin_only
@require_http_methods(["GET", "POST"])
def refund(request: SignedInRequest, pk: int) -> HttpResponse:
    """Give the charge of a period back and end the period."""
    rows = Renewal.objects.select_related("subscriber", "plan", "refund", "invoice")
    renewal = rows.filter(transfer_id=pk).first()
    if renewal is None:
        raise Http404
    back = back_of(request, page_of(renewal.subscriber))
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
    context = {
        "form": form,
        "act_url": request.get_full_path(),
        "refund": refund,
        "refusal": why_not_refundable(renewal),
    }
    return render_act(request, "subscribers/refund.html", context, cancel_url=back)


def why_not_refundable(renewal: Renewal) -> str:
    """Return why the period is not refunded, or nothing."""
    try:
        operations.check_refundable(renewal)
    except Refusal as refusal:
        return str(refusal)
    return ""
