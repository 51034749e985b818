"""What the database refuses whoever writes to it: these tests go past the application, as the owner, with own SQL."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest
from django.db import DataError, IntegrityError, ProgrammingError, connection, transaction

from accounts.models import User
from audit import operations as audit
from audit.actions import Action
from audit.identity import SYSTEM
from ispanel.models import PanelSettings
from tests.cast import NOW, make_wallet
from wallet.ledger import income_account, platform_account
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


#: A transfer with its entries, as `post_transfer` writes them: in one statement.
WRITE = """
    WITH sides AS (
        INSERT INTO entries (transfer_id, account_id, direction, amount, balance_after)
        SELECT 99, account, direction, amount::numeric, %(balance_after)s::numeric
        FROM (VALUES (%(platform)s, %(out)s, %(debit)s), (%(account)s, 'credit', %(credit)s))
            AS side (account, direction, amount)
        WHERE amount IS NOT NULL
    )
    INSERT INTO transfers (id, kind, amount, note, created_at, actor_name, on_behalf_of_name, undoes_id, audit_entry_id)
    VALUES (99, %(kind)s, %(amount)s, '', now(), 'nobody', '', %(undoes)s, %(trail)s)
"""


def insert_transfer(wallet: LedgerAccount, amount: Any = 10, debit: Any = 10, credit: Any = 10, **other: Any) -> None:
    """Insert a transfer from the platform with entries of these amounts; None leaves one out."""
    sound = {
        "kind": "transfer",
        "out": "debit",
        "account": wallet.pk,
        "platform": platform_account().pk,
        "balance_after": None,
        "undoes": None,
        "trail": audit.record(actor=SYSTEM, action=Action.FUNDS_TRANSFERRED, now=NOW).pk,
    }
    amounts = {"amount": amount, "debit": debit, "credit": credit}
    with connection.cursor() as cursor:
        cursor.execute(WRITE, sound | amounts | other)


@pytest.mark.parametrize(
    ("amount", "debit", "credit"),
    [(10, 10, 9), (10, 9, 10), (10, 9, 9), (10, None, 10), (10, 10, None), (10, "NaN", "NaN")],
)
def test_a_transfer_whose_debits_are_not_its_credits_is_refused(
    wallet: LedgerAccount, amount: int, debit: Any, credit: Any
) -> None:
    with refused("does not balance"):
        insert_transfer(wallet, amount, debit, credit)


def test_a_transfer_without_entries_is_refused(wallet: LedgerAccount) -> None:
    with refused("is without the entries of its kind"):
        insert_transfer(wallet, 10, None, None)


def test_a_transfer_that_the_trail_does_not_tell_of_is_refused(wallet: LedgerAccount) -> None:
    for nowhere in (None, 10**9):
        with refused("or without its row in the trail"):
            insert_transfer(wallet, trail=nowhere)


def test_charges_go_to_the_income_and_nothing_else_does(wallet: LedgerAccount) -> None:
    income, platform = income_account().pk, platform_account().pk

    for kind, debit, credit in (
        ("renewal", income, wallet.pk),
        ("renewal", platform, wallet.pk),
        ("renewal", platform, income),
        ("transfer", platform, income),
        ("transfer", income, wallet.pk),
    ):
        with refused("without the entries of its kind"):
            insert_transfer(wallet, kind=kind, platform=debit, account=credit)

    insert_transfer(wallet, kind="renewal", platform=wallet.pk, account=income)


def test_an_entry_is_never_numbered_between_others(wallet: LedgerAccount) -> None:
    with pytest.raises(ProgrammingError, match="cannot insert a non-DEFAULT value"), transaction.atomic():
        Entry.objects.create(id=-1, transfer_id=1, account=wallet, direction=Direction.CREDIT, amount=1)


def test_entries_cannot_be_added_to_an_old_transfer(asha: User, wallet: LedgerAccount) -> None:
    other = make_wallet("Another wallet", actor=asha)
    old = Transfer.objects.latest("pk")

    for direction in (Direction.CREDIT, Direction.DEBIT):
        with refused("does not balance"):
            Entry.objects.create(transfer=old, account=other, direction=direction, amount=100)


def test_entries_without_a_transfer_are_refused(wallet: LedgerAccount) -> None:
    with refused("does not balance"):
        Entry.objects.create(transfer_id=10**9, account=wallet, direction=Direction.CREDIT, amount=100)


def test_an_entry_of_no_account_is_refused(wallet: LedgerAccount) -> None:
    with refused("there is no account"):
        insert_transfer(wallet, account=10**9)


@pytest.mark.parametrize("amount", [0, -5, "NaN", Decimal("1E+12")])
def test_an_amount_out_of_range_is_refused(wallet: LedgerAccount, amount: Any) -> None:
    with pytest.raises((IntegrityError, DataError)), transaction.atomic():
        insert_transfer(wallet, amount, amount, amount)


@pytest.mark.parametrize(("direction", "amount"), [("aside", 10), ("debit", 0), ("debit", -10)])
def test_an_entry_is_a_debit_or_a_credit_above_0(wallet: LedgerAccount, direction: str, amount: int) -> None:
    with refused("a debit or a credit above 0"):
        insert_transfer(wallet, debit=amount, out=direction)


def test_a_transfer_is_of_a_known_kind(wallet: LedgerAccount) -> None:
    with refused("of no known kind"):
        insert_transfer(wallet, kind="gift")


def test_what_undoes_says_what_and_nothing_else_does(wallet: LedgerAccount) -> None:
    with refused("says not what it undoes"):
        insert_transfer(wallet, kind="reversal")
    with refused("of no known kind"):
        insert_transfer(wallet, kind="transfer", undoes=Transfer.objects.latest("pk").pk)


@pytest.mark.parametrize("balance", [101, 100, 0])
def test_a_balance_never_moves_without_an_entry(wallet: LedgerAccount, balance: int) -> None:
    with refused("moves by entries alone"):
        LedgerAccount.objects.filter(pk=wallet.pk).update(balance=balance)


def test_a_wallet_is_never_born_with_money_in_it(db: None) -> None:
    for balance in (5, None):
        with refused("begins with a balance"):
            LedgerAccount.objects.create(kind=AccountKind.WALLET, name="Rich", balance=balance, credit_limit=0)


@pytest.mark.parametrize("claimed", [None, 0, 100, 1000])
def test_an_entry_moves_the_balance_whatever_it_claims(wallet: LedgerAccount, claimed: int | None) -> None:
    insert_transfer(wallet, balance_after=claimed)

    wallet.refresh_from_db()
    assert wallet.balance == 110
    assert Entry.objects.filter(account=wallet).latest("pk").balance_after == 110


def test_an_account_of_the_house_has_no_balance(wallet: LedgerAccount) -> None:
    with refused("begins with a balance|neither a wallet"):
        LedgerAccount.objects.create(kind=AccountKind.INCOME, name="Other income", balance=0)

    insert_transfer(wallet, balance_after=5)

    assert Entry.objects.filter(account=platform_account()).latest("pk").balance_after is None


@pytest.mark.parametrize("limit", [-1, Decimal("1E+12"), None])
def test_a_credit_limit_is_an_amount_of_0_or_more(wallet: LedgerAccount, limit: Any) -> None:
    with refused("is not 0 or more"):
        LedgerAccount.objects.filter(pk=wallet.pk).update(credit_limit=limit)


def test_an_account_with_entries_is_never_deleted_nor_made_another(wallet: LedgerAccount) -> None:
    rows = LedgerAccount.objects.filter(pk=wallet.pk)

    with refused("has entries and stays as it is"):
        rows._raw_delete(using="default")
    for other in ({"id": 10**9}, {"kind": AccountKind.INCOME}):
        with refused("has entries and stays as it is|neither a wallet"):
            rows.update(**other)


def test_there_is_one_platform_account(db: None) -> None:
    with refused("one_house_account_of_a_kind"):
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
