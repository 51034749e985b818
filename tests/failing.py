"""A database that fails in the middle of an act."""

from typing import Any

from django.db import OperationalError


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
