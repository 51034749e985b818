"""Money moves between accounts within what is there, and charges within the credit limit."""

from decimal import Decimal

import pytest

from accounts.models import User
from ispanel.money import InvalidAmount
from tests.cast import NOW, make_wallet, seat_of, told_of
from tests.wallet.moves import balance_of, charge, move
from wallet import ledger
from wallet.ledger import InsufficientFunds, TooManyDecimals, WalletClosed, platform_account
from wallet.models import Entry, LedgerAccount, Transfer, TransferKind


@pytest.fixture
def wallet(asha: User) -> LedgerAccount:
    """Return a wallet with 100.00 and no credit limit."""
    return make_wallet(balance="100", actor=asha)


@pytest.fixture
def other(asha: User) -> LedgerAccount:
    return make_wallet("Another wallet", actor=asha)


@pytest.fixture
def on_credit(asha: User) -> LedgerAccount:
    """Return a wallet with nothing in it and a credit limit of 500.00."""
    return make_wallet(credit_limit="500", actor=asha)


def test_a_transfer_lowers_one_wallet_and_raises_the_other(
    asha: User, wallet: LedgerAccount, other: LedgerAccount
) -> None:
    move(asha, wallet, other, "30.50")

    assert balance_of(wallet) == Decimal("69.50")
    assert balance_of(other) == Decimal("30.50")


def test_both_sides_show_the_transfer_with_the_balance_after_it(
    asha: User, wallet: LedgerAccount, other: LedgerAccount
) -> None:
    move(asha, wallet, other, "30")

    out, came_in = Entry.objects.of(wallet)[0], Entry.objects.of(other)[0]
    assert (out.signed_amount, out.balance_after, out.counterparty) == (-30, 70, other)
    assert (came_in.signed_amount, came_in.balance_after, came_in.counterparty) == (30, 30, wallet)


def test_a_transfer_keeps_its_note_its_time_and_who_made_it(asha: User, wallet: LedgerAccount) -> None:
    posted = ledger.post(
        actor=seat_of(asha),
        kind=TransferKind.TRANSFER,
        debit=platform_account(),
        credit=wallet,
        amount=Decimal(1000),
        note="Monthly settlement May 2026",
        trail=told_of(wallet, actor=asha),
        now=NOW,
    )

    transfer = Transfer.objects.get(pk=posted.transfer_id)
    assert (transfer.note, transfer.created_at) == ("Monthly settlement May 2026", NOW)
    assert (transfer.actor_id, transfer.actor_name) == (asha.pk, "asha")


def test_the_last_of_the_money_can_leave_a_wallet(asha: User, wallet: LedgerAccount, other: LedgerAccount) -> None:
    move(asha, wallet, other, "100")

    assert balance_of(wallet) == 0


def test_more_than_there_is_cannot_leave_a_wallet(asha: User, wallet: LedgerAccount, other: LedgerAccount) -> None:
    with pytest.raises(InsufficientFunds) as refusal:
        move(asha, wallet, other, "100.01")

    words = "0.01 USD is missing: the wallet holds 100.00 USD, and the credit limit does not count."
    assert str(refusal.value) == words
    assert (balance_of(wallet), balance_of(other)) == (100, 0)


def test_a_charge_may_use_the_whole_credit_limit(asha: User, on_credit: LedgerAccount) -> None:
    charge(asha, on_credit, "500")

    assert balance_of(on_credit) == -500


def test_a_charge_beyond_the_credit_limit_is_refused(asha: User, on_credit: LedgerAccount) -> None:
    with pytest.raises(InsufficientFunds) as refusal:
        charge(asha, on_credit, "500.01")

    assert refusal.value.missing == Decimal("0.01")
    assert balance_of(on_credit) == 0
    assert not Transfer.objects.exists()


def test_a_transfer_out_never_uses_the_credit_limit(asha: User, on_credit: LedgerAccount, other: LedgerAccount) -> None:
    with pytest.raises(InsufficientFunds):
        move(asha, on_credit, other, "0.01")

    assert balance_of(on_credit) == 0


def test_a_wallet_over_its_limit_refuses_charges_and_accepts_money(asha: User, on_credit: LedgerAccount) -> None:
    charge(asha, on_credit, "400")
    LedgerAccount.objects.filter(pk=on_credit.pk).update(credit_limit=100)

    with pytest.raises(InsufficientFunds):
        charge(asha, on_credit, "0.01")
    move(asha, platform_account(), on_credit, "50")

    assert balance_of(on_credit) == -350
    assert on_credit.is_over_limit


def test_nothing_leaves_or_enters_a_closed_wallet(asha: User, wallet: LedgerAccount, other: LedgerAccount) -> None:
    LedgerAccount.objects.filter(pk=wallet.pk).update(closed_at=NOW)

    for debit, credit in ((wallet, other), (platform_account(), wallet)):
        with pytest.raises(WalletClosed, match="This wallet is closed"):
            move(asha, debit, credit, "1")

    assert balance_of(wallet) == 100


@pytest.mark.parametrize(
    "amount", ["0", "-5", "0.001", "NaN", "sNaN", "Infinity", "-Infinity", "1E+20", "1000000000000"]
)
def test_what_is_no_amount_never_reaches_the_books(asha: User, wallet: LedgerAccount, amount: str) -> None:
    with pytest.raises((InvalidAmount, TooManyDecimals)):
        move(asha, platform_account(), wallet, Decimal(amount))

    assert balance_of(wallet) == 100
