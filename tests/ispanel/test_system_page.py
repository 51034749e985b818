"""The System page: whether the books and the trail are in order, and what runs here."""

import re
import tomllib
from datetime import datetime, timedelta

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from accounts.models import User
from audit.actions import Action
from audit.models import AuditSeal
from audit.operations import record
from audit.sealing import seal
from ispanel import VERSION, views
from ispanel.jobs import enqueue, overview
from ispanel.models import JobFailure, PanelSettings
from tests.cast import make_wallet, seat_of, signed_in
from tests.ispanel import chores
from tests.pages import body, links_of
from wallet.models import LedgerCheck

SYSTEM = "/settings/system/"


def checked(at: datetime, *findings: str, wrong: int | None = None) -> None:
    """Keep the result of a check that took 2.5 seconds."""
    LedgerCheck.objects.create(
        started_at=at - timedelta(seconds=2.5),
        finished_at=at,
        transfers=1_234,
        entries=2_468,
        wallets=56,
        wrong=len(findings) if wrong is None else wrong,
        findings=list(findings),
    )


def page(user: User) -> str:
    return body(signed_in(user).get(SYSTEM))


def test_it_is_a_tab_of_the_settings(asha: User) -> None:
    assert SYSTEM in links_of(signed_in(asha).get("/settings/"))


def test_a_ledger_that_was_never_checked_says_how(asha: User) -> None:
    text = page(asha)

    assert "Never checked" in text
    assert "manage.py verify_ledger" in text


def test_the_last_check_is_shown(asha: User) -> None:
    PanelSettings.objects.update(time_zone="Asia/Beirut")
    now = timezone.now()
    checked(now - timedelta(hours=3), "Transfer 1 of 1.00: debits 1.00, credits 2.00.")
    checked(now - timedelta(hours=1))

    text = page(asha)

    assert "Ledger In order" in text
    assert "It took 2.5 s Transfers 1,234 Entries 2,468 Wallets 56 Findings 0" in text
    assert "Transfer 1 of" not in text


def test_a_check_of_long_ago_is_no_good_news(asha: User) -> None:
    checked(timezone.now() - timedelta(hours=27))

    assert "Ledger Not checked lately" in page(asha)


def test_findings_are_named(asha: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "NAMED", 2)
    checked(timezone.now() - timedelta(days=2), "Transfer 1 <b>.", "Transfer 2.", "Transfer 3.", wrong=1_500)

    text = page(asha)

    assert "Ledger Not in order" in text
    assert "Transfer 1 <b>. Transfer 2. … and 1,498 more." in text
    assert "Transfer 3." not in text


def test_what_the_command_finds_is_what_the_page_shows(committing: None, asha: User) -> None:
    make_wallet(balance="5", actor=asha)

    call_command("verify_ledger")

    assert "Transfers 1 Entries 2 Wallets 1 Findings 0" in page(asha)


def test_the_chain_of_the_trail_is_shown(asha: User) -> None:
    now = timezone.now()
    seal(now)
    record(actor=seat_of(asha), action=Action.PLAN_EDITED, now=now)

    text = page(asha)

    head = AuditSeal.objects.latest("number")
    assert f"Rows sealed {head.number} Rows waiting 1 Head of the chain {head.number}:{head.hexadecimal}" in text
    assert "Audit trail Sealed" in text


def test_rows_that_wait_for_more_than_five_minutes_are_said(asha: User) -> None:
    record(actor=seat_of(asha), action=Action.PLAN_EDITED, now=timezone.now() - timedelta(minutes=6))

    assert "Audit trail Sealing has stopped" in page(asha)


def test_a_new_installation_has_nothing_sealed_yet(asha: User) -> None:
    assert "Audit trail Nothing sealed yet Last seal — Rows sealed 0" in page(asha)


def heard_of(*moments: datetime) -> None:
    """Let workers have given their last signs of life at these moments."""
    with connection.cursor() as cursor:
        for moment in moments:
            cursor.execute("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (%s)", [moment])


def test_without_a_worker_it_says_what_to_start(asha: User) -> None:
    text = page(asha)

    assert "Worker Not running Jobs under way 0 Jobs waiting 0 Jobs for later 0 Jobs that failed 0" in text
    assert "Jobs wait until a worker runs: start manage.py work" in text


def test_a_worker_that_gives_signs_of_life_runs(asha: User) -> None:
    heard_of(timezone.now() - timedelta(seconds=10))

    text = page(asha)

    assert re.search(r"Worker Running Worker \d+ Last seen [\w ]+, \d\d:\d\d:\d\d Jobs", text)
    assert "Jobs wait until" not in text


def test_a_worker_that_gives_none_is_said_to_be_silent(asha: User) -> None:
    heard_of(timezone.now() - timedelta(minutes=3, seconds=5))

    text = page(asha)

    assert "Worker No sign of life for 3 minutes" in text
    assert "Jobs wait until a worker runs: start manage.py work" in text


def test_of_two_workers_the_silent_one_is_named(asha: User) -> None:
    heard_of(timezone.now() - timedelta(minutes=3), timezone.now())

    text = page(asha)

    assert "Worker Running" in text
    assert text.count("No sign of life") == 1


def test_jobs_are_counted_by_what_becomes_of_them(asha: User) -> None:
    heard_of(timezone.now())
    for after in (0, None, 3600):
        enqueue(chores.note_down, after_seconds=after, file="", words="hunter2")
    enqueue(chores.note_down, file="", words="under way")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET status = 'doing' WHERE args ->> 'words' = 'under way'")

    text = page(asha)

    assert "Jobs under way 1 Jobs waiting 2, the oldest for less than a minute Jobs for later 1" in text
    assert "hunter2" not in text


def test_jobs_that_wait_long_beside_a_running_worker_are_said(by_owner: None, asha: User) -> None:
    heard_of(timezone.now())
    enqueue(chores.note_down, file="", words="")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_events SET at = now() - interval '2 hours'")

    text = page(asha)

    assert "Worker Behind" in text
    assert "Jobs waiting 1, the oldest for 2 hours" in text


def test_a_job_waits_from_its_moment_on(asha: User) -> None:
    heard_of(timezone.now())
    enqueue(chores.note_down, after_seconds=0, file="", words="")

    assert "Worker Running" in page(asha)


def test_the_newest_failures_are_named(asha: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overview, "NAMED", 2)
    failed = {"task_name": "network.send", "lane": "nas:7", "attempts": 5, "failed_at": timezone.now()}
    JobFailure.objects.bulk_create(
        JobFailure(job_id=number, reason=f"Reason <{number}>", **failed) for number in range(1_003)
    )

    text = page(asha)

    assert "Jobs that failed 1,003 in 30 days" in text
    assert "network.send nas:7 Reason <1002> 5" in text
    assert "network.send nas:7 Reason <1001> 5" in text
    assert "Reason <1000>" not in text


def test_what_runs_here_is_shown(asha: User) -> None:
    PanelSettings.objects.update(time_zone="Asia/Beirut", currency_code="KWD", currency_decimals=3)

    text = page(asha)

    assert f"Panel ISPanel {VERSION} Database PostgreSQL " in text
    assert "Time zone Asia/Beirut Currency KWD, 3 decimals" in text


def test_the_version_is_that_of_the_project() -> None:
    project = tomllib.loads((settings.BASE_DIR / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert project["version"] == VERSION


def test_it_asks_the_database_a_few_times(asha: User, django_assert_max_num_queries: object) -> None:
    client = signed_in(asha)
    client.get(SYSTEM)

    with django_assert_max_num_queries(14):  # type: ignore[operator]
        client.get(SYSTEM)
