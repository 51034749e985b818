"""The queue as a worker sees it: it outlives outages, and what a dead worker had at hand goes back into it.

A worker holds its jobs as long as it gives signs of life. Who has given none for a while loses them to the next one,
and what it still writes about them counts for nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator
from datetime import datetime
from typing import Any, LiteralString, TypeVar

import psycopg
from procrastinate import PsycopgConnector
from procrastinate.connector import Notify
from procrastinate.contrib.django import connector_params
from procrastinate.exceptions import ConnectorException, UniqueViolation
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager

log = logging.getLogger(__name__)

T = TypeVar("T")

#: Who was taken for dead takes back what nobody else has taken up since.
SIGN_OF_LIFE = """
    WITH sign AS (
        INSERT INTO procrastinate_workers (id, last_heartbeat) OVERRIDING SYSTEM VALUE VALUES (%(worker)s, now())
        ON CONFLICT (id) DO UPDATE SET last_heartbeat = now() RETURNING id
    )
    UPDATE procrastinate_jobs SET worker_id = sign.id FROM sign
    WHERE procrastinate_jobs.id = ANY (%(at_hand)s) AND status = 'doing' AND worker_id IS NULL
"""
#: The job, if the worker still holds it.
HELD = "procrastinate_jobs WHERE id = %(job)s AND status = 'doing' AND worker_id IS NOT DISTINCT FROM %(worker)s"
FINISH = f"SELECT procrastinate_finish_job_v1(id, 'succeeded', true) FROM {HELD}"  # noqa: S608 - both are ours
FAIL = f"""
    WITH held AS (SELECT * FROM {HELD} FOR UPDATE), told AS (
        INSERT INTO job_failures (job_id, task_name, lane, attempts, failed_at, reason)
        SELECT id, task_name, coalesce(lock, ''), attempts + 1, now(), %(reason)s FROM held
    )
    SELECT procrastinate_finish_job_v1(id, 'failed', false) FROM held
