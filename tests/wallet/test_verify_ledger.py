"""Verifying the ledger: whatever somebody does to it past all guards is found, and the row is named."""

import logging
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection, transaction

from accounts.models import User
from audit import operations as audit
from audit.actions import Action
from billing.models import CreditNote, Invoice
from billing.operations import credit_refund
from ispanel.management.commands import verify_ledger
from resellers.models import Reseller, TopUpRequest, TopUpStatus
from resellers.operations import transfer_to_reseller, withdraw_from_reseller
from subscribers.models import Renewal, Subscriber
from tests.audit.tampering import as_superuser
from tests.cast import NOW, make_plan, make_reseller, new_key, seat_of
from tests.subscribers.lines import add, renew
from wallet import ledger, verifying
from wallet.models import Entry, IdempotencyKey, LedgerAccount, LedgerCheck, Transfer, TransferKind


@dataclass(frozen=True)
class Books:
    """The numbers of rows that the tests touch or that findings name."""

    ids: dict[str, int]

    def fill(self, text: str) -> str:
        """Return the text with numbers in place of ``{names}``."""
        return text.format(**self.ids)


def undo(asha: User, kind: TransferKind, undone: Transfer, wallet: LedgerAccount, house: LedgerAccount) -> Transfer:
    """Post a transfer back as a reversal or a refund does."""
    debit, credit = (wallet, house) if kind == TransferKind.REVERSAL else (house, wallet)
    posted = ledger.post(
        actor=seat_of(asha),
        kind=kind,
        debit=debit,
        credit=credit,
        amount=undone.amount,
        trail=audit.row(actor=seat_of(asha), action=Action.FUNDS_WITHDRAWN, obj=wallet, now=NOW),
        undoes=undone,
        now=NOW,
    )
    return Transfer.objects.get(pk=posted.transfer_id)


def send(asha: User, reseller: Reseller, amount: str) -> Transfer:
    """Transfer money from the platform by a form."""
    return transfer_to_reseller(
        actor=seat_of(asha),
        reseller_id=reseller.pk,
        amount=Decimal(amount),
        note="",
        key=new_key("transfer", amount=amount),
        now=NOW,
    )


def charge_of(period: Renewal) -> Transfer:
    """Return the charge of a period that was paid for."""
    assert period.transfer
    return period.transfer


@pytest.fixture
def books(committing: None, asha: User) -> Books:
    """Return books with every kind of act in them.

    North: 1,000 to begin with, two transfers, of 50 and 40, of which the first is reversed, a withdrawal, two periods
    of Amal's, of which the last is refunded, and a free one. South has one transfer. West asked for its own. East
    pays for Badr below zero.
    """
    north = make_reseller(
        asha, "nadia", "North Net", starting_balance=Decimal(1000), key=new_key("create_reseller", username="nadia")
    )
    south = make_reseller(asha, "sami", "South Net")
    east = make_reseller(asha, "esra", "East Net", credit_limit=Decimal(100))
    platform, income, home = ledger.platform_account(), ledger.income_account(), make_plan()
    mistaken, moved = send(asha, north, "50"), send(asha, north, "40")
    reversal = undo(asha, TransferKind.REVERSAL, mistaken, north.wallet, platform)
    withdrawn = withdraw_from_reseller(
        actor=seat_of(asha),
        reseller_id=north.pk,
        amount=Decimal(30),
        note="",
        key=new_key("withdrawal", amount="30"),
        now=NOW,
    )
    amal = add(asha, north, home, key=new_key("add_subscriber", username="amal"))
    first = Renewal.objects.get()
    second = renew(asha, amal, key=new_key("renew_subscriber", subscriber=amal.pk))
    refund = undo(asha, TransferKind.REFUND, charge_of(second), north.wallet, income)
    second.refunded_at, second.refund = NOW, refund
    second.save(update_fields=["refunded_at", "refund"])
    with transaction.atomic():
        credit_refund(refunded=second, now=NOW)
    free = add(asha, north, make_plan("Free", "0"), "free")
    alone = send(asha, south, "10")
    west = make_reseller(asha, "wael", "West Net")
    answer = send(asha, west, "7")
    asked = TopUpRequest.objects.create(
        reseller=west,
        amount=Decimal(7),
        status=TopUpStatus.APPROVED,
        transfer=answer,
        created_at=NOW,
        asked_by="wael",
        decided_at=NOW,
        decided_by="asha",
    )
    badr = add(asha, east, home, "badr")
    on_credit = Transfer.objects.latest("pk")
    transfers = {
        "opening": Transfer.objects.earliest("pk"),
        "mistaken": mistaken,
        "moved": moved,
        "reversal": reversal,
        "withdrawn": withdrawn,
        "activation": charge_of(first),
        "renewal": charge_of(second),
        "refund": refund,
        "alone": alone,
        "on_credit": on_credit,
    }
    sides = {
        f"{name}_{entry.direction}": entry.pk
        for name, transfer in transfers.items()
        for entry in transfer.entries.all()
    }
    others = {
        "platform": platform,
        "income": income,
        "north": north.wallet,
        "south": south.wallet,
        "east": east.wallet,
        "reseller": north,
        "other_reseller": south,
        "last_reseller": west,
        "amal": amal,
        "first": first,
        "second": second,
        "free": free.renewals.get(),
        "asked": asked,
        "answer": answer,
        "west": west.wallet,
        "paper": first.invoice,
        "paper_of_east": Invoice.objects.latest("pk"),
        "east_sold": Renewal.objects.latest("pk"),
        "credit_note": CreditNote.objects.get(),
        "seller_east": east,
        "badr": badr,
    }
    rows = {name: row.pk for name, row in (transfers | others).items()}
    told = {f"told_{name}": transfer.audit_entry_id for name, transfer in transfers.items()}
    return Books(rows | sides | told)


