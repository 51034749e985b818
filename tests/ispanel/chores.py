"""Tasks for the tests of jobs. They write into a file, which no rollback takes back and other processes can read."""

import os
import time
from datetime import datetime
from pathlib import Path

from django.db import transaction
from django.utils import timezone

from ispanel.jobs import enqueue, every, job


def note(file: str, words: str) -> None:
    with Path(file).open("a", encoding="utf-8") as log:
        log.write(f"{words}\n")


@job(name="tests.note_down")
def note_down(*, file: str, words: str) -> None:
    note(file, words)


@job(name="tests.linger")
def linger(*, file: str, words: str, seconds: float) -> None:
    """Say that it begins, take a while, and say that it ends."""
    note(file, f"{words} begins")
    time.sleep(seconds)
    note(file, f"{words} ends")


@job(name="tests.meet", attempts=1)
def meet(*, file: str, words: str, company: str) -> None:
    """Begin, and end only once another one has begun too."""
    note(file, f"{words} begins")
    deadline = time.monotonic() + 10
    while f"{company} begins" not in Path(file).read_text(encoding="utf-8"):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{company} did not begin.")
        time.sleep(0.02)
    note(file, f"{words} ends")


@job(name="tests.fail", attempts=3, wait=4)
def fail(*, secret: str) -> None:
    raise ValueError(f"It is {timezone.get_current_timezone_name()} here.\nDETAIL: {secret}")


@job(name="tests.fail_in_company", attempts=2)
def fail_in_company(*, file: str) -> None:
    """Fail, with another one waiting already that is as good."""
    note(file, "tried")
    if Path(file).read_text(encoding="utf-8") == "tried\n":
        enqueue(fail_in_company, once="company", file=file)
        raise ValueError


@job(name="tests.leave_behind", attempts=1)
def leave_behind(*, file: str) -> None:
    """Leave two jobs behind, of which one is taken back."""
    enqueue(note_down, file=file, words="kept")
    with transaction.atomic():
        enqueue(note_down, file=file, words="taken back")
        transaction.set_rollback(True)


@every("0 0 1 1 *", name="tests.new_year")
def new_year(*, now: datetime) -> None:
    note(os.environ["TESTS_NEW_YEAR"], str(now.tzinfo))