"""  # noqa: S608
PUT_BACK = f"SELECT procrastinate_retry_job_v2(id, %(at)s, NULL, NULL, NULL) FROM {HELD}"  # noqa: S608
DROP = f"DELETE FROM {HELD}"  # noqa: S608
#: What the worker was given by an answer that never arrived.
LOST = "SELECT id FROM procrastinate_jobs WHERE status = 'doing' AND worker_id = %(worker)s AND id <> ALL (%(at_hand)s)"
#: What was held by workers that are gone: the foreign key sets them null.
ABANDONED = "SELECT * FROM procrastinate_jobs WHERE status = 'doing' AND worker_id IS NULL ORDER BY id"
#: A job that has cost so many workers their lives is not given to another one.
LIVES = 20
NO_SUCH_TASK = "There is no task of this name: the worker is of another version than the web server."
KILLED = "Each worker that took it up was killed."


class Connector(PsycopgConnector):
    """The worker's own connections, apart from those of its jobs. Its queries wait for a database that is away."""

    def __init__(self, stopping: asyncio.Event) -> None:
        # Reconnecting is given up soon and begun anew, as in ispanel/settings.py.
        super().__init__(kwargs=connector_params(), min_size=1, max_size=2, timeout=4, reconnect_timeout=3)
        self.stopping = stopping
        #: How many queries were sent again; the first one may have been carried out.
        self.repeated = 0

    async def execute_query_async(self, query: LiteralString, **arguments: Any) -> None:
        return await self.patiently(lambda: super(Connector, self).execute_query_async(query, **arguments))

    async def execute_query_one_async(self, query: LiteralString, **arguments: Any) -> dict[str, Any]:
        return await self.patiently(lambda: super(Connector, self).execute_query_one_async(query, **arguments))

    async def execute_query_all_async(self, query: LiteralString, **arguments: Any) -> list[dict[str, Any]]:
        return await self.patiently(lambda: super(Connector, self).execute_query_all_async(query, **arguments))

    async def listen_notify(self, on_notification: Notify, channels: Iterable[str]) -> None:
        await self.patiently(lambda: super(Connector, self).listen_notify(on_notification, channels))

    async def patiently(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask until the database answers, or the worker has to stop."""
        while True:
            try:
                return await ask()
            except ConnectorException as problem:
                if not is_outage(problem) or self.stopping.is_set():
                    raise
                log.warning("worker waits for the database", extra={"reason": str(problem.__cause__).strip()})
            self.repeated += 1
            await pause(self.stopping, 1)


class Queue(JobManager):
    """What a worker asks of the queue."""

    def __init__(self, connector: Connector) -> None:
        super().__init__(connector)
        self.connections = connector
        self.worker_id: int | None = None
        self.at_hand: set[int] = set()
        #: Why jobs at hand failed.
        self.problems: dict[int, BaseException] = {}

    async def register_worker(self) -> int:
        self.worker_id = await super().register_worker()
        return self.worker_id

    async def update_heartbeat(self, worker_id: int) -> None:
        """Give a sign of life."""
        await self.connections.execute_query_async(SIGN_OF_LIFE, worker=worker_id, at_hand=[*self.at_hand])

    async def fetch_job(self, queues: Iterable[str] | None, worker_id: int) -> Job | None:
        """Take the next job, if there is one."""
        repeated = self.connections.repeated
        try:
            job = await super().fetch_job(queues, worker_id)
        except ConnectorException as problem:
            if not isinstance(problem.__cause__, psycopg.errors.ForeignKeyViolation):
                raise
            # Somebody took this worker for dead.
            await self.update_heartbeat(worker_id)
            job = await super().fetch_job(queues, worker_id)
        if job and job.id:
            self.at_hand.add(job.id)
        if self.connections.repeated != repeated:
            for lost in await self.connections.execute_query_all_async(LOST, worker=worker_id, at_hand=[*self.at_hand]):
                await self._put_back(lost["id"], worker_id)
        return job

    async def finish_job(self, job: Job, status: Status, delete_job: bool) -> None:
        """Write down how a job ended: one that succeeded is no more, one that failed is kept with its reason."""
        with self._last_look_at(job) as problem:
            if status is Status.SUCCEEDED:
                await self.connections.execute_query_async(FINISH, job=job.id, worker=self.worker_id)
                return
            reason = reason_of(problem) if problem else NO_SUCH_TASK
            log.error("job failed", exc_info=problem, extra=told(job, reason))
            await self.connections.execute_query_async(FAIL, job=job.id, worker=self.worker_id, reason=reason)

    async def retry_job(self, job: Job, retry_at: datetime | None = None, *_same: Any, **_as_before: Any) -> None:
        """Put a job that failed back, to be tried again."""
        with self._last_look_at(job) as problem:
            log.warning("job failed, and will be tried again", exc_info=problem, extra=told(job, reason_of(problem)))
            await self._put_back(job.id, self.worker_id, retry_at)

    async def prune_stalled_workers(self, seconds_since_heartbeat: float) -> list[int]:
        """Forget workers without a sign of life, and put back what they had at hand."""
        if self.worker_id is not None:
            await self.update_heartbeat(self.worker_id)  # lest it be one of them
        forgotten = await super().prune_stalled_workers(seconds_since_heartbeat)
        for row in await self.connections.execute_query_all_async(ABANDONED):
            job = Job.from_row(row)
            if job.attempts + 1 < LIVES:
                log.warning("job of a killed worker is taken up", extra=told(job, ""))
                await self._put_back(job.id, None)
            else:
                log.error("job failed", extra=told(job, KILLED))
                await self.connections.execute_query_async(FAIL, job=job.id, worker=None, reason=KILLED)
        return forgotten

    @contextlib.contextmanager
    def _last_look_at(self, job: Job) -> Iterator[BaseException | None]:
        """Give why the job at hand failed, if it did, and let go of it once its end is written."""
        assert job.id
        try:
            yield self.problems.pop(job.id, None)
        finally:
            self.at_hand.discard(job.id)

    async def _put_back(self, job_id: int | None, held_by: int | None, at: datetime | None = None) -> None:
        try:
            await self.connections.execute_query_async(PUT_BACK, job=job_id, worker=held_by, at=at)
        except UniqueViolation:
            # It was to wait once only, and the next one waits already.
            await self.connections.execute_query_async(DROP, job=job_id, worker=held_by)


def told(job: Job, reason: str) -> dict[str, Any]:
    """Return what the log says of a job: never its arguments."""
    return {"task": job.task_name, "job_id": job.id, "attempt": job.attempts + 1, "reason": reason}


def reason_of(problem: BaseException | None) -> str:
    """Return in one line why a job failed; what PostgreSQL adds in further lines are values."""
    words = f"{type(problem).__name__}: {str(problem).strip().partition(chr(10))[0]}"[:500]
    return words.replace("\0", "").encode(errors="replace").decode()


def is_outage(problem: ConnectorException) -> bool:
    return isinstance(problem.__cause__, psycopg.OperationalError | psycopg.InterfaceError)


async def pause(stopping: asyncio.Event, seconds: float) -> None:
    """Wait, but no longer than until the worker has to stop."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stopping.wait(), seconds)
