"""What is recorded of the refusals of signed-in people."""

from __future__ import annotations

from datetime import datetime

from accounts.seats import Seat
from audit import operations as audit
from audit.actions import Action
from audit.models import Grade
from ispanel.refusals import Refusal


def record_refusal(*, actor: Seat, refusal: Refusal, tried: str, now: datetime) -> None:
    """Record that a signed-in person was refused, after the rollback of what they tried."""
    audit.record(
        actor=actor,
        action=Action.REFUSED,
        detail=f"{tried}: {refusal}",
        reseller_id=actor.user.reseller_id,
        grade=Grade.SECURITY,
        now=now,
    )
