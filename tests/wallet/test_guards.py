"""What the database refuses whoever writes to it: these tests go past the application, as the owner, with own SQL."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest
from django.db import DataError, IntegrityError, connection, transaction

from accounts.models import User
from audit import operations as audit
from audit.actions import Action
from audit.identity import SYSTEM
from ispanel.models import PanelSettings
from tests.cast import NOW, make_wallet
from wallet.ledger import platform_account
from wallet.models import AccountKind, Direction, Entry, LedgerAccount, Transfer


@pytest.fixture(autouse=True)
def _by_owner(by_owner: None) -> None:
    """Have rights that the serving role has not."""


@pytest.fixture
def wallet(asha: User) -> LedgerAccount:
    """Return a wallet with 100.00 in it, which is in the books."""
    return make_wallet(balance="100", actor=asha)


@contextmanager
def refused(sentence: str) -> Iterator[None]:
    """Check that what is written is refused at once."""
    with pytest.raises(IntegrityError, match=sentence), transaction.atomic():
        yield


#: A transfer with its entries and the new balance, as `post_transfer` writes them: in one statement.
WRITE = """
    WITH moved AS (
        UPDATE ledger_accounts SET balance = %(balance)s WHERE id = %(wallet)s AND %(balance)s IS NOT NULL
    ), sides AS (
        INSERT INTO entries (transfer_id, account_id, direction, amount, balance_after)
        SELECT 99, account, direction, amount::numeric, balance_after::numeric
        FROM (VALUES (%(platform)s, 'debit', %(debit)s, NULL), (%(wallet)s, 'credit', %(credit)s, %(balance_after)s))
            AS side (account, direction, amount, balance_after)
        WHERE amount IS NOT NULL
    )
    INSERT INTO transfers (id, kind, amount, note, created_at, actor_name, on_behalf_of_name, audit_entry_id)
    VALUES (99, 'transfer', %(amount)s, '', now(), 'nobody', '', %(trail)s)
"""


def insert_transfer(
    amount: int,
    debit: int | None,
    credit: int | None,
    wallet: LedgerAccount,
    *,
    balance: int | None = None,
    balance_after: int | None = 100,
) -> None:
    """Insert a transfer from the platform with the entries that are given; None leaves one, or the balance, out."""
    told = audit.record(actor=SYSTEM, action=Action.FUNDS_TRANSFERRED, now=NOW)
    numeric = {"amount": amount, "debit": debit, "credit": credit, "balance": balance, "balance_after": balance_after}
    amounts = {name: None if number is None else Decimal(number) for name, number in numeric.items()}
    with connection.cursor() as cursor:
        cursor.execute(WRITE, amounts | {"platform": platform_account().pk, "wallet": wallet.pk, "trail": told.pk})


@pytest.mark.parametrize(
    ("amount", "debit", "credit"),
    [(10, 10, 9), (10, 9, 10), (10, 9, 9), (10, None, 10), (10, 10, None), (10, None, None)],
)
def test_a_transfer_whose_debits_are_not_its_credits_is_refused(
    wallet: LedgerAccount, amount: int, debit: int | None, credit: int | None
) -> None:
    with refused("does not balance"):
        insert_transfer(amount, debit, credit, wallet)


def test_entries_cannot_be_added_to_an_old_transfer(asha: User, wallet: LedgerAccount) -> None:
    other = make_wallet("Another wallet", actor=asha)
    old = Transfer.objects.latest("pk")

    with refused("does not balance"):
        Entry.objects.create(transfer=old, account=other, direction=Direction.CREDIT, amount=100, balance_after=0)


@pytest.mark.parametrize("amount", [Decimal(0), Decimal(-5), Decimal("NaN"), Decimal("1E+12")])
def test_an_amount_out_of_range_is_refused(wallet: LedgerAccount, amount: Decimal) -> None:
    with pytest.raises((IntegrityError, DataError)), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO transfers (kind, amount, note, created_at, actor_name, on_behalf_of_name)"
            " VALUES ('transfer', %s, '', now(), 'nobody', '')",
            [amount],
        )


@pytest.mark.parametrize("balance", [Decimal(101), Decimal(0), Decimal("NaN")])
def test_a_balance_never_changes_without_an_entry(wallet: LedgerAccount, balance: Decimal) -> None:
    with refused("is not that of its last entry"), connection.cursor() as cursor:
        cursor.execute("UPDATE ledger_accounts SET balance = %s WHERE id = %s", [balance, wallet.pk])


def test_a_wallet_is_never_born_with_money_in_it(db: None) -> None:
    with refused("is not that of its last entry"):
        LedgerAccount.objects.create(kind=AccountKind.WALLET, name="Rich", balance=5, credit_limit=0)


@pytest.mark.parametrize("balance_after", [100, 110, 90, None])
def test_an_entry_never_comes_without_its_change_of_the_balance(
    wallet: LedgerAccount, balance_after: int | None
) -> None:
    with refused("does not go on from the balance"):
        insert_transfer(10, 10, 10, wallet, balance_after=balance_after)


def test_a_balance_is_never_more_than_the_entry_brings(wallet: LedgerAccount) -> None:
    with refused("does not go on from the balance"):
        insert_transfer(10, 10, 10, wallet, balance=1000, balance_after=1000)


def test_a_credit_limit_is_never_negative(wallet: LedgerAccount) -> None:
    with pytest.raises(IntegrityError, match="credit_limit_is_not_negative"), transaction.atomic():
        LedgerAccount.objects.filter(pk=wallet.pk).update(credit_limit=-1)


def test_there_is_one_platform_account(db: None) -> None:
    with pytest.raises(IntegrityError, match="one_house_account_of_a_kind"), transaction.atomic():
        LedgerAccount.objects.create(kind=AccountKind.PLATFORM, name="Another")


@pytest.mark.parametrize("change", [{"currency_code": "EUR"}, {"currency_decimals": 3}])
def test_the_currency_is_locked_after_the_first_transfer(wallet: LedgerAccount, change: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError, match="the currency is locked"), transaction.atomic():
        PanelSettings.objects.update(**change)


def test_the_currency_may_change_before_the_first_transfer(db: None) -> None:
    PanelSettings.objects.update(currency_code="EUR", currency_decimals=3)

    assert PanelSettings.objects.get().currency_code == "EUR"


def test_the_other_settings_may_change_after_the_first_transfer(wallet: LedgerAccount) -> None:
    PanelSettings.objects.update(name="North Star", time_zone="Asia/Beirut")

    assert PanelSettings.objects.get().name == "North Star"
