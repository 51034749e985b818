"""The session store: rows that know whose they are, so that sign-ins can be listed and ended."""

from __future__ import annotations

import hashlib
from typing import Any

from django.contrib.auth import SESSION_KEY as USER_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.db.models import QuerySet

from accounts.models import Session


def digest_of(session_key: str) -> str:
    """Return what the table holds of a session's key: its cookie cannot be made from a copy of the table."""
    return hashlib.sha256(session_key.encode()).hexdigest()


class SessionStore(DatabaseStore):
    """Sessions in a table of their own, found by the digest of what the cookie holds."""

    #: The row that the session was loaded from.
    row: Session | None = None

    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    @property
    def rows(self) -> QuerySet[Session]:
        return Session.objects.all()

    def _get_session_from_db(self) -> Session | None:
        assert self.session_key is not None
        stored = digest_of(self.session_key)
        self.row = self.rows.in_force().filter(session_key=stored).first()  # type: ignore[attr-defined]
        if self.row is None:
            self._session_key = None
        return self.row

    def exists(self, session_key: str) -> bool:
        return self.rows.filter(session_key=digest_of(session_key)).exists()

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        """Return the row to be saved: the one that was loaded, or a new one."""
        key: str = self._get_or_create_session_key()  # type: ignore[attr-defined]
        row = self.row if self.row and self.row.session_key == digest_of(key) else Session(session_key=digest_of(key))
        row.session_data = self.encode(data)
        row.expire_date = self.get_expiry_date()
        row.user_id = int(data[USER_KEY]) if USER_KEY in data else None
        self.row = row
        return row

    def delete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        if key:
            self.rows.filter(session_key=digest_of(key)).delete()
