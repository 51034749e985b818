"""Choosing a password of one's own, by force or by will."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import InitialPassword, User
from audit.actions import Action
from audit.models import AuditEntry, Grade
from tests.cast import PASSWORD, make_reseller, signed_in
from tests.pages import body, counts, error_at, refused

PAGE = "/account/password/"
OWN = "a-garden-in-october"


def choose(client: Client, **typed: str) -> Any:
    return client.post(PAGE, {"own_password": PASSWORD, "password": OWN, "repeated": OWN} | typed)


@pytest.fixture
def wael(asha: User) -> User:
    """Return a reseller's login that has to choose a password."""
    return make_reseller(asha, "wael", "West Net", must_change_password=True, now=timezone.now()).user


OTHER_PAGES = ("/", "/resellers/", "/resellers/new", "/account/", "/transactions/", "/settings/", "/audit/")


@pytest.mark.parametrize("url", OTHER_PAGES)
@pytest.mark.parametrize("method", ["get", "post"])
def test_who_has_to_choose_a_password_reaches_no_other_page(wael: User, url: str, method: str) -> None:
    client = signed_in(wael)
    before = counts()

    response = getattr(client, method)(url, {"username": "x", "amount": "1"})

    assert (response.status_code, response.url) == (302, PAGE)
    assert counts() == before


def test_signing_in_leads_there(wael: User) -> None:
    response: Any = Client().post("/sign-in/", {"login": "wael", "password": PASSWORD}, follow=True)

    assert response.request["PATH_INFO"] == PAGE
    assert "Your present password was given to you." in body(response)


def test_they_may_sign_out_instead(wael: User) -> None:
    assert signed_in(wael).post("/sign-out/").url == "/sign-in/"


def test_after_choosing_one_the_panel_opens(wael: User) -> None:
    client = signed_in(wael)

    response = choose(client)

    assert (response.status_code, response.url) == (303, "/")
    assert client.get("/resellers/").status_code == 200
    wael.refresh_from_db()
    assert wael.check_password(OWN)
    assert not wael.must_change_password


def test_the_initial_password_is_erased(wael: User) -> None:
    assert InitialPassword.objects.filter(user=wael).exists()

    choose(signed_in(wael))

    assert not InitialPassword.objects.filter(user=wael).exists()


def test_signing_in_alone_erases_nothing(wael: User) -> None:
    Client().post("/sign-in/", {"login": "wael", "password": PASSWORD})

    assert InitialPassword.objects.filter(user=wael).exists()


def test_the_other_sign_ins_end(nadia: User) -> None:
    here, elsewhere = signed_in(nadia), signed_in(nadia)

    choose(here)

    assert here.get("/account/").status_code == 200
    assert elsewhere.get("/account/").status_code == 302


def test_the_old_password_no_longer_signs_in(nadia: User) -> None:
    choose(signed_in(nadia))

    assert Client().post("/sign-in/", {"login": "nadia", "password": PASSWORD}).status_code == 422
    assert Client().post("/sign-in/", {"login": "nadia", "password": OWN}).status_code == 302


def test_it_is_audited_without_the_passwords(nadia: User) -> None:
    choose(signed_in(nadia))

    entry = AuditEntry.objects.latest("id")
    assert (entry.action, entry.grade, entry.actor_name) == (Action.PASSWORD_CHANGED, Grade.SECURITY, "nadia")
    assert OWN not in str(list(AuditEntry.objects.values()))


@pytest.mark.parametrize(
    ("typed", "field", "message"),
    [
        ({"own_password": "not mine"}, "own_password", "This is not your password."),
        ({"own_password": ""}, "own_password", "This field is required."),
        ({"repeated": "something-else-9"}, "repeated", "This differs from the new password above."),
        ({"password": "short", "repeated": "short"}, "password", "Use at least 12 characters."),
        (
            {"password": "password1234", "repeated": "password1234"},
            "password",
            "This password is too common. Put several words together.",
        ),
        (
            {"password": "north-net-2026", "repeated": "north-net-2026"},
            "password",
            "Leave the username and the company name out of the password.",
        ),
        (
            {"password": PASSWORD, "repeated": PASSWORD},
            "password",
            "Choose a password that differs from the present one.",
        ),
    ],
)
def test_it_is_refused_at_the_field(nadia: User, typed: dict[str, str], field: str, message: str) -> None:
    client = signed_in(nadia)
    before = counts()

    response = choose(client, **typed)

    assert response.status_code == 422
    assert error_at(response, field) == message
    assert counts() == refused(before, message)
    nadia.refresh_from_db()
    assert nadia.check_password(PASSWORD)


def test_a_long_password_counts_to_its_last_character(nadia: User) -> None:
    long = "correct horse battery staple " * 4
    choose(signed_in(nadia), password=long, repeated=long)

    assert Client().post("/sign-in/", {"login": "nadia", "password": long[:-1]}).status_code == 422
    assert Client().post("/sign-in/", {"login": "nadia", "password": long}).status_code == 302


def test_the_account_page_shows_the_own_login(nadia: User) -> None:
    page = body(signed_in(nadia).get("/account/"))

    assert "nadia" in page
    assert "Change password" in page


def test_a_page_with_a_mistake_never_sends_the_new_password_back(nadia: User) -> None:
    typed = {"own_password": PASSWORD, "password": "brand new harbour 77", "repeated": "something else"}

    response = signed_in(nadia).post("/account/password/", typed)

    assert response.status_code == 422
    assert response["Cache-Control"] == "no-store"
    assert "brand new harbour 77" not in response.content.decode()


def test_expired_copies_of_initial_passwords_are_erased_when_anybody_signs_in(asha: User, wael: User) -> None:
    InitialPassword.objects.update(created_at=timezone.now() - timedelta(days=8), expires_at=timezone.now())

    Client().post("/sign-in/", {"login": "asha", "password": PASSWORD})

    assert not InitialPassword.objects.exists()
