"""What the worker does for itself."""

from __future__ import annotations

from datetime import datetime

from ispanel import logos
from ispanel.jobs import every, overview


@every("17 3 * * *", name="ispanel.forget_failures")
def forget_failures(*, now: datetime) -> None:
    """Delete the jobs that failed long ago."""
    overview.forget_failures(now=now)


@every("37 3 * * *", name="ispanel.erase_unused_pictures")
def erase_unused_pictures(*, now: datetime) -> None:
    """Erase the logos that nothing shows and no paper bears any more."""
    logos.erase_unused(now=now)
