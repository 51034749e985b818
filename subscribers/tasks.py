"""What the worker does for subscribers when their time comes."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone

from ispanel.jobs import enqueue, every, job
from subscribers import operations
from subscribers.imports import keeping, working
from subscribers.operations.news import announce_expiring, forget_old_notices


def lane_of(reseller_id: int) -> str:
    """Return the lane of a reseller, in which its jobs stand in a row, and hold up nobody else's."""
    return f"reseller:{reseller_id}"


@every("* * * * * */10", name="subscribers.look_for_due")
def look_for_due(*, now: datetime) -> None:
    """Leave the lines that are due, and those that expired, to their resellers' lanes."""
    for reseller_id in dict.fromkeys([*operations.due_resellers(now), *operations.expired_resellers(now)]):
        leave(reseller_id)


@job(name="subscribers.keep_time", attempts=5, wait=4)
def keep_time(*, reseller_id: int) -> None:
    """Renew what is due of one reseller and turn off what expired; what is more than one round waits its turn."""
    now = timezone.now()
    done = operations.renew_due(reseller_id=reseller_id, now=now)
    if done.is_full or operations.expire_due(reseller_id=reseller_id, now=now):
        leave(reseller_id)


def leave(reseller_id: int) -> None:
    """Leave a reseller's lines to the worker; where they wait there already, once is enough."""
    enqueue(keep_time, lane=lane_of(reseller_id), once=f"time:{reseller_id}", reseller_id=reseller_id)


@job(name="subscribers.check_import", attempts=working.TRIES, wait=3)
def check_import(*, import_id: int, number: int) -> None:
    """Check an uploaded file of subscribers."""
    working.check_file(import_id=import_id, number=number, now=timezone.now())


@job(name="subscribers.import", attempts=working.TRIES, wait=3)
def import_subscribers(*, import_id: int, number: int) -> None:
    """Import a checked file of subscribers."""
    working.import_file(import_id=import_id, number=number, now=timezone.now())


@every("*/5 * * * *", name="subscribers.look_for_expiring")
def look_for_expiring(*, now: datetime) -> None:
    """Tell of lines that are about to expire."""
    while announce_expiring(now=now):
        pass


@every("23 3 * * *", name="subscribers.forget_notices")
def forget_notices(*, now: datetime) -> None:
    """Forget of which expiries was told that are over."""
    forget_old_notices(now=now)


@every("*/10 * * * *", name="subscribers.erase_imports")
def erase_imports(*, now: datetime) -> None:
    """Erase files of subscribers that were not imported within a day, and passwords that were generated before that."""
    keeping.erase_old_files(now=now)
