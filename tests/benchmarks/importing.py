"""Importing 10,000 unpaid subscribers, held against a plain COPY of the same rows into the same tables."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from itertools import count

from django.db import connection, transaction
from django.utils import timezone

from accounts.models import User
from ispanel.installation import settings_in_force
from plans.models import Plan
from resellers.models import Reseller
from subscribers.import_models import SubscriberImport
from subscribers.imports import working
from subscribers.operations import imports
from tests.cast import seat_of

ROWS = 10_000
HEAD = "username,password,full_name,phone,email,address,plan,mac,auto_renew,note"
LINE = (
    "{prefix}-{number:05},secret-{number:05},Amal Haddad {number},0961 3 555 {number:05},amal{number}@example.com,"
    '"{number} Main Street, Sidon",{plan},AA:BB:CC:0{digit}:00:01,yes,Second floor'
)
COLUMNS = """
    SELECT column_name FROM information_schema.columns
    WHERE table_schema = 'public' AND table_name = %s AND column_name <> 'id' ORDER BY ordinal_position
"""
#: What the last import has written, with other usernames: the rows of the trail are of the same subscribers.
WRITTEN = {
    "subscribers": "SELECT {columns} FROM (SELECT 'x' || username AS username, {others} FROM subscribers"
    " WHERE username LIKE '{prefix}-%' ORDER BY id) written",
    "audit_entries": "SELECT {columns} FROM audit_entries WHERE object_name LIKE '{prefix}-%' ORDER BY id",
}


class Imports:
    """A reseller that imports file after file; each measure returns how many seconds it took."""

    def __init__(self, admin: User, reseller: Reseller, plan: Plan) -> None:
        self.admin, self.reseller, self.plan = admin, reseller, plan
        self.numbers = count()
        self.prefix = ""

    def check_and_import(self) -> tuple[float, float]:
        """Return how long the check takes, and how long the import does, commit included."""
        self.prefix = f"import{next(self.numbers)}"
        held = self._checked()
        seconds_of_check = self._timed(working.check_file, held)
        held = imports.ask_for_import(
            actor=seat_of(self.admin), import_id=held.pk, number=held.number, now=timezone.now()
        )
        seconds = self._timed(working.import_file, held)
        assert SubscriberImport.objects.get(pk=held.pk).is_imported, "the file was not imported"
        return seconds_of_check, seconds

    def copy(self) -> float:
        """Return how long a plain COPY of the rows of the last import takes, commit included."""
        held = {table: self._rows_of(table) for table in WRITTEN}
        began = time.perf_counter()
        with transaction.atomic(), connection.cursor() as cursor:
            for table, (columns, rows) in held.items():
                with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as pipe:
                    pipe.write(rows)
        return time.perf_counter() - began

    def _checked(self) -> SubscriberImport:
        lines = (
            LINE.format(prefix=self.prefix, number=number, digit=number % 10, plan=self.plan.name)
            for number in range(ROWS)
        )
        seat, text = seat_of(self.admin), "\r\n".join([HEAD, *lines])
        held = imports.upload_file(
            actor=seat, reseller=self.reseller, file_name="lines.csv", content=text.encode(), now=timezone.now()
        )
        return imports.ask_for_check(
            actor=seat, import_id=held.pk, matching=HEAD.split(","), plan=None, activates=False, now=timezone.now()
        )

    @staticmethod
    def _timed(act: Callable[..., None], held: SubscriberImport) -> float:
        began = time.perf_counter()
        with settings_in_force():
            act(import_id=held.pk, number=held.number, now=timezone.now())
        return time.perf_counter() - began

    def _rows_of(self, table: str) -> tuple[str, bytes]:
        """Return the columns of a table and the rows that the last import has written to it, with other usernames."""
        rows = io.BytesIO()
        with connection.cursor() as cursor:
            cursor.execute(COLUMNS, [table])
            columns = [name for (name,) in cursor.fetchall()]
            query = WRITTEN[table].format(
                columns=", ".join(columns),
                others=", ".join(name for name in columns if name != "username"),
                prefix=self.prefix,
            )
            with cursor.copy(f"COPY ({query}) TO STDOUT") as pipe:
                for part in pipe:
                    rows.write(part)
        return ", ".join(columns), rows.getvalue()
