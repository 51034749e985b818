"""What the worker does for messages."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from ispanel.jobs import enqueue, every, job
from notifications import sending


def wake(ways: Iterable[str]) -> None:
    """Have the worker send what waits to go by these ways."""
    for way in ways:
        enqueue(send_waiting, lane=f"messages:{way}", once=f"messages:{way}", way=way)


# In a lane for each way: a gateway that hangs holds up no more than one job, and no mail.
@job(name="notifications.send_waiting", attempts=1)
def send_waiting(*, way: str) -> None:
    """Send what waits to go by one way."""
    if sending.send_waiting(way):
        wake([way])


@every("* * * * * */10", name="notifications.look_after")
def look_after(*, now: datetime) -> None:
    """See to it that what rested long enough is sent again, and what a killed worker left as well."""
    wake(sending.look_after(now))


@every("41 3 * * *", name="notifications.erase_old")
def erase_old(*, now: datetime) -> None:
    """Delete messages that the log need not hold any more."""
    sending.erase_old(now)
