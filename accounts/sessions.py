"""The session store: rows that know whose they are, at which door they began and when they end.

So sign-ins can be listed and ended, and a cookie that is shown at another door is nobody's.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth import SESSION_KEY as USER_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import Session, TimedOut
from audit.identity import Origin
from ispanel.installation import panel_settings

#: How often it is written down that somebody is still there.
SEEN_EVERY = timedelta(minutes=1)
#: A sign-in lasts a week at the very most; its row stays a day longer, to tell whoever comes back why it ended.
KEPT_FOR = timedelta(days=8)


def digest_of(session_key: str) -> str:
    """Return what the table holds of a session's key: its cookie cannot be made from a copy of the table."""
    return hashlib.sha256(session_key.encode()).hexdigest()


class SessionStore(DatabaseStore):
    """Sessions in a table of their own, found by the digest of what the cookie holds."""

    #: The row that the session was loaded from.
    row: Session | None = None
    #: Which time-out had ended the sign-in that the cookie stood for.
    timed_out: TimedOut | None = None
    #: Where the request comes from; the middleware says it.
    origin = Origin()
    #: The domain of the door that is knocked at, blank for the panel's own host; the middleware says it.
    door = ""

    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    @property
    def rows(self) -> QuerySet[Session]:
        """Return those that began at this door: what is shown here of another one is neither read nor ended."""
        return Session.objects.filter(door=self.door)

    def _get_session_from_db(self) -> Session | None:
        assert self.session_key is not None
        now = timezone.now()
        row = self.rows.filter(session_key=digest_of(self.session_key), expire_date__gt=now).first()
        self.timed_out = row.timed_out(now, panel_settings()) if row and row.user_id else None
        self.row = None if self.timed_out else row
        if self.row is None:
            self._session_key = None
        return self.row

    def exists(self, session_key: str) -> bool:
        return Session.objects.filter(session_key=digest_of(session_key)).exists()

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        """Return the row to be saved: the one that was loaded, or a new one."""
        key: str = self._get_or_create_session_key()  # type: ignore[attr-defined]
        row = self.row if self.row and self.row.session_key == digest_of(key) else self._new_row(key)
        row.session_data = self.encode(data)
        row.user_id = int(data[USER_KEY]) if USER_KEY in data else None
        if row.user_id and row.signed_in_at is None:
            self._sign_in(row, timezone.now())
        row.expire_date = row.signed_in_at + KEPT_FOR if row.signed_in_at else self.get_expiry_date()
        self.row = row
        return row

    def _new_row(self, key: str) -> Session:
        return Session(session_key=digest_of(key), door=self.door)

    def _sign_in(self, row: Session, now: datetime) -> None:
        """Note when and where a sign-in began: now, or, where only the key turns, with the row before."""
        before = self.row if self.row and self.row.user_id == row.user_id else None
        row.signed_in_at = before.signed_in_at if before and before.signed_in_at else now
        self._see(row, now)

    def _see(self, row: Session, now: datetime) -> None:
        row.last_seen_at, row.address, row.user_agent = now, self.origin.address, self.origin.user_agent[:300]

    def touch(self, now: datetime) -> None:
        """Note that somebody is still there, and where, if that was not noted within the last minute."""
        row = self.row
        if row is None or row.last_seen_at is None or now < row.last_seen_at + SEEN_EVERY:
            return
        self._see(row, now)
        self.rows.filter(pk=row.pk).update(
            last_seen_at=row.last_seen_at, address=row.address, user_agent=row.user_agent
        )

    def flush(self) -> None:
        super().flush()
        self.row = None

    def delete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        if key:
            self.rows.filter(session_key=digest_of(key)).delete()
