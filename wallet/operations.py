"""What is done to transfers that are in the books: taking them back."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.seats import Seat
from audit import operations as audit
from audit.actions import Action
from ispanel.installation import currency
from ispanel.money import with_code
from ispanel.refusals import Forbidden, Refusal
from wallet import ledger
from wallet.ledger import ActKey
from wallet.models import Transfer, TransferKind


class NotReversible(Refusal):
    """The transfer is a charge, or takes something back itself."""

    def __init__(self, transfer: Transfer) -> None:
        if transfer.is_charge:
            sentence = _("A charge for a subscriber’s period is undone by a refund, not by a reversal.")
        else:
            sentence = _("What takes something back is not reversed itself. Make a new transfer instead.")
        super().__init__(sentence)


@transaction.atomic
def reverse_transfer(
    *, actor: Seat, transfer_id: int, reason: str, key: ActKey | None = None, now: datetime
) -> Transfer:
    """Move the money of an opening, a transfer or a withdrawal back to where it came from, once; for admins alone.

    It has to be there still: the credit limit does not count. The row of the trail is about the reseller that the
    transfer was about.

    :raises Forbidden: also to an admin in a borrowed seat.
    :raises NotReversible, AlreadyUndone, InsufficientFunds, WalletClosed, FormAlreadyUsed:
    """
    if not actor.is_admin:
        raise Forbidden
    transfer = Transfer.objects.with_sides().get(pk=transfer_id)
    if not transfer.is_reversible:
        raise NotReversible(transfer)
    reseller = transfer.about.reseller
    posted = ledger.post(
        actor=actor,
        kind=TransferKind.REVERSAL,
        debit=transfer.received_by,
        credit=transfer.sent_by,
        amount=transfer.amount,
        note=reason,
        undoes=transfer,
        trail=audit.row(
            actor=actor,
            action=Action.TRANSFER_REVERSED,
            obj=reseller,
            reseller_id=reseller.pk,
            detail=" · ".join([with_code(transfer.amount, currency()), reason]),
            changes={
                "transfer": (None, transfer.pk),
                "kind": (None, transfer.get_kind_display()),
                "moved_at": (None, transfer.created_at),
                "amount": (None, transfer.amount),
                "reason": (None, reason),
            },
            now=now,
        ),
        key=key,
        now=now,
    )
    return Transfer.objects.get(pk=posted.transfer_id)
