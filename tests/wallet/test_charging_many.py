"""Many charges of one wallet in one statement: what the function of SQL refuses whoever calls it."""

from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from accounts.models import User
from audit.models import AuditEntry
from ispanel.models import PanelSettings
from tests.cast import NOW, make_wallet, seat_of, told_of
from tests.wallet.moves import balance_of
from wallet import ledger
from wallet.ledger import Charge, Charged, TooManyDecimals, WalletClosed
from wallet.models import Entry, LedgerAccount, Transfer, TransferKind


@pytest.fixture
def wallet(asha: User) -> LedgerAccount:
    """Return a wallet with 100.00 in it and a credit limit of 20.00."""
    return make_wallet(balance="100", credit_limit="20", actor=asha)


def charge(actor: User, wallet: LedgerAccount, *amounts: str) -> Charged:
    """Charge the wallet for each of the amounts."""
    charges = [Charge(Decimal(amount), f"of {amount}", told_of(wallet, actor=actor)) for amount in amounts]
    return ledger.post_charges(actor=seat_of(actor), kind=TransferKind.RENEWAL, wallet=wallet, charges=charges, now=NOW)


def test_what_fits_is_charged_and_what_is_left_is_said(asha: User, wallet: LedgerAccount) -> None:
    charged = charge(asha, wallet, "70", "0", "49.99", "0.02", "0.01")

    first, free, second = charged.transfer_ids
    assert free is None
    assert charged.available == Decimal("0.01")
    assert balance_of(wallet) == Decimal("-19.99")
    moved = Transfer.objects.filter(pk__in=[first, second]).order_by("pk").values_list("pk", "amount", "note")
    assert list(moved) == [(first, 70, "of 70"), (second, Decimal("49.99"), "of 49.99")]
    assert AuditEntry.objects.filter(object_id=wallet.pk).count() == 1 + 3


def test_money_goes_to_the_income_and_each_has_its_own_row_of_the_trail(asha: User, wallet: LedgerAccount) -> None:
    charged = charge(asha, wallet, "1", "2")

    entries = Entry.objects.filter(transfer__in=charged.transfer_ids).order_by("pk")
    income = ledger.income_account().pk
    assert list(entries.values_list("account", "direction", "amount", "balance_after")) == [
        (income, "credit", 1, None),
        (wallet.pk, "debit", 1, 99),
        (income, "credit", 2, None),
        (wallet.pk, "debit", 2, 97),
    ]
    told = Transfer.objects.filter(pk__in=charged.transfer_ids).order_by("pk").values_list("audit_entry", flat=True)
    assert list(told) == sorted(AuditEntry.objects.order_by("-pk").values_list("pk", flat=True)[:2])


def test_a_closed_wallet_is_refused(asha: User, wallet: LedgerAccount) -> None:
    LedgerAccount.objects.filter(pk=wallet.pk).update(closed_at=NOW)

    with pytest.raises(WalletClosed):
        charge(asha, wallet, "1")


def test_more_decimals_than_the_currency_has_are_refused_by_name(asha: User, wallet: LedgerAccount) -> None:
    with pytest.raises(TooManyDecimals, match=r"1\.001 has more than the 2 decimals of USD"):
        charge(asha, wallet, "25", "1.001")

    assert balance_of(wallet) == 100
    assert PanelSettings.objects.get().currency_decimals == 2


@pytest.mark.parametrize("amount", ["-5", "NaN"])
def test_what_is_no_amount_makes_no_room_for_others(asha: User, wallet: LedgerAccount, amount: str) -> None:
    with pytest.raises(DatabaseError), transaction.atomic():
        post(wallet, [Decimal(amount), Decimal(125)], ["one", "two"])

    assert balance_of(wallet) == 100


def test_lists_of_different_lengths_are_refused(wallet: LedgerAccount) -> None:
    for amounts, names in (([Decimal(1)], ["one", "two"]), ([Decimal(1), Decimal(2)], ["one"])):
        with pytest.raises(IntegrityError), transaction.atomic():
            post(wallet, amounts, names)


def test_a_house_account_is_no_wallet(db: None) -> None:
    with pytest.raises(DatabaseError, match="query returned no rows"), transaction.atomic():
        post(ledger.platform_account(), [Decimal(1)], ["one"])


def post(wallet: LedgerAccount, amounts: list[Decimal], names: list[str]) -> Any:
    """Call the function as nobody does who goes through the ledger."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT post_charges(
                'renewal', %(wallet)s, now(), NULL, 'nobody', NULL, '', 'x', 'regular', '', '', NULL, NULL, '', '',
                %(amounts)s, %(names)s, %(ids)s, %(names)s, %(names)s, %(changes)s::jsonb[]
            )
            """,
            {
                "wallet": wallet.pk,
                "amounts": amounts,
                "names": names,
                "ids": list(range(len(names))),
                "changes": ["{}"] * len(names),
            },
        )
        return cursor.fetchone()
