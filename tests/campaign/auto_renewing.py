"""Workers that renew what is due, several at once and killed on the way: each line is charged once, or says why not."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import psutil
from django.db import connection
from django.utils import timezone

from accounts.models import User
from ispanel.management.commands.verify_ledger import CHECKS
from ispanel.worker import Worker
from plans.models import Plan
from subscribers.models import Subscriber
from subscribers.operations import due_resellers
from tests.campaign import books
from tests.campaign.bank import database_url
from tests.campaign.findings import Outcome
from tests.campaign.web import kill_tree
from tests.cast import fund, make_reseller
from wallet.verifying import verify

#: What the lines pay, in turn.
PRICES = (Decimal("10.00"), Decimal("19.99"), Decimal("0.00"), Decimal("35.50"))
#: One reseller of so many has half of the money that its lines need.
SHORT_EVERY = 10
#: Seconds in which a round has to come to its end once nothing is killed any more.
PATIENCE = 900
LEFT = """
    SELECT count(*) FROM procrastinate_jobs
    WHERE task_name = 'subscribers.keep_time' AND status IN ('todo', 'doing')
"""
FAILED = "SELECT count(*) FROM procrastinate_jobs WHERE status = 'failed'"
#: Each finds rows only where a line was charged twice, or for nothing, or not at all without a reason.
WRONG = {
    "charged more than once, line": """
        SELECT subscriber_id FROM renewals GROUP BY subscriber_id HAVING count(*) > 1
    """,
    "renewed and not extended, or extended and not renewed, line": """
        SELECT subscriber.id FROM subscribers subscriber LEFT JOIN renewals ON subscriber_id = subscriber.id
        WHERE subscriber.auto_renew
            AND (renewals.id IS NULL OR renewals.ends_at IS DISTINCT FROM subscriber.expires_at)
            AND (renewals.id IS NOT NULL OR subscriber.renewal_failure = '')
    """,
    "renewed, and says why not, line": """
        SELECT subscriber.id FROM subscribers subscriber JOIN renewals ON subscriber_id = subscriber.id
        WHERE renewal_failure <> '' OR renewal_failed_at IS NOT NULL
    """,
    "the wallet holds not what its renewals leave, of reseller": """
        SELECT reseller.id FROM resellers reseller
        JOIN ledger_accounts wallet ON wallet.id = reseller.wallet_id
        WHERE EXISTS (SELECT FROM subscribers WHERE reseller_id = reseller.id AND auto_renew)
            AND wallet.balance <> (
                SELECT coalesce(sum(amount) FILTER (WHERE direction = 'credit'), 0) FROM entries
                WHERE account_id = wallet.id
            ) - (SELECT coalesce(sum(price), 0) FROM renewals WHERE reseller_id = reseller.id)
    """,
    "a line was left though its wallet has the money, line": """
        SELECT subscriber.id FROM subscribers subscriber
        JOIN resellers reseller ON reseller.id = reseller_id JOIN ledger_accounts wallet ON wallet.id = wallet_id
        WHERE renewal_failed_at IS NOT NULL AND renewal_needs <= wallet.balance + wallet.credit_limit
    """,
}


@dataclass
class Fleet:
    """The workers of a run, and the most memory that one of them took."""

    folder: Path
    url: str
    workers: list[Worker]
    peak_mb: float = 0
    started: int = 0

    def start(self) -> None:
        os.environ["DATABASE_URL"], before = self.url, os.environ["DATABASE_URL"]
        try:
            self.workers.append(Worker(self.folder / f"worker-{self.started}.pid"))
        finally:
            os.environ["DATABASE_URL"] = before
        self.started += 1

    def weigh(self) -> None:
        """Take down the highest resident memory so far, as the kernel keeps it for each process."""
        for worker in self.workers:
            try:
                status = Path(f"/proc/{worker.process.pid}/status").read_text(encoding="utf-8")
            except OSError:
                continue
            for line in status.splitlines():
                if line.startswith("VmHWM:"):
                    self.peak_mb = max(self.peak_mb, int(line.split()[1]) / 1024)

    def kill_one(self) -> None:
        """Kill the longest running worker at once, and start another one."""
        self.weigh()
        worker = self.workers.pop(0)
        kill_tree(psutil.Process(worker.process.pid))
        worker.stop()
        self.start()


@contextmanager
def fleet(folder: Path, number: int) -> Iterator[Fleet]:
    workers = Fleet(folder, database_url(), [])
    try:
        for _ in range(number):
            workers.start()
        yield workers
    finally:
        workers.weigh()
        for worker in workers.workers:
            worker.stop()


def run_auto_renewals(
    *, admin: User, folder: Path, resellers: int, lines: int, kills: int, workers: int = 2
) -> Outcome:
    """Let workers renew so many lines that are due, kill one of them so many times, and hold the books against it.

    The counts have what was renewed and what was not, lines a second from the workers' start to the last line, and the
    highest resident memory of a worker in MB.
    """
    outcome = Outcome("lines that renew themselves, with workers killed")
    make_due(admin, resellers, lines)
    outcome.count("resellers", resellers)
    outcome.count("lines", lines)
    began = time.monotonic()
    with fleet(folder, workers) as working:
        for kill in range(kills):
            wait_until(lambda done=lines * (kill + 1) // (kills + 1): handled() >= done)
            working.kill_one()
            outcome.count("kills")
        wait_until(lambda: handled() >= lines and not count_of(LEFT) and not due_resellers(timezone.now()))
        seconds = time.monotonic() - began
    outcome.count("lines a second", round(lines / seconds))
    outcome.count("most memory of a worker, MB", round(working.peak_mb))
    hold_against_the_books(outcome)
    return outcome


def make_due(admin: User, resellers: int, lines: int) -> None:
    """Take on resellers with lines that expired a minute ago; the first one has a tenth of all lines.

    Of each ten, one has half of the money that its lines need.
    """
    plans = [
        Plan.objects.create(name=f"Due {price}", price=price, download_kbps=50_000, upload_kbps=10_000)
        for price in PRICES
    ]
    now = timezone.now()
    big = lines // 10
    shares = [big] + [(lines - big) // (resellers - 1)] * (resellers - 1)
    shares[-1] += lines - sum(shares)
    for number, share in enumerate(shares):
        reseller = make_reseller(admin, f"due{number}", f"Due {number} Net")
        bought = [plans[each % len(plans)] for each in range(share)]
        needed = sum((plan.price for plan in bought), Decimal(0))
        fund(reseller.wallet, str(needed // 2 if number % SHORT_EVERY == 1 else needed), actor=admin)
        rows = [
            Subscriber(
                username=f"due{number}-{each}",
                password_ciphertext=b"",
                plan=plan,
                reseller=reseller,
                auto_renew=True,
                expires_at=now - timedelta(minutes=1),
                created_at=now,
                updated_at=now,
            )
            for each, plan in enumerate(bought)
        ]
        Subscriber.objects.bulk_create(rows, batch_size=1_000)


def handled() -> int:
    """Return how many lines were renewed, or say why not."""
    return count_of(
        "SELECT (SELECT count(*) FROM renewals)"
        " + (SELECT count(*) FROM subscribers WHERE auto_renew AND renewal_failed_at IS NOT NULL)"
    )


def count_of(query: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(query)
        count: int = cursor.fetchone()[0]
    return count


def wait_until(holds: Callable[[], bool]) -> None:
    """:raises TimeoutError:"""
    give_up = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > give_up:
            raise TimeoutError(f"the workers were not done within {PATIENCE} s; {handled()} lines were handled")
        time.sleep(0.2)


def hold_against_the_books(outcome: Outcome) -> None:
    """Take down what is wrong with the lines, the wallets and the queue."""
    outcome.count("renewed", count_of("SELECT count(*) FROM renewals"))
    outcome.count(
        "not renewed, with a reason", count_of("SELECT count(*) FROM subscribers WHERE renewal_failure <> ''")
    )
    outcome.count(
        "resellers without the funds",
        count_of("SELECT count(DISTINCT reseller_id) FROM subscribers WHERE renewal_failure <> ''"),
    )
    with connection.cursor() as cursor:
        for what, query in WRONG.items():
            cursor.execute(query)
            outcome.found(what, (row[0] for row in cursor.fetchall()))
    outcome.expect("jobs that failed", count_of(FAILED), 0)
    books.check(outcome)
    outcome.found("verify_ledger", verify(CHECKS).findings)
