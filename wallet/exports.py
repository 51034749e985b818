"""What stands in the files of lists of money."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from django.utils.translation import gettext_lazy as _

from ispanel.csv_export import Value
from ispanel.money import Currency
from wallet.models import Entry, Transfer

TRANSFER_COLUMNS = (
    _("ID"),
    _("Time"),
    _("Kind"),
    _("From"),
    _("To"),
    _("Amount"),
    _("Currency"),
    _("Note"),
    _("By"),
    _("On behalf of"),
    _("Takes back"),
    _("Taken back by"),
)
ENTRY_COLUMNS = (
    _("ID"),
    _("Time"),
    _("Kind"),
    _("From or to"),
    _("Amount"),
    _("Balance after"),
    _("Currency"),
    _("Note"),
    _("By"),
    _("On behalf of"),
    _("Transfer"),
    _("Taken back by"),
)


def transfer_cells(currency: Currency) -> Callable[[Transfer], list[Value]]:
    """Return how a transfer is written in a line, in this currency."""

    def cells(transfer: Transfer) -> list[Value]:
        return [
            transfer.pk,
            transfer.created_at,
            str(transfer.get_kind_display()),
            str(transfer.sent_by),
            str(transfer.received_by),
            exact(transfer.amount, currency),
            currency.code,
            transfer.note,
            transfer.actor_name,
            transfer.on_behalf_of_name,
            transfer.undoes_id,
            undone_by_id(transfer),
        ]

    return cells


def entry_cells(currency: Currency) -> Callable[[Entry], list[Value]]:
    """Return how an entry is written in a line, in this currency: with a minus what went out."""

    def cells(entry: Entry) -> list[Value]:
        transfer = entry.transfer
        return [
            entry.pk,
            transfer.created_at,
            str(transfer.get_kind_display()),
            str(entry.counterparty or ""),
            exact(entry.signed_amount, currency),
            exact(entry.balance_after, currency),
            currency.code,
            transfer.note,
            transfer.actor_name,
            transfer.on_behalf_of_name,
            transfer.pk,
            undone_by_id(transfer),
        ]

    return cells


def undone_by_id(transfer: Transfer) -> int | None:
    """Return the id of the reversal or refund; it is at hand."""
    return transfer.undone_by.pk if transfer.undone_by else None


def exact(amount: Decimal | None, currency: Currency) -> Decimal | None:
    """Return the amount with the currency's own decimals."""
    return None if amount is None else amount.quantize(currency.smallest)
