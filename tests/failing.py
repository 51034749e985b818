"""A database that fails in the middle of an act."""

from typing import Any

import psycopg
from django.db import OperationalError, connection

from tests.campaign.bank import database_url


class FailsAt:
    """Lets all but one of a connection's statements through."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.seen: list[str] = []

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        self.seen.append(sql)
        if len(self.seen) == self.number:
            self.fail_instead_of(execute, sql, params, many, context)
        return execute(sql, params, many, context)

    def fail_instead_of(self, *_statement: Any) -> None:
        raise OperationalError("injected")


class FailsAfter(FailsAt):
    """Carries the statement out, and fails then."""

    def fail_instead_of(self, execute: Any, *statement: Any) -> None:
        execute(*statement)
        raise OperationalError("injected")


def end_connection() -> None:
    """End this thread's connection from another one."""
    with psycopg.connect(database_url()) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [connection.connection.info.backend_pid])
