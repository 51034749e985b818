"""History is refused to everybody by PostgreSQL itself: these tests are the database's owner and a superuser."""

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.models import User
from tests.cast import make_wallet

#: The tables, each with a column that could be written.
HISTORY = {"transfers": "amount", "entries": "amount", "audit_entries": "detail"}


@pytest.fixture(autouse=True)
def _by_owner(by_owner: None) -> None:
    """Have rights that the serving role has not."""


@pytest.fixture
def history(asha: User) -> None:
    """Rows to change: a trigger on rows has nothing to refuse in an empty table."""
    make_wallet(balance="100", actor=asha)


def is_superuser() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        return bool(cursor.fetchone()[0])


@pytest.mark.parametrize("table", HISTORY)
@pytest.mark.parametrize("statement", ["UPDATE {0} SET {1} = {1}", "DELETE FROM {0}", "TRUNCATE {0} CASCADE"])
def test_history_is_never_changed_nor_removed(history: None, table: str, statement: str) -> None:
    with connection.cursor() as cursor:
        with pytest.raises(IntegrityError, match="is refused: its rows are never changed"), transaction.atomic():
            cursor.execute(statement.format(table, HISTORY[table]))

        cursor.execute(f"SELECT count(*) FROM {table}")
        assert cursor.fetchone()[0] > 0


def test_these_tests_ask_as_a_superuser(db: None) -> None:
    assert is_superuser()
