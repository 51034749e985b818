"""Sealing: every row gets a link of the hash chain, whoever else seals meanwhile, and what a digest is made of."""

import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.management import call_command
from django.db import DatabaseError, DataError, OperationalError, connection, transaction

from accounts.models import User
from audit import sealing
from audit.actions import Action
from audit.chain import COLUMNS, START, Head, canonical, newest_head, next_digest
from audit.identity import SYSTEM
from audit.models import AuditEntry, AuditSeal
from audit.operations import record
from audit.sealing import seal
from tests.audit.tampering import as_superuser
from tests.cast import NOW, seat_of
from tests.threads import at_once

ROOT = Path(__file__).parent.parent.parent
LATER = NOW + timedelta(seconds=20)
ROW: dict[str, Any] = {
    "id": 7,
    "at": datetime(2026, 5, 14, 9, 30, 0, 123456, tzinfo=UTC),
    "action": "plan.edited",
    "grade": "regular",
    "actor_id": 3,
    "actor_name": "asha",
    "actor_type": "Admin",
    "on_behalf_of_id": None,
    "on_behalf_of_name": "",
    "object_type": "plan",
    "object_id": 5,
    "object_name": "Ev İnterneti",
    "reseller_id": None,
    "detail": "",
    "changes": {"price": ["25", "30"], "name": [None, "Ev"]},
    "address": "203.0.113.4",
    "user_agent": "Firefox",
    "request_id": "0a1b",
}


def write(count: int, now: datetime = NOW) -> list[AuditEntry]:
    return [record(actor=SYSTEM, action=Action.PLAN_EDITED, detail=f"Row {n}.", now=now) for n in range(count)]


# --- what a digest is made of -----------------------------------------------------------------------------------------


def test_the_bytes_of_a_row_are_the_same_for_ever() -> None:
    """Rows are sealed for years: whoever changes this breaks every chain there is."""
    assert next_digest(START.digest, 1, NOW, canonical(ROW)).hex() == (
        "8533ada4b5df55a362709e0505f2046141283c3c87a37009e16a927c88be5b35"
    )


def test_every_column_is_sealed(db: None) -> None:
    assert list(COLUMNS) == [field.name for field in AuditEntry._meta.concrete_fields]


@pytest.mark.parametrize(
    "changed",
    [
        {"id": 8},
        {"at": ROW["at"] + timedelta(microseconds=1)},
        {"actor_id": None},
        {"actor_id": 33},
        {"actor_name": "ash", "actor_type": "aAdmin"},
        {"detail": "x"},
        {"on_behalf_of_name": "Firefox", "user_agent": ""},
        {"address": None},
        {"address": "203.0.113.4/24"},
        {"address": "::ffff:203.0.113.4"},
        {"changes": {}},
        {"changes": {"price": ["25", 30], "name": [None, "Ev"]}},
        {"changes": {"price": ["30", "25"], "name": [None, "Ev"]}},
    ],
)
def test_another_row_has_other_bytes(changed: dict[str, Any]) -> None:
    assert canonical(ROW | changed) != canonical(ROW)


def test_the_order_in_which_a_change_was_written_does_not_count() -> None:
    assert canonical(ROW | {"changes": {"name": [None, "Ev"], "price": ["25", "30"]}}) == canonical(ROW)


def test_a_digest_depends_on_its_place_its_time_and_what_stands_before() -> None:
    contents = canonical(ROW)
    digests = {
        next_digest(START.digest, 1, NOW, contents),
        next_digest(START.digest, 2, NOW, contents),
        next_digest(START.digest, 1, LATER, contents),
        next_digest(bytes(31) + b"\x01", 1, NOW, contents),
    }

    assert len(digests) == 4


def test_a_head_is_read_as_it_is_written() -> None:
    head = Head(12, bytes(range(32)))

    assert Head.parse(f" {head} \n") == head
    for text in ("", "12", "12:", "12:zz", "-1:" + "0" * 64, "12:" + "0" * 63, "12:" + "g" * 64, "１:" + "0" * 64):
        with pytest.raises(ValueError, match="is no head"):
            Head.parse(text)


# --- sealing ----------------------------------------------------------------------------------------------------------


def test_every_row_gets_one_seal_and_the_next_rows_go_on_from_there(db: None) -> None:
    first = write(3)
    one = seal(NOW)
    more = write(2)
    two = seal(LATER)

    seals = list(AuditSeal.objects.order_by("number").values_list("number", "entry_id", "sealed_at"))
    ids = [entry.pk for entry in AuditEntry.objects.order_by("pk")]
    assert [number for number, _entry, _at in seals] == list(range(1, len(ids) + 1))
    assert [entry for _number, entry, _at in seals] == ids
    assert {entry.pk for entry in [*first, *more]} <= set(ids)
    assert (one.rows + two.rows, two.rows, two.head) == (len(ids), 2, newest_head())
    assert seals[-1][2] == LATER


def test_each_digest_is_that_of_its_row_after_the_one_before(asha: User) -> None:
    changes = {"name": (None, "Ünïcode"), "days": (3, 30), "on": (False, True), "tags": ([], ["a"])}
    record(actor=seat_of(asha), action=Action.PLAN_EDITED, changes=changes, now=NOW)
    seal(LATER)

    previous = START.digest
    for link in AuditSeal.objects.order_by("number"):
        row = AuditEntry.objects.values(*COLUMNS).get(pk=link.entry_id)
        previous = next_digest(previous, link.number, LATER, canonical(row))
        assert bytes(link.digest) == previous


def test_where_nothing_is_new_nothing_is_written(db: None) -> None:
    write(1)
    head = seal(NOW).head

    assert seal(LATER) == sealing.Sealed(0, head)


