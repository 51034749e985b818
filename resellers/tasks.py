"""What the worker does for resellers when its time comes."""

from __future__ import annotations

from datetime import datetime

from ispanel.jobs import every
from resellers import operations
from resellers.operations.news import announce_low_balances


@every("* * * * *", name="resellers.look_for_low_balances")
def look_for_low_balances(*, now: datetime) -> None:
    """Tell resellers whose wallet has come down to their threshold."""
    announce_low_balances(now=now)


@every("*/10 * * * *", name="resellers.look_after_domains")
def look_after_domains(*, now: datetime) -> None:
    """Look for the records that prove resellers' domains."""
    operations.look_after_domains(now=now)
