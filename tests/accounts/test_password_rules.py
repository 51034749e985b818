"""What a password must be, and what somebody is told whose password is not."""

from typing import Any

import pytest

from accounts.models import User
from accounts.operations import WeakPassword, check_password
from accounts.password_rules import unit_of
from ispanel.models import PanelSettings
from tests.cast import PASSWORD, signed_in
from tests.pages import error_at

COMMON = "This password is too common. Put several words together."
REPEATED = "Do not repeat the same characters"
IN_ORDER = "Do not use characters in the order"
NAMES = "Leave the username and the company name out"
FULL_NAME = "Leave the full name out"
PANEL = "Leave the name of the panel out"
LONG = ("thirteen oysters, two umbrellas and " * 4)[:128]


@pytest.fixture
def samir(db: None) -> User:
    """Return a login of Al-Noor, which is called Samir Haddad; it is in no table."""
    user = User(username="al-noor", email="contact@example.com", full_name="Samir El Haddad")
    user.company_for_password_rules_override = "Cedars Telecom"
    return user


@pytest.mark.parametrize(
    "password",
    [
        "SecurePass123!",
        "correct-horse-battery",
        "Tr0ub4dor&3xy",
        "كلمة سر طويلة جدا",
        "пароль из четырёх слов",
        "🦊🐻🐼🐨🐯🦁 und noch mehr",
        "12 monkeys 34 cups",
        "blue-ocean-7 blue-ocean-7",
        "7c9a1e5f0b3d",
        LONG,
    ],
)
def test_these_pass(samir: User, password: str) -> None:
    check_password(password, samir)


@pytest.mark.parametrize(
    ("password", "sentence"),
    [
        ("elevenchars", "Use at least 12 characters."),
        ("", "Use at least 12 characters."),
        (LONG + "!", "Use at most 128 characters."),
        ("password1234", COMMON),
        ("QWERTY123456", COMMON),
        ("passwordpassword", COMMON),
        ("PasswordPassword1!", COMMON),
        ("sunshine2026", COMMON),
        ("2026--Sunshine--!", COMMON),
        ("P@ssw0rd2026!", COMMON),
        ("letmeinletmein", COMMON),
        ("aaaaaaaaaaaa", REPEATED),
        ("aaaaaaaaaaab", REPEATED),
        ("x1x1x1x1x1x1", REPEATED),
        ("cup-7cup-7cup-7", REPEATED),
        ("Bahr-92Bahr-92", REPEATED),
        ("123456789012", IN_ORDER),
        ("abcdefghijkl", IN_ORDER),
        ("LKJIHGFEDCBA", IN_ORDER),
        ("abcd1234efgh5678", IN_ORDER),
        ("poiuytrewqlkjhg", IN_ORDER),
        ("isppanel1234", PANEL),
        ("ispanel1234567", PANEL),
        ("my-IS-Panel-login", PANEL),
        ("my-name-is-Al-Noor", NAMES),
        ("alnoor.alnoor", NAMES),
        ("i-love-CEDARS-telecom", NAMES),
        ("contact2026-word", NAMES),
        ("haddad-was-here-7", FULL_NAME),
        ("i am Samir, so there", FULL_NAME),
    ],
)
def test_others_are_refused_with_what_to_do(samir: User, password: str, sentence: str) -> None:
    with pytest.raises(WeakPassword, match=sentence):
        check_password(password, samir)


def test_short_parts_of_names_may_stand_in_a_password(samir: User) -> None:
    samir.username = "ina"

    check_password("elephants in a china shop", samir)


def test_the_present_name_of_the_panel_counts(samir: User) -> None:
    check_password("zahle-fiber-forever", samir)
    PanelSettings.objects.update(name="Zahle Fiber")

    with pytest.raises(WeakPassword, match=PANEL):
        check_password("zahle-fiber-forever", samir)


def choose(user: User, password: str) -> Any:
    typed = {"own_password": PASSWORD, "password": password, "repeated": password}
    return signed_in(user).post("/account/password/", typed)


def test_the_page_says_what_to_do_at_the_field(nadia: User) -> None:
    assert COMMON in error_at(choose(nadia, "passwordpassword"), "password")
    assert error_at(choose(nadia, LONG + "!"), "password") == "Use at most 128 characters."
    assert choose(nadia, LONG).status_code == 303


def test_what_is_pasted_is_not_cut_short_without_a_word(nadia: User) -> None:
    page: Any = signed_in(nadia).get("/account/password/")

    assert "maxlength" not in str(page.context["form"]["password"])
    assert "onpaste" not in page.content.decode()


@pytest.mark.parametrize(
    ("text", "unit"), [("abab", "ab"), ("aaa", "a"), ("aba", "aba"), ("", ""), ("abcabcab", "abcabcab")]
)
def test_the_unit_of_a_repetition(text: str, unit: str) -> None:
    assert unit_of(text) == unit
