"""Short words for what the tests of the ledger do over and over."""

from decimal import Decimal

from accounts.models import User
from tests.cast import NOW, seat_of, told_of
from wallet import ledger
from wallet.ledger import ActKey, Posted
from wallet.models import LedgerAccount, Transfer, TransferKind


def move(
    actor: User, debit: LedgerAccount, credit: LedgerAccount, amount: str | Decimal, *, key: ActKey | None = None
) -> Posted:
    """Transfer money between two accounts."""
    return ledger.post(
        actor=seat_of(actor),
        kind=TransferKind.TRANSFER,
        debit=debit,
        credit=credit,
        amount=Decimal(amount),
        trail=told_of(credit, actor=actor),
        key=key,
        now=NOW,
    )


def charge(actor: User, wallet: LedgerAccount, amount: str | Decimal) -> Posted:
    """Charge a wallet for a subscriber's period."""
    return ledger.post(
        actor=seat_of(actor),
        kind=TransferKind.RENEWAL,
        debit=wallet,
        credit=ledger.income_account(),
        amount=Decimal(amount),
        trail=told_of(wallet, actor=actor),
        now=NOW,
    )


def undo(actor: User, transfer: Transfer, kind: TransferKind) -> Transfer:
    """Take a transfer back."""
    posted = ledger.post(
        actor=seat_of(actor),
        kind=kind,
        debit=transfer.received_by,
        credit=transfer.sent_by,
        amount=transfer.amount,
        trail=told_of(transfer.sent_by, actor=actor),
        undoes=transfer,
        now=NOW,
    )
    return Transfer.objects.get(pk=posted.transfer_id)


def balance_of(wallet: LedgerAccount) -> Decimal:
    """Return the balance as it stands now."""
    wallet.refresh_from_db()
    assert wallet.balance is not None
    return wallet.balance
