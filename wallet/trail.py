"""What the trail tells of money that was taken out of the panel as a file."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from accounts.seats import Seat
from audit import operations as audit
from audit.actions import Action
from audit.models import AuditEntry
from wallet.models import LedgerAccount
from wallet.statements import Statement


def whose_trail(account: LedgerAccount, seat: Seat) -> dict[str, Any]:
    """Return about whom a row tells, and in whose trail it stands: of whoever took the file out.

    What an admin takes out of a reseller's wallet stands in that reseller's.
    """
    owner = getattr(account, "reseller", None)
    tenant = seat.reseller or owner
    return {"obj": owner or account, "reseller_id": tenant.pk if tenant else None}


def record_statement(*, actor: Seat, statement: Statement, file: str, now: datetime) -> AuditEntry:
    """Append that a statement was taken out, and as which kind of file."""
    period = statement.period
    return audit.record(
        actor=actor,
        action=Action.STATEMENT_EXPORTED,
        **whose_trail(statement.account, actor),
        changes={
            "file": (None, file),
            "start": (None, period.start),
            "end": (None, period.end),
            "rows": (None, len(statement.lines)),
        },
        now=now,
    )
