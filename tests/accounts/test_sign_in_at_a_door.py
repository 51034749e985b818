"""Signing in at the domain of a reseller: its own people come in, and nobody else is told that they exist."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.authenticator import qr_code, uri_of
from accounts.hashers import BcryptSha256
from accounts.models import FailureCount, Session, User
from accounts.operations import remove_login
from audit.models import AuditEntry
from resellers.models import CustomDomain, Reseller
from resellers.operations import suspend_reseller
from tests.cast import NOW, PASSWORD, group, make_staff, make_support, seat_of
from tests.doors import DOMAIN, client_at, knock, open_door
from tests.pages import body, counts
from tests.phone import with_two_step

WRONG = "not-the-password"


@pytest.fixture
def door(north: Reseller) -> CustomDomain:
    """Open North's door."""
    return open_door(north)


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return what grows by one with each hash of a password."""
    done: list[str] = []
    encode = BcryptSha256.encode
    monkeypatch.setattr(BcryptSha256, "encode", lambda *args: done.append("") or encode(*args))
    return done


def without_tokens(response: Any) -> str:
    return re.sub(r'value="[A-Za-z0-9]{64}"', "", response.content.decode())


def same_for_all(response: Any, login: str) -> tuple[Any, ...]:
    """Return everything that a stranger sees of the answer, but for what they typed and what is drawn anew."""
    own = ("X-Request-ID", "Content-Length")
    headers = {name: sorted(value.split("; ")) for name, value in response.headers.items() if name not in own}
    cookies = {name: len(morsel.value) for name, morsel in response.cookies.items()}
    return response.status_code, without_tokens(response).replace(login, "LOGIN"), headers, cookies


def test_the_whole_tree_of_the_reseller_comes_in(
    door: CustomDomain, asha: User, north: Reseller, northeast: Reseller
) -> None:
    make_staff(asha, north, "rima", group("SUPPORT"))
    make_staff(asha, northeast, "samir", group("SUPPORT"))

    for login in ("nadia", "rima", "noora", "samir"):
        client = client_at()
        assert knock(client, login).url == "/"
        assert client.get("/account/").context["seat"].login.username == login


@pytest.fixture
def outsiders(door: CustomDomain, asha: User, sami: User, petra: User, noor: User) -> list[str]:
    """Return the logins that have no place at North's door, in all states that a login can be in."""
    for user in (asha, sami, petra):
        with_two_step(user)
    suspend_reseller(actor=seat_of(asha), reseller_id=noor.reseller_id, reason="unpaid", now=NOW)
    gone = make_support(asha, "paul")
    remove_login(actor=seat_of(asha), user=gone, now=NOW)
    Reseller.objects.filter(user=sami).update(allowed_ips="198.51.100.7")
    return ["asha", "sami", "petra", "noor", "paul"]


def test_everybody_else_gets_the_answer_of_a_wrong_password(outsiders: list[str], hashed: list[str]) -> None:
    wrong = same_for_all(knock(client_at(), "nadia", WRONG), "nadia")
    cost = len(hashed)
    assert wrong[0] == 422
    before = counts()

    for login in [*outsiders, "nobody.at.all"]:
        for password in (PASSWORD, WRONG):
            hashed.clear()
            response = knock(client_at(), login, password)

            assert same_for_all(response, login) == wrong, login
            assert len(hashed) == cost, f"{login} costs another time"
    assert counts() == before
    assert not Session.objects.exists()


def tries(login: str) -> Iterator[tuple[int, str]]:
    """Yield what eleven tries with the right password are answered, each from an address of its own."""
    for number in range(11):
        response = knock(client_at(REMOTE_ADDR=f"198.51.100.{number}"), login)
        yield response.status_code, without_tokens(response).replace(login, "LOGIN")


def test_failures_of_outsiders_are_counted_as_those_of_nobody(door: CustomDomain, sami: User) -> None:
    theirs, nobodys = list(tries("sami")), list(tries("nobody.at.all"))

    assert theirs == nobodys
    assert [status for status, _page in theirs] == [422] * 10 + [429]


def test_guessing_at_a_resellers_door_shuts_nobody_out_of_the_house(door: CustomDomain, sami: User) -> None:
    list(tries("sami"))

    assert knock(Client(), "sami").status_code == 302


