"""A task of every second, for the worker that imports this."""

import os
from datetime import datetime

from ispanel.jobs import every
from tests.ispanel.chores import note


@every("* * * * * *", name="tests.tick")
def tick(*, now: datetime) -> None:
    note(os.environ["TESTS_TICKS"], now.isoformat())
