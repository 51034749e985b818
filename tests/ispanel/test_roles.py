"""Two database roles: the owner migrates, and the serving role, which all the other tests are, owns nothing."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from urllib.parse import urlsplit

import psycopg
import pytest
from django.conf import settings
from django.core import checks
from django.db import ProgrammingError, connection, transaction
from pytest_django import Settings as SettingsWrapper

from accounts.models import User
from audit.actions import Action
from audit.identity import SYSTEM
from audit.models import AuditEntry
from audit.operations import record
from ispanel import roles
from tests.cast import NOW, make_wallet

HISTORY = ("transfers", "entries", "audit_entries", "audit_seals")
#: Roles are the server's, which several runs of these tests share.
OWNER, WEB = f"roles_owner_{os.getpid()}", f"roles_web_{os.getpid()}"
RIGHTS = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
TABLES = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"


def rows(statement: str, *values: object) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())


def one(statement: str, *values: object) -> object:
    return rows(statement, *values)[0][0]


def rights_on(table: str) -> set[str]:
    return {right for right in RIGHTS if one("SELECT has_table_privilege(%s, %s)", table, right)}


def refused(statement: str) -> None:
    """Check that the statement is refused for want of the right, before any trigger is asked."""
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        rows(statement)


# --- the serving role -------------------------------------------------------------------------------------------------


def test_the_tests_are_the_serving_role(db: None) -> None:
    name = urlsplit(settings.DATABASE_URL).username

    assert rows("SELECT session_user, current_user") == [(name, name)]
    assert name != urlsplit(settings.DATABASE_OWNER_URL).username


def test_it_has_no_power_over_the_server(db: None) -> None:
    powers = "rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls"

    assert rows(f"SELECT {powers} FROM pg_roles WHERE rolname = current_user") == [(False,) * 5]
    assert rows("SELECT roleid FROM pg_auth_members WHERE member = current_user::regrole") == []


def test_it_owns_nothing(db: None) -> None:
    assert one("SELECT count(*) FROM pg_class WHERE relowner = current_user::regrole") == 0
    assert one("SELECT count(*) FROM pg_proc WHERE proowner = current_user::regrole") == 0
    assert one("SELECT count(*) FROM pg_shdepend WHERE refobjid = current_user::regrole AND deptype = 'o'") == 0


def test_it_makes_nothing(db: None) -> None:
    assert not one("SELECT has_schema_privilege('public', 'CREATE')")
    assert not one("SELECT has_database_privilege(current_database(), 'CREATE')")
    assert not one("SELECT has_database_privilege(current_database(), 'TEMPORARY')")
    refused("CREATE TABLE mine (id int)")
    refused("CREATE TEMPORARY TABLE mine (id int)")


def test_no_table_can_be_emptied_at_once_or_given_a_trigger(db: None) -> None:
    tables = [str(name) for (name,) in rows(TABLES)]

    assert len(tables) > 15
    assert [table for table in tables if rights_on(table) & {"TRUNCATE", "REFERENCES", "TRIGGER"}] == []


def test_every_table_but_the_named_ones_can_be_read_and_written(db: None) -> None:
    ordinary = {str(name) for (name,) in rows(TABLES)} - roles.LESS.keys()

    assert [table for table in ordinary if rights_on(table) != {"SELECT", "INSERT", "UPDATE", "DELETE"}] == []


@pytest.mark.parametrize(
    ("table", "rights"),
    [
        ("audit_entries", {"SELECT"}),
        ("audit_seals", {"SELECT", "INSERT"}),
        ("transfers", {"SELECT"}),
        ("entries", {"SELECT"}),
        ("ledger_accounts", {"SELECT", "INSERT"}),
        ("idempotency_keys", {"SELECT", "INSERT"}),
        ("procrastinate_events", {"SELECT", "INSERT"}),
        ("django_migrations", {"SELECT"}),
    ],
)
def test_money_and_history_can_be_written_as_far_as_needed(db: None, table: str, rights: set[str]) -> None:
    assert rights_on(table) == rights


def test_of_a_wallet_only_the_name_the_limit_and_the_closing_can_be_changed(db: None) -> None:
    columns = rows("SELECT attname FROM pg_attribute WHERE attrelid = 'ledger_accounts'::regclass AND attnum > 0")
    changed = {name for (name,) in columns if one("SELECT has_column_privilege('ledger_accounts', %s, 'UPDATE')", name)}

    assert changed == {"name", "credit_limit", "closed_at"}


def test_a_row_of_the_trail_is_written_whole_but_its_id_is_given_by_the_database(db: None) -> None:
    written = {
        field.column
        for field in AuditEntry._meta.concrete_fields
        if one("SELECT has_column_privilege('audit_entries', %s, 'INSERT')", field.column)
    }
    assert written == {field.column for field in AuditEntry._meta.concrete_fields} - {"id"}

    one_row = record(actor=SYSTEM, action=Action.PLAN_EDITED, now=NOW)
    [other] = AuditEntry.objects.bulk_create([AuditEntry(at=NOW, action="x", actor_name="x", actor_type="x")])
    assert one_row.pk < other.pk
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        AuditEntry.objects.create(pk=10**12, at=NOW, action="x", actor_name="x", actor_type="x")


def test_it_takes_numbers_where_rows_are_numbered_by_a_sequence_and_sets_none(db: None) -> None:
    sequences = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'S'"
    names = [str(name) for (name,) in rows(sequences)]

    assert len(names) > len(roles.SEQUENCES)
    assert {name for name in names if one("SELECT has_sequence_privilege(%s, 'USAGE')", name)} == set(roles.SEQUENCES)
    assert [name for name in names if one("SELECT has_sequence_privilege(%s, 'SELECT, UPDATE')", name)] == []


def test_a_job_is_enqueued_done_and_forgotten_with_these_rights(db: None) -> None:
    defer = "SELECT procrastinate_defer_jobs_v1(ARRAY[('q', 'task', 0, 'lane', 'once', '{}', now())]::{0}[])"
    rows(defer.replace("{0}", "procrastinate_job_to_defer_v1"))
    [(worker,)] = rows("SELECT * FROM procrastinate_register_worker_v1()")
    job = one("SELECT id FROM procrastinate_fetch_job_v2(NULL, %s)", worker)

    rows("SELECT procrastinate_retry_job_v2(%s, now(), NULL, NULL, NULL)", job)
    rows("SELECT procrastinate_fetch_job_v2(NULL, %s)", worker)
    rows("SELECT procrastinate_finish_job_v1(%s, 'succeeded', true)", job)
    rows("SELECT procrastinate_unregister_worker_v1(%s)", worker)

    assert rows("SELECT FROM procrastinate_jobs") + rows("SELECT FROM procrastinate_events") == []
    assert rows("SELECT FROM procrastinate_workers") == []


@pytest.mark.parametrize("table", HISTORY)
@pytest.mark.parametrize("statement", ["UPDATE {0} SET {1} = {1}", "DELETE FROM {0}", "TRUNCATE {0} CASCADE"])
def test_it_may_not_change_history(db: None, table: str, statement: str) -> None:
    column = {"audit_seals": "entry_id", "entries": "amount"}.get(table, "id")
    refused(statement.format(table, column))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_accounts SET balance = 1000000",
        "INSERT INTO entries (transfer_id, account_id, direction, amount) VALUES (1, 1, 'credit', 5)",
        "INSERT INTO transfers (kind, amount, created_at, actor_name) VALUES ('transfer', 5, now(), 'nobody')",
    ],
)
def test_money_moves_through_the_one_function_only(asha: User, statement: str) -> None:
    wallet = make_wallet(balance="100", actor=asha)

    refused(statement)

    wallet.refresh_from_db()
    assert wallet.balance == 100


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE entries DISABLE TRIGGER ALL",
        "DROP TRIGGER audit_entries_are_append_only ON audit_entries",
        "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        "SET session_replication_role = replica",
    ],
)
def test_it_may_not_take_a_guard_away(db: None, statement: str) -> None:
    with pytest.raises(ProgrammingError, match=r"must be owner|permission denied"), transaction.atomic():
        rows(statement)


def test_functions_that_act_as_the_owner_cannot_be_led_astray_nor_called_by_anybody(db: None) -> None:
    functions = rows(
        "SELECT proname, array_to_string(proconfig, ','), (aclexplode(proacl)).grantee = 0"
        " FROM pg_proc WHERE prosecdef AND pronamespace = 'public'::regnamespace"
    )

    assert {name for name, _path, _public in functions} >= {"post_transfer", "refuse_currency_change"}
    assert not any(public for _name, _path, public in functions)
    unfixed = {name for name, path, _public in functions if path is None}
    assert {path for _name, path, _public in functions} - {None} == {"search_path=public, pg_temp"}
    for name, body in rows("SELECT proname, prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace"):
        if name in unfixed or name in CALLED_BY_THE_LEDGER:
            assert unqualified_names(body) == [], name


#: The triggers and helpers that run as the owner while money moves.
CALLED_BY_THE_LEDGER = {
    "recall_act",
    "check_undoing",
    "move_balance",
    "refuse_balance",
    "check_entries",
    "check_transfer",
}


def unqualified_names(body: str) -> list[str]:
    """Return the tables and functions of ours that a body names without their schema."""
    ours = [name for (name,) in rows(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
        " UNION SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
    )]  # fmt: skip
    named = re.compile(rf"(?:FROM|JOIN|INTO|UPDATE|PERFORM)\s+({'|'.join(ours)})\b")
    code = "\n".join(line.partition("--")[0] for line in body.splitlines())
    return [match[1] for match in named.finditer(code)]


def test_the_serving_role_can_create_nothing_that_would_stand_in_the_way(db: None) -> None:
    schemas = rows("SELECT nspname FROM pg_namespace WHERE has_schema_privilege(nspname, 'CREATE')")
    database = rows("SELECT has_database_privilege(current_database(), 'CREATE')")
    temporary = rows("SELECT has_database_privilege(current_database(), 'TEMPORARY')")

    assert (schemas, database, temporary) == ([], [(False,)], [(False,)])


# --- migrating --------------------------------------------------------------------------------------------------------


@pytest.fixture
def url() -> Iterator[str]:
    """Return the address, as the superuser, of an empty database that goes again, with the two roles."""
    server, name = os.environ["DATABASE_OWNER_URL"], f"roles_{os.getpid()}"
    with psycopg.connect(server, autocommit=True) as superuser:
        superuser.execute(f"CREATE DATABASE {name}")
        yield urlsplit(server)._replace(path=f"/{name}").geturl()
        superuser.execute(f"DROP DATABASE {name} WITH (FORCE)")
        superuser.execute(f"DROP ROLE IF EXISTS {OWNER}, {WEB}")


def as_role(url: str, role: str, password: str = "secret") -> str:
    host = urlsplit(url).netloc.rpartition("@")[2]
    return urlsplit(url)._replace(netloc=f"{role}:{password}@{host}").geturl()


def manage(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    outer = {name: value for name, value in os.environ.items() if name != "DATABASE_OWNER_URL"}
    return subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=settings.BASE_DIR,
        env=outer | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def make_owner(url: str, powers: str) -> str:
    """Let a role that is no superuser own the database; return its address."""
    database = urlsplit(url).path[1:]
    with psycopg.connect(url, autocommit=True) as superuser:
        superuser.execute(f"CREATE ROLE {OWNER} LOGIN PASSWORD 'secret' {powers}")
        superuser.execute(f"ALTER DATABASE {database} OWNER TO {OWNER}")
    return as_role(url, OWNER)


def test_an_owner_that_is_no_superuser_migrates_and_makes_the_serving_role(url: str) -> None:
    owner, serving = make_owner(url, "CREATEROLE"), as_role(url, WEB, "s%40cret")

    first = manage("migrate", DATABASE_URL=serving, DATABASE_OWNER_URL=owner)
    again = manage("migrate", DATABASE_URL=serving, DATABASE_OWNER_URL=owner)
    admin = manage("create_admin", "asha", DATABASE_URL=serving, ADMIN_PASSWORD="correct-horse-battery")

    assert (first.returncode, again.returncode, admin.returncode) == (0, 0, 0), first.stderr + admin.stderr
    with psycopg.connect(serving) as web, pytest.raises(psycopg.errors.InsufficientPrivilege):
        web.execute("DELETE FROM audit_entries")
    with psycopg.connect(url) as superuser:
        verifier = superuser.execute("SELECT rolpassword FROM pg_authid WHERE rolname = %s", [WEB]).fetchone()
    assert verifier
    assert verifier[0].startswith("SCRAM-SHA-256$")


def test_an_owner_that_may_make_no_roles_is_told_what_to_run(url: str) -> None:
    owner, serving = make_owner(url, "NOCREATEROLE"), as_role(url, WEB)

    result = manage("migrate", DATABASE_URL=serving, DATABASE_OWNER_URL=owner)

    assert result.returncode == 1
    assert f"CREATE ROLE {WEB} LOGIN PASSWORD" in result.stderr
    assert "secret" not in result.stderr
    assert "Traceback" not in result.stderr


def test_looking_at_what_would_be_migrated_makes_no_role(url: str) -> None:
    serving = as_role(url, WEB)

    result = manage("migrate", "--plan", DATABASE_URL=serving, DATABASE_OWNER_URL=url)

    assert result.returncode == 0, result.stderr
    with psycopg.connect(url) as superuser:
        assert not superuser.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [WEB]).fetchall()


def test_two_addresses_of_different_databases_are_refused(url: str) -> None:
    result = manage("migrate", DATABASE_URL=as_role(url, WEB), DATABASE_OWNER_URL=os.environ["DATABASE_URL"])

    assert result.returncode == 1
    assert "have to name the same database" in result.stderr


def test_one_role_for_both_runs_too_and_is_warned_of(url: str) -> None:
    migrated = manage("migrate", DATABASE_URL=url)
    checked = manage("check", "--deploy", DATABASE_URL=url)

    assert migrated.returncode == 0, migrated.stderr
    assert "(ispanel.W001) The database role of DATABASE_URL owns the tables" in checked.stderr


def test_two_roles_are_not_warned_of(db: None, settings: SettingsWrapper) -> None:
    warnings = checks.run_checks(include_deployment_checks=True, tags=["security"])

    assert "ispanel.W001" not in {warning.id for warning in warnings}