def test_more_rows_than_a_batch_are_sealed_in_one_go(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "BATCH", 3)
    write(7)

    sealed = seal(NOW)

    assert sealed.rows == sealed.head.number == AuditEntry.objects.count() >= 7


def test_a_row_that_becomes_visible_late_is_sealed_too(committing: None) -> None:
    def write_slowly() -> None:
        with transaction.atomic():
            write(1)
            started.append(True)
            while len(started) < 2:
                time.sleep(0.01)

    def write_and_seal() -> int:
        while not started:
            time.sleep(0.01)
        write(1)
        rows = seal(NOW).rows
        started.append(True)
        return rows

    started: list[bool] = []
    assert at_once(write_slowly, write_and_seal)[1] == AuditEntry.objects.count() - 1
    assert seal(LATER).rows == 1
    assert AuditSeal.objects.count() == AuditEntry.objects.count()


@pytest.mark.parametrize("before", [0, 5])
def test_one_row_far_above_the_others_hides_none_of_them(
    committing: None, monkeypatch: pytest.MonkeyPatch, before: int
) -> None:
    monkeypatch.setattr(sealing, "NEWEST", 3)
    write(before)
    seal(NOW)
    write_as(10**12)
    seal(NOW)

    for _round in range(4):
        write(1)
        assert seal(LATER).rows == 1

    assert AuditSeal.objects.count() == AuditEntry.objects.count()


def write_as(pk: int) -> None:
    with as_superuser() as cursor:
        cursor.execute(
            "INSERT INTO audit_entries (id, at, action, grade, actor_name, actor_type, on_behalf_of_name, object_type,"
            " object_name, detail, changes, user_agent, request_id)"
            " VALUES (%s, %s, 'plan.edited', 'regular', 'x', 'x', '', '', '', '', '{}', '', '')",
            [pk, NOW],
        )


def test_sealers_at_the_same_time_leave_no_gap_and_seal_nothing_twice(
    committing: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealing, "BATCH", 5)
    write(60)

    outcomes = at_once(*[lambda: seal(NOW)] * 4)

    total = AuditEntry.objects.count()
    assert sum(sealed.rows for sealed in outcomes) == total
    assert list(AuditSeal.objects.order_by("number").values_list("number", flat=True)) == list(range(1, total + 1))


@pytest.mark.parametrize("act", ["UPDATE {} SET number = 0", "DELETE FROM {}", "TRUNCATE {}"])
def test_the_database_refuses_to_change_a_seal(db: None, act: str) -> None:
    write(1)
    seal(NOW)

    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(act.format("audit_seals"))
    assert AuditSeal.objects.count() == AuditEntry.objects.count()


# --- the command ------------------------------------------------------------------------------------------------------


def test_the_command_seals_once_and_logs_the_head(db: None, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    write(2)

    call_command("seal_audit")
    call_command("seal_audit")

    [line] = [line for line in caplog.records if line.message == "audit sealed"]
    assert line.__dict__["rows"] == AuditEntry.objects.count()
    assert line.__dict__["head"] == str(newest_head())


@pytest.fixture
def sealer(committing: None) -> Iterator["subprocess.Popen[str]"]:
    """Run the sealer beside the test, on its database."""
    url = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
    process = subprocess.Popen(
        [sys.executable, "manage.py", "seal_audit", "--every", "0.2"],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": url, "LOG_LEVEL": "INFO"},
        stderr=subprocess.PIPE,
        text=True,
    )
    yield process
    process.kill()
    process.communicate()


def test_the_sealer_goes_on_by_itself_and_ends_when_told(sealer: "subprocess.Popen[str]") -> None:
    for _round in range(2):
        write(1)
        deadline = time.monotonic() + 30
        while AuditSeal.objects.count() < AuditEntry.objects.count():
            assert time.monotonic() < deadline
            time.sleep(0.05)

    sealer.send_signal(signal.SIGTERM)

    _out, log = sealer.communicate(timeout=20)
    lines = [json.loads(line) for line in log.splitlines()]
    assert sealer.returncode == 0
    assert {line["event"] for line in lines} == {"audit sealed"}
    assert lines[-1]["head"] == str(newest_head())


@pytest.mark.parametrize(
    ("failure", "level", "message"),
    [
        (OperationalError("connection refused"), "WARNING", "audit sealing waits for the database"),
        (DataError("timestamp too large"), "ERROR", "audit sealing failed"),
        (OverflowError("date value out of range"), "ERROR", "audit sealing failed"),
    ],
)
def test_a_round_that_fails_is_logged_and_the_next_one_seals(
    db: None,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    failure: Exception,
    level: str,
    message: str,
) -> None:
    from ispanel.management.commands import seal_audit

    def fail_then_stop(now: datetime) -> sealing.Sealed:
        rounds.append(now)
        if len(rounds) == 1:
            raise failure
        os.kill(os.getpid(), signal.SIGTERM)
        return sealing.Sealed(1, Head(1, bytes(32)))

    rounds: list[datetime] = []
    monkeypatch.setattr(seal_audit, "seal", fail_then_stop)
    monkeypatch.setattr(connection, "close", lambda: None)
    caplog.set_level(logging.INFO)
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    try:
        call_command("seal_audit", every=0.01)
    finally:
        signal.signal(signal.SIGTERM, before[0])
        signal.signal(signal.SIGINT, before[1])

    assert len(rounds) == 2
    failed, sealed = [line for line in caplog.records if line.name.endswith("seal_audit")]
    assert (failed.levelname, failed.message, failed.__dict__["reason"]) == (level, message, str(failure))
    assert sealed.message == "audit sealed"
