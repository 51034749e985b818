"""Killing the panel, and PostgreSQL, in the middle of the work: what was acknowledged stays, nothing is there twice."""

from __future__ import annotations

import contextlib
import os
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from django.db import connection

from accounts.models import User
from resellers.models import Reseller
from tests.campaign import books
from tests.campaign.bank import Writers, database_url
from tests.campaign.findings import Outcome
from tests.campaign.scratch import Scratch
from tests.campaign.web import PATIENCE, Person, Supervisor, kill_tree
from wallet.ledger import platform_account

#: How much longer a machine may take that has other work meanwhile.
SLOWER = float(os.environ.get("SLOWER") or 1)
#: Seconds from the start of the killed thing to the next answer, and to a PostgreSQL that is ready.
SERVES_WITHIN, DATABASE_READY_WITHIN = 5 * SLOWER, 2 * SLOWER

#: Of so many kills of PostgreSQL, one leaves it away for ten seconds.
LONGER_EVERY = 20


@contextlib.contextmanager
def people(
    outcome: Outcome, address: str, *, admin: User, resellers: list[Reseller], seed: str, number: int, file: Path
) -> Iterator[list[Person]]:
    """Let people press forms during the block, then write down the answers that they got."""
    everybody = [Person(address, admin.username, resellers, f"{seed}:person {each}") for each in range(number)]
    for person in everybody:
        person.start()
    try:
        yield everybody
    finally:
        for person in everybody:
            person.done.set()
        for person in everybody:
            person.join()
    outcome.found("a person was not served", (person.problem for person in everybody if person.problem))
    take_down(outcome, everybody, admin, file)


def take_down(outcome: Outcome, everybody: list[Person], admin: User, file: Path) -> None:
    """Write down the answers that people got, as the writers write down theirs; a page does not say which transfer."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT key, result_id FROM idempotency_keys WHERE login_id = %s", [admin.pk])
        effects = dict(cursor.fetchall())
    platform = platform_account().pk
    with file.open("w") as answers:
        for number, sent in ((number, sent) for number, person in enumerate(everybody) for sent in person.sent):
            outcome.count("forms")
            outcome.count("forms pressed more than once", sent.presses > 1)
            outcome.count("presses", sent.presses)
            wallet = sent.reseller.wallet_id
            sides = (platform, wallet) if sent.kind == "transfer" else (wallet, platform)
            told = {303: "done", 422: "InsufficientFunds"}.get(sent.status, f"wrong: {', '.join(sent.answers)}")
            transfer = effects.get(sent.key, 0) if told == "done" else ""
            row = (1000 + number, sent.kind, sent.key, sent.kind, *sides, sent.amount, told, transfer)
            answers.write("\t".join(map(str, row)) + "\n")


def wait_for_answer(everybody: list[Person], after: float) -> float:
    """Return when the first of the people got an answer to a form, after a moment.

    :raises TimeoutError:
    """
    while time.monotonic() < after + PATIENCE:
        answered = [person.answered_at for person in everybody if person.answered_at > after]
        if answered:
            return min(answered)
        time.sleep(0.01)
    raise TimeoutError(f"no form was answered within {PATIENCE} s")


def kill_app(
    scratch: Scratch, *, admin: User, resellers: list[Reseller], seed: str, kills: int, number: int = 4
) -> Outcome:
    """Kill all processes of the web server at random moments, while people press forms."""
    outcome, chance = Outcome("the panel killed in the middle of requests"), random.Random(f"{seed}:app")
    file, since = scratch.folder / "answers-app.tsv", books.last_transfer()
    supervisor = Supervisor(scratch.folder, database_url())
    try:
        with people(
            outcome,
            supervisor.server.address,
            admin=admin,
            resellers=resellers,
            seed=f"{seed}:app",
            number=number,
            file=file,
        ) as everybody:
            for _ in range(kills):
                wait_for_answer(everybody, time.monotonic())
                time.sleep(chance.uniform(0.05, 1))
                killed = supervisor.server
                supervisor.kill()
                outcome.count("kills")
                until(lambda killed=killed: supervisor.server is not killed)
                answer = wait_for_answer(everybody, supervisor.started_at)
                outcome.waited("from the restart to an answer", answer - supervisor.started_at, SERVES_WITHIN)
    finally:
        supervisor.stop()
    books.check(outcome, [file], since)
    return outcome


def kill_database(
    scratch: Scratch,
    *,
    admin: User,
    resellers: list[Reseller],
    seed: str,
    kills: int,
    number: int = 2,
    processes: int = 2,
) -> Outcome:
    """Kill PostgreSQL and all its children at random moments, while people press forms and writers write."""
    outcome, chance = Outcome("PostgreSQL killed with all its children"), random.Random(f"{seed}:database")
    supervisor = Supervisor(scratch.folder, database_url())
    half = len(resellers) // 2
    folder = scratch.folder / "answers"
    folder.mkdir()
    writers = Writers(
        folder, seed=f"{seed}:database", admin=admin, resellers=resellers[half:], processes=processes, threads=4
    )
    try:
        served_by = supervisor.server.process.pid
        with people(
            outcome,
            supervisor.server.address,
            admin=admin,
            resellers=resellers[:half],
            seed=f"{seed}:database",
            number=number,
            file=writers.folder / "answers-people.tsv",
        ) as everybody:
            writers.start(10**9)
            for kill in range(kills):
                wait_for_answer(everybody, time.monotonic())
                time.sleep(chance.uniform(0.05, 1.5))
                kill_tree(scratch.database.process)
                outcome.count("kills")
                if kill % LONGER_EVERY == 1:
                    outcome.count("kills with an outage of ten seconds")
                    time.sleep(10)
                began = time.monotonic()
                scratch.start_database()
                ready = time.monotonic()
                connection.close()  # this process's own, which broke with the others
                outcome.waited("PostgreSQL from its start to ready", ready - began, DATABASE_READY_WITHIN)
                outcome.waited(
                    "from PostgreSQL ready to an answer", wait_for_answer(everybody, ready) - ready, SERVES_WITHIN
                )
            outcome.expect("the web server's process", supervisor.server.process.pid, served_by)
    finally:
        writers.stop()
        writers.wait(outcome)
        supervisor.stop()
    books.check(outcome, writers.answers, writers.since)
    return outcome


def until(holds: Callable[[], bool]) -> None:
    while not holds():
        time.sleep(0.005)
