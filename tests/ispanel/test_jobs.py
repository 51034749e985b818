"""Jobs: enqueued with the act, in lanes, once, tried again."""

import time
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from ispanel.jobs import enqueue, queue
from ispanel.models import JobFailure, PanelSettings
from ispanel.refusals import is_busy
from ispanel.tasks import forget_failures
from tests.ispanel import chores
from tests.jobs import enqueued, run_inline, run_jobs, waiting
from tests.threads import at_once

JOBS = "SELECT task_name, status::text, attempts FROM procrastinate_jobs ORDER BY id"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return where the chores write."""
    file = tmp_path / "notes"
    file.touch()
    return file


def lines(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8").splitlines()


def sql(statement: str, *values: object) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall()) if cursor.description else []


def bring_forward() -> None:
    """Let the moment of all that waits have come."""
    sql("UPDATE procrastinate_jobs SET scheduled_at = now() WHERE status = 'todo'")


# --- with the act -----------------------------------------------------------------------------------------------------


def test_a_job_waits_for_the_commit(committing: None, file: Path) -> None:
    with transaction.atomic():
        enqueue(chores.note_down, file=str(file), words="done")
        run_jobs()
        assert lines(file) == []

    run_jobs()

    assert lines(file) == ["done"]
    assert sql(JOBS) == []


def test_a_job_of_an_act_that_is_rolled_back_does_not_exist(committing: None, file: Path) -> None:
    with transaction.atomic():
        enqueue(chores.note_down, file=str(file), words="done")
        transaction.set_rollback(True)

    run_jobs()

    assert lines(file) == []
    assert sql(JOBS) == []


def test_a_job_enqueues_with_its_own_transaction_too(committing: None, file: Path) -> None:
    enqueue(chores.leave_behind, file=str(file))

    run_jobs()

    assert lines(file) == ["kept"]


@pytest.mark.parametrize("arguments", [{}, {"words": "done"}, {"file": "x", "words": "done", "more": 1}])
def test_arguments_that_the_task_does_not_take_are_refused_at_once(db: None, arguments: dict[str, object]) -> None:
    with pytest.raises(TypeError):
        enqueue(chores.note_down, **arguments)

    assert enqueued(chores.note_down) == []


def test_arguments_that_json_cannot_hold_are_refused_at_once(db: None) -> None:
    with pytest.raises(TypeError):
        enqueue(chores.note_down, file="x", words=timezone.now())


def test_a_task_is_done_with_the_settings_in_force(committing: None) -> None:
    PanelSettings.objects.update(time_zone="Asia/Beirut")
    enqueue(chores.fail, secret="")

    with pytest.raises(AssertionError, match="It is Asia/Beirut here"):
        run_jobs()


def test_what_was_enqueued_can_be_seen_and_done_within_a_test(db: None, file: Path) -> None:
    enqueue(chores.note_down, lane="one", file=str(file), words="first")
    enqueue(chores.note_down, file=str(file), words="second")

    assert [job["words"] for job in enqueued(chores.note_down)] == ["first", "second"]
    assert [job.lock for job in waiting(chores.note_down)] == ["one", None]
    assert run_inline(chores.note_down) == 2
    assert lines(file) == ["first", "second"]
    assert enqueued(chores.note_down) == []


# --- lanes ------------------------------------------------------------------------------------------------------------


def test_jobs_of_one_lane_are_done_one_at_a_time_in_their_order(committing: None, file: Path) -> None:
    for words in ("first", "second", "third"):
        enqueue(chores.linger, lane="one", file=str(file), words=words, seconds=0.2)

    run_jobs(concurrency=3)

    assert lines(file) == [f"{words} {what}" for words in ("first", "second", "third") for what in ("begins", "ends")]


def test_jobs_of_two_lanes_are_done_side_by_side(committing: None, file: Path) -> None:
    enqueue(chores.meet, lane="one", file=str(file), words="first", company="second")
    enqueue(chores.meet, lane="two", file=str(file), words="second", company="first")

    run_jobs()

    assert sorted(lines(file)) == ["first begins", "first ends", "second begins", "second ends"]


def test_a_job_that_waits_to_be_tried_again_holds_its_lane_up_and_no_other(committing: None, file: Path) -> None:
    enqueue(chores.fail, lane="one", secret="")
    enqueue(chores.note_down, lane="one", file=str(file), words="behind it")
    enqueue(chores.note_down, lane="two", file=str(file), words="beside it")

    run_jobs(may_fail=True)
    assert lines(file) == ["beside it"]
    for _try in range(2):
        bring_forward()
        run_jobs(may_fail=True)

    assert lines(file) == ["beside it", "behind it"]


def test_a_long_lane_holds_nobody_up(committing: None, file: Path) -> None:
    sql(
        "INSERT INTO procrastinate_jobs (queue_name, task_name, lock, scheduled_at)"
        " SELECT 'default', 'tests.note_down', 'one', CASE WHEN number = 1 THEN now() + interval '1 day' END"
        " FROM generate_series(1, 10000) AS number"
    )
    enqueue(chores.note_down, lane="two", file=str(file), words="done")

    began = time.monotonic()
    sql("SELECT * FROM procrastinate_fetch_job_v2(NULL, NULL)")

    assert time.monotonic() - began < 1  # without the index by lane it takes two seconds and more
    assert sql("SELECT lock FROM procrastinate_jobs WHERE status = 'doing'") == [("two",)]


# --- once, and later --------------------------------------------------------------------------------------------------


def test_of_once_only_one_waits(committing: None, file: Path) -> None:
    with transaction.atomic():
        enqueue(chores.note_down, once="note", file=str(file), words="first")
        enqueue(chores.note_down, once="note", file=str(file), words="second")
        enqueue(chores.note_down, once="other", file=str(file), words="other")
    run_jobs()
    enqueue(chores.note_down, once="note", file=str(file), words="third")
    run_jobs()

    assert sorted(lines(file)) == ["first", "other", "third"]


def test_the_one_that_waits_begins_only_after_the_act_that_found_it_waiting(committing: None, file: Path) -> None:
    enqueue(chores.note_down, once="note", file=str(file), words="done")
    with transaction.atomic():
        enqueue(chores.note_down, once="note", file=str(file), words="again")
        run_jobs()
        assert lines(file) == []

    run_jobs()

    assert lines(file) == ["done"]


def test_acts_at_the_same_moment_leave_one_behind(committing: None, file: Path) -> None:
    def act() -> None:
        with transaction.atomic():
            enqueue(chores.note_down, once="note", file=str(file), words="done")

    assert at_once(*[act] * 8) == [None] * 8
    assert len(enqueued(chores.note_down)) == 1


def test_an_act_that_waits_too_long_for_another_one_with_the_same_once_is_told_that_it_is_busy(
    committing: None, file: Path
) -> None:
    with psycopg.connect(**connection.get_connection_params()) as other:
        other.execute(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, queueing_lock) VALUES ('default', 'x', 'note')"
        )

        with pytest.raises(OperationalError) as refused, transaction.atomic():
            sql("SET LOCAL lock_timeout = '100ms'")
            enqueue(chores.note_down, once="note", file=str(file), words="done")

        other.rollback()
    assert is_busy(refused.value)
    assert sql(JOBS) == []


def test_one_that_failed_is_not_tried_again_while_another_one_waits(committing: None, file: Path) -> None:
    enqueue(chores.fail_in_company, once="company", file=str(file))

    run_jobs(may_fail=True)

    assert lines(file) == ["tried", "tried"]
    assert sql(JOBS) == []


def test_a_job_for_later_waits_for_its_moment(committing: None, file: Path) -> None:
    enqueue(chores.note_down, after_seconds=60, file=str(file), words="done")

    run_jobs()
    assert lines(file) == []
    [job] = waiting(chores.note_down)
    assert timedelta(seconds=50) < job.scheduled_at - timezone.now() < timedelta(seconds=61)
    bring_forward()
    run_jobs()

    assert lines(file) == ["done"]


# --- failing ----------------------------------------------------------------------------------------------------------


def test_a_job_that_fails_is_tried_again_after_longer_and_longer_waits(
    committing: None, caplog: pytest.LogCaptureFixture
) -> None:
    enqueue(chores.fail, lane="one", secret="hunter2")

    waits = []
    for _try in range(2):
        run_jobs(may_fail=True)
        [job] = waiting(chores.fail)
        waits.append(round((job.scheduled_at - timezone.now()).total_seconds()))
        bring_forward()
    run_jobs(may_fail=True)

    assert waits == [pytest.approx(4, abs=2), pytest.approx(16, abs=2)]
    assert sql(JOBS) == [("tests.fail", "failed", 3)]
    [failure] = JobFailure.objects.all()
    assert (failure.task_name, failure.lane, failure.attempts) == ("tests.fail", "one", 3)
    assert failure.reason == "ValueError: It is UTC here."
    told = [(record.levelname, record.message, record.attempt, record.reason) for record in caplog.records]
    again = "job failed, and will be tried again"
    assert told == [
        ("WARNING", again, 1, failure.reason),
        ("WARNING", again, 2, failure.reason),
        ("ERROR", "job failed", 3, failure.reason),
    ]
    assert "hunter2" not in "".join(record.message for record in caplog.records)


def test_a_job_whose_task_is_unknown_is_kept_with_that_reason(committing: None) -> None:
    enqueue(chores.note_down, file="", words="")
    sql("UPDATE procrastinate_jobs SET task_name = 'tests.of_tomorrow'")

    run_jobs(may_fail=True)

    assert JobFailure.objects.get().reason == queue.NO_SUCH_TASK
    assert sql(JOBS) == [("tests.of_tomorrow", "failed", 1)]


def test_a_job_that_has_cost_many_workers_their_lives_is_given_to_no_other(committing: None, file: Path) -> None:
    enqueue(chores.note_down, file=str(file), words="one more")
    enqueue(chores.note_down, file=str(file), words="one too many")
    sql("UPDATE procrastinate_jobs SET status = 'doing', attempts = %s", queue.LIVES - 2)
    sql("UPDATE procrastinate_jobs SET attempts = attempts + 1 WHERE args ->> 'words' = 'one too many'")

    run_jobs(may_fail=True)

    assert lines(file) == ["one more"]
    assert JobFailure.objects.get().reason == queue.KILLED


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("", "ValueError: "),
        ("one\ntwo", "ValueError: one"),
        ("nul\0 and \udcff", "ValueError: nul and ?"),
        ("x" * 600, f"ValueError: {'x' * 488}"),
    ],
)
def test_a_reason_is_one_line_that_the_database_can_keep(words: str, reason: str) -> None:
    assert queue.reason_of(ValueError(words)) == reason


def test_failures_are_forgotten_after_thirty_days(committing: None) -> None:
    enqueue(chores.note_down, file="", words="")
    enqueue(chores.note_down, file="", words="")
    sql("UPDATE procrastinate_jobs SET task_name = 'tests.of_tomorrow'")
    run_jobs(may_fail=True)
    old, new = JobFailure.objects.order_by("pk")
    JobFailure.objects.filter(pk=old.pk).update(failed_at=timezone.now() - timedelta(days=31))

    forget_failures(now=timezone.now())

    assert JobFailure.objects.get() == new
    assert sql("SELECT id FROM procrastinate_jobs") == [(new.job_id,)]


# --- at their hours ---------------------------------------------------------------------------------------------------


def test_a_task_of_the_hour_waits_once_and_is_given_the_moment(
    committing: None, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TESTS_NEW_YEAR", str(file))
    enqueue(chores.new_year)
    enqueue(chores.new_year)
    [job] = waiting(chores.new_year)

    run_jobs()

    assert (job.lock, job.queueing_lock) == ("tests.new_year", "tests.new_year")
    assert lines(file) == ["UTC"]


def test_a_task_of_the_hour_takes_no_arguments_of_others(db: None) -> None:
    with pytest.raises(TypeError):
        enqueue(chores.new_year, now="1999")
