"""What a transfer would do, to be shown before it is done."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Sum
from django.utils.translation import gettext as _

from wallet.models import Direction, LedgerAccount


@dataclass(frozen=True)
class Line:
    """What an account holds before and after; ``after`` is None while no amount is typed."""

    name: str
    before: Decimal
    after: Decimal | None


def preview(
    source: LedgerAccount, target: LedgerAccount, amount: Decimal | None, *, own: LedgerAccount | None = None
) -> list[Line]:
    """Return both sides of a transfer.

    :param own: the account of whoever looks, which is called theirs if it is a wallet.
    """
    lines = []
    for account, sign in ((source, -1), (target, 1)):
        before = balance_of(account)
        name = _("Your wallet") if account == own and account.is_wallet else account.name
        lines.append(Line(name, before, None if amount is None else before + sign * amount))
    return lines


def is_short(source: LedgerAccount, amount: Decimal | None) -> bool:
    """Say whether a wallet holds less than the amount; the house's accounts hold any."""
    return amount is not None and source.is_wallet and amount > source.movable


def balance_of(account: LedgerAccount) -> Decimal:
    """Return a wallet's balance; a house account's is summed from its entries."""
    if account.balance is not None:
        return account.balance
    sums: dict[str, Decimal] = dict(account.entries.values_list("direction").annotate(Sum("amount")).order_by())
    return sums.get(Direction.CREDIT, Decimal(0)) - sums.get(Direction.DEBIT, Decimal(0))
