"""The parts of `make campaign` at sizes of a test, and that what they look for is found where it is wrong."""

import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import pytest
from django.conf import settings
from django.db import connection

from accounts.models import User
from ispanel.roles import as_owner
from tests.campaign import books
from tests.campaign.bank import open_wallets, run_bank, run_limit, run_same_key
from tests.campaign.findings import Outcome
from tests.cast import make_wallet, new_key
from tests.wallet.moves import charge, move
from wallet.ledger import ActKey, platform_account
from wallet.models import LedgerAccount

pytestmark = pytest.mark.usefixtures("committing")
SEED = "suite"


def test_32_writers_lose_mint_and_double_nothing(asha: User) -> None:
    resellers = open_wallets(asha, 10)

    outcome = run_bank(admin=asha, resellers=resellers, seed=SEED, operations=1600, processes=2, threads=16)

    assert outcome.is_sound, "\n".join(outcome.lines())
    assert outcome.counts["operations"] >= 1500
    assert min(outcome.counts[what] for what in ("replays", "keys sent with other contents", "reads")) > 0
    assert outcome.counts["reads"] == outcome.counts["reads with the same total"]


def test_of_32_who_empty_a_wallet_as_many_succeed_as_it_affords(asha: User) -> None:
    outcome = run_limit(admin=asha, seed=SEED)

    assert outcome.is_sound, "\n".join(outcome.lines())
    assert outcome.counts["charges done"] + outcome.counts["charges refused"] == 32


def test_one_key_from_16_at_once_has_one_effect(asha: User) -> None:
    outcome = run_same_key(admin=asha)

    assert outcome.is_sound, "\n".join(outcome.lines())
    assert (outcome.counts["replays"], outcome.counts["refused: FormAlreadyUsed"]) == (15, 16)


def test_nothing_is_lost_when_the_panel_and_postgresql_are_killed() -> None:
    sizes = {"APP_KILLS": "2", "DATABASE_KILLS": "2", "SEED": SEED, "SLOWER": "5"}
    named = [sys.executable, "-m", "tests.campaign", "app-kills", "database-kills"]

    campaign = subprocess.run(
        named, env=os.environ | sizes, cwd=settings.BASE_DIR, capture_output=True, text=True, check=False, timeout=240
    )

    assert campaign.returncode == 0, campaign.stdout + campaign.stderr
    assert f"SEED={SEED}: sound" in campaign.stdout


# --- and what is wrong is found ---------------------------------------------------------------------------------------


@pytest.fixture
def wallet(asha: User) -> LedgerAccount:
    """Return a wallet with 100.00, of which 30.00 were charged."""
    wallet = make_wallet(balance="100", actor=asha)
    charge(asha, wallet, "30")
    return wallet


def found() -> str:
    outcome = Outcome("the books")
    books.check(outcome)
    return "\n".join(outcome.findings)


TAMPERINGS = {
    "UPDATE ledger_accounts SET balance = balance + 1 WHERE kind = 'wallet'": "is not what the entries add up to",
    "UPDATE entries SET amount = amount + 1 WHERE direction = 'debit'": "debits are not credits",
    "UPDATE entries SET balance_after = balance_after + 1 WHERE balance_after > 90": "does not go on from",
    "DELETE FROM transfers WHERE kind = 'transfer'": "there is no transfer of entry",
    "DELETE FROM audit_entries WHERE id = (SELECT max(audit_entry_id) FROM transfers)": "audit trail does not tell",
    "UPDATE entries SET balance_after = -70 WHERE balance_after = 70": "went beyond what there was",
}


@pytest.mark.parametrize("statement", TAMPERINGS)
def test_books_that_were_tampered_with_are_not_sound(wallet: LedgerAccount, statement: str) -> None:
    assert found() == ""

    with as_owner(connection), connection.cursor() as cursor:
        cursor.execute(f"SET session_replication_role = replica; {statement}")

    assert TAMPERINGS[statement] in found()


def answered(folder: Path, wallet: LedgerAccount, key: ActKey, outcome: str, transfer: int | str) -> Path:
    """Return the file of a writer who sent one form."""
    row = (0, key.act, key.key, "transfer", platform_account().pk, wallet.pk, Decimal(10), outcome, transfer)
    file = folder / "answers.tsv"
    with file.open("a") as answers:
        answers.write("\t".join(map(str, row)) + "\n")
    return file


def test_answers_that_are_not_as_the_books_say_are_found(asha: User, wallet: LedgerAccount, tmp_path: Path) -> None:
    since = books.last_transfer()
    key, told, untold = new_key("bank"), new_key("bank"), new_key("bank")
    first = move(asha, platform_account(), wallet, "10", key=key).transfer_id
    second = move(asha, platform_account(), wallet, "10", key=told).transfer_id
    third = move(asha, platform_account(), wallet, "10", key=untold).transfer_id
    answered(tmp_path, wallet, key, "done", first)
    answered(tmp_path, wallet, key, "again", second)
    answered(tmp_path, wallet, told, "InsufficientFunds", "")
    file = answered(tmp_path, wallet, ActKey("bank", uuid4(), {}), "done", third + 1)

    outcome = Outcome("answers")
    books.check(outcome, [file], since)

    assert [finding.partition(":")[0] for finding in outcome.findings] == [
        "acknowledged, and missing from the books",
        "refused, and its key is in the books",
        "in the books, and nobody was told, transfer",
        "one key with several effects",
    ]
    assert f"transfer: {second}, {third}" in "\n".join(outcome.findings)
