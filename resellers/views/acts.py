"""The acts on a reseller: each is a dialog, or a page of its own without JavaScript."""

from __future__ import annotations

from decimal import Decimal
from functools import partial

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts.access import SignedInRequest, admin_only, requires
from accounts.middleware import begin_borrowed_seat
from accounts.models import User
from accounts.operations import enter_seat, set_password_of
from accounts.views import acts
from accounts.views.acts import Place
from ispanel.http import done, render_act, wants
from ispanel.installation import currency
from ispanel.money import with_code
from ispanel.refusals import Forbidden, refusals_into
from resellers import operations
from resellers.forms import LoginAsForm, ThresholdForm
from resellers.models import Reseller
from wallet.forms import TransferForm
from wallet.models import Entry, LedgerAccount
from wallet.previews import is_short, preview


@requires("transactions.transfer", of=Reseller)
@require_http_methods(["GET", "POST"])
def transfers(request: SignedInRequest, reseller: Reseller) -> HttpResponse:
    """Transfer money to the reseller."""
    form = TransferForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with refusals_into(form):
            transfer = operations.transfer_to_reseller(
                actor=request.seat,
                reseller_id=reseller.pk,
                amount=form.cleaned_data["amount"],
                note=form.cleaned_data["note"],
                key=form.key("transfer", {**form.cleaned_data, "reseller": reseller.pk}),
                now=timezone.now(),
            )
            message = _("%(amount)s transferred to %(name)s.")
            return done(request, in_words(message, transfer.amount, reseller), to=transactions_of(reseller))
    source = operations.funding_account(request.seat)
    return render_transfer(request, "resellers/transfer.html", form, reseller, source, reseller.wallet)


@requires("transactions.withdraw", of=Reseller)
@require_http_methods(["GET", "POST"])
def withdrawals(request: SignedInRequest, reseller: Reseller) -> HttpResponse:
    """Withdraw money from the reseller; a link may have filled the form in."""
    filled_in = {name: request.GET[name] for name in ("amount", "note") if name in request.GET}
    form = TransferForm(request.POST or None, initial=filled_in)
    if request.method == "POST" and form.is_valid():
        with refusals_into(form):
            transfer = operations.withdraw_from_reseller(
                actor=request.seat,
                reseller_id=reseller.pk,
                amount=form.cleaned_data["amount"],
                note=form.cleaned_data["note"],
                key=form.key("withdrawal", {**form.cleaned_data, "reseller": reseller.pk}),
                now=timezone.now(),
            )
            message = _("%(amount)s withdrawn from %(name)s.")
            return done(request, in_words(message, transfer.amount, reseller), to=transactions_of(reseller))
    target = operations.funding_account(request.seat)
    return render_transfer(request, "resellers/withdraw.html", form, reseller, reseller.wallet, target)


@requires("resellers.edit", of=Reseller)
@require_http_methods(["GET", "POST"])
def threshold(request: SignedInRequest, reseller: Reseller) -> HttpResponse:
    """Say from which balance on the reseller's wallet is low."""
    return render_threshold(request, reseller, back=reverse("resellers:detail", args=[reseller.pk]))


@requires("transactions.transfer")
@require_http_methods(["GET", "POST"])
def own_threshold(request: SignedInRequest) -> HttpResponse:
    """Say from which balance on the own wallet is low."""
    own = request.seat.reseller
    if own is None:
        raise Forbidden(_("Only a reseller has a wallet of its own."))
    return render_threshold(request, own, back=transactions_of(own))


def render_threshold(request: SignedInRequest, reseller: Reseller, *, back: str) -> HttpResponse:
    """Show the form of the low-balance threshold, or set it and lead back."""
    present = reseller.low_balance_threshold.quantize(currency().smallest)
    form = ThresholdForm(request.POST or None, initial={"threshold": f"{present:f}"})
    if request.method == "POST" and form.is_valid():
        with refusals_into(form):
            operations.set_low_balance_threshold(
                actor=request.seat,
                reseller_id=reseller.pk,
                threshold=form.cleaned_data["threshold"],
                now=timezone.now(),
            )
            return done(request, _("The changes are saved."), to=back)
    return render_act(request, "resellers/threshold.html", {"form": form, "reseller": reseller}, cancel_url=back)


