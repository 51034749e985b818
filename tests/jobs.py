"""Jobs in tests: what was left to the worker, and doing it."""

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connection
from procrastinate.contrib.django.models import ProcrastinateJob

from ispanel.jobs import Task
from ispanel.jobs.working import carry_out


def enqueued(task: Task[...]) -> list[dict[str, Any]]:
    """Return the arguments of the task's waiting jobs, the oldest first."""
    return [job.args for job in waiting(task)]


def waiting(task: Task[...]) -> list[ProcrastinateJob]:
    """Return the task's waiting jobs, the oldest first. `lock` is its lane, `queueing_lock` its once."""
    return list(ProcrastinateJob.objects.filter(task_name=task.name, status="todo").order_by("pk"))


def run_inline(task: Task[...]) -> int:
    """Do the task's waiting jobs here and now, in the test's transaction, whatever their moment; return how many."""
    jobs = waiting(task)
    for job in jobs:
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM procrastinate_jobs WHERE id = %s", [job.pk])
        task(**job.args)
    return len(jobs)


def run_jobs(*, concurrency: int = 2, may_fail: bool = False) -> None:
    """Do everything that waits and whose moment has come, and what that leaves behind; for tests with `committing`.

    :raises AssertionError: if a job fails, unless it may.
    """
    failures = _Failures()
    log = logging.getLogger("ispanel.jobs.queue")
    log.addHandler(failures)
    try:
        before = None
        while before != (before := set(ProcrastinateJob.objects.filter(status="todo").values_list("pk", "attempts"))):
            # In a thread of its own, since a browser's tests leave a loop in this one.
            with ThreadPoolExecutor(1) as thread:
                thread.submit(asyncio.run, everything(concurrency)).result()
    finally:
        log.removeHandler(failures)
    if failures.records and not may_fail:
        first = failures.records[0]
        raise AssertionError(f"{first.task}: {first.reason}") from (first.exc_info[1] if first.exc_info else None)


async def everything(concurrency: int) -> None:
    await carry_out(concurrency=concurrency, stopping=asyncio.Event(), wait=False)


class _Failures(logging.Handler):
    """Keeps what the worker says of jobs that failed."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[Any] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.msg.startswith("job failed"):
            self.records.append(record)
