"""Reversing a transfer: a dialog, or a page of its own without JavaScript."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.access import SignedInRequest, admin_only
from ispanel.http import done, render_act
from ispanel.installation import currency
from ispanel.money import with_code
from ispanel.refusals import refusals_into
from wallet import operations
from wallet.forms import UndoForm
from wallet.models import AccountKind, Transfer, TransferKind
from wallet.previews import is_short, preview


@admin_only
@require_http_methods(["GET", "POST"])
def reversal(request: SignedInRequest, pk: int) -> HttpResponse:
    """Move the money of an opening, a transfer or a withdrawal back."""
    transfer = reversible_or_404(pk)
    back = reverse("resellers:transactions", args=[transfer.about.reseller.pk])
    form = UndoForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with refusals_into(form):
            operations.reverse_transfer(
                actor=request.seat,
                transfer_id=transfer.pk,
                reason=form.cleaned_data["reason"],
                key=form.key("reversal", {**form.cleaned_data, "transfer": transfer.pk}),
                now=timezone.now(),
            )
            message = _("%(amount)s is moved back.") % {"amount": with_code(transfer.amount, currency())}
            return done(request, message, to=back)
    context = {"form": form, "transfer": transfer, **what_it_does(transfer)}
    return render_act(request, "wallet/reversal.html", context, cancel_url=back)


def reversible_or_404(pk: int) -> Transfer:
    """Return the transfer if a reversal is what undoes its kind."""
    transfer = Transfer.objects.with_sides().filter(pk=pk).first()
    if transfer is None or not transfer.is_reversible:
        raise Http404
    return transfer


def what_it_does(transfer: Transfer) -> dict[str, Any]:
    """Return both balances before and after, and what is left to do where the money is not there any more."""
    holder, receiver = transfer.received_by, transfer.sent_by
    missing = is_short(holder, transfer.amount)
    # An admin's Withdraw leads to the platform's account, so it stands in for a reversal only where that one would.
    offers_withdrawal = missing and holder.movable and receiver.kind == AccountKind.PLATFORM
    return {
        "holder": holder,
        "receiver": receiver,
        "lines": preview(holder, receiver, None if missing else transfer.amount),
        # Between a parent and its sub-reseller it is the parent who moves what is left.
        "parent": holder if transfer.kind == TransferKind.WITHDRAWAL else receiver,
        "missing": missing,
        "may_be_reversed": not (transfer.is_undone or missing or holder.closed_at or receiver.closed_at),
        "withdrawal_url": withdrawal_of_what_is_there(transfer) if offers_withdrawal else "",
    }


def withdrawal_of_what_is_there(transfer: Transfer) -> str:
    """Return the address of Withdraw, filled in with all that the wallet still holds."""
    wallet = transfer.received_by
    amount = wallet.movable.quantize(currency().smallest)
    return f"{reverse('resellers:withdrawals', args=[wallet.reseller.pk])}?{urlencode({'amount': f'{amount:f}'})}"