def in_words(message: str, amount: Decimal, reseller: Reseller) -> str:
    return message % {"amount": with_code(amount, currency()), "name": reseller.public_name}


def transactions_of(reseller: Reseller) -> str:
    return reverse("resellers:transactions", args=[reseller.pk])


def render_transfer(
    request: SignedInRequest,
    template: str,
    form: TransferForm,
    reseller: Reseller,
    source: LedgerAccount,
    target: LedgerAccount,
) -> HttpResponse:
    """Answer with the form, or with its preview while somebody types."""
    typed = TransferForm(request.GET or None) if request.method == "GET" else form
    typed.is_valid()
    amount = typed.cleaned_data.get("amount") if typed.is_bound else None
    context = {
        "form": form,
        "reseller": reseller,
        "amount": amount,
        "lines": preview(source, target, amount, own=operations.funding_account(request.seat)),
        "is_short": is_short(source, amount),
        "latest": Entry.objects.of(reseller.wallet).deposits()[:3],
    }
    if wants(request, "preview"):
        return render(request, f"{template}#preview", {**context, "swap_label": True})
    return render_act(request, template, context, cancel_url=reverse("resellers:detail", args=[reseller.pk]))


@requires("resellers.login_as", of=Reseller, in_borrowed_seat=False)
@require_http_methods(["GET", "POST"])
def seats(request: SignedInRequest, reseller: Reseller) -> HttpResponse:
    """Log in as the reseller, for a reason that stands in the audit trail."""
    form = LoginAsForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with refusals_into(form):
            seat = enter_seat(
                actor=request.seat,
                user=User.objects.with_rights().get(pk=reseller.user_id),
                reason=form.cleaned_data["reason"],
                now=timezone.now(),
            )
            begin_borrowed_seat(request, seat)
            return done(request, "", to=reverse("reports:dashboard"))
    context = {"form": form, "reseller": reseller}
    return render_act(
        request, "resellers/login_as.html", context, cancel_url=reverse("resellers:detail", args=[reseller.pk])
    )


@requires("resellers.edit", of=Reseller, in_borrowed_seat=False)
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def initial_password(request: SignedInRequest, reseller: Reseller) -> HttpResponse:
    """Reveal the initial password, on this answer alone."""
    reveal_it = partial(operations.reveal_initial_password_of_reseller, reseller_id=reseller.pk)
    return acts.reveal(request, reseller.user, place_of(reseller), reveal_it=reveal_it)


def place_of(reseller: Reseller) -> Place:
    """Return the way to an act on the reseller's own login."""
    detail = reverse("resellers:detail", args=[reseller.pk])
    return Place(((reverse("resellers:list"), _("Resellers")), (detail, reseller.public_name)))


def reseller_or_404(pk: int) -> Reseller:
    """Return the reseller, unless it is deleted, for an admin."""
    reseller = Reseller.objects.kept().select_related("user").filter(pk=pk).first()
    if reseller is None:
        raise Http404
    return reseller


@admin_only
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def username(request: SignedInRequest, pk: int) -> HttpResponse:
    """Change the username of the reseller's own login."""
    reseller = reseller_or_404(pk)
    return acts.rename(request, reseller.user, place_of(reseller))


@admin_only
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def password(request: SignedInRequest, pk: int) -> HttpResponse:
    """Give the reseller's own login a new password."""
    reseller = reseller_or_404(pk)
    return acts.new_password(request, reseller.user, place_of(reseller), set_it=set_password_of, keeps=True)


@admin_only
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def two_step_reset(request: SignedInRequest, pk: int) -> HttpResponse:
    """Take the second step off the reseller's own login."""
    reseller = reseller_or_404(pk)
    return acts.two_step_reset(request, reseller.user, place_of(reseller))
