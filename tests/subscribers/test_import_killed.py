"""A worker that is killed in the midst of an import, as a process of its own."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import User
from audit.actions import Action
from audit.models import AuditEntry
from plans.models import Plan
from resellers.models import Reseller
from subscribers.models import Renewal, Subscriber
from tests.cast import fund
from tests.jobs import run_jobs
from tests.subscribers.files import again, ask_for_check, many, press, upload
from tests.subscribers.lines import balance_of
from tests.threads import at_once
from wallet.models import LedgerAccount

#: As if the worker had been killed a minute ago, so that nobody has to wait for as long as it may be silent.
SILENT = "UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 minute'"
HELD_UP_WHILE_CHARGING = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%post_charges%'
"""


@pytest.fixture
def start_worker(committing: None, tmp_path: Path) -> Iterator[Callable[[], "subprocess.Popen[bytes]"]]:
    """Start workers on the tests' database that end with the test."""
    started: list[subprocess.Popen[bytes]] = []
    database = urlsplit(settings.DATABASE_URL)._replace(path=f"/{connection.settings_dict['NAME']}").geturl()

    def start() -> "subprocess.Popen[bytes]":
        with (tmp_path / f"worker-{len(started)}.log").open("w") as log:
            started.append(
                subprocess.Popen(
                    [sys.executable, "manage.py", "work"],
                    cwd=settings.BASE_DIR,
                    env=os.environ | {"DATABASE_URL": database},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            )
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def until(is_so: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.05)


def waits_for_the_wallet() -> bool:
    """Look from outside: within a transaction PostgreSQL answers the same each time."""

    def look() -> bool:
        with connection.cursor() as cursor:
            cursor.execute(HELD_UP_WHILE_CHARGING)
            return bool(cursor.fetchone()[0])

    [held_up] = at_once(look)
    return held_up is True


def test_a_killed_import_leaves_nothing_and_the_next_worker_does_it_once(
    start_worker: Callable[[], "subprocess.Popen[bytes]"], asha: User, nadia: User, north: Reseller, home: Plan
) -> None:
    fund(north.wallet, "50000", actor=asha)
    now = timezone.now()
    held = ask_for_check(nadia, upload(nadia, north, many(2000), now=now), now=now)
    run_jobs()
    press(nadia, again(held), now=now)

    # All lines are written, and none is charged, while somebody else holds the wallet.
    with transaction.atomic():
        LedgerAccount.objects.select_for_update(no_key=True).get(pk=north.wallet_id)
        worker = start_worker()
        until(waits_for_the_wallet)
        assert again(held).progress > 0
        worker.kill()
        worker.wait()

    until(lambda: not waits_for_the_wallet())
    assert again(held).state == "importing"
    assert (Subscriber.objects.count(), Renewal.objects.count(), balance_of(north)) == (0, 0, 50000)
    assert not AuditEntry.objects.filter(action=Action.SUBSCRIBER_CREATED).exists()

    with connection.cursor() as cursor:
        cursor.execute(SILENT)
    start_worker()
    until(lambda: again(held).is_imported)

    assert (Subscriber.objects.count(), Renewal.objects.count(), balance_of(north)) == (2000, 2000, 0)
    assert AuditEntry.objects.filter(action=Action.SUBSCRIBERS_IMPORTED).count() == 1
