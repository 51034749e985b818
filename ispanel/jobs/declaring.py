"""Tasks: functions of `<app>/tasks.py` that the worker calls.

A worker may be killed in the middle of a job, and another one then does it once more from the beginning. So a task
looks at what is there before it acts, and is right however often it is called.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, ParamSpec, Protocol

from django.utils import timezone
from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from ispanel.installation import settings_in_force

P = ParamSpec("P")


@dataclass(frozen=True)
class Task(Generic[P]):
    """A declared task. To call it is to do it here and now; `enqueue` leaves it to the worker."""

    name: str
    act: Callable[P, None]
    #: What `enqueue` has to give it.
    arguments: inspect.Signature
    #: Where it goes by itself; see `enqueue`.
    lane: str | None = None
    once: str | None = None

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> None:
        with settings_in_force():
            self.act(*args, **kwargs)


class Round(Protocol):
    """What is done at its hours."""

    def __call__(self, *, now: datetime) -> None: ...


def job(*, name: str, attempts: int = 5, wait: int = 4) -> Callable[[Callable[P, None]], Task[P]]:
    """Declare the task of this name, which takes keyword arguments that JSON can hold.

    :param attempts: how often it is tried in all.
    :param wait: the seconds before the second try; their square before the third, their cube before the fourth, and so
        on: 4, 16, 64, 256.
    """

    def declare(act: Callable[P, None]) -> Task[P]:
        task = Task(name, act, inspect.signature(act))

        def run(**arguments: Any) -> None:
            task(**arguments)  # type: ignore[call-arg] # checked when it was enqueued

        app.task(name=name, retry=tries(attempts, wait))(run)
        return task

    return declare


def every(cron: str, *, name: str, attempts: int = 1, wait: int = 4) -> Callable[[Round], Task[...]]:
    """Declare a task that is done at the hours of a cron line (UTC), with `now`; never twice at once.

    One that is late waits once, however many of its hours have passed. It may be enqueued in between too, without
    arguments.
    """

    def declare(act: Round) -> Task[...]:
        task: Task[...] = Task(name, act, inspect.Signature(), lane=name, once=name)

        def run(**_timestamp: int) -> None:
            task(now=timezone.now())

        register = app.task(name=name, retry=tries(attempts, wait), lock=name, queueing_lock=name)
        app.periodic(cron=cron)(register(run))
        return task

    return declare


def tries(attempts: int, wait: int) -> RetryStrategy | bool:
    return RetryStrategy(max_attempts=attempts - 1, exponential_wait=wait) if attempts > 1 else False
