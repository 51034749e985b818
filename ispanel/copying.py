"""Writing many rows at once, by COPY."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection
from django.db.models import Model
from psycopg.sql import SQL, Identifier


def columns_of(model: type[Model]) -> list[str]:
    """Return the model's columns but for its id, which the database gives."""
    return [each.attname for each in model._meta.concrete_fields if not each.primary_key]


def copy(model: type[Model], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write rows by COPY, in one go."""
    statement = SQL("COPY {} ({}) FROM STDIN").format(
        Identifier(model._meta.db_table), SQL(", ").join(map(Identifier, columns))
    )
    with connection.cursor() as cursor, connection.wrap_database_errors, cursor.copy(statement) as pipe:
        for row in rows:
            pipe.write_row(row)
