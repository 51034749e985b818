"""The worker as a process: real ones, on a real database that goes away now and then."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from django.conf import settings
from django.db import connection, transaction

from ispanel import embedded_postgres
from ispanel.child import STOP_WITHIN
from ispanel.jobs import enqueue
from tests.ispanel import chores

#: `manage.py work`, which knows the tests' tasks, and has no other hours to keep.
COMMAND = """
import importlib, os, django
from django.core.management import call_command
django.setup()
from procrastinate.contrib.django import app
app.periodic_registry.periodic_tasks.clear()
for name in os.environ["TESTS_TASKS"].split():
    importlib.import_module(name)
call_command("work")
"""

FETCHES_HELD_UP = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%procrastinate_fetch_job%'
"""


class Worker:
    """A started worker."""

    def __init__(self, log: Path, database_url: str, **environment: str) -> None:
        self.log = log
        ours = {"DATABASE_URL": database_url, "LOG_LEVEL": "INFO", "TESTS_TASKS": "tests.ispanel.chores"}
        self.process = subprocess.Popen(
            [sys.executable, "-c", COMMAND],
            cwd=settings.BASE_DIR,
            env=os.environ | ours | environment,
            stdin=subprocess.DEVNULL,
            stdout=log.open("w"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    @property
    def events(self) -> list[str]:
        """What the log says happened; every line of it is JSON."""
        return [json.loads(line)["event"] for line in self.log.read_text(encoding="utf-8").splitlines()]

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(STOP_WITHIN)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def start_on(tmp_path: Path) -> Iterator[Callable[..., Worker]]:
    """Start workers on a database, that end with the test."""
    started: list[Worker] = []

    def start_on(database_url: str, **environment: str) -> Worker:
        started.append(Worker(tmp_path / f"worker-{len(started)}.log", database_url, **environment))
        return started[-1]

    yield start_on
    for worker in started:
        worker.kill()


@pytest.fixture
def start(committing: None, start_on: Callable[..., Worker]) -> Callable[..., Worker]:
    """Start workers on the tests' database."""
    url = urlsplit(settings.DATABASE_URL)._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
    return lambda **environment: start_on(url, **environment)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return where the chores write."""
    file = tmp_path / "notes"
    file.touch()
    return file


def lines(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8").splitlines()


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    """Wait for something to come true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def sql(statement: str, *values: object) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values or None)
        return list(cursor.fetchall()) if cursor.description else []


def jobs() -> list[tuple[object, ...]]:
    return sql("SELECT task_name, status::text FROM procrastinate_jobs ORDER BY id")


# --- going and stopping -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_does_what_is_enqueued_until_it_is_told_to_stop_and_says_nothing(
    start: Callable[..., Worker], file: Path, number: signal.Signals
) -> None:
    worker = start()
    until(lambda: sql("SELECT count(*) FROM procrastinate_workers") == [(1,)])

    enqueue(chores.note_down, file=str(file), words="done")
    until(lambda: lines(file) == ["done"])

    assert worker.stop(number) == 0
    assert worker.events == []
    assert sql("SELECT count(*) FROM procrastinate_workers") == [(0,)]


def test_it_finishes_what_is_at_hand_and_begins_nothing_else(start: Callable[..., Worker], file: Path) -> None:
    worker = start(WORKER_CONCURRENCY="1")
    enqueue(chores.linger, file=str(file), words="chore", seconds=2)
    enqueue(chores.note_down, file=str(file), words="next")
    until(lambda: lines(file) == ["chore begins"])

    assert worker.stop() == 0
    assert lines(file) == ["chore begins", "chore ends"]
    assert jobs() == [("tests.note_down", "todo")]


def test_it_does_not_wait_long_for_what_is_at_hand_and_another_one_does_it_once_more(
    start: Callable[..., Worker], file: Path
) -> None:
    worker = start()
    enqueue(chores.linger, file=str(file), words="chore", seconds=15)
    until(lambda: lines(file) == ["chore begins"])

    assert worker.stop() == 1
    assert worker.events == ["worker ends with jobs unfinished"]
    start()
    until(lambda: lines(file) == ["chore begins"] * 2, seconds=30)


def test_each_job_gives_its_connection_back(start: Callable[..., Worker], file: Path) -> None:
    start(WORKER_CONCURRENCY="4", DATABASE_POOL="4")
    for number in range(60):
        enqueue(chores.note_down, file=str(file), words=str(number))

    until(lambda: len(lines(file)) == 60)

    assert sorted(map(int, lines(file))) == list(range(60))
    until(lambda: jobs() == [])


@pytest.mark.parametrize("number", ["0", "9"])
def test_more_jobs_at_once_than_there_are_connections_are_refused(start: Callable[..., Worker], number: str) -> None:
    worker = start(WORKER_CONCURRENCY=number, DATABASE_POOL="8")

    assert worker.process.wait(20) == 1
    assert f"WORKER_CONCURRENCY is {number}. It has to be at least 1, and at most DATABASE_POOL" in (
        worker.log.read_text(encoding="utf-8")
    )