def test_guessing_the_resellers_own_people_counts_at_all_doors_together(door: CustomDomain, nadia: User) -> None:
    for number in range(5):
        knock(client_at(REMOTE_ADDR=f"198.51.100.{number}"), "nadia", WRONG)
        knock(Client(REMOTE_ADDR=f"203.0.113.{number}"), "nadia", WRONG)

    assert knock(client_at(REMOTE_ADDR="192.0.2.1"), "nadia").status_code == 422
    assert knock(Client(REMOTE_ADDR="192.0.2.1"), "nadia").status_code == 422
    assert FailureCount.objects.get(key=f"sign-in of:{nadia.pk}").failures == 10


SOUTH = "panel.south.example"
EMAIL = "nadia@north.example"


@pytest.mark.parametrize("first", ["testserver", DOMAIN, SOUTH])
def test_no_doors_together_tell_that_there_is_a_login_or_whose_it_is(
    door: CustomDomain, asha: User, nadia: User, sami: User, south: Reseller, first: str
) -> None:
    open_door(south, SOUTH)
    User.objects.filter(pk=nadia.pk).update(email=EMAIL)

    def story(login: str, other_name: str) -> list[tuple[int, str]]:
        """Return what is answered to eleven at one door, one more at each other door, and one for another name."""
        FailureCount.objects.all().delete()
        others = [host for host in ("testserver", DOMAIN, SOUTH) if host != first]
        knocks = [*[(first, login)] * 11, *[(host, login) for host in others], (first, other_name)]
        answers = []
        for number, (host, typed) in enumerate(knocks):
            response = knock(client_at(host, REMOTE_ADDR=f"198.51.100.{number}"), typed, WRONG)
            page = without_tokens(response).replace(typed, "LOGIN").replace(SOUTH, DOMAIN)
            answers.append((response.status_code, page))
        return answers

    expected = story("nobody.at.all", "no.body")
    assert [status for status, _page in expected] == [422] * 10 + [429] + [422] * 3
    for login, other_name in [("nadia", EMAIL), (EMAIL, "nadia"), ("sami", "nadia"), ("asha", "sami")]:
        assert story(login, other_name) == expected, login


def test_a_suspended_one_of_the_tree_is_told_after_the_right_password_alone(
    door: CustomDomain, asha: User, northeast: Reseller
) -> None:
    suspend_reseller(actor=seat_of(asha), reseller_id=northeast.pk, reason="unpaid", now=NOW)

    assert "This panel is suspended" in body(knock(client_at(), "noora"))
    assert "This panel is suspended" not in body(knock(client_at(), "noora", WRONG))


# --- a sign-in is bound to its door -----------------------------------------------------------------------------------


def show(cookie: str, host: str) -> Client:
    """Return a browser at a host that shows somebody's cookie."""
    client = client_at(host)
    client.cookies["session"] = cookie
    return client


@pytest.mark.parametrize(("made", "shown"), [(DOMAIN, "testserver"), ("testserver", DOMAIN)])
def test_a_cookie_that_is_shown_at_another_door_is_nobodys(
    door: CustomDomain, nadia: User, made: str, shown: str
) -> None:
    own = client_at(made)
    knock(own, "nadia")
    cookie = own.cookies["session"].value

    thief = show(cookie, shown)

    assert thief.get("/account/").url == "/sign-in/?next=/account/"
    assert knock(show(cookie, shown), "nadia", WRONG).status_code == 422
    assert knock(show(cookie, shown), "nadia").status_code == 302
    assert show(cookie, shown).post("/sign-out/").url.startswith("/sign-in/")
    assert own.get("/account/").status_code == 200, "shown elsewhere, it ended here"


def test_the_house_is_one_door_under_all_its_names(asha: User) -> None:
    client = client_at("testserver")
    knock(client, "asha")

    assert show(client.cookies["session"].value, "localhost").get("/account/").status_code == 200


def test_a_sign_in_of_one_reseller_is_nobodys_at_the_others(door: CustomDomain, nadia: User, south: Reseller) -> None:
    open_door(south, "panel.south.example")
    client = client_at()
    knock(client, "nadia")

    assert show(client.cookies["session"].value, "panel.south.example").get("/account/").status_code == 302


