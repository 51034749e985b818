"""What the worker does for logins."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone

from accounts import resetting
from ispanel.jobs import every, job


@job(name="accounts.send_reset")
def send_reset(*, reset_id: int) -> None:
    """Decide about a password reset that was asked for, and send it."""
    resetting.send(reset_id=reset_id, now=timezone.now())


@every("31 3 * * *", name="accounts.erase_resets")
def erase_resets(*, now: datetime) -> None:
    """Erase the password resets of the day before."""
    resetting.erase_old(now=now)
