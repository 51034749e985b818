"""The two database roles: the owner migrates; the serving role, as which requests are answered, owns nothing.

DATABASE_URL is the serving role's address and DATABASE_OWNER_URL the owner's. Only `manage.py migrate` uses the second
one, and the web server's process does not have it. Without it one role is both.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import environ
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg.errors import DuplicateObject, InsufficientPrivilege, UniqueViolation
from psycopg.sql import SQL, Identifier, Literal

#: What the serving role may do with a table.
ORDINARY = "SELECT, INSERT, UPDATE, DELETE"
#: Where it may do less. Money moves through `post_transfer` and `post_charges`, which run as the owner; history only
#: grows, and the ids of the trail, by whose order it is sealed, are given by the database alone. An API token stays
#: what it was made for.
LESS = {
    "audit_entries": "SELECT, INSERT ({all_but_id})",
    "audit_seals": "SELECT, INSERT",
    "transfers": "SELECT",
    "entries": "SELECT",
    "api_tokens": "SELECT, INSERT, DELETE, UPDATE (last_used_at, last_used_from, refused_at, revoked_at, revoked_by)",
    "password_resets": "SELECT, INSERT, DELETE, UPDATE (digest, login_was, sent_at, expires_at, used_at)",
    "ledger_accounts": "SELECT, INSERT, UPDATE (name, credit_limit, closed_at)",
    "idempotency_keys": "SELECT, INSERT",
    "ledger_checks": "SELECT, INSERT",
    "renewal_batches": "SELECT, INSERT",
    "bulk_acts": "SELECT, INSERT",
    "pictures": "SELECT, INSERT, DELETE, UPDATE (unused_since)",
    "paper_series": "SELECT",
    "invoices": (
        "SELECT, INSERT,"
        " UPDATE (status, paid_at, paid_by, payment_note, cancelled_at, cancelled_by, cancellation_reason)"
    ),
    "credit_notes": "SELECT, INSERT",
    "invoice_links": "SELECT, INSERT, UPDATE (revoked_at, opened_at)",
    "message_channels": "SELECT, UPDATE",
    "message_templates": "SELECT, UPDATE",
    "message_rules": "SELECT, UPDATE",
    "procrastinate_events": "SELECT, INSERT",
    "django_migrations": "SELECT",
}
#: Of the tables that number their rows by these; all others have identity columns, which ask for no right.
SEQUENCES = [
    "procrastinate_jobs_id_seq",
    "procrastinate_events_id_seq",
    "procrastinate_periodic_defers_id_seq",
]
FUNCTIONS = ["post_transfer", "post_charges", "recall_act"]

TABLES = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm')"
NUMBERING = """
    SELECT relname FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'S' AND relname = ANY (%s)
"""
COLUMNS_BUT_ID = """
    SELECT attname FROM pg_attribute
    WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attname <> 'id' ORDER BY attnum
"""
SIGNATURES = """
    SELECT oid::regprocedure::text FROM pg_proc
    WHERE pronamespace = 'public'::regnamespace AND proname = ANY (%s)
"""
#: What a connection takes from an address; the database's name stays, which is another one in the tests.
PARTS = ("USER", "PASSWORD", "HOST", "PORT", "OPTIONS")


class CannotMakeRole(Exception):
    """The owner may not create the serving role; the sentence says who may, and how."""

    def __init__(self, serving: str, owner: str) -> None:
        super().__init__(
            f"DATABASE_URL names the database role {serving}, which is not there and which {owner} may not create. "
            f"As a superuser, run: CREATE ROLE {serving} LOGIN PASSWORD '…'; with the password that DATABASE_URL has."
        )


def address_of_owner() -> dict[str, Any] | None:
    """Return the parts of DATABASE_OWNER_URL; None where one role is both.

    :raises ImproperlyConfigured: where the two addresses are not two roles' of one database.
    """
    if not settings.DATABASE_OWNER_URL:
        return None
    owner = environ.Env.db_url_config(settings.DATABASE_OWNER_URL)
    serving = environ.Env.db_url_config(settings.DATABASE_URL)
    if not owner["USER"] or not serving["USER"]:
        raise ImproperlyConfigured("DATABASE_URL and DATABASE_OWNER_URL both have to name their role.")
    if owner["NAME"] != serving["NAME"]:
        raise ImproperlyConfigured("DATABASE_URL and DATABASE_OWNER_URL have to name the same database.")
    return None if owner["USER"] == serving["USER"] else owner


@contextmanager
def as_owner(connection: BaseDatabaseWrapper) -> Iterator[bool]:
    """Let the connection be the owner's for the length of the block; yield whether there are two roles."""
    owner = address_of_owner()
    if owner is None:
        yield False
        return
    serving = {part: connection.settings_dict[part] for part in PARTS}
    options = {"application_name": "ispanel owner"} | owner.get("OPTIONS", {})
    _become(connection, {part: owner[part] for part in PARTS if part != "OPTIONS"} | {"OPTIONS": options})
    try:
        yield True
    finally:
        _become(connection, serving)


