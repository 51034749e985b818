"""There is always an admin."""

from functools import partial

import pytest
from django.db import IntegrityError, transaction

from accounts.models import User, UserType
from accounts.operations import CannotRemoveOneself, LastAdmin, remove_person
from tests.cast import NOW, PASSWORD, make_admin, seat_of, signed_in
from tests.pages import body, send
from tests.threads import at_once


@pytest.fixture
def amin(asha: User) -> User:
    """Return another admin."""
    return make_admin("amin")


def test_nobody_removes_themselves(asha: User, amin: User) -> None:
    with pytest.raises(CannotRemoveOneself):
        remove_person(actor=seat_of(asha), user_id=asha.pk, own_password=PASSWORD, now=NOW)

    response = send(signed_in(asha), f"/users/{asha.pk}/removal/", own_password=PASSWORD)
    assert response.status_code == 422
    assert "You cannot remove your own login: you could not undo it. Ask another admin." in body(response)
    assert User.objects.get(pk=asha.pk).is_active


def test_one_of_two_admins_is_removed_by_the_other(asha: User, amin: User) -> None:
    send(signed_in(asha), f"/users/{amin.pk}/removal/", own_password=PASSWORD)

    assert list(User.objects.people().admins()) == [asha]


def test_the_last_admin_stays_whoever_acts(asha: User, amin: User) -> None:
    """Amin was removed between signing in and acting."""
    stale = seat_of(amin)
    remove_person(actor=seat_of(asha), user_id=amin.pk, own_password=PASSWORD, now=NOW)

    with pytest.raises(LastAdmin, match="This is the last admin"):
        remove_person(actor=stale, user_id=asha.pk, own_password=PASSWORD, now=NOW)

    assert User.objects.get(pk=asha.pk).is_active


def test_a_removed_admin_does_not_count(asha: User, amin: User) -> None:
    remove_person(actor=seat_of(asha), user_id=amin.pk, own_password=PASSWORD, now=NOW)

    with pytest.raises(IntegrityError, match="the last admin stays"), transaction.atomic():
        User.objects.filter(pk=asha.pk).update(is_active=False)


@pytest.mark.parametrize("change", [{"is_active": False}, {"user_type": UserType.SUPPORT}])
def test_the_database_itself_keeps_the_last_one(asha: User, change: dict[str, object]) -> None:
    with pytest.raises(IntegrityError, match="the last admin stays"), transaction.atomic():
        User.objects.filter(pk=asha.pk).update(**change)
    with pytest.raises(IntegrityError, match="the last admin stays"), transaction.atomic():
        User.objects.filter(pk=asha.pk).delete()


def test_the_database_lets_one_of_two_go(asha: User, amin: User) -> None:
    User.objects.filter(pk=amin.pk).update(is_active=False)

    assert User.objects.people().admins().count() == 1


def test_of_two_who_remove_each_other_at_once_one_stays(committing: None, asha: User, amin: User) -> None:
    remove = partial(remove_person, own_password=PASSWORD, now=NOW)

    results = at_once(
        partial(remove, actor=seat_of(asha), user_id=amin.pk), partial(remove, actor=seat_of(amin), user_id=asha.pk)
    )

    assert {type(result) for result in results} == {User, LastAdmin}, results
    assert User.objects.people().admins().count() == 1


def test_the_database_keeps_one_of_two_that_go_at_once(committing: None, asha: User, amin: User) -> None:
    def deactivate(pk: int) -> str:
        with transaction.atomic():
            User.objects.filter(pk=pk).update(is_active=False)
        return "done"

    results = at_once(partial(deactivate, asha.pk), partial(deactivate, amin.pk))

    assert {type(result) for result in results} == {str, IntegrityError}, results
    assert User.objects.people().admins().count() == 1
