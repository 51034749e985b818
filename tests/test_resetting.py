"""A test that commits leaves nothing behind, and the guards of the history are still there."""

import pytest
from django.db import IntegrityError, connection, transaction
from procrastinate.contrib.django.models import ProcrastinateJob

from accounts.models import PermissionGroup, User
from ispanel.jobs import enqueue
from resellers.models import Reseller
from tests.cast import fund, make_admin
from tests.ispanel import chores
from tests.resetting import Shipped
from wallet.ledger import platform_account
from wallet.models import Transfer


@pytest.fixture
def used(committing: None, asha: User, north: Reseller, shipped: Shipped) -> None:
    """A database in which things have happened, put back."""
    fund(north.wallet, "100", actor=asha)
    PermissionGroup.objects.filter(name="SALES").update(sentence="Changed.")
    enqueue(chores.note_down, file="", words="")
    shipped.restore()


def test_what_was_committed_is_gone(used: None) -> None:
    assert not ProcrastinateJob.objects.exists()
    assert not User.objects.exists()
    assert not Reseller.objects.exists()
    assert not Transfer.objects.exists()


def test_what_the_migrations_shipped_is_there_as_it_was(used: None) -> None:
    assert {group.name for group in PermissionGroup.objects.exclude(sentence="Changed.")} == {
        "SALES",
        "SUPPORT",
        "PARTNER",
    }
    assert platform_account()


def test_numbers_begin_anew_after_the_shipped_rows(used: None) -> None:
    assert make_admin().pk == 1
    assert PermissionGroup.objects.create(name="Own", codes=[]).pk == 4


def test_the_guards_are_still_there(used: None, by_owner: None) -> None:
    make_admin()

    with pytest.raises(IntegrityError, match="is refused"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("TRUNCATE audit_entries")
