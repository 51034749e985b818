"""Pressing twice moves money once: a form's key has one effect, and only success uses it up."""

from dataclasses import replace

import pytest

from accounts.models import User
from tests.cast import fund, make_wallet, new_key
from tests.wallet.moves import balance_of, move
from wallet.ledger import FormAlreadyUsed, InsufficientFunds, platform_account
from wallet.models import LedgerAccount, Transfer


@pytest.fixture
def wallet(asha: User) -> LedgerAccount:
    return make_wallet(actor=asha)


def test_the_same_form_sent_twice_moves_money_once_and_gets_the_first_answer(asha: User, wallet: LedgerAccount) -> None:
    key = new_key("transfer", wallet=wallet.pk, amount="100")

    first = move(asha, platform_account(), wallet, "100", key=key)
    second = move(asha, platform_account(), wallet, "100", key=key)

    assert (first.replayed, second.replayed) == (False, True)
    assert first.transfer_id == second.transfer_id
    assert balance_of(wallet) == 100


def test_the_same_form_with_other_contents_is_refused(asha: User, wallet: LedgerAccount) -> None:
    key = new_key("transfer", wallet=wallet.pk, amount="100")
    move(asha, platform_account(), wallet, "100", key=key)

    with pytest.raises(FormAlreadyUsed, match="This form was already used"):
        move(asha, platform_account(), wallet, "200", key=replace(key, contents={"wallet": wallet.pk, "amount": "200"}))

    assert balance_of(wallet) == 100


def test_the_order_of_the_fields_makes_no_difference(asha: User, wallet: LedgerAccount) -> None:
    key = new_key("transfer", wallet=wallet.pk, amount="100")
    turned = replace(key, contents={"amount": "100", "wallet": wallet.pk})

    move(asha, platform_account(), wallet, "100", key=key)

    assert move(asha, platform_account(), wallet, "100", key=turned).replayed


def test_two_logins_may_have_the_same_key(asha: User, nadia: User, wallet: LedgerAccount) -> None:
    key = new_key("transfer", amount="100")

    move(asha, platform_account(), wallet, "100", key=key)
    move(nadia, platform_account(), wallet, "100", key=key)

    assert balance_of(wallet) == 200


def test_two_acts_may_have_the_same_key(asha: User, wallet: LedgerAccount) -> None:
    key = new_key("transfer", amount="100")

    move(asha, platform_account(), wallet, "100", key=key)
    move(asha, platform_account(), wallet, "100", key=replace(key, act="settlement"))

    assert balance_of(wallet) == 200


def test_a_refused_act_does_not_use_its_key_up(asha: User, wallet: LedgerAccount) -> None:
    other = make_wallet("Another wallet", actor=asha)
    key = new_key("transfer", amount="100")
    with pytest.raises(InsufficientFunds):
        move(asha, wallet, other, "100", key=key)

    fund(wallet, "100", actor=asha)
    posted = move(asha, wallet, other, "100", key=key)

    assert not posted.replayed
    assert balance_of(other) == 100


def test_a_repeated_form_gets_its_answer_though_the_money_is_gone(asha: User, wallet: LedgerAccount) -> None:
    fund(wallet, "100", actor=asha)
    key = new_key("transfer", amount="100")

    first = move(asha, wallet, make_wallet("Another wallet", actor=asha), "100", key=key)

    assert move(asha, wallet, LedgerAccount.objects.wallets().last(), "100", key=key).transfer_id == first.transfer_id
    assert Transfer.objects.count() == 2
