"""Migrations that install a file of SQL, and take it away again."""

from __future__ import annotations

from pathlib import Path

from django.db.migrations import RunSQL


def install(migration_file: str, name: str, *, reverse: str) -> RunSQL:
    """Return the operation that runs ``<app>/sql/<name>.sql``.

    :param migration_file: the migration's ``__file__``.
    :param reverse: SQL that undoes it.
    """
    path = Path(migration_file).resolve().parent.parent / "sql" / f"{name}.sql"
    return RunSQL(path.read_text(encoding="utf-8"), reverse)
