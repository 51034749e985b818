"""What the System page says of the worker and its jobs, and for how long those that failed are kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from procrastinate.contrib.django.models import ProcrastinateWorker

from ispanel.models import JobFailure

#: Jobs that failed are kept so long, for somebody to look at.
KEPT = timedelta(days=30)
#: A worker gives a sign of life every few seconds; who gave none for so long was killed, or is cut off.
SILENT_AFTER = timedelta(minutes=1)
#: Who waits longer, with a worker running, waits for want of a second one, or in its lane behind a job that fails.
LATE_AFTER = timedelta(minutes=10)
#: How many failures the page names.
NAMED = 10

#: What is due, waits for its moment, and is under way; since when the oldest is due; and what failed. Jobs are numbered
#: as they are enqueued.
COUNTS = """
    SELECT
        count(*) FILTER (WHERE status = 'todo' AND coalesce(scheduled_at, %(now)s) <= %(now)s),
        count(*) FILTER (WHERE status = 'todo' AND scheduled_at > %(now)s),
        count(*) FILTER (WHERE status = 'doing'),
        (
            SELECT greatest(event.at, first.scheduled_at)
            FROM procrastinate_jobs first
            JOIN procrastinate_events event ON event.job_id = first.id AND event.type = 'deferred'
            WHERE first.status = 'todo' AND coalesce(first.scheduled_at, %(now)s) <= %(now)s
            ORDER BY first.id LIMIT 1
        ),
        (SELECT count(*) FROM job_failures)
    FROM procrastinate_jobs
"""
FORGET_JOBS = """
    DELETE FROM procrastinate_jobs WHERE status = 'failed' AND id IN (
        SELECT job_id FROM job_failures WHERE failed_at < %s
    )
"""


@dataclass(frozen=True)
class Sign:
    """A worker, and when it last said that it is alive."""

    number: int
    seen_at: datetime
    is_alive: bool


@dataclass(frozen=True)
class Overview:
    now: datetime
    workers: list[Sign]
    waiting: int
    for_later: int
    under_way: int
    waits_since: datetime | None
    failed: int
    #: The newest ones.
    failures: list[JobFailure]

    @property
    def is_running(self) -> bool:
        return any(worker.is_alive for worker in self.workers)

    @property
    def silent_for(self) -> str:
        """Since when no worker gave a sign of life, in words; blank where there is none."""
        return self._since(max((worker.seen_at for worker in self.workers), default=None))

    @property
    def waits_for(self) -> str:
        """How long the oldest job waits that is due, in words; blank where there is none."""
        return self._since(self.waits_since)

    @property
    def is_late(self) -> bool:
        return self.waits_since is not None and self.waits_since < self.now - LATE_AFTER

    def _since(self, moment: datetime | None) -> str:
        if moment is None:
            return ""
        if moment > self.now - timedelta(minutes=1):
            return _("less than a minute")
        return timesince(moment, self.now)


def overview(now: datetime) -> Overview:
    """Return how the workers and the jobs are."""
    with connection.cursor() as cursor:
        cursor.execute(COUNTS, {"now": now})
        waiting, for_later, under_way, waits_since, failed = cursor.fetchone()
    signs = ProcrastinateWorker.objects.order_by("pk").values_list("pk", "last_heartbeat")
    return Overview(
        now=now,
        workers=[Sign(number, seen_at, is_alive=seen_at > now - SILENT_AFTER) for number, seen_at in signs],
        waiting=waiting,
        for_later=for_later,
        under_way=under_way,
        waits_since=waits_since,
        failed=failed,
        failures=list(JobFailure.objects.order_by("-pk")[:NAMED]),
    )


@transaction.atomic
def forget_failures(*, now: datetime) -> None:
    """Delete the jobs that failed long ago, and why they did."""
    with connection.cursor() as cursor:
        cursor.execute(FORGET_JOBS, [now - KEPT])
    JobFailure.objects.filter(failed_at__lt=now - KEPT).delete()
