"""The database and the cast.

The database is made by its owner, and the tests are the serving role, as the panel is: what they do, it has the rights
to do. `by_owner` is for those that show what even the owner is refused.

A test that asks for somebody of the cast has the database, inside a transaction that is rolled back; `db` is for those
that need nobody. A test that has to commit, because threads or a browser look on, asks for `committing` too.
"""

from collections.abc import Iterator

import pytest
from django.db import connection
from django.test.utils import setup_databases, teardown_databases
from pytest_django import DjangoDbBlocker

from accounts.models import User
from ispanel.roles import as_owner
from plans.models import Plan
from resellers.models import Reseller
from tests import cast, chromium
from tests.resetting import Shipped

#: A thread, or a browser's loop, may have left a connection open.
END_OTHERS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


def pytest_report_header() -> str | None:
    return None if chromium.find() or chromium.is_required() else "no Chromium found: the browser tests are left out"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many requests the table of access was asked, over all workers."""
    passed = terminalreporter.getreports("passed")
    asked = [count for report in passed for name, count in report.user_properties if name == "requests"]
    if asked:
        terminalreporter.write_line(f"access: {sum(asked):,} requests as {len(asked)} kinds of login")


@pytest.fixture(scope="session")
def django_db_setup(
    request: pytest.FixtureRequest,
    django_test_environment: None,
    django_db_blocker: DjangoDbBlocker,
    django_db_modify_db_settings: None,
) -> Iterator[None]:
    """Make the test database as its owner, by the same `migrate` as everywhere, and drop it afterwards."""
    verbosity = request.config.option.verbose
    with django_db_blocker.unblock(), as_owner(connection):
        made = setup_databases(verbosity=verbosity, interactive=False, serialized_aliases=set())
    yield
    with django_db_blocker.unblock(), as_owner(connection):
        with connection.cursor() as cursor:
            cursor.execute(END_OTHERS)
        teardown_databases(made, verbosity=verbosity)


@pytest.fixture(scope="session")
def shipped(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Shipped:
    """What the migrations shipped, to go back to."""
    with django_db_blocker.unblock():
        return Shipped.copied_aside()


@pytest.fixture
def db(request: pytest.FixtureRequest) -> None:
    """Give the test the database: to commit to if it asks for `committing`, else in a transaction."""
    request.getfixturevalue("_reset_afterwards" if "committing" in request.fixturenames else "_django_db_helper")


@pytest.fixture
def committing(db: None) -> None:
    """Let the test commit."""


@pytest.fixture
def _reset_afterwards(
    shipped: Shipped, django_db_blocker: DjangoDbBlocker, request: pytest.FixtureRequest
) -> Iterator[None]:
    if request.node.get_closest_marker("django_db"):
        pytest.fail("A test that commits cannot be in a transaction too: use the fixture `db`, not the mark django_db.")
    with django_db_blocker.unblock():
        try:
            yield
        finally:
            connection.close()
            shipped.restore()
            connection.close()


@pytest.fixture
def by_owner(committing: None) -> Iterator[None]:
    """Let the test be the database's owner, a superuser."""
    with as_owner(connection):
        yield


@pytest.fixture
def asha(db: None) -> User:
    """Return the admin."""
    return cast.make_admin()


@pytest.fixture
def north(asha: User) -> Reseller:
    """Return a top-level reseller without a permission group, so with all rights in its own scope."""
    return cast.make_reseller(asha, "nadia", "North Net")


@pytest.fixture
def south(asha: User) -> Reseller:
    """Return another one, a stranger to North."""
    return cast.make_reseller(asha, "sami", "South Net")


@pytest.fixture
def northeast(asha: User, north: Reseller) -> Reseller:
    """Return the sub-reseller of North, in the group SALES."""
    return cast.make_reseller(asha, "noora", "Northeast Net", parent=north, permission_group=cast.group("SALES"))


@pytest.fixture
def partner(asha: User) -> Reseller:
    """Return a reseller in the group PARTNER: sees everything, changes nothing."""
    return cast.make_reseller(asha, "noor", "Partner Net", permission_group=cast.group("PARTNER"))


@pytest.fixture
def nadia(north: Reseller) -> User:
    """Return who signs in for North."""
    return north.user


@pytest.fixture
def sami(south: Reseller) -> User:
    """Return who signs in for South."""
    return south.user


@pytest.fixture
def noora(northeast: Reseller) -> User:
    """Return who signs in for Northeast."""
    return northeast.user


@pytest.fixture
def noor(partner: Reseller) -> User:
    """Return who signs in for Partner."""
    return partner.user


@pytest.fixture
def petra(asha: User) -> User:
    """Return a member of the support staff."""
    return cast.make_support(asha)


@pytest.fixture
def home(db: None) -> Plan:
    """Return the plan Home: 25.00 for 30 days."""
    return cast.make_plan()
