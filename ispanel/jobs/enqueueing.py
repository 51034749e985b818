"""Leaving a task to the worker."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.utils import timezone
from procrastinate.contrib.django.django_connector import DjangoConnector
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from procrastinate.jobs import JobDeferrer
from procrastinate.manager import JobManager
from procrastinate.tasks import configure_task

from ispanel.jobs.declaring import Task

#: Writes by the caller's connection, and so in its transaction; in the worker too, which has others of its own.
IN_THE_TRANSACTION = JobManager(DjangoConnector())
#: Held as long as the transaction lasts, and passed over by workers meanwhile.
HOLD_WAITING = "SELECT FROM procrastinate_jobs WHERE queueing_lock = %s AND status = 'todo' FOR KEY SHARE"


def enqueue(
    task: Task[...],
    *,
    lane: str | None = None,
    once: str | None = None,
    after_seconds: float | None = None,
    **arguments: Any,
) -> None:
    """Leave the task to the worker, once the caller's transaction is committed; if it is rolled back, nothing was.

    :param lane: the jobs of a lane are done one at a time, in this order. One that waits for its moment, or to be tried
        again, holds up those behind it.
    :param once: if a job with this text waits already, that one will do, and begins after this transaction.
    :param after_seconds: how long to wait at least.
    :raises TypeError: if the task takes other arguments, or JSON cannot hold them.
    """
    task.arguments.bind(**arguments)
    once = once or task.once
    moment = None if after_seconds is None else timezone.now() + timedelta(seconds=after_seconds)
    deferrer = deferrer_of(task, lane=lane, once=once, moment=moment)
    try:
        if once is None:
            deferrer.defer(**arguments)
        else:
            defer_once(deferrer, once, arguments)
    except ConnectorException as problem:
        # As Django names it, for those who look whether the database is busy.
        with connection.wrap_database_errors:
            raise problem.__cause__ or problem from None


def deferrer_of(task: Task[...], *, lane: str | None, once: str | None, moment: datetime | None) -> JobDeferrer:
    return configure_task(
        name=task.name,
        job_manager=IN_THE_TRANSACTION,
        lock=lane or task.lane,
        queueing_lock=once,
        schedule_at=moment,
    )


@transaction.atomic
def defer_once(deferrer: JobDeferrer, once: str, arguments: dict[str, Any]) -> None:
    """Add the job, or hold the one that waits until this transaction has ended.

    A worker that took that one up before would not see what this transaction writes, and nobody would look again.
    """
    while True:
        with connection.cursor() as cursor:
            cursor.execute(HOLD_WAITING, [once])
            if cursor.fetchone() is not None:
                return
        try:
            with transaction.atomic():
                deferrer.defer(**arguments)
        except AlreadyEnqueued:
            continue  # by somebody who committed it in between
        return