def test_of_two_workers_one_does_what_is_due_at_its_hour(start: Callable[..., Worker], file: Path) -> None:
    environment = {"TESTS_TASKS": "tests.ispanel.clock", "TESTS_TICKS": str(file)}
    workers = [start(**environment), start(**environment)]

    until(lambda: len(lines(file)) >= 8)

    for worker in workers:
        worker.stop()
    moments = [datetime.fromisoformat(line) for line in lines(file)]
    # Once a second, and one may have waited for the workers to start; if both did each, there were twice as many.
    assert len(moments) <= (moments[-1] - moments[0]).total_seconds() + 3
    assert [worker.events for worker in workers] == [[], []]


# --- killed workers ---------------------------------------------------------------------------------------------------


def test_what_a_killed_worker_had_at_hand_is_done_once_more_by_another_and_its_lane_goes_on(
    start: Callable[..., Worker], file: Path
) -> None:
    enqueue(chores.linger, lane="one", file=str(file), words="chore", seconds=2)
    enqueue(chores.note_down, lane="one", file=str(file), words="next")
    killed = start()
    until(lambda: lines(file) == ["chore begins"])

    killed.kill()
    other = start()

    until(lambda: lines(file) == ["chore begins", "chore begins", "chore ends", "next"], seconds=32)
    until(lambda: jobs() == [])
    assert other.events == ["job of a killed worker is taken up"]


def test_a_living_worker_that_is_taken_for_dead_keeps_what_it_has_at_hand(
    start: Callable[..., Worker], file: Path
) -> None:
    worker = start()
    enqueue(chores.linger, file=str(file), words="chore", seconds=8)
    until(lambda: lines(file) == ["chore begins"])

    sql("DELETE FROM procrastinate_workers")
    enqueue(chores.note_down, file=str(file), words="next")

    until(lambda: lines(file) == ["chore begins", "next", "chore ends"])
    until(lambda: jobs() == [])
    assert worker.stop() == 0
    assert worker.events == []


# --- outages ----------------------------------------------------------------------------------------------------------


def end_connections() -> None:
    sql(
        "SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )


def fetch_is_held_up() -> bool:
    sql("SELECT pg_stat_clear_snapshot()")  # a transaction sees the activities as they were at its first look
    return sql(FETCHES_HELD_UP) == [(1,)]


def test_it_outlives_the_end_of_its_connections_in_the_middle_of_a_job(
    start: Callable[..., Worker], file: Path
) -> None:
    worker = start()
    enqueue(chores.linger, file=str(file), words="chore", seconds=2)
    until(lambda: lines(file) == ["chore begins"])

    end_connections()
    enqueue(chores.note_down, file=str(file), words="next")

    until(lambda: sorted(lines(file)) == ["chore begins", "chore ends", "next"])
    until(lambda: jobs() == [])
    assert worker.stop() == 0


def test_a_job_that_it_was_given_by_an_answer_that_was_lost_is_put_back(
    start: Callable[..., Worker], file: Path
) -> None:
    start()
    until(lambda: sql("SELECT count(*) FROM procrastinate_workers") == [(1,)])
    with transaction.atomic():
        sql("LOCK TABLE procrastinate_jobs")
        enqueue(chores.note_down, file=str(file), words="done")
        sql("UPDATE procrastinate_jobs SET status = 'doing', worker_id = (SELECT id FROM procrastinate_workers)")
        until(fetch_is_held_up)
        end_connections()

    until(lambda: lines(file) == ["done"])


def test_it_outlives_a_restart_of_postgresql(start_on: Callable[..., Worker], tmp_path: Path, file: Path) -> None:
    server = embedded_postgres.start(tmp_path / "server", durable=False)
    try:
        subprocess.run(
            [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
            cwd=settings.BASE_DIR,
            env=os.environ | {"DATABASE_URL": server.url, "DATABASE_OWNER_URL": ""},
            check=True,
            timeout=120,
        )

        def leave(name: str, **arguments: object) -> None:
            with psycopg.connect(server.url) as database:
                database.execute(
                    "INSERT INTO procrastinate_jobs (queue_name, task_name, args) VALUES ('default', %s, %s)",
                    [name, json.dumps({"file": str(file), **arguments})],
                )

        leave("tests.linger", words="chore", seconds=4)
        worker = start_on(server.url, DATABASE_OWNER_URL="")
        until(lambda: lines(file) == ["chore begins"])

        server.stop()
        until(lambda: lines(file) == ["chore begins", "chore ends"])
        time.sleep(2)
        server = embedded_postgres.start(tmp_path / "server", durable=False)
        leave("tests.note_down", words="next")

        until(lambda: lines(file) == ["chore begins", "chore ends", "next"])
        time.sleep(1)
        with psycopg.connect(server.url) as database:
            assert database.execute("SELECT count(*) FROM procrastinate_jobs").fetchone() == (0,)
        assert "worker waits for the database" in worker.events
        assert worker.stop() == 0
    finally:
        server.stop()