def test_the_second_step_is_asked_at_the_door_of_the_password(door: CustomDomain, nadia: User) -> None:
    phone = with_two_step(nadia)
    client = client_at()
    assert knock(client, "nadia").url == "/sign-in/two-step/"
    code = {"code": phone.code_at(timezone.now())}

    elsewhere = show(client.cookies["session"].value, "testserver").post("/sign-in/two-step/", code)

    assert elsewhere.url == "/sign-in/"
    assert client.post("/sign-in/two-step/", code).url == "/"


@pytest.mark.parametrize(("host", "name"), [(DOMAIN, "North Net"), ("testserver", "ISPanel")])
def test_the_authenticator_app_learns_whose_panel_it_is(door: CustomDomain, nadia: User, host: str, name: str) -> None:
    client = client_at(host)
    knock(client, "nadia")
    client.post("/account/two-step/", {"own_password": PASSWORD})

    page: Any = client.get("/account/two-step/")

    uri = uri_of(page.context["secret"], username="nadia", issuer=name)
    assert qr_code(uri) in page.content.decode()


def test_whoever_leaves_the_tree_between_password_and_code_stays_outside(
    door: CustomDomain, noora: User, northeast: Reseller, south: Reseller
) -> None:
    phone = with_two_step(noora)
    client = client_at()
    knock(client, "noora")
    Reseller.objects.filter(pk=northeast.pk).update(parent=south)

    response = client.post("/sign-in/two-step/", {"code": phone.code_at(timezone.now())})

    assert response.url == "/sign-in/"
    assert not Session.objects.filter(user=noora).exists()


def test_whoever_leaves_the_tree_is_signed_out_on_the_next_request(
    door: CustomDomain, noora: User, northeast: Reseller, south: Reseller
) -> None:
    client = client_at()
    knock(client, "noora")
    Reseller.objects.filter(pk=northeast.pk).update(parent=south)

    assert client.get("/subscribers/").status_code == 302
    assert client.get("/sign-in/").status_code == 200
    assert not Session.objects.filter(user=noora).exists()


@pytest.mark.parametrize("lost", ["released", "unproved", "branding taken back", "reseller deleted"])
def test_with_the_domain_its_sign_ins_are_of_no_use(
    door: CustomDomain, north: Reseller, nadia: User, lost: str
) -> None:
    client = client_at()
    knock(client, "nadia")
    if lost == "released":
        CustomDomain.objects.all().delete()
    elif lost == "unproved":
        CustomDomain.objects.update(verified_at=None)
    elif lost == "branding taken back":
        Reseller.objects.filter(pk=north.pk).update(has_branding=False)
    else:
        Reseller.objects.filter(pk=north.pk).update(deleted_at=NOW)

    response = client.get("/account/")

    assert (response.status_code, response.content) == (404, b"Not found\n")
    assert show(client.cookies["session"].value, "testserver").get("/account/").status_code == 302


def test_a_domain_that_changes_hands_takes_no_sign_in_along(door: CustomDomain, nadia: User, south: Reseller) -> None:
    client = client_at()
    knock(client, "nadia")
    CustomDomain.objects.all().delete()
    open_door(south)

    assert client.get("/account/").status_code == 302


def test_an_end_elsewhere_ends_it_at_the_resellers_door_too(door: CustomDomain, nadia: User) -> None:
    there, here = client_at(), client_at("testserver")
    knock(there, "nadia")
    knock(here, "nadia")

    here.post("/account/sign-ins/end-others/")

    assert there.get("/account/").status_code == 302
    assert here.get("/account/").status_code == 200


def test_the_list_of_sign_ins_says_at_which_door(door: CustomDomain, nadia: User) -> None:
    there, here = client_at(), client_at("testserver")
    knock(there, "nadia")
    knock(here, "nadia")

    page = body(here.get("/account/sign-ins/"))

    assert page.count(DOMAIN) == 1
    assert "testserver" not in page


def test_it_times_out_there_as_everywhere(door: CustomDomain, nadia: User) -> None:
    client = client_at()
    knock(client, "nadia")
    Session.objects.update(last_seen_at=timezone.now() - timedelta(hours=3))

    client.get("/account/")

    assert "You were signed out after 2 hours without activity." in body(client.get("/sign-in/"))


def test_the_trail_knows_who_came_in(door: CustomDomain, nadia: User) -> None:
    knock(client_at(), "nadia")

    assert AuditEntry.objects.latest("id").actor_name == "nadia"
