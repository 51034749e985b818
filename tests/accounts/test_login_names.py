"""Usernames and emails are one namespace, in which a name belongs to one login for good."""

from functools import partial
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.db import IntegrityError, transaction

from accounts.models import LoginName, User, UserType
from accounts.operations import EmailTaken, UnusableUsername, UsernameTaken, create_login, save_login
from tests.cast import NOW, PASSWORD, seat_of
from tests.threads import at_once


def create(asha: User, username: str, email: str = "", **details: Any) -> User:
    """Create a support login through the operation that every login is made with."""
    wanted: dict[str, Any] = {"user_type": UserType.SUPPORT, "password": PASSWORD, "now": NOW} | details
    return create_login(actor=seat_of(asha), username=username, email=email, **wanted)


@pytest.fixture
def rima(asha: User) -> User:
    return create(asha, "rima", "rima@north.example")


def test_upper_case_is_folded(asha: User) -> None:
    assert create(asha, " Al-Noor ").username == "al-noor"


@pytest.mark.parametrize("username", ["al noor", "al/noor", "نور", "älnoor", "al'noor", "", "al\nnoor", "al\x00noor"])
def test_other_characters_are_refused(asha: User, username: str) -> None:
    with pytest.raises(UnusableUsername, match="Use only letters a to z"):
        create(asha, username)


def test_a_username_of_150_characters_fits_and_one_more_does_not(asha: User) -> None:
    assert create(asha, "a" * 150)

    with pytest.raises(UnusableUsername, match="at most 150"):
        create(asha, "a" * 300)


@pytest.mark.parametrize("username", ["rima", "RIMA"])
def test_a_username_is_taken_once(asha: User, rima: User, username: str) -> None:
    with pytest.raises(UsernameTaken, match="“rima” is taken"):
        create(asha, username)


@pytest.mark.parametrize("email", ["rima@north.example", "Rima@North.Example"])
def test_an_email_is_taken_once_in_whatever_case(asha: User, rima: User, email: str) -> None:
    with pytest.raises(EmailTaken):
        create(asha, "other", email)


def test_logins_without_an_email_are_not_in_each_others_way(asha: User) -> None:
    assert create(asha, "one").email is None
    assert create(asha, "two").email is None


def test_a_username_with_an_at_sign_is_the_own_email(asha: User) -> None:
    assert create(asha, "samar@south.example", "Samar@south.example")

    with pytest.raises(UnusableUsername, match="must be the login's own email"):
        create(asha, "samir@south.example", "other@south.example")


def test_an_email_that_is_anothers_username_is_refused(asha: User) -> None:
    create(asha, "samar@south.example", "samar@south.example")

    with pytest.raises(EmailTaken):
        create(asha, "other", "SAMAR@south.example")


def test_a_name_stays_reserved_after_a_rename(asha: User, rima: User) -> None:
    rima.username = "rima2"
    save_login(rima, fields=["username"])

    with pytest.raises(UsernameTaken):
        create(asha, "rima")


def test_an_email_stays_reserved_after_a_change(asha: User, rima: User) -> None:
    rima.email = "rima@elsewhere.example"
    save_login(rima, fields=["email"])

    with pytest.raises(EmailTaken):
        create(asha, "other", "rima@north.example")


def test_one_may_go_back_to_an_own_former_name(rima: User) -> None:
    for name in ("rima2", "rima"):
        rima.username = name
        save_login(rima, fields=["username"])

    assert User.objects.get(pk=rima.pk).username == "rima"


def test_only_deleting_a_login_frees_its_names(asha: User, rima: User) -> None:
    rima.delete()

    assert not LoginName.objects.filter(name__startswith="rima").exists()
    assert create(asha, "rima", "rima@north.example")


@pytest.mark.parametrize("typed", ["rima", " RIMA ", "Rima@North.example"])
def test_one_signs_in_by_username_or_email(rima: User, typed: str) -> None:
    assert authenticate(login=typed, password=PASSWORD) == rima


def test_one_does_not_sign_in_by_a_former_name(rima: User) -> None:
    rima.username = "rima2"
    save_login(rima, fields=["username"])

    assert authenticate(login="rima", password=PASSWORD) is None


INSERTED = [
    ({"username": "samar@south.example", "email": "x@y.example"}, "username_with_at_is_own_email"),
    ({"username": "samar@south.example"}, "username_with_at_is_own_email"),
    ({"username": "Other"}, "username_characters"),
    ({"username": "oth er"}, "username_characters"),
    ({"username": "rima"}, "users_username"),
    ({"username": "other", "email": "RIMA@north.example"}, "email_is_unique"),
    ({"username": "former"}, "belongs to another login"),
    ({"username": "other", "email": "former@north.example"}, "belongs to another login"),
    ({"username": "other", "user_type": 7}, "user_type_is_known"),
]


@pytest.mark.parametrize(("login", "reason"), INSERTED)
def test_the_database_itself_refuses(rima: User, login: dict[str, Any], reason: str) -> None:
    User.objects.filter(pk=rima.pk).update(username="former", email="former@north.example")
    User.objects.filter(pk=rima.pk).update(username="rima", email="rima@north.example")

    with pytest.raises(IntegrityError, match=reason), transaction.atomic():
        User.objects.create(**{"user_type": UserType.SUPPORT, "password": "!"} | login)


def test_the_database_refuses_an_email_that_is_anothers_username(asha: User) -> None:
    create(asha, "samar@south.example", "samar@south.example")
    User.objects.filter(username="samar@south.example").update(username="samar", email="new@south.example")

    with pytest.raises(IntegrityError, match="belongs to another login"), transaction.atomic():
        User.objects.create(
            username="samar@south.example", email="samar@south.example", user_type=UserType.SUPPORT, password="!"
        )


def test_of_two_who_take_a_name_at_once_one_gets_it(committing: None, asha: User) -> None:
    results = at_once(
        partial(create, asha, "rima", "rima@north.example"), partial(create, asha, "other", "rima@north.example")
    )

    assert {type(result) for result in results} == {User, EmailTaken}, results
