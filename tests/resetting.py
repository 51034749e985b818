"""Put a database back to what the migrations shipped, as its owner, without taking its guards away."""

from dataclasses import dataclass
from typing import Self

from django.db import connection, transaction
from psycopg.sql import SQL, Identifier, Literal

from ispanel.roles import as_owner

TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
COUNTED = """
    SELECT table_name, column_name FROM information_schema.columns
    WHERE table_schema = 'public' AND is_identity = 'YES'
"""


@dataclass(frozen=True)
class Shipped:
    """The rows of the migrations, copied to a schema of their own.

    `tables` are all there are, `filled` those with rows, `counted` maps tables to the column that numbers their rows.
    """

    tables: list[str]
    filled: list[str]
    counted: dict[str, str]

    @classmethod
    def copied_aside(cls) -> Self:
        """Copy what is there now."""
        with as_owner(connection), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("DROP SCHEMA IF EXISTS shipped CASCADE; CREATE SCHEMA shipped")
            cursor.execute(TABLES)
            tables = [name for (name,) in cursor.fetchall()]
            filled = []
            for name in tables:
                cursor.execute(SQL("SELECT EXISTS (SELECT FROM {})").format(Identifier(name)))
                if cursor.fetchone()[0]:
                    cursor.execute(SQL("CREATE TABLE shipped.{0} AS TABLE {0}").format(Identifier(name)))
                    filled.append(name)
            cursor.execute(COUNTED)
            return cls(tables, filled, dict(cursor.fetchall()))

    def restore(self) -> None:
        """Empty every table and bring the shipped rows back, as the owner may: the triggers stay, and are passed by.

        The history of money and acts refuses TRUNCATE to everybody who does not ask like a replica.
        """
        with as_owner(connection), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '10s'; SET LOCAL session_replication_role = replica")
            cursor.execute(SQL("TRUNCATE {} RESTART IDENTITY").format(SQL(", ").join(map(Identifier, self.tables))))
            for name in self.filled:
                cursor.execute(SQL("INSERT INTO {0} SELECT * FROM shipped.{0}").format(Identifier(name)))
                if column := self.counted.get(name):
                    self._count_on(name, column)

    def _count_on(self, table: str, column: str) -> None:
        """Let the next row of a table get the number after its last one."""
        with connection.cursor() as cursor:
            cursor.execute(
                SQL("SELECT setval(pg_get_serial_sequence({0}, {1}), max({2})) FROM {3}").format(
                    Literal(table), Literal(column), Identifier(column), Identifier(table)
                )
            )
