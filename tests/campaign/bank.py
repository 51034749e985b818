"""The bank: many writers on few wallets, and readers who add everything up meanwhile."""

from __future__ import annotations

import json
import random
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection

from accounts.models import User
from resellers.models import Reseller
from tests.campaign import books, writing
from tests.campaign.findings import Outcome
from tests.cast import make_reseller, make_wallet, new_key
from tests.threads import at_once
from tests.wallet.moves import balance_of, charge, move
from wallet.ledger import FormAlreadyUsed, InsufficientFunds, Posted, platform_account

WALLETS = 50


def database_url() -> str:
    """Return the serving role's address, with the database's present name, which is another one in the tests."""
    return urlsplit(settings.DATABASE_URL)._replace(path=f"/{connection.settings_dict['NAME']}").geturl()


def open_wallets(admin: User, number: int = WALLETS) -> list[Reseller]:
    """Take on resellers, every fifth of them with credit; all of them begin with money."""
    return [
        make_reseller(
            admin,
            f"bank{each}",
            f"Bank {each} Net",
            starting_balance=Decimal(100),
            credit_limit=Decimal(100 if each % 5 == 0 else 0),
        )
        for each in range(number)
    ]


class Readers:
    """Threads that add all the money up, again and again."""

    def __init__(self, outcome: Outcome, number: int = 2) -> None:
        self.outcome, self.done = outcome, threading.Event()
        self.totals: list[Decimal] = []
        self.threads = [threading.Thread(target=self.read) for _ in range(number)]

    def read(self) -> None:
        while not self.done.is_set():
            began = time.monotonic()
            with connection.cursor() as cursor:
                cursor.execute(books.TOTAL)
                self.totals.append(cursor.fetchone()[0])
            # Adding up takes longer as the books grow; the readers must not starve the writers.
            self.done.wait(max(0.1, 20 * (time.monotonic() - began)))
        connection.close()

    @contextmanager
    def reading(self) -> Iterator[None]:
        for thread in self.threads:
            thread.start()
        try:
            yield
        finally:
            self.done.set()
            for thread in self.threads:
                thread.join()
        self.outcome.count("reads", len(self.totals))
        self.outcome.count("reads with the same total", sum(total == 0 for total in self.totals))
        self.outcome.found("money appeared or was lost; a total was", (total for total in self.totals if total != 0))


class Writers:
    """The processes of writers, and the folder of what they were told."""

    def __init__(
        self, folder: Path, *, seed: str, admin: User, resellers: list[Reseller], processes: int, threads: int
    ) -> None:
        self.folder = folder
        self.since = books.last_transfer()
        self.orders = [
            writing.Orders(
                seed=seed,
                folder=str(folder),
                first=number * threads,
                threads=threads,
                operations=0,
                admin=admin.pk,
                resellers=[reseller.pk for reseller in resellers],
            )
            for number in range(processes)
        ]
        self.running: list[subprocess.Popen[bytes]] = []

    def start(self, operations: int) -> None:
        """Let every writer do so many acts, or fewer if it is stopped; return once all of them have begun."""
        url, number = database_url(), sum(orders.threads for orders in self.orders)
        self.running = [writing.start(replace(orders, operations=operations), url) for orders in self.orders]
        while len(list(self.folder.glob("writing-*"))) < number:
            if any(process.poll() for process in self.running):
                return  # `wait` says which failed
            time.sleep(0.02)

    def stop(self) -> None:
        """Let the writers finish the act at hand, and no other."""
        (self.folder / "stop").touch()

    def wait(self, outcome: Outcome) -> None:
        """Wait for the end of all writers, and count what they counted."""
        failed = [orders.first for orders, process in zip(self.orders, self.running, strict=True) if process.wait()]
        outcome.found("the process of writers failed, that begins with writer", failed)
        for file in self.folder.glob("counts-*.json"):
            for what, number in json.loads(file.read_text()).items():
                outcome.count(what, number)

    @property
    def answers(self) -> list[Path]:
        return sorted(self.folder.glob("answers-*.tsv"))


