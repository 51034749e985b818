"""Limits on guessing: how often a secret may be got wrong before the next try has to wait."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import FailureCount
from ispanel.refusals import Refusal

# One statement, so that tries at the same moment are counted one by one. A count that is full is left alone, since
# a wait that tries prolonged might never end.
RAISE = """
    INSERT INTO failure_counts AS held (key, failures, forgotten_at) VALUES (%(key)s, 1, %(then)s)
    ON CONFLICT (key) DO UPDATE
    SET failures = CASE WHEN held.forgotten_at > %(now)s THEN held.failures + 1 ELSE 1 END,
        forgotten_at = CASE
            WHEN held.forgotten_at > %(now)s AND NOT %(prolonged)s THEN held.forgotten_at ELSE %(then)s
        END
    WHERE held.failures < %(most)s OR held.forgotten_at <= %(now)s
    RETURNING failures
"""
ERASE = """
    DELETE FROM failure_counts WHERE key IN (
        SELECT key FROM failure_counts WHERE forgotten_at <= %s ORDER BY forgotten_at LIMIT 10 FOR UPDATE SKIP LOCKED
    )
"""


class TooManyAttempts(Refusal):
    """It was got wrong too often of late; the wait ends by itself.

    ``retry_after`` is how long to wait, in seconds.
    """

    def __init__(self, retry_after: int, sentence: str | None = None, *, field: str | None = None) -> None:
        minutes = math.ceil(retry_after / 60)
        super().__init__(
            sentence
            or ngettext(
                "Too many attempts. Try again in %(count)d minute.",
                "Too many attempts. Try again in %(count)d minutes.",
                minutes,
            )
            % {"count": minutes}
        )
        self.retry_after = retry_after
        self.field = field


class AttemptUnderWay(TooManyAttempts):
    """Another attempt at the same is being checked at this very moment."""

    def __init__(self, *, field: str | None = None) -> None:
        super().__init__(1, _("Another attempt is being checked. Try again in a moment."), field=field)


@dataclass
class Attempt:
    """One try at a secret: wrong, unless it says that it succeeded."""

    is_right: bool = False

    def succeeded(self) -> None:
        """Say that the secret was right, so that the failures before it are forgotten."""
        self.is_right = True


@contextmanager
def attempt(*, key: str, most: int, within: timedelta, field: str | None = None) -> Iterator[Attempt]:
    """Let one try at a secret happen, unless there were too many wrong ones.

        with limits.attempt(key="two-step:17", most=5, within=timedelta(minutes=15), field="code") as attempt:
            if not is_right(code):
                raise WrongCode
            attempt.succeeded()

    The failure is counted before the block, and stands when the block raises or never says that it succeeded; whatever
    else a block that raises has written is rolled back. Only one block runs at a time per key. Since the count has to
    outlive the act that was refused, this begins a transaction of its own and cannot be used within another one: check
    the secret first, then begin the act.

    :param key: what is guessed at; no secret, and nothing of any length that somebody typed.
    :param most: how many wrong tries there may be in any stretch of `within`.
    :param field: the form field at which a refusal belongs.
    :raises TooManyAttempts, AttemptUnderWay: before the block, which is then not run.
    """
    this, problem = Attempt(), None
    with transaction.atomic(durable=True):
        take_turn(key, field)
        raise_count(key, most=most, within=within, field=field)
        try:
            with transaction.atomic():
                yield this
        except Exception as raised:
            problem = raised
        if this.is_right:
            forget(key)
    if problem:
        raise problem


def take_turn(key: str, field: str | None = None) -> None:
    """Keep others from trying at the same until the transaction ends; nobody waits for a turn.

    :raises AttemptUnderWay:
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [f"attempt at {key}"])
        if not cursor.fetchone()[0]:
            raise AttemptUnderWay(field=field)


def raise_count(key: str, *, most: int, within: timedelta, prolonged: bool = True, field: str | None = None) -> None:
    """Count one failure more.

    :param prolonged: whether the count is forgotten `within` after the latest failure, so that no stretch of that
        length has more of them than `most`; else after the first, for what many people share and no success clears.
    :raises TooManyAttempts: where `most` of them are counted already.
    """
    raised = _raised(key, most=most, within=within, prolonged=prolonged)
    if raised == 1:
        # Every row that comes erases some that are over, so that a flood of names leaves no heap behind.
        with connection.cursor() as cursor:
            cursor.execute(ERASE, [timezone.now()])
    if raised is None:
        check_count(key, most=most, field=field)
        raise AttemptUnderWay(field=field)  # It was full, and has been forgotten in between.


def count(key: str, *, most: int, within: timedelta) -> bool:
    """Count one failure more, and say whether there was room for it: one statement, whatever comes of it."""
    return _raised(key, most=most, within=within, prolonged=True) is not None


def _raised(key: str, *, most: int, within: timedelta, prolonged: bool) -> int | None:
    """Return how many failures there are with this one; None where the count was full."""
    now = timezone.now()
    values: dict[str, str | int | datetime] = {"key": key, "now": now, "then": now + within, "most": most}
    with connection.cursor() as cursor:
        cursor.execute(RAISE, values | {"prolonged": prolonged})
        row = cursor.fetchone()
    return row[0] if row else None


def check_count(key: str, *, most: int, field: str | None = None) -> None:
    """Refuse early, at the cost of one look.

    :raises TooManyAttempts: where `most` failures are counted.
    """
    now = timezone.now()
    full = FailureCount.objects.filter(key=key, failures__gte=most, forgotten_at__gt=now).first()
    if full:
        raise TooManyAttempts(math.ceil((full.forgotten_at - now).total_seconds()), field=field)


def take_back(key: str) -> None:
    """Count one failure less: it was none."""
    FailureCount.objects.filter(key=key, failures__gt=0).update(failures=F("failures") - 1)


def forget(key: str) -> None:
    """Forget the failures."""
    FailureCount.objects.filter(key=key).delete()
