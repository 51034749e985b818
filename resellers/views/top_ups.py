"""Top-up requests: the list, asking, and answering."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from accounts.access import SignedInRequest, requires, visible_or_404
from ispanel.http import done, render_act, render_list
from ispanel.installation import currency
from ispanel.lists import page_of
from ispanel.money import with_code
from ispanel.refusals import Forbidden, refusals_into
from resellers import operations
from resellers.forms import REQUEST_VIEWS, CancellationForm, RefusalForm, TopUpListForm
from resellers.models import TopUpRequest
from wallet.forms import MoneyForm, TransferForm
from wallet.previews import is_short, preview


@requires("transactions.view")
@require_GET
def list_(request: SignedInRequest) -> HttpResponse:
    """List the requests that the seat reads: its own, those that it answers, or all."""
    form = TopUpListForm(request.GET, seat=request.seat)
    rows = TopUpRequest.objects.visible_to(request.seat)
    counts = form.counts(rows)
    context = {
        "form": form,
        "tabs": [(key, label, counts[key]) for key, label in REQUEST_VIEWS if key in counts],
        "view": form.value("view") or "",
        "total": counts["all"],
        "page_obj": page_of(request, form.apply(rows.for_list())),
        "may_ask": request.seat.reseller is not None and request.seat.has("transactions.transfer"),
    }
    return render_list(request, "resellers/top_ups.html", context)


@requires("transactions.transfer")
@require_http_methods(["GET", "POST"])
def ask(request: SignedInRequest) -> HttpResponse:
    """Ask for money for the own wallet."""
    own = request.seat.reseller
    if own is None:
        raise Forbidden(_("Only a reseller has a wallet to ask for."))
    form = TransferForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with refusals_into(form):
            asked = operations.ask_for_top_up(
                actor=request.seat,
                amount=form.cleaned_data["amount"],
                note=form.cleaned_data["note"],
                key=form.key("ask_for_top_up"),
                now=timezone.now(),
            )
            return done(request, in_words(_("You asked for %(amount)s."), asked), to=reverse("resellers:top_ups"))
    waiting = own.top_up_requests.open().first()
    return act(request, "resellers/top_up_ask.html", form, waiting, reseller=own)


@requires("transactions.transfer", of=TopUpRequest)
@require_http_methods(["GET", "POST"])
def approval(request: SignedInRequest, asked: TopUpRequest) -> HttpResponse:
    """Transfer what was asked for."""
    form = MoneyForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with refusals_into(form):
            asked = operations.approve_top_up(
                actor=request.seat,
                request_id=asked.pk,
                key=form.key("approve_top_up", {"request": asked.pk}),
                now=timezone.now(),
            )
            return done(
                request, in_words(_("%(amount)s transferred to %(name)s."), asked), to=reverse("resellers:top_ups")
            )
    source = operations.funding_account(request.seat)
    asked.refresh_from_db()
    return act(
        request,
        "resellers/top_up_approval.html",
        form,
        asked,
        lines=preview(source, asked.reseller.wallet, asked.amount, own=source),
        is_short=is_short(source, asked.amount),
    )


@requires("transactions.transfer", of=TopUpRequest)
@require_http_methods(["GET", "POST"])
def refusal(request: SignedInRequest, asked: TopUpRequest) -> HttpResponse:
    """Refuse a request, for a reason that whoever asked reads."""
    form = RefusalForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with refusals_into(form):
            asked = operations.refuse_top_up(
                actor=request.seat, request_id=asked.pk, reason=form.cleaned_data["reason"], now=timezone.now()
            )
            return done(
                request, in_words(_("The request of %(name)s is refused."), asked), to=reverse("resellers:top_ups")
            )
    asked.refresh_from_db()
    return act(request, "resellers/top_up_refusal.html", form, asked)


@requires("transactions.transfer")
@require_http_methods(["GET", "POST"])
def cancellation(request: SignedInRequest, pk: int) -> HttpResponse:
    """Take back a request of one's own, which is not among those that one answers."""
    asked = visible_or_404(TopUpRequest, request.seat, pk)
    assert isinstance(asked, TopUpRequest)
    if not asked.is_own_of(request.seat):
        raise Forbidden(_("Only the reseller that asked cancels a request."))
    form = CancellationForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with refusals_into(form):
            asked = operations.cancel_top_up(actor=request.seat, request_id=asked.pk, now=timezone.now())
            return done(request, _("Your request is cancelled."), to=reverse("resellers:top_ups"))
    asked.refresh_from_db()
    return act(request, "resellers/top_up_cancellation.html", form, asked)


def act(request: SignedInRequest, template: str, form: Any, asked: TopUpRequest | None, **context: Any) -> HttpResponse:
    """Answer with the form of an act on a request."""
    whole = {"form": form, "asked": asked, **context}
    return render_act(request, template, whole, cancel_url=reverse("resellers:top_ups"))


def in_words(message: str, asked: TopUpRequest) -> str:
    return message % {"amount": with_code(asked.amount, currency()), "name": asked.reseller.public_name}
