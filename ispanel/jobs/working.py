"""The worker's process: it takes jobs from the queue, several at once, until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import structlog
from procrastinate import App, JobContext
from procrastinate.contrib.django import app
from procrastinate.exceptions import ConnectorException
from procrastinate.middleware import AsyncCallNext, WorkerMiddleware
from procrastinate.worker import Worker

from ispanel.child import STOP_WITHIN
from ispanel.jobs.queue import Connector, Queue, pause

log = logging.getLogger(__name__)

#: How often a worker gives a sign of life, after how long without one it is taken for dead, and how often others look.
#: A killed worker's jobs are taken up within the sum of the last two and of `POLL`.
HEARTBEAT, DEAD_AFTER, LOOK_EVERY = 5.0, 20.0, 5.0  # seconds
#: How often it looks for jobs that nobody tells it of, since their moment has come or they were put back.
POLL = 2.0  # seconds
#: How long the jobs at hand have to finish when the worker has to stop.
FINISH_WITHIN = STOP_WITHIN - 2  # seconds
NEVER = float("inf")


def work(concurrency: int) -> None:
    """Work until SIGTERM or SIGINT, through outages of the database."""
    asyncio.run(_work(concurrency))


async def _work(concurrency: int) -> None:
    stopping, loop = asyncio.Event(), asyncio.get_running_loop()

    def stop() -> None:
        stopping.set()
        loop.call_later(FINISH_WITHIN, give_up)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    # Two more than there are jobs, since looking up the database's address takes one too.
    loop.set_default_executor(ThreadPoolExecutor(concurrency + 2, thread_name_prefix="job"))
    while not stopping.is_set():
        try:
            await carry_out(concurrency=concurrency, stopping=stopping)
        except (ConnectorException, psycopg.OperationalError) as outage:
            log.warning("worker waits for the database", extra={"reason": str(outage.__cause__ or outage).strip()})
        except Exception as problem:
            log.exception("worker failed, and begins anew", extra={"reason": str(problem).strip()})
        await pause(stopping, 3)


async def carry_out(*, concurrency: int, stopping: asyncio.Event, wait: bool = True) -> None:
    """Carry out what is in the queue until told to stop; or, where it shall not wait, until nothing is left for now."""
    queue = Queue(Connector(stopping))
    with served_by(queue) as panel:
        async with panel.open_async():
            beside = asyncio.create_task(take_up_abandoned(queue))
            worker = asyncio.create_task(
                panel.run_worker_async(
                    concurrency=concurrency,
                    wait=wait,
                    listen_notify=wait,
                    fetch_job_polling_interval=POLL,
                    abort_job_polling_interval=NEVER,
                    install_signal_handlers=False,
                    update_heartbeat_interval=HEARTBEAT,
                    stalled_worker_timeout=DEAD_AFTER,
                    worker_middleware=[noting_problems_in(queue)],
                )
            )
            told = asyncio.create_task(stopping.wait())
            await asyncio.wait({worker, told}, return_when=asyncio.FIRST_COMPLETED)
            for task in (beside, told, worker):
                task.cancel()  # which lets the worker finish what is at hand
            for task in (beside, told, worker):
                with contextlib.suppress(asyncio.CancelledError):
                    await task


@contextlib.contextmanager
def served_by(queue: Queue) -> Iterator[App]:
    """Let procrastinate have this queue for the length of the block."""
    with app.replace_connector(queue.connections) as panel:
        usual, panel.job_manager = panel.job_manager, queue
        try:
            yield panel
        finally:
            panel.job_manager = usual


def noting_problems_in(queue: Queue) -> WorkerMiddleware:
    """Return what stands around each job: its log lines name it, and why it failed is kept for its end."""

    async def note(call_next: AsyncCallNext, context: JobContext, _worker: Worker) -> Any:
        assert context.job.id
        structlog.contextvars.bind_contextvars(task=context.job.task_name, job_id=context.job.id)
        try:
            return await call_next()
        except Exception as problem:
            queue.problems[context.job.id] = problem
            raise

    return note


async def take_up_abandoned(queue: Queue) -> None:
    """Look again and again for jobs of workers that were killed."""
    while True:
        repeated = queue.connections.repeated
        await asyncio.sleep(LOOK_EVERY)
        if queue.connections.repeated != repeated:
            # The database was away: whoever is alive shall have the time to say so.
            await asyncio.sleep(DEAD_AFTER)
        try:
            await queue.prune_stalled_workers(DEAD_AFTER)
        except ConnectorException as problem:
            log.exception("jobs of killed workers cannot be taken up", extra={"reason": str(problem.__cause__).strip()})


def give_up() -> None:
    """End at once, in the middle of what is at hand: PostgreSQL rolls it back, and another worker does it once more."""
    log.warning("worker ends with jobs unfinished", extra={"reason": f"they took longer than {FINISH_WITHIN} s"})
    logging.shutdown()
    os._exit(1)