def _become(connection: BaseDatabaseWrapper, address: dict[str, Any]) -> None:
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined] # it holds connections of the other role
    connection.settings_dict.update(address)


def ensure_serving_role(connection: BaseDatabaseWrapper) -> None:
    """Create the role that DATABASE_URL names, if it is missing. The server is sent its password's verifier only.

    :raises CannotMakeRole:
    """
    serving = environ.Env.db_url_config(settings.DATABASE_URL)
    name, password = serving["USER"], serving["PASSWORD"]
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name])
        if cursor.fetchone():
            return
        statement = SQL("CREATE ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS").format(
            Identifier(name)
        )
        if password:
            verifier = connection.connection.pgconn.encrypt_password(
                password.encode(), name.encode(), b"scram-sha-256"
            ).decode()
            statement += SQL(" PASSWORD {}").format(Literal(verifier))
        try:
            with transaction.atomic():
                cursor.execute(statement)
        except DatabaseError as problem:
            if isinstance(problem.__cause__, InsufficientPrivilege):
                raise CannotMakeRole(name, connection.settings_dict["USER"]) from problem
            # Roles are the server's: somebody who migrates another database of it was quicker.
            if not isinstance(problem.__cause__, DuplicateObject | UniqueViolation):
                raise


@transaction.atomic
def grant(connection: BaseDatabaseWrapper) -> None:
    """Give the serving role what it needs, and nothing else, on all that there is; close the database to others."""
    serving = Identifier(environ.Env.db_url_config(settings.DATABASE_URL)["USER"])
    database = Identifier(connection.settings_dict["NAME"])
    with connection.cursor() as cursor:
        cursor.execute(
            SQL(
                "REVOKE ALL ON DATABASE {database} FROM PUBLIC, {serving};"
                "GRANT CONNECT ON DATABASE {database} TO {serving};"
                "REVOKE CREATE ON SCHEMA public FROM PUBLIC, {serving};"
                "GRANT USAGE ON SCHEMA public TO {serving};"
                "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {serving};"
                "REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM {serving};"
                "REVOKE ALL ON ALL ROUTINES IN SCHEMA public FROM {serving}"
            ).format(database=database, serving=serving)
        )
        cursor.execute(TABLES)
        for (table,) in cursor.fetchall():
            may = LESS.get(table, ORDINARY)
            if "{all_but_id}" in may:
                cursor.execute(COLUMNS_BUT_ID, [f"public.{table}"])
                columns = SQL(", ").join(Identifier(name) for (name,) in cursor.fetchall())
                may = may.format(all_but_id=columns.as_string())
            cursor.execute(SQL("GRANT {} ON {} TO {}").format(SQL(may), Identifier(table), serving))
        cursor.execute(NUMBERING, [SEQUENCES])
        for (sequence,) in cursor.fetchall():
            cursor.execute(SQL("GRANT USAGE ON SEQUENCE {} TO {}").format(Identifier(sequence), serving))
        cursor.execute(SIGNATURES, [FUNCTIONS])
        for (signature,) in cursor.fetchall():
            cursor.execute(SQL("GRANT EXECUTE ON FUNCTION {} TO {}").format(SQL(signature), serving))
