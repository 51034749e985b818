"""Money that several people want at the same moment."""

from dataclasses import replace
from functools import partial
from threading import Event
from time import sleep

import pytest
from django.db import transaction

from accounts.models import User
from tests.cast import make_wallet, new_key
from tests.threads import at_once
from tests.wallet.moves import balance_of, charge, move
from wallet.ledger import FormAlreadyUsed, InsufficientFunds, Posted, platform_account
from wallet.models import LedgerAccount, Transfer

pytestmark = pytest.mark.usefixtures("committing")


@pytest.fixture
def wallet(asha: User) -> LedgerAccount:
    """Return a wallet with 100.00 and no credit limit."""
    return make_wallet(balance="100", actor=asha)


@pytest.fixture
def other(asha: User) -> LedgerAccount:
    """Return another one like it."""
    return make_wallet("Another wallet", balance="100", actor=asha)


def test_of_two_who_spend_the_last_100_one_wins(asha: User, wallet: LedgerAccount) -> None:
    results = at_once(partial(charge, asha, wallet, "100"), partial(charge, asha, wallet, "100"))

    assert sorted(type(result).__name__ for result in results) == ["InsufficientFunds", "Posted"]
    assert balance_of(wallet) == 0


def test_many_charges_take_no_more_than_there_is(asha: User, wallet: LedgerAccount) -> None:
    results = at_once(*[partial(charge, asha, wallet, "30")] * 6)

    assert sum(isinstance(result, Posted) for result in results) == 3
    assert sum(isinstance(result, InsufficientFunds) for result in results) == 3
    assert balance_of(wallet) == 10


def test_the_same_form_sent_twice_at_once_is_one_transfer(asha: User, wallet: LedgerAccount) -> None:
    key = new_key("transfer", amount="50")

    results = at_once(*[partial(move, asha, platform_account(), wallet, "50", key=key)] * 4)

    assert len({result.transfer_id for result in results}) == 1
    assert sum(result.replayed for result in results) == 3
    assert balance_of(wallet) == 150


def test_one_form_sent_at_once_to_two_wallets_goes_to_one(
    asha: User, wallet: LedgerAccount, other: LedgerAccount
) -> None:
    key = new_key("transfer", wallet=wallet.pk)
    has_begun = Event()

    def slowly() -> Posted:
        with transaction.atomic():
            posted = move(asha, platform_account(), wallet, "50", key=key)
            has_begun.set()
            sleep(0.2)
            return posted

    def meanwhile() -> Posted:
        has_begun.wait(30)
        return move(asha, platform_account(), other, "50", key=replace(key, contents={"wallet": other.pk}))

    assert [type(result) for result in at_once(slowly, meanwhile)] == [Posted, FormAlreadyUsed]
    assert (balance_of(wallet), balance_of(other)) == (150, 100)


def test_wallets_are_locked_in_the_order_of_their_ids(asha: User, wallet: LedgerAccount, other: LedgerAccount) -> None:
    locking, holds_first = LedgerAccount.objects.select_for_update, Event()

    def hold() -> LedgerAccount:
        with transaction.atomic():
            locking().get(pk=wallet.pk)
            holds_first.set()
            sleep(0.3)
            return locking(nowait=True).get(pk=other.pk)

    def meanwhile() -> Posted:
        holds_first.wait(30)
        return move(asha, other, wallet, "1")

    assert [type(result) for result in at_once(hold, meanwhile)] == [LedgerAccount, Posted]


def test_opposite_transfers_do_not_wait_for_each_other_for_ever(
    asha: User, wallet: LedgerAccount, other: LedgerAccount
) -> None:
    def back_and_forth(here: LedgerAccount, there: LedgerAccount) -> None:
        for _ in range(10):
            move(asha, here, there, "1")

    results = at_once(*[partial(back_and_forth, wallet, other), partial(back_and_forth, other, wallet)] * 3)

    assert results == [None] * 6
    assert (balance_of(wallet), balance_of(other)) == (100, 100)
    assert Transfer.objects.count() == 62