def verify() -> tuple[int, list[str], list[str]]:
    """Return the exit code, the lines of the result, and those of the findings."""
    out, err = StringIO(), StringIO()
    code = 0
    try:
        call_command("verify_ledger", stdout=out, stderr=err)
    except SystemExit as end:
        code = int(end.code or 0)
    return code, out.getvalue().splitlines(), err.getvalue().splitlines()


def tamper(*statements: str) -> None:
    with as_superuser() as cursor:
        for statement in statements:
            cursor.execute(statement)


@contextmanager
def without_unique(table: str, *columns: str) -> Iterator[None]:
    """Take the table's constraint away by which these columns are unique; put it back once the rows are gone."""
    find = """
        SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE conrelid = %s::regclass AND contype = 'u' AND %s = ARRAY(
            SELECT attname::text FROM pg_attribute WHERE attrelid = conrelid AND attnum = ANY (conkey) ORDER BY 1
        )
    """
    with as_superuser() as cursor:
        [(name, definition)] = cursor.execute(find, [table, sorted(columns)]).fetchall()
        cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    try:
        yield
    finally:
        tamper(f"DELETE FROM {table}", f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")


# --- nothing is wrong -------------------------------------------------------------------------------------------------


def test_a_ledger_with_every_kind_of_act_is_in_order(books: Books) -> None:
    code, out, err = verify()

    assert (code, err) == (0, [])
    [line] = out
    assert line.startswith("The ledger is in order: 11 transfers, 22 entries, 4 wallets, in 0.")
    elsewhere = {TransferKind.PLAN_CHANGE, TransferKind.DATA_TOP_UP}  # tests/subscribers/test_verify_sales.py
    assert set(TransferKind) - elsewhere == set(Transfer.objects.values_list("kind", flat=True))


def test_an_empty_ledger_is_in_order(committing: None) -> None:
    code, out, _err = verify()

    assert code == 0
    assert out[0].startswith("The ledger is in order: 0 transfers, 0 entries, 0 wallets")


def test_a_debt_beyond_a_limit_that_was_lowered_is_said_and_is_not_wrong(books: Books) -> None:
    LedgerAccount.objects.filter(pk=books.ids["east"]).update(credit_limit=20)

    code, out, err = verify()

    assert (code, err) == (0, [])
    assert out[0] == books.fill("Wallet {east} (East Net) is over its limit: −25.00, with a credit limit of 20.00.")


# --- something is -----------------------------------------------------------------------------------------------------

NORTH_ENDS_AT = "Wallet {north} (North Net): the balance is 985.00, its entries come to %s and end at 985.00."

TAMPERED = {
    "a transfer of another amount": (
        "UPDATE transfers SET amount = 41 WHERE id = {moved}",
        ["Transfer {moved} of 41.00: debits 40.00, credits 40.00."],
    ),
    "an amount that hides behind rounding": (
        "UPDATE transfers SET amount = 40.0001 WHERE id = {moved}",
        [
            "Transfer {moved} of 40.0001: debits 40.00, credits 40.00.",
            "Transfer {moved}: 40.0001 has more decimals than the currency.",
        ],
    ),
    "an entry that is gone": (
        "DELETE FROM entries WHERE id = {moved_debit}",
        ["Transfer {moved} of 40.00: debits 0.00, credits 40.00."],
    ),
    "all entries of the last transfer gone": (
        "DELETE FROM entries WHERE transfer_id = {alone}",
        [
            "Transfer {alone} of 10.00: debits 0.00, credits 0.00.",
            "Wallet {south} (South Net): the balance is 10.00, its entries come to 0.00 and end at 0.00.",
        ],
    ),
    "an entry of no number": (
        "UPDATE entries SET amount = 'NaN' WHERE id = {moved_debit}",
        [
            "Entry {moved_debit} of transfer {moved}: a debit of NaN is no side of a transfer.",
            "Transfer {moved} of 40.00: debits NaN, credits 40.00.",
        ],
    ),
    "an entry that goes no way": (
        "UPDATE entries SET direction = 'debt' WHERE id = {moved_debit}",
        [
            "Entry {moved_debit} of transfer {moved}: a debt of 40.00 is no side of a transfer.",
            "Transfer {moved} of 40.00: debits 0.00, credits 40.00.",
        ],
    ),
    "a transfer of less than nothing": (
        (
            "UPDATE transfers SET amount = -10 WHERE id = {alone};"
            "UPDATE entries SET amount = -10 WHERE transfer_id = {alone};"
            "UPDATE entries SET balance_after = -10 WHERE id = {alone_credit};"
            "UPDATE ledger_accounts SET balance = -10, credit_limit = 10 WHERE id = {south}"
        ),
        [
            "Transfer {alone}: −10.00 is no amount that is moved.",
            "Entry {alone_debit} of transfer {alone}: a debit of −10.00 is no side of a transfer.",
            "Entry {alone_credit} of transfer {alone}: a credit of −10.00 is no side of a transfer.",
        ],
    ),
    "a transfer of nothing": (
        (
            "UPDATE transfers SET amount = 0 WHERE id = {alone};"
            "UPDATE entries SET amount = 0 WHERE transfer_id = {alone};"
            "UPDATE entries SET balance_after = 0 WHERE id = {alone_credit};"
            "UPDATE ledger_accounts SET balance = 0 WHERE id = {south}"
        ),
        [
            "Transfer {alone}: 0.00 is no amount that is moved.",
            "Entry {alone_debit} of transfer {alone}: a debit of 0.00 is no side of a transfer.",
            "Entry {alone_credit} of transfer {alone}: a credit of 0.00 is no side of a transfer.",
        ],
    ),
    "a transfer of more than any may be": (
        (
            "UPDATE transfers SET amount = 1000000000000 WHERE id = {alone};"
            "UPDATE entries SET amount = 1000000000000 WHERE transfer_id = {alone};"
            "UPDATE entries SET balance_after = 1000000000000 WHERE id = {alone_credit};"
            "UPDATE ledger_accounts SET balance = 1000000000000 WHERE id = {south}"
        ),
        [
            "Transfer {alone}: 1,000,000,000,000.00 is no amount that is moved.",
            "Entry {alone_debit} of transfer {alone}: a debit of 1,000,000,000,000.00 is no side of a transfer.",
            "Entry {alone_credit} of transfer {alone}: a credit of 1,000,000,000,000.00 is no side of a transfer.",
        ],
    ),
    "a transfer of an unknown kind": (
        "UPDATE transfers SET kind = 'gift' WHERE id = {moved}",
        [
            "Transfer {moved} of 40.00: “gift” is no kind of transfer.",
            "Idempotency key {key_moved} (transfer): transfer {moved} is of another kind, login or moment.",
        ],
    ),
    "an entry without its transfer": (
        "UPDATE entries SET transfer_id = 999 WHERE id = {moved_debit}",
        ["Transfer {moved} of 40.00: debits 0.00, credits 40.00.", "Entry {moved_debit}: its transfer 999 is missing."],
    ),
    "an entry without its account": (
        "UPDATE entries SET account_id = 999 WHERE id = {moved_debit}",
        ["Entry {moved_debit} of transfer {moved}: its account 999 is missing."],
    ),
    "decimals that the currency has not": (
        (
            "UPDATE transfers SET amount = 10.001 WHERE id = {alone};"
            "UPDATE entries SET amount = 10.001 WHERE transfer_id = {alone};"
            "UPDATE entries SET balance_after = 10.001 WHERE id = {alone_credit};"
            "UPDATE ledger_accounts SET balance = 10.001 WHERE id = {south}"
        ),
        ["Transfer {alone}: 10.001 has more decimals than the currency."],
    ),
    "a charge that went to the platform": (
        "UPDATE entries SET account_id = {platform} WHERE id = {activation_credit}",
        [
            (
                "Entry {activation_credit} of transfer {activation} (activation):"
                " its credit is on the wrong account, Platform."
            )
        ],
    ),
    "a refund that came from the platform": (
        "UPDATE entries SET account_id = {platform} WHERE id = {refund_debit}",
        [
            "Entry {refund_debit} of transfer {refund} (refund): its debit is on the wrong account, Platform.",
            "Transfer {refund}: it does not go the way back of transfer {renewal}, which it undoes.",
        ],
    ),
    "a transfer that came from the income": (
        "UPDATE entries SET account_id = {income} WHERE id = {moved_debit}",
        ["Entry {moved_debit} of transfer {moved} (transfer): its debit is on the wrong account, Income."],
    ),
    "an opening that came from another wallet": (
        "UPDATE entries SET account_id = {west} WHERE id = {opening_debit}",
        [
            "Entry {opening_debit} of transfer {opening} (opening): its debit is on the wrong account, West Net.",
            "Entry {opening_debit} of wallet {west}: the balance after it is none, not −1,000.00.",
            "Wallet {west} (West Net): the balance is 7.00, its entries come to −993.00 and end at 7.00.",
        ],
    ),
    "a withdrawal that filled a wallet": (
        "UPDATE transfers SET kind = 'withdrawal' WHERE id = {alone}",
        [
            "Entry {alone_debit} of transfer {alone} (withdrawal): its debit is on the wrong account, Platform.",
            "Idempotency key {key_alone} (transfer): transfer {alone} is of another kind, login or moment.",
        ],
    ),
    "a transfer that emptied a wallet": (
        (
            "UPDATE transfers SET kind = 'transfer' WHERE id = {withdrawn};"
            "DELETE FROM idempotency_keys WHERE act = 'withdrawal'"
        ),
        ["Entry {withdrawn_credit} of transfer {withdrawn} (transfer): its credit is on the wrong account, Platform."],
    ),
    "a first entry that does not start at nothing": (
        (
            "UPDATE entries SET balance_after = 11 WHERE id = {alone_credit};"
            "UPDATE ledger_accounts SET balance = 11 WHERE id = {south}"
        ),
        [
            "Entry {alone_credit} of wallet {south}: the balance after it is 11.00, not 10.00.",
            "Wallet {south} (South Net): the balance is 11.00, its entries come to 10.00 and end at 11.00.",
        ],
    ),
    "a balance in the middle": (
        "UPDATE entries SET balance_after = 1041 WHERE id = {reversal_debit}",
        [
            "Entry {reversal_debit} of wallet {north}: the balance after it is 1,041.00, not 1,040.00.",
            "Entry {withdrawn_debit} of wallet {north}: the balance after it is 1,010.00, not 1,011.00.",
        ],
    ),
    "a balance that is missing": (
        "UPDATE entries SET balance_after = NULL WHERE id = {alone_credit}",
        [
            "Entry {alone_credit} of wallet {south}: the balance after it is none, not 10.00.",
            "Wallet {south} (South Net): the balance is 10.00, its entries come to 10.00 and end at 0.00.",
        ],
    ),
    "a transfer that is gone with all that was of it": (
        (
            "DELETE FROM entries WHERE transfer_id = {withdrawn}; DELETE FROM transfers WHERE id = {withdrawn};"
            "DELETE FROM idempotency_keys WHERE act = 'withdrawal'"
        ),
        [
            "Entry {activation_debit} of wallet {north}: the balance after it is 985.00, not 1,015.00.",
            NORTH_ENDS_AT % "1,015.00",
        ],
    ),
    "a wallet that was filled": (
        "UPDATE ledger_accounts SET balance = 5000 WHERE id = {north}",
        [
            "Wallet {north} (North Net): the balance is 5,000.00, its entries come to 985.00 and end at 985.00.",
        ],
    ),
    "a wallet that is no number": (
        "UPDATE ledger_accounts SET balance = 'NaN' WHERE id = {north}",
        ["Wallet {north} (North Net): the balance is NaN, its entries come to 985.00 and end at 985.00."],
    ),
    "an account of no kind": (
        "UPDATE ledger_accounts SET kind = 'purse' WHERE id = {south}",
        [
            "Entry {alone_credit} of transfer {alone} (transfer): its credit is on the wrong account, South Net.",
            "Account {south} (South Net): there is no purse with a balance of 10.00 and a credit limit of 0.00.",
        ],
    ),
    "a wallet without a balance": (
        "UPDATE ledger_accounts SET balance = NULL WHERE id = {south}",
        ["Account {south} (South Net): there is no wallet with a balance of none and a credit limit of 0.00."],
    ),
    "a wallet without a credit limit": (
        "UPDATE ledger_accounts SET credit_limit = NULL WHERE id = {south}",
        ["Account {south} (South Net): there is no wallet with a balance of 10.00 and a credit limit of none."],
    ),
    "a credit limit below zero": (
        "UPDATE ledger_accounts SET credit_limit = -5 WHERE id = {south}",
        ["Account {south} (South Net): there is no wallet with a balance of 10.00 and a credit limit of −5.00."],
    ),
    "a credit limit of more than any may be": (
        "UPDATE ledger_accounts SET credit_limit = 1000000000000 WHERE id = {south}",
        [
            (
                "Account {south} (South Net): there is no wallet with a balance of 10.00 and a credit limit of"
                " 1,000,000,000,000.00."
            )
        ],
    ),
    "an account of the house with a balance": (
        "UPDATE ledger_accounts SET balance = 0 WHERE id = {platform}",
        ["Account {platform} (Platform): there is no platform with a balance of 0.00 and a credit limit of none."],
    ),
    "an account of the house with a credit limit": (
        "UPDATE ledger_accounts SET credit_limit = 0 WHERE id = {income}",
        ["Account {income} (Income): there is no income with a balance of none and a credit limit of 0.00."],
    ),
    "a withdrawal below zero": (
        (
            "UPDATE transfers SET kind = 'withdrawal' WHERE id = {on_credit};"
            "UPDATE entries SET account_id = {platform} WHERE id = {on_credit_credit};"
            "DELETE FROM renewals WHERE transfer_id = {on_credit}"
        ),
        [
            (
                "Transfer {on_credit} (withdrawal, 25.00): it took wallet {east} to −25.00,"
                " and only charges may go below zero."
            ),
            (
                "Invoice {paper_of_east} (25.00, subscriber {badr}, reseller {seller_east}): it is for period"
                " {east_sold} (none, subscriber none, reseller none)."
            ),
        ],
    ),
    "a reversal that says not of what": (
        "UPDATE transfers SET undoes_id = NULL WHERE id = {reversal}",
        ["Transfer {reversal} (reversal, 50.00): it says not what it undoes."],
    ),
    "a refund that says not of what": (
        "UPDATE transfers SET undoes_id = NULL WHERE id = {refund}",
        [
            "Transfer {refund} (refund, 25.00): it says not what it undoes.",
            "Period {second}: its refund, transfer {refund}, does not undo its charge, transfer {renewal}.",
        ],
    ),
    "a transfer that undoes something": (
        "UPDATE transfers SET undoes_id = {on_credit} WHERE id = {moved}",
        [
            "Transfer {moved} (transfer, 40.00): it undoes transfer {on_credit} (activation, 25.00).",
            "Transfer {moved}: it does not go the way back of transfer {on_credit}, which it undoes.",
        ],
    ),
    "a reversal of nothing": (
        "UPDATE transfers SET undoes_id = 999 WHERE id = {reversal}",
        [
            "Transfer {reversal} (reversal, 50.00): it undoes transfer 999 (none, none).",
            "Transfer {reversal}: it does not go the way back of transfer 999, which it undoes.",
        ],
    ),
    "a reversal of another amount": (
        "UPDATE transfers SET undoes_id = {moved} WHERE id = {reversal}",
        ["Transfer {reversal} (reversal, 50.00): it undoes transfer {moved} (transfer, 40.00)."],
    ),
    "a reversal of a charge": (
        "UPDATE transfers SET kind = 'activation' WHERE id = {mistaken}",
        [
            "Entry {mistaken_debit} of transfer {mistaken} (activation): its debit is on the wrong account, Platform.",
            (
                "Entry {mistaken_credit} of transfer {mistaken} (activation):"
                " its credit is on the wrong account, North Net."
            ),
            "Transfer {reversal} (reversal, 50.00): it undoes transfer {mistaken} (activation, 50.00).",
            "Idempotency key {key_mistaken} (transfer): transfer {mistaken} is of another kind, login or moment.",
            "Transfer {mistaken} (activation, 50.00): it is the charge of no period.",
        ],
    ),
    "a refund to another wallet": (
        "UPDATE transfers SET undoes_id = {on_credit} WHERE id = {refund}",
        [
            "Transfer {refund}: it does not go the way back of transfer {on_credit}, which it undoes.",
            "Period {second}: its refund, transfer {refund}, does not undo its charge, transfer {renewal}.",
        ],
    ),
    "a row of the trail that is gone": (
        "DELETE FROM audit_entries WHERE id = {told_moved}",
        ["Transfer {moved}: its row {told_moved} of the audit trail is missing."],
    ),
    "a key whose digest was cut": (
        "UPDATE idempotency_keys SET digest = '' WHERE id = {key_moved}",
        ["Idempotency key {key_moved} (transfer): its digest is not a SHA-256."],
    ),
    "a key of no transfer": (
        "UPDATE idempotency_keys SET result_id = 999 WHERE id = {key_moved}",
        ["Idempotency key {key_moved} (transfer): its result, row 999 of transfers, is missing."],
    ),
    "a key of another's transfer": (
        "UPDATE idempotency_keys SET login_id = 999 WHERE id = {key_moved}",
        ["Idempotency key {key_moved} (transfer): transfer {moved} is of another kind, login or moment."],
    ),
    "a key of a transfer at another moment": (
        "UPDATE idempotency_keys SET created_at = created_at + interval '1 s' WHERE id = {key_moved}",
        ["Idempotency key {key_moved} (transfer): transfer {moved} is of another kind, login or moment."],
    ),
    "two keys of one transfer": (
        "UPDATE idempotency_keys SET result_id = {moved} WHERE id = {key_mistaken}",
        ["Row {moved} of transfers is the result of more than one idempotency key: {key_mistaken}, {key_moved}."],
    ),
    "a key of no reseller": (
        "UPDATE idempotency_keys SET result_id = 999 WHERE act = 'create_reseller'",
        ["Idempotency key {key_reseller} (create_reseller): its result, row 999 of resellers, is missing."],
    ),
    "a key of no subscriber": (
        "UPDATE idempotency_keys SET result_id = 999 WHERE act = 'add_subscriber'",
        ["Idempotency key {key_amal} (add_subscriber): its result, row 999 of subscribers, is missing."],
    ),
    "a key of no period": (
        "UPDATE idempotency_keys SET result_id = 999 WHERE act = 'renew_subscriber'",
        ["Idempotency key {key_second} (renew_subscriber): its result, row 999 of renewals, is missing."],
    ),
    "a top-up of another amount": (
        "UPDATE top_up_requests SET amount = 8 WHERE id = {asked}",
        ["Top-up request {asked} (8.00, wallet {west}): its transfer is {answer} (transfer, 7.00, wallet {west})."],
    ),
    "a top-up of another reseller": (
        "UPDATE top_up_requests SET reseller_id = {reseller} WHERE id = {asked}",
        ["Top-up request {asked} (7.00, wallet {north}): its transfer is {answer} (transfer, 7.00, wallet {west})."],
    ),
    "a top-up without its transfer": (
        "UPDATE top_up_requests SET transfer_id = 999 WHERE id = {asked}",
        ["Top-up request {asked} (7.00, wallet {west}): its transfer is 999 (none, none, wallet none)."],
    ),
    "a charge without its period": (
        "DELETE FROM renewals WHERE id = {first}",
        [
            "Transfer {activation} (activation, 25.00): it is the charge of no period.",
            (
                "Invoice {paper} (25.00, subscriber {amal}, reseller {reseller}): it is for period {first}"
                " (none, subscriber none, reseller none)."
            ),
        ],
    ),
    "a period at another price": (
        "UPDATE renewals SET price = 24 WHERE id = {first}",
        [
            (
                "Period {first} (activation, 24.00, wallet {north}): its charge is transfer {activation}"
                " (activation, 25.00, wallet {north})."
            )
        ],
    ),
    "a period of another kind": (
        "UPDATE renewals SET kind = 'renewal' WHERE id = {first}",
        [
            (
                "Period {first} (renewal, 25.00, wallet {north}): its charge is transfer {activation}"
                " (activation, 25.00, wallet {north})."
            )
        ],
    ),
    "a period that another wallet paid": (
        "UPDATE renewals SET reseller_id = {other_reseller} WHERE id = {first}",
        [
            (
                "Period {first} (activation, 25.00, wallet {south}): its charge is transfer {activation}"
                " (activation, 25.00, wallet {north})."
            ),
            (
                "Invoice {paper} (25.00, subscriber {amal}, reseller {reseller}): it is for period {first}"
                " (25.00, subscriber {amal}, reseller {other_reseller})."
            ),
        ],
    ),
    "a period without its charge": (
        "UPDATE renewals SET transfer_id = 999 WHERE id = {first}",
        [
            "Transfer {activation} (activation, 25.00): it is the charge of no period.",
            "Period {first} (activation, 25.00, wallet {north}): its charge is transfer 999 (none, none, wallet none).",
        ],
    ),
    "a refund without its period": (
        "UPDATE renewals SET refunded_at = NULL, refund_id = NULL WHERE id = {second}",
        [
            "Transfer {refund} (refund, 25.00): it is the refund of no period.",
            ("Credit note {credit_note}: it is for transfer {refund}, and the refund of its period {second} is none."),
        ],
    ),
    "a period refunded by something else": (
        "UPDATE renewals SET refund_id = {reversal} WHERE id = {second}",
        [
            "Transfer {refund} (refund, 25.00): it is the refund of no period.",
            "Period {second}: its refund, transfer {reversal}, does not undo its charge, transfer {renewal}.",
            (
                "Credit note {credit_note}: it is for transfer {refund}, and the refund of its period {second} is"
                " {reversal}."
            ),
        ],
    ),
}


@pytest.fixture
def keys(books: Books) -> Books:
    """Return the books with the numbers of the idempotency keys."""
    by_result = {(key.act, key.result_id): key.pk for key in IdempotencyKey.objects.all()}
    ids = books.ids
    numbers = {
        "key_moved": by_result["transfer", ids["moved"]],
        "key_mistaken": by_result["transfer", ids["mistaken"]],
        "key_alone": by_result["transfer", ids["alone"]],
        "key_reseller": by_result["create_reseller", ids["reseller"]],
        "key_amal": by_result["add_subscriber", ids["amal"]],
        "key_second": by_result["renew_subscriber", ids["second"]],
    }
    return Books(ids | numbers)


@pytest.mark.parametrize(("statements", "findings"), TAMPERED.values(), ids=TAMPERED.keys())
def test_what_was_tampered_with_is_named(keys: Books, statements: str, findings: list[str]) -> None:
    tamper(keys.fill(statements))

    code, out, err = verify()

    assert err == [keys.fill(finding) for finding in findings]
    assert (code, len(out)) == (1, 1)
    assert out[0].startswith(f"NOT in order: {len(findings)} findings in ")


@pytest.mark.parametrize(
    ("act", "table"),
    [
        ("reversal", "transfers"),
        ("refund", "renewals"),
        ("renew_subscribers", "renewal_batches"),
        ("ask_for_top_up", "top_up_requests"),
        ("approve_top_up", "top_up_requests"),
    ],
)
def test_a_key_of_any_act_without_its_result_is_named(keys: Books, act: str, table: str) -> None:
    tamper(keys.fill(f"UPDATE idempotency_keys SET act = '{act}', result_id = 999 WHERE id = {{key_second}}"))

    code, _out, err = verify()

    words = f"Idempotency key {{key_second}} ({act}): its result, row 999 of {table}, is missing."
    assert (code, err) == (1, [keys.fill(words)])


@pytest.mark.parametrize(
    "change",
    [
        "at = at + interval '1 microsecond'",
        "at = 'infinity'",
        "actor_id = 999",
        "actor_name = 'noora'",
        "on_behalf_of_id = 999",
        "on_behalf_of_name = 'noora'",
    ],
)
def test_a_row_of_the_trail_that_tells_of_something_else_is_named(books: Books, change: str) -> None:
    tamper(books.fill(f"UPDATE audit_entries SET {change} WHERE id = {{told_moved}}"))

    code, _out, err = verify()

    words = "Transfer {moved}: its row {told_moved} of the audit trail tells of another moment or another person."
    assert (code, err) == (1, [books.fill(words)])


def test_a_transfer_that_names_no_row_of_the_trail_is_named(books: Books) -> None:
    tamper(books.fill("UPDATE transfers SET audit_entry_id = NULL WHERE id = {moved}"))

    code, _out, err = verify()

    assert (code, err) == (1, [books.fill("Transfer {moved} (transfer, 40.00): it names no row of the audit trail.")])


def test_a_row_of_the_trail_that_two_transfers_share_is_named(books: Books) -> None:
    with without_unique("transfers", "audit_entry_id"):
        tamper(books.fill("UPDATE transfers SET audit_entry_id = {told_mistaken} WHERE id = {moved}"))

        code, _out, err = verify()

    words = "Row {told_mistaken} of the audit trail is that of more than one transfer: {mistaken}, {moved}."
    assert (code, err) == (1, [books.fill(words)])


def test_what_was_undone_twice_is_named(asha: User, books: Books) -> None:
    wallet = LedgerAccount.objects.get(pk=books.ids["north"])
    again = send(asha, wallet.reseller, "50")
    other = undo(asha, TransferKind.REVERSAL, again, wallet, ledger.platform_account())
    again_by_hand = books.fill(f"UPDATE transfers SET undoes_id = {{mistaken}} WHERE id = {other.pk}")
    tamper("DROP INDEX reversed_once", again_by_hand)
    try:
        code, _out, err = verify()
    finally:
        tamper(
            f"UPDATE transfers SET undoes_id = {again.pk} WHERE id = {other.pk}",
            "CREATE UNIQUE INDEX reversed_once ON transfers (undoes_id) WHERE kind = 'reversal'",
        )

    words = (
        f"Transfer {{mistaken}} of 50.00: it is undone more than once, by the transfers {{reversal}}, {other.pk}, which"
        " come to 100.00."
    )
    assert (code, err) == (1, [books.fill(words)])


def test_a_charge_and_a_refund_that_two_periods_share_are_named(books: Books) -> None:
    with without_unique("renewals", "transfer_id"), without_unique("renewals", "refund_id"):
        tamper(
            books.fill(
                "UPDATE renewals SET (kind, price, transfer_id, refunded_at, refund_id) ="
                " (SELECT kind, price, transfer_id, refunded_at, refund_id FROM renewals WHERE id = {second})"
                " WHERE id = {free}"
            )
        )

        code, _out, err = verify()

    words = [
        "Transfer {renewal}: it is the charge of more than one period: {second}, {free}.",
        "Transfer {refund}: it is the refund of more than one period: {second}, {free}.",
        "Period {free} (renewal, 0.00): it has no invoice.",
    ]
    assert (code, err) == (1, [books.fill(each) for each in words])


def test_a_transfer_that_answers_two_requests_is_named(books: Books) -> None:
    columns = "reseller_id, amount, note, status, created_at, asked_by, decided_at, decided_by, reason, transfer_id"
    with without_unique("top_up_requests", "transfer_id"):
        tamper(f"INSERT INTO top_up_requests ({columns}) SELECT {columns} FROM top_up_requests")
        other = TopUpRequest.objects.latest("pk")

        code, _out, err = verify()

    words = f"Transfer {{answer}}: it answers more than one top-up request: {{asked}}, {other.pk}."
    assert (code, err) == (1, [books.fill(words)])


def test_an_account_that_is_in_a_transfer_twice_is_named(books: Books) -> None:
    with without_unique("entries", "transfer_id", "account_id"):
        tamper(
            books.fill("UPDATE entries SET amount = 4 WHERE id = {alone_debit}"),
            books.fill(
                "INSERT INTO entries (transfer_id, account_id, direction, amount)"
                " VALUES ({alone}, {platform}, 'debit', 6)"
            ),
        )

        code, _out, err = verify()

    words = "Transfer {alone}: it has more than one entry on account {platform}."
    assert (code, err) == (1, [books.fill(words)])


def test_a_wallet_that_two_resellers_share_is_named(books: Books) -> None:
    with without_unique("resellers", "wallet_id"):
        tamper(
            "DELETE FROM top_up_requests",
            books.fill("UPDATE resellers SET wallet_id = {south} WHERE id = {last_reseller}"),
        )

        code, _out, err = verify()

    words = "Wallet {south}: it is that of more than one reseller: {other_reseller}, {last_reseller}."
    assert (code, err) == (1, [books.fill(words)])


def test_a_key_that_was_used_twice_is_named(keys: Books) -> None:
    with without_unique("idempotency_keys", "login_id", "act", "key"):
        tamper(
            keys.fill(
                "UPDATE idempotency_keys SET key = (SELECT key FROM idempotency_keys WHERE id = {key_moved})"
                " WHERE id = {key_alone}"
            )
        )

        code, _out, err = verify()

    words = "Idempotency keys {key_moved}, {key_alone} (transfer): they are the same key of the same login."
    assert (code, err) == (1, [keys.fill(words)])


# --- what is kept and printed -----------------------------------------------------------------------------------------


def test_each_run_is_kept(books: Books) -> None:
    verify()
    tamper(books.fill("UPDATE ledger_accounts SET balance = 5000 WHERE id = {north}"))
    verify()

    clean, wrong = LedgerCheck.objects.order_by("pk")
    assert (clean.is_clean, clean.transfers, clean.entries, clean.wallets) == (True, 11, 22, 4)
    assert timedelta(0) < clean.finished_at - clean.started_at < timedelta(seconds=10)
    assert (wrong.wrong, len(wrong.findings)) == (1, 1)
    assert "the balance is 5,000.00" in wrong.findings[0]


def test_beyond_a_number_findings_are_counted_and_not_named(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifying, "NAMED", 3)
    tamper("UPDATE transfers SET amount = amount + 1", "DELETE FROM audit_entries")

    code, out, err = verify()

    assert code == 1
    assert [line.split(" of ")[0] for line in err[:3]] == [
        f"Transfer {pk}" for pk in Transfer.objects.order_by("pk").values_list("pk", flat=True)[:3]
    ]
    assert LedgerCheck.objects.get().wrong > 20
    assert err[3:] == [f"… and {LedgerCheck.objects.get().wrong - 3} more."]
    assert out[0].startswith(f"NOT in order: {LedgerCheck.objects.get().wrong} findings")


def test_it_reads_one_snapshot_and_writes_nothing_in_it(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    first, *others = verify_ledger.CHECKS

    class Meddling:
        """A check during which somebody else commits what would be wrong if it were seen."""

        sentence = ""

        @property
        def rows(self) -> str:
            tamper("UPDATE ledger_accounts SET balance = 1 WHERE kind = 'wallet'")
            return "SELECT 1 AS id WHERE current_setting('transaction_read_only') = 'off'"

    monkeypatch.setattr(verify_ledger, "CHECKS", (Meddling(), first, *others))

    assert verify()[0] == 0
    monkeypatch.setattr(verify_ledger, "CHECKS", (first, *others))
    assert verify()[0] == 1


def test_it_goes_on_and_logs_until_it_is_told_to_end(
    books: Books, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    rounds: list[int] = []

    def meddled(checks: Any) -> verifying.Verdict:
        rounds.append(1)
        if len(rounds) == 2:
            raise OperationalError("gone")
        if len(rounds) == 3:
            tamper("UPDATE ledger_accounts SET balance = 1 WHERE kind = 'wallet'")
            os.kill(os.getpid(), signal.SIGTERM)
        return verifying.verify(checks)

    monkeypatch.setattr(verify_ledger, "verify", meddled)
    caplog.set_level(logging.INFO)
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    try:
        call_command("verify_ledger", every=0.01)
    finally:
        signal.signal(signal.SIGTERM, before[0])
        signal.signal(signal.SIGINT, before[1])

    lines = [line for line in caplog.records if line.name.endswith("verify_ledger")]
    assert [(line.levelname, line.getMessage()) for line in lines] == [
        ("INFO", "ledger in order"),
        ("WARNING", "ledger check waits for the database"),
        ("ERROR", "ledger NOT in order"),
    ]
    assert "the balance is 1.00" in lines[2].__dict__["first"][0]
    assert LedgerCheck.objects.count() == 2


def test_the_serving_role_runs_it(books: Books) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)")
        assert cursor.fetchone()[1] is False

    assert verify()[0] == 0
    assert Entry.objects.count() == 22
    assert Subscriber.objects.count() == 3