def run_bank(
    *, admin: User, resellers: list[Reseller], seed: str, operations: int, processes: int = 8, threads: int = 4
) -> Outcome:
    """Let 32 writers move money between the wallets, then hold the books against what they were told."""
    outcome = Outcome(f"{processes * threads} writers on {len(resellers)} wallets")
    with tempfile.TemporaryDirectory(prefix="ispanel-answers-") as folder:
        writers = Writers(
            Path(folder), seed=seed, admin=admin, resellers=resellers, processes=processes, threads=threads
        )
        with Readers(outcome).reading():
            writers.start(-(-operations // (processes * threads)))
            began = time.monotonic()
            writers.wait(outcome)
        seconds = time.monotonic() - began
        books.check(outcome, writers.answers, writers.since)
        sent = sum(map(line_count, writers.answers)) + outcome.counts["keys sent with other contents"]
    outcome.count("operations", sent)
    outcome.count("operations a second", round(sent / seconds))
    outcome.expect("connections broke, and nobody broke them", outcome.counts["broken connections"], 0)
    return outcome


def line_count(file: Path) -> int:
    with file.open("rb") as lines:
        return sum(1 for _ in lines)


def run_limit(*, admin: User, seed: str, writers: int = 32) -> Outcome:
    """Let many spend from one wallet at once, by charges up to its credit limit and by transfers down to zero."""
    outcome = Outcome(f"one wallet and {writers} who empty it")
    chance = random.Random(f"{seed}:limit")
    for what, credit_limit in (("charges", Decimal(50)), ("transfers", Decimal(0))):
        price, affordable = Decimal(chance.randint(1, 2000)) / 100, chance.randint(1, writers - 1)
        # Not even a cent less would do for one more.
        balance = price * affordable - credit_limit + (price - Decimal("0.01"))
        wallet = make_wallet("Driven to its limit", credit_limit=str(credit_limit), actor=admin)
        other = make_wallet("Beside it", actor=admin)
        if balance > 0:
            move(admin, platform_account(), wallet, balance)
        elif balance < 0:
            charge(admin, wallet, -balance)
        act = partial(charge, admin, wallet, price)
        if what == "transfers":
            act = partial(move, admin, wallet, other, price)
        results = at_once(*[act] * writers)
        done = sum(isinstance(result, Posted) for result in results)
        refused = sum(isinstance(result, InsufficientFunds) for result in results)
        outcome.expect(f"{what} done and refused", (done, refused), (affordable, writers - affordable))
        outcome.expect(f"what {what} left", balance_of(wallet), price - Decimal("0.01") - credit_limit)
        outcome.count(f"{what} done", done)
        outcome.count(f"{what} refused", refused)
    books.check(outcome)
    return outcome


def run_same_key(*, admin: User, pressers: int = 16) -> Outcome:
    """Let many send one form at the same moment, then once more with other contents."""
    outcome = Outcome(f"one key from {pressers} at once")
    wallet = make_wallet("Of the one key", actor=admin)
    key = new_key("transfer", wallet=wallet.pk, amount=10)
    results = at_once(*[partial(move, admin, platform_account(), wallet, "10", key=key)] * pressers)
    posted = [result for result in results if isinstance(result, Posted)]
    outcome.found("the key was refused", (repr(result) for result in results if not isinstance(result, Posted)))
    outcome.expect("transfers of the one key", len({each.transfer_id for each in posted}), 1)
    outcome.expect("replays of the one key", sum(each.replayed for each in posted), pressers - 1)

    changed = replace(key, contents={"wallet": wallet.pk, "amount": 11})
    results = at_once(*[partial(move, admin, platform_account(), wallet, "11", key=changed)] * pressers)
    refused = sum(isinstance(result, FormAlreadyUsed) for result in results)
    outcome.expect("refusals of the key with other contents", refused, pressers)
    outcome.expect("what the one key moved", balance_of(wallet), 10)
    outcome.count("replays", sum(each.replayed for each in posted))
    outcome.count("refused: FormAlreadyUsed", refused)
    books.check(outcome)
    return outcome
