"""The writers of the bank: processes of several threads, each of which has a connection of its own.

Every answer that a writer gets goes to a file of its own, which is held against the books afterwards. What it was not
told, because the connection broke, it asks again with the same key until it knows.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
import uuid
from collections import Counter, deque
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).parent.parent.parent
#: How many of its acts a writer keeps in mind, to repeat or to take back.
REMEMBERED = 500
#: How many of a hundred acts are of which kind.
CHANCES = {"transfer": 38, "dialog": 10, "fund": 18, "charge": 20, "withdrawal": 8, "undo": 6}
#: A writer waits so long for the database to be back.
PATIENCE = 60


@dataclass(frozen=True)
class Orders:
    """What one process of writers is told."""

    seed: str
    folder: str
    first: int  # the number of its first writer
    threads: int
    operations: int  # of each writer; it ends before that once the file `stop` is in the folder
    admin: int
    resellers: list[int]


@dataclass(frozen=True)
class Act:
    """Money that a writer wants moved, by which key."""

    key: uuid.UUID
    kind: str
    debit: int
    credit: int
    amount: Decimal
    undoes: int | None = None
    #: Set where it goes through the operation behind the Transfer dialog.
    reseller: int | None = None


def start(orders: Orders, database_url: str) -> subprocess.Popen[bytes]:
    """Start a process of writers, as the serving role."""
    kept = {name: value for name, value in os.environ.items() if name != "DATABASE_OWNER_URL"}
    pool = {"DATABASE_POOL": str(orders.threads), "DATABASE_URL": database_url}
    return subprocess.Popen(
        [sys.executable, "-m", "tests.campaign.writing", json.dumps(asdict(orders))],
        cwd=ROOT,
        env=kept | pool,
        stdin=subprocess.DEVNULL,
    )


class Writer:
    """One thread that moves money and takes down what it is told."""

    def __init__(self, orders: Orders, number: int, books: IO[str]) -> None:
        from resellers.models import Reseller
        from tests.cast import seat_of
        from wallet import ledger
        from wallet.models import LedgerAccount

        self.orders, self.number, self.books = orders, number, books
        self.random = random.Random(f"{orders.seed}:{number}")
        rows = Reseller.objects.select_related("wallet", "user").filter(pk__in=orders.resellers)
        self.resellers = {row.wallet_id: row for row in rows}
        self.wallets = sorted(self.resellers)
        self.platform, self.income = ledger.platform_account().pk, ledger.income_account().pk
        self.accounts = {row.pk: row for row in LedgerAccount.objects.all()}
        admin = next(iter(rows)).user.__class__.objects.get(pk=orders.admin)
        self.seat = seat_of(admin)
        self.answered: deque[tuple[Act, str, int]] = deque(maxlen=REMEMBERED)
        self.counts: Counter[str] = Counter()

    def run(self) -> Counter[str]:
        folder = Path(self.orders.folder)
        (folder / f"writing-{self.number}").touch()
        stop = folder / "stop"
        for _ in range(self.orders.operations):
            if stop.exists():
                break
            self.step()
        return self.counts

    def step(self) -> None:
        """Move some money, or send one of the last acts once more."""
        if self.answered and self.random.random() < 0.05:
            self.repeat()
            return
        act = self.draw()
        outcome, transfer = self.insist(act)
        self.take_down(act, outcome, transfer)
        if outcome == "done":
            self.answered.append((act, outcome, transfer))

    def repeat(self) -> None:
        """Send the key of an act that was done: as it was, or with other contents."""
        act, _, first = self.random.choice(self.answered)
        if self.random.random() < 0.2:
            other = replace(act, amount=act.amount + Decimal("0.01"))
            outcome, _ = self.insist(other)
            self.counts["keys sent with other contents"] += 1
            if outcome != "FormAlreadyUsed":
                self.take_down(other, f"wrong: {outcome} for a key with other contents", first)
            return
        outcome, transfer = self.insist(act)
        self.counts["keys sent again"] += 1
        self.take_down(act, "again" if outcome == "done" else f"wrong: {outcome} for a key that was done", transfer)

    def draw(self) -> Act:
        """Return an act by chance: transfers, top-ups, charges, withdrawals, and the taking back of one of them."""
        here, there = self.random.sample(self.wallets, 2)
        key, amount = uuid.UUID(int=self.random.getrandbits(128)), Decimal(self.random.randint(1, 10_000)) / 100
        match self.random.choices(
            ("transfer", "dialog", "fund", "charge", "withdrawal", "undo"), (38, 10, 18, 20, 8, 6)
        )[0]:
            case "dialog":
                return Act(key, "transfer", self.platform, there, amount, reseller=self.resellers[there].pk)
            case "fund":
                return Act(key, "transfer", self.platform, there, amount)
            case "charge":
                return Act(key, self.random.choice(("activation", "renewal")), here, self.income, amount)
            case "withdrawal":
                return Act(key, "withdrawal", here, self.platform, amount)
            case "undo" if self.answered:
                act, _, transfer = self.random.choice(self.answered)
                if act.undoes is None:
                    kind = "refund" if act.credit == self.income else "reversal"
                    return Act(key, kind, act.credit, act.debit, act.amount, undoes=transfer)
        return Act(key, "transfer", here, there, amount * self.random.choice((1, 1, 1, 5)))

    def insist(self, act: Act) -> tuple[str, int]:
        """Send an act until there is an answer to it; return that, and the transfer."""
        from django.db import DatabaseError, InterfaceError, OperationalError, connection

        from ispanel.refusals import Refusal

        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return "done", self.send(act)
            except Refusal as refusal:
                return type(refusal).__name__, 0
            except (OperationalError, InterfaceError) as problem:
                connection.close()
                self.counts["broken connections"] += 1
                if time.monotonic() > deadline:
                    return f"wrong: no answer within {PATIENCE} s ({problem})", 0
                time.sleep(0.05)
            except DatabaseError as problem:
                return f"wrong: {problem}", 0

    def send(self, act: Act) -> int:
        """Move the money, and return the transfer."""
        from django.utils import timezone

        from audit import operations as audit
        from audit.actions import Action
        from resellers.operations import transfer_to_reseller
        from wallet import ledger
        from wallet.ledger import ActKey
        from wallet.models import Transfer, TransferKind

        now = timezone.now()
        contents: Mapping[str, Any] = {"debit": act.debit, "credit": act.credit, "amount": act.amount}
        key = ActKey("transfer" if act.reseller else "bank", act.key, contents)
        if act.reseller:
            return transfer_to_reseller(
                actor=self.seat, reseller_id=act.reseller, amount=act.amount, note="", key=key, now=now
            ).pk
        whose = self.resellers.get(act.debit) or self.resellers[act.credit]
        return ledger.post(
            actor=self.seat,
            kind=TransferKind(act.kind),
            debit=self.accounts[act.debit],
            credit=self.accounts[act.credit],
            amount=act.amount,
            trail=audit.row(actor=self.seat, action=Action.FUNDS_TRANSFERRED, obj=whose, reseller_id=whose.pk, now=now),
            undoes=Transfer(pk=act.undoes) if act.undoes else None,
            key=key,
            now=now,
        ).transfer_id

    def take_down(self, act: Act, outcome: str, transfer: int) -> None:
        form = "transfer" if act.reseller else "bank"
        row = (self.number, form, act.key, act.kind, act.debit, act.credit, act.amount, outcome, transfer or "")
        self.books.write("\t".join(map(str, row)).replace("\n", " ") + "\n")


def main() -> None:
    """Write as ordered, and leave the answers and the counts in the folder."""
    import django

    django.setup()
    from django.db import connection

    orders = Orders(**json.loads(sys.argv[1]))

    def write(number: int) -> Counter[str]:
        with (Path(orders.folder) / f"answers-{number}.tsv").open("a", buffering=1 << 16) as books:
            try:
                return Writer(orders, number, books).run()
            finally:
                connection.close()

    with ThreadPoolExecutor(orders.threads) as pool:
        counts = sum(pool.map(write, range(orders.first, orders.first + orders.threads)), Counter())
    (Path(orders.folder) / f"counts-{orders.first}.json").write_text(json.dumps(counts))


if __name__ == "__main__":
    main()
