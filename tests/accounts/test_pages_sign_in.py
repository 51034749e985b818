"""Signing in and out."""

import re
from typing import Any

import pytest
from django.test import Client

from accounts.hashers import BcryptSha256
from accounts.models import User
from audit.actions import Action
from audit.models import AuditEntry
from tests.cast import PASSWORD, signed_in
from tests.pages import body, counts, text_of

SIGN_IN = "/sign-in/"


def sign_in(login: str, password: str = PASSWORD, *, client: Client | None = None, query: str = "") -> Any:
    return (client or Client()).post(SIGN_IN + query, {"login": login, "password": password})


@pytest.fixture
def with_email(nadia: User) -> User:
    """Return Nadia, who has an email."""
    nadia.email = "Nadia@North.example"
    nadia.save(update_fields=["email"])
    return nadia


@pytest.mark.parametrize("login", ["nadia", "NADIA", "  nadia ", "Nadia@North.example", "nadia@north.EXAMPLE"])
def test_username_and_email_both_sign_in(with_email: User, login: str) -> None:
    client = Client()

    response = sign_in(login, client=client)

    assert (response.status_code, response.url) == (302, "/")
    assert client.get("/account/").context["seat"].login == with_email


def test_it_is_audited(nadia: User) -> None:
    sign_in("nadia")

    entry = AuditEntry.objects.latest("id")
    assert (entry.action, entry.actor_name, entry.reseller_id) == (Action.SIGNED_IN, "nadia", nadia.reseller_id)
    assert entry.address == "127.0.0.1"


def without_tokens(response: Any) -> str:
    """Return the page but for what differs on every answer."""
    return re.sub(r'value="[A-Za-z0-9]{64}"', "", response.content.decode())


def test_a_wrong_name_and_a_wrong_password_get_the_same_answer(nadia: User) -> None:
    wrong_password, wrong_name = sign_in("nadia", "not-the-password"), sign_in("nadim", "not-the-password")

    assert wrong_password.status_code == wrong_name.status_code == 422
    assert "Username or password is wrong." in body(wrong_name)
    assert without_tokens(wrong_password).replace("nadia", "nadim") == without_tokens(wrong_name)


def test_a_login_that_was_switched_off_gets_that_answer_too(nadia: User) -> None:
    User.objects.filter(pk=nadia.pk).update(is_active=False)

    assert without_tokens(sign_in("nadia")) == without_tokens(sign_in("nadia", "not-the-password"))


def test_a_wrong_name_costs_a_hash_as_a_wrong_password_does(nadia: User, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[str] = []
    encode = BcryptSha256.encode
    monkeypatch.setattr(BcryptSha256, "encode", lambda *args: hashed.append("") or encode(*args))

    sign_in("nadia", "not-the-password")
    for_password = len(hashed)
    sign_in("nadim", "not-the-password")

    assert len(hashed) == 2 * for_password


def test_a_failure_writes_nothing(nadia: User) -> None:
    before = counts()

    sign_in("nadia", "not-the-password")

    assert counts() == before


def test_a_former_name_no_longer_signs_in(nadia: User) -> None:
    nadia.username = "nadia.north"
    nadia.save(update_fields=["username"])

    assert sign_in("nadia").status_code == 422
    assert sign_in("nadia.north").status_code == 302


@pytest.mark.parametrize("missing", ["login", "password"])
def test_both_are_required(nadia: User, missing: str) -> None:
    response: Any = Client().post(SIGN_IN, {"login": "nadia", "password": PASSWORD, missing: ""})

    assert response.status_code == 422
    assert set(response.context["form"].errors) == {missing}


@pytest.mark.parametrize("password", ["\0", "x" * 100_000, " " + PASSWORD, PASSWORD + " "])
def test_odd_passwords_are_wrong_ones(nadia: User, password: str) -> None:
    assert sign_in("nadia", password).status_code == 422


def test_the_password_is_not_echoed(nadia: User) -> None:
    assert "not-the-password" not in sign_in("nadia", "not-the-password").content.decode()


def test_a_page_asks_for_the_sign_in_and_comes_back(nadia: User) -> None:
    client = Client()
    asked = client.get("/resellers/?q=x")
    assert (asked.status_code, asked.url) == (302, "/sign-in/?next=/resellers/%3Fq%3Dx")

    assert sign_in("nadia", client=client, query="?next=/resellers/%3Fq%3Dx").url == "/resellers/?q=x"


@pytest.mark.parametrize(
    "elsewhere",
    ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)", "http:evil.example"],
)
def test_next_leads_only_to_ourselves(nadia: User, elsewhere: str) -> None:
    client = Client()

    assert client.post(f"{SIGN_IN}", {"login": "nadia", "password": PASSWORD, "next": elsewhere}).url == "/"
    assert client.get(SIGN_IN, {"next": elsewhere}).url == "/"


def test_whoever_is_signed_in_already_is_led_on(nadia: User) -> None:
    assert signed_in(nadia).get(SIGN_IN).url == "/"


def test_the_session_is_another_one_after_signing_in(nadia: User) -> None:
    client = Client()
    client.cookies["session"] = "chosen-by-somebody-else-0123456789"

    sign_in("nadia", client=client)

    assert client.cookies["session"].value != "chosen-by-somebody-else-0123456789"


def test_signing_out_ends_the_session_and_is_audited(nadia: User) -> None:
    client = signed_in(nadia)
    session = client.cookies["session"].value

    response = client.post("/sign-out/")

    assert response.url == SIGN_IN
    client.cookies["session"] = session
    assert client.get("/account/").status_code == 302
    entry = AuditEntry.objects.latest("id")
    assert (entry.action, entry.actor_name) == (Action.SIGNED_OUT, "nadia")


def test_a_link_signs_nobody_out(nadia: User) -> None:
    client = signed_in(nadia)

    assert client.get("/sign-out/").status_code == 405
    assert client.get("/account/").status_code == 200


def test_a_login_that_is_switched_off_is_out_on_its_next_request(nadia: User) -> None:
    client = signed_in(nadia)

    User.objects.filter(pk=nadia.pk).update(is_active=False)

    assert client.get("/account/").status_code == 302


def test_the_sign_in_page_tells_strangers_nothing_but_the_panels_name(db: None) -> None:
    page = text_of(Client().get(SIGN_IN).content.decode())

    assert "ISPanel" in page
    assert "Resellers" not in page
