"""Going past every guard, as only whoever owns the database server can."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import psycopg
from django.db import connection


@contextmanager
def as_superuser() -> Iterator[psycopg.Cursor]:
    """Yield a cursor that no trigger stops, on a connection of its own to the test's database; commit at the end."""
    url = os.environ.get("DATABASE_OWNER_URL") or os.environ["DATABASE_URL"]
    url = urlsplit(url)._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
    with psycopg.connect(url) as owner, owner.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        yield cursor
