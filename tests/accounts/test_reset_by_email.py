"""A forgotten password, by a link that comes by email."""

import logging
import re
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import ProgrammingError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from accounts import resetting, tasks
from accounts.models import InitialPassword, PasswordReset, Session, User
from accounts.operations import change_contact_of, change_own_password, remove_login, set_password
from audit.actions import Action
from audit.identity import SYSTEM
from audit.models import AuditEntry, Grade
from ispanel.messages import Event, Occurrence, Way
from ispanel.models import PanelSettings
from resellers.models import CustomDomain, Reseller
from resellers.operations import suspend_reseller
from tests.carrying import Satchel
from tests.cast import NOW, PASSWORD, group, make_reseller, make_support, seat_of, signed_in
from tests.doors import DOMAIN, client_at, knock, open_door
from tests.jobs import enqueued, run_inline
from tests.pages import body, error_at, filled
from tests.phone import with_two_step

ASK, SENT, NEW = "/password/forgotten/", "/password/forgotten/sent/", "/password/new/"
MAIL = "nadia@north.example"
NEXT = "a-garden-in-october"
OVER = "This was used already, or its time is over. Ask for a new one."


@pytest.fixture
def nadia(nadia: User) -> User:
    """Return Nadia, who has an email."""
    User.objects.filter(pk=nadia.pk).update(email=MAIL, phone="+961 1 234 567")
    nadia.refresh_from_db()
    return nadia


@pytest.fixture
def door(north: Reseller) -> CustomDomain:
    """Open North's door."""
    return open_door(north)


@pytest.fixture(autouse=True)
def channel(by_email: Satchel) -> Satchel:
    """Let messages go by email."""
    return by_email


def ask(login: str, client: Client | None = None) -> Any:
    return (client or Client()).post(ASK, {"login": login})


def mailed(channel: Satchel) -> list[Occurrence]:
    """Let the worker do its part, and return the links that were mailed."""
    run_inline(tasks.send_reset)
    return channel.of(Event.PASSWORD_RESET)


def link_for(login: str, channel: Satchel, client: Client | None = None) -> str:
    """Ask for a link and return the newest one, without its host."""
    ask(login, client)
    parts = urlsplit(mailed(channel)[-1].facts["link"])
    return f"{parts.path}?{parts.query}"


def open_link(link: str, client: Client | None = None) -> Client:
    client = client or Client()
    response: Any = client.get(link)
    assert (response.status_code, response.url) == (302, NEW)
    return client


def choose(client: Client, password: str = NEXT) -> Any:
    return client.post(NEW, {"password": password})


def is_password(user: User, password: str) -> bool:
    return User.objects.get(pk=user.pk).check_password(password)


# --- it works ---------------------------------------------------------------------------------------------------------


def test_whoever_forgot_a_password_chooses_another_one_by_a_link(nadia: User, channel: Satchel) -> None:
    page = Client().get("/sign-in/")
    assert "Forgot your password?" in body(page)
    client = Client()
    asked = client.post(ASK, filled(client.get(ASK), login="NADIA "))
    assert (asked.status_code, asked.url) == (302, SENT)
    assert "If there is such a login" in body(client.get(SENT))

    [letter] = mailed(channel)
    assert letter.to == (Way.EMAIL, MAIL)
    assert letter.is_secret
    assert letter.facts["username"] == "nadia"
    assert (letter.facts["code"], letter.facts["minutes"]) == ("", "30")
    found = re.fullmatch(r"http://testserver/password/new/\?token=([\w-]{43})", letter.facts["link"])
    assert found, letter.facts["link"]
    other = open_link(f"{NEW}?token={found[1]}")
    assert "nadia" in body(other.get(NEW))
    response = choose(other)

    assert (response.status_code, response.url) == (303, "/sign-in/")
    assert "Your password is changed. Sign in with it." in body(other.get("/sign-in/"))
    assert is_password(nadia, NEXT)
    assert knock(Client(), "nadia", PASSWORD).status_code == 422
    assert knock(Client(), "nadia", NEXT).url == "/"


def test_the_email_will_do_for_the_name(nadia: User, channel: Satchel) -> None:
    ask("Nadia@NORTH.example")

    assert [letter.to for letter in mailed(channel)] == [(Way.EMAIL, MAIL)]


def test_nobody_is_signed_in_by_it(nadia: User, channel: Satchel) -> None:
    client = open_link(link_for("nadia", channel))
    choose(client)

    assert client.get("/account/").url.startswith("/sign-in/")  # type: ignore[attr-defined]
    assert not Session.objects.filter(user=nadia).exists()


def test_every_sign_in_of_the_login_ends_also_in_the_same_browser(nadia: User, channel: Satchel) -> None:
    elsewhere, here = signed_in(nadia), signed_in(nadia)
    open_link(link_for("nadia", channel), here)

    assert choose(here).status_code == 303

    assert elsewhere.get("/account/").status_code == 302
    assert here.get("/account/").status_code == 302


@pytest.mark.parametrize("host", ["testserver", DOMAIN])
@pytest.mark.parametrize("login", ["nadia", MAIL])
def test_whoever_had_tried_too_often_signs_in_at_once(
    door: CustomDomain, nadia: User, channel: Satchel, login: str, host: str
) -> None:
    for _try in range(10):
        knock(client_at(host), login, "not-the-password")
    assert knock(client_at(host), login).status_code == 429

    choose(open_link(link_for("nadia", channel, client_at(host)), client_at(host)))

    for name in ("nadia", MAIL):
        assert knock(client_at(host), name, NEXT).status_code == 302


def test_the_second_step_is_asked_after_it(nadia: User, channel: Satchel) -> None:
    phone = with_two_step(nadia)
    choose(open_link(link_for("nadia", channel)))
    client = Client()

    assert knock(client, "nadia", NEXT).url == "/sign-in/two-step/"
    assert client.get("/account/").status_code == 302
    assert client.post("/sign-in/two-step/", {"code": phone.code_at(timezone.now())}).url == "/"  # type: ignore[attr-defined]


def test_it_will_do_for_the_password_that_had_to_be_chosen(asha: User, channel: Satchel) -> None:
    west = make_reseller(asha, "wafa", "West Net", email="wafa@west.example", must_change_password=True)
    assert InitialPassword.objects.filter(user=west.user).exists()

    choose(open_link(link_for("wafa", channel)))

    assert not User.objects.get(pk=west.user_id).must_change_password
    assert not InitialPassword.objects.filter(user=west.user).exists()


def test_the_rules_for_passwords_hold_and_the_link_waits(nadia: User, channel: Satchel) -> None:
    client = open_link(link_for("nadia", channel))

    for password in ("short", "password1234", "nadia-nadia-nadia"):
        response = choose(client, password)

        assert response.status_code == 422
        assert error_at(response, "password")
        assert password not in response.content.decode()
    assert choose(client).status_code == 303


def test_it_stands_in_the_trail_twice(nadia: User, channel: Satchel) -> None:
    choose(open_link(link_for("nadia", channel), Client(REMOTE_ADDR="198.51.100.4")))

    done, asked = AuditEntry.objects.order_by("-id")[:2]
    assert (asked.action, asked.actor_name, asked.object_name) == (Action.PASSWORD_RESET_ASKED, "system", "nadia")
    assert (asked.address, asked.reseller_id, asked.grade) == ("127.0.0.1", nadia.reseller_id, Grade.SECURITY)
    assert (done.action, done.actor_name, done.object_name) == (Action.PASSWORD_RESET, "nadia", "nadia")
    assert (done.address, done.reseller_id, done.grade) == ("198.51.100.4", nadia.reseller_id, Grade.SECURITY)


def test_the_login_is_told_that_its_password_changed(nadia: User, channel: Satchel) -> None:
    choose(open_link(link_for("nadia", channel)))

    [told] = channel.of(Event.PASSWORD_CHANGED)
    assert told.user == nadia
    assert (told.facts["username"], told.facts["name"], told.facts["address"]) == ("nadia", "North Net", "127.0.0.1")


# --- nobody learns who is there ---------------------------------------------------------------------------------------


@pytest.fixture
def quiet(asha: User, nadia: User, sami: User, petra: User) -> list[str]:
    """Return the names that get nothing: of nobody, and of logins in every state that keeps them from a reset."""
    for user in (sami, petra):
        User.objects.filter(pk=user.pk).update(email=f"{user.username}@isp.example")
    suspend_reseller(actor=seat_of(asha), reseller_id=sami.reseller_id or 0, reason="unpaid", now=NOW)
    west = make_reseller(asha, "wafa", "West Net")
    make_reseller(asha, "widad", "Under West", email="w@isp.example", parent=west, permission_group=group("SALES"))
    suspend_reseller(actor=seat_of(asha), reseller_id=west.pk, reason="unpaid", now=NOW)
    remove_login(actor=seat_of(asha), user=petra, now=NOW)
    make_support(asha, "paul")  # without an email
    gone = make_reseller(asha, "gina", "Gone Net", email="gina@isp.example")
    Reseller.objects.filter(pk=gone.pk).update(deleted_at=NOW)
    held = make_reseller(asha, "hind", "Held Net", email="hind@isp.example")
    User.objects.filter(pk=held.user_id).update(reset_held_until=timezone.now() + timedelta(minutes=1))
    names = ["sami", "widad", "wafa", "petra", "petra@isp.example", "paul", "gina", "hind"]
    return ["nobody", "no@body.example", *names]


def seen(response: Any) -> tuple[Any, ...]:
    """Return all that is seen of an answer but what is drawn anew each time."""
    page = re.sub(r'value="\w{64}"', "", response.content.decode())
    headers = {name: sorted(value.split("; ")) for name, value in response.headers.items() if name != "X-Request-ID"}
    return response.status_code, page, headers, {name: len(each.value) for name, each in response.cookies.items()}


def test_the_answer_is_the_same_whoevers_name_it_is(quiet: list[str], nadia: User, channel: Satchel) -> None:
    def story(login: str) -> list[tuple[Any, ...]]:
        client = Client(REMOTE_ADDR=f"198.51.100.{len(login)}")
        answers = [client.get(ASK), ask(login, client), client.get(SENT)]
        return [seen(answer) for answer in answers]

    expected = story("nadia")
    for login in quiet:
        before, resets = len(enqueued(tasks.send_reset)), PasswordReset.objects.count()

        assert story(login) == expected, login
        assert (len(enqueued(tasks.send_reset)), PasswordReset.objects.count()) == (before + 1, resets + 1), login
    assert [letter.to for letter in mailed(channel)] == [(Way.EMAIL, MAIL)]


def statements_of(login: str, number: int = 0) -> list[str]:
    """Return what the database is asked when this name is typed, but for the values."""
    client = Client(REMOTE_ADDR=f"203.0.113.{number}")
    client.get(ASK)
    with CaptureQueriesContext(connection) as queries:
        ask(login, client)
    return [re.sub(r"'[^']*'(::\w+)?|\b\d+\b|NULL|_s\d+\S*|x\d+", "?", query["sql"]) for query in queries]


def test_the_database_is_asked_the_same_whoevers_name_it_is(quiet: list[str], nadia: User) -> None:
    expected = statements_of("nadia")

    for number, login in enumerate(quiet, 1):
        assert statements_of(login, number) == expected, login


def test_the_log_says_why_nothing_was_sent_and_not_what_was_typed(
    quiet: list[str], channel: Satchel, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for number, login in enumerate([*quiet, "my-secret-password"]):
        ask(login, Client(REMOTE_ADDR=f"198.51.100.{number}"))
    assert not mailed(channel)

    said = [record.message for record in caplog.records if "password reset" in record.message]
    assert "a password reset of sami is not sent: its panel is suspended" in said
    assert "a password reset of petra is not sent: it was removed" in said
    assert "a password reset of paul is not sent: it has no address for email" in said
    assert "a password reset of gina is not sent: it was removed" in said
    assert "a password reset of hind is not sent: its email or phone has just been changed" in said
    assert "my-secret-password" not in caplog.text


def test_a_change_of_contact_holds_it_for_a_day(nadia: User, channel: Satchel) -> None:
    change_contact_of(
        actor=seat_of(nadia), user_id=nadia.pk, email="new@north.example", phone="", own_password=PASSWORD,
        now=timezone.now(),
    )  # fmt: skip
    ask("nadia")
    assert not mailed(channel)

    User.objects.filter(pk=nadia.pk).update(reset_held_until=timezone.now())
    ask("nadia")

    assert [letter.to for letter in mailed(channel)] == [(Way.EMAIL, "new@north.example")]


# --- what makes a link void -------------------------------------------------------------------------------------------


def is_void(client: Client) -> bool:
    """Say whether nothing can be chosen any more, by whatever the browser has shown."""
    response = choose(client, "another-garden-in-may")
    assert (response.status_code, response.url) == (302, ASK)
    assert OVER in body(client.get(ASK))
    return client.get(NEW).status_code == 302


def test_it_works_once(nadia: User, channel: Satchel) -> None:
    link = link_for("nadia", channel)
    first, second = open_link(link), open_link(link)
    assert choose(first).status_code == 303

    assert is_void(second)
    assert is_void(open_link(link))
    assert is_password(nadia, NEXT)


def test_looking_at_it_does_not_use_it_up(nadia: User, channel: Satchel) -> None:
    link = link_for("nadia", channel)
    for _scanner in range(3):
        open_link(link).get(NEW)

    assert choose(open_link(link)).status_code == 303


def test_it_works_for_half_an_hour(nadia: User, channel: Satchel) -> None:
    link = link_for("nadia", channel)
    reset = PasswordReset.objects.get()
    assert reset.sent_at
    assert reset.expires_at == reset.sent_at + timedelta(minutes=30)
    client = open_link(link)
    PasswordReset.objects.update(expires_at=timezone.now())

    assert is_void(client)
    assert is_void(open_link(link))


def test_asking_again_leaves_the_former_in_force_until_one_is_used(nadia: User, channel: Satchel) -> None:
    """Or a stranger who asks would void what the owner has just been sent."""
    former, latter = link_for("nadia", channel), link_for("nadia", channel)
    opened = open_link(latter)

    assert choose(open_link(former)).status_code == 303

    assert is_void(opened)
    assert is_void(open_link(latter))
    assert is_password(nadia, NEXT)


@pytest.mark.parametrize(
    "changed", ["own password", "set password", "email", "phone", "suspended", "removed", "deleted"]
)
def test_it_is_void_after_a_change(asha: User, nadia: User, channel: Satchel, changed: str) -> None:
    link = link_for("nadia", channel)
    client = open_link(link)
    actor = seat_of(nadia)
    match changed:
        case "own password":
            change_own_password(actor=actor, old_password=PASSWORD, new_password="something-else-1", now=NOW)
        case "set password":
            set_password(actor=SYSTEM, user=nadia, password="something-else-1", now=NOW)
        case "email":
            change_contact_of(
                actor=actor, user_id=nadia.pk, email="", phone=nadia.phone, own_password=PASSWORD, now=NOW
            )
        case "phone":
            change_contact_of(actor=actor, user_id=nadia.pk, email=MAIL, phone="", own_password=PASSWORD, now=NOW)
        case "suspended":
            suspend_reseller(actor=seat_of(asha), reseller_id=nadia.reseller_id or 0, reason="unpaid", now=NOW)
        case "removed":
            User.objects.filter(pk=nadia.pk).update(is_active=False)
        case "deleted":
            Reseller.objects.filter(pk=nadia.reseller_id).update(deleted_at=NOW)

    assert is_void(client)
    assert is_void(open_link(link))
    assert not is_password(nadia, "another-garden-in-may")


@pytest.mark.parametrize("token", ["", "x", "x" * 43, "\0", "é" * 10, "x" * 5000])
def test_what_is_no_token_opens_nothing(nadia: User, channel: Satchel, token: str) -> None:
    link_for("nadia", channel)

    client = Client()
    response: Any = client.get(NEW, {"token": token})

    assert (response.status_code, response.url) == (302, NEW)
    assert is_void(client)


def test_a_wrong_link_forgets_what_was_shown_before(nadia: User, channel: Satchel) -> None:
    client = open_link(link_for("nadia", channel))

    client.get(NEW, {"token": "x" * 43})

    assert is_void(client)


def test_a_session_that_somebody_planted_does_not_get_the_link(nadia: User, channel: Satchel) -> None:
    victim, thief = Client(), Client()
    session = victim.session
    session.save()
    victim.cookies["session"] = thief.cookies["session"] = session.session_key

    open_link(link_for("nadia", channel), victim)

    assert thief.get(NEW).status_code == 302
    assert victim.get(NEW).status_code == 200


def test_whoever_waits_too_long_for_the_worker_gets_nothing(nadia: User, channel: Satchel) -> None:
    ask("nadia")

    resetting.send(reset_id=PasswordReset.objects.get().pk, now=timezone.now() + timedelta(minutes=30))

    assert not channel.of(Event.PASSWORD_RESET)


def test_a_worker_that_is_killed_sends_it_once(nadia: User, channel: Satchel) -> None:
    ask("nadia")
    reset = PasswordReset.objects.get()
    for _time in range(2):
        resetting.send(reset_id=reset.pk, now=timezone.now())

    assert len(channel.of(Event.PASSWORD_RESET)) == 1


@pytest.mark.parametrize("column", ["user_id", "door", "address", "reseller_id", "way", "asked_at"])
def test_whose_it_is_and_where_it_leads_stays(nadia: User, channel: Satchel, column: str) -> None:
    ask("nadia")

    refused = pytest.raises(ProgrammingError, match="permission denied")
    with refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE password_resets SET {column} = {column}")


# --- limits -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("login", ["nadia", "nobody"])
def test_a_name_is_asked_for_five_times_an_hour(nadia: User, channel: Satchel, login: str) -> None:
    answers = [ask(login, Client(REMOTE_ADDR=f"198.51.100.{number}")) for number in range(6)]

    assert [answer.status_code for answer in answers] == [302] * 5 + [429]
    assert "Too many attempts. Try again in 60 minutes." in body(answers[-1])
    assert answers[-1].headers["Retry-After"]


def test_an_address_asks_twenty_times_an_hour(nadia: User, channel: Satchel, caplog: pytest.LogCaptureFixture) -> None:
    client = Client(REMOTE_ADDR="198.51.100.7")
    statuses = [ask(f"my-secret-{number}", client).status_code for number in range(21)]

    assert statuses == [302] * 20 + [429]
    assert "asking for a password reset from 198.51.100.7 refused" in caplog.text
    assert "my-secret" not in caplog.text
    assert ask("nadia").status_code == 302


def test_three_are_sent_in_an_hour_under_all_names_of_a_login(nadia: User, channel: Satchel) -> None:
    for number, login in enumerate(["nadia", MAIL, "nadia", MAIL, "nadia"]):
        ask(login, Client(REMOTE_ADDR=f"198.51.100.{number}"))
        mailed(channel)

    letters = channel.of(Event.PASSWORD_RESET)
    assert len(letters) == 3
    parts = urlsplit(letters[-1].facts["link"])
    assert choose(open_link(f"{parts.path}?{parts.query}")).status_code == 303, "asking on has made the last one void"


HOME = "198.51.100.200"


def test_strangers_who_ask_keep_nobody_from_asking_at_home(nadia: User, channel: Satchel) -> None:
    knock(Client(REMOTE_ADDR=HOME), "nadia")
    statuses = [ask("nadia", Client(REMOTE_ADDR=f"198.51.100.{number}")).status_code for number in range(6)]
    mailed(channel)
    assert statuses == [302] * 5 + [429]
    assert len(channel.of(Event.PASSWORD_RESET)) == 3

    link = link_for("nadia", channel, Client(REMOTE_ADDR=HOME))

    assert len(channel.of(Event.PASSWORD_RESET)) == 4
    assert choose(open_link(link)).status_code == 303


def test_at_home_a_name_is_asked_for_five_times_an_hour_and_three_are_sent(nadia: User, channel: Satchel) -> None:
    knock(Client(REMOTE_ADDR=HOME), "nadia")

    statuses = [ask("nadia", Client(REMOTE_ADDR=HOME)).status_code for _time in range(6)]

    assert statuses == [302] * 5 + [429]
    assert len(mailed(channel)) == 3


def test_how_often_one_may_ask_at_anybodys_home_does_not_tell_whose_it_is(
    nadia: User, sami: User, channel: Satchel
) -> None:
    knock(Client(REMOTE_ADDR=HOME), "nadia")

    def story(login: str) -> list[tuple[Any, ...]]:
        """Return what strangers are answered until they have to wait, and then whoever is at that address."""
        answers = [ask(login, Client(REMOTE_ADDR=f"198.51.100.{number}")) for number in range(6)]
        return [seen(answer) for answer in [*answers, *(ask(login, Client(REMOTE_ADDR=HOME)) for _time in range(6))]]

    stories = [[(status, page.replace(login, "LOGIN")) for status, page, *_more in story(login)]
               for login in ("nadia", "sami", "nobody")]  # fmt: skip

    assert stories[0] == stories[1] == stories[2]
    assert [status for status, _page in stories[0]] == ([302] * 5 + [429]) * 2


def test_a_stranger_at_the_home_of_somebody_else_uses_up_what_strangers_have(
    nadia: User, sami: User, channel: Satchel
) -> None:
    knock(Client(REMOTE_ADDR=HOME), "sami")
    for client in (Client(REMOTE_ADDR=HOME), Client(REMOTE_ADDR="198.51.100.1")):
        for _time in range(3):
            ask("nadia", client)

    assert len(mailed(channel)) == 3


# --- doors ------------------------------------------------------------------------------------------------------------


def test_at_a_resellers_door_the_link_leads_there_under_its_name(
    door: CustomDomain, north: Reseller, nadia: User, noora: User, channel: Satchel
) -> None:
    User.objects.filter(pk=noora.pk).update(email="noora@north.example")
    for login in ("nadia", "noora"):
        ask(login, client_at())

    letters = mailed(channel)

    assert [letter.reseller for letter in letters] == [north, north]
    for letter in letters:
        assert letter.facts["link"].startswith(f"http://{DOMAIN}{NEW}?token=")
    parts = urlsplit(letters[0].facts["link"])
    there = client_at()
    assert choose(open_link(f"{parts.path}?{parts.query}", there)).status_code == 303
    assert knock(there, "nadia", NEXT).status_code == 302


def test_at_the_house_it_comes_in_the_name_of_the_panel(door: CustomDomain, nadia: User, channel: Satchel) -> None:
    ask("nadia")

    [letter] = mailed(channel)
    assert letter.reseller is None
    assert letter.facts["link"].startswith(f"http://testserver{NEW}")


def test_at_a_resellers_door_only_its_tree_gets_one(
    door: CustomDomain, asha: User, nadia: User, sami: User, petra: User, channel: Satchel
) -> None:
    def story(login: str) -> list[tuple[Any, ...]]:
        client = client_at(REMOTE_ADDR=f"198.51.100.{len(login)}")
        return [seen(client.get(ASK)), seen(ask(login, client)), seen(client.get(SENT))]

    expected = story("nadia")
    for user in (asha, sami, petra):
        User.objects.filter(pk=user.pk).update(email=f"{user.username}@isp.example")

        assert story(user.username) == story(f"{user.username}@isp.example") == expected
    assert [letter.to for letter in mailed(channel)] == [(Way.EMAIL, MAIL)]


def test_a_link_opens_nothing_at_another_door(door: CustomDomain, nadia: User, channel: Satchel) -> None:
    of_house, there = link_for("nadia", channel), client_at()

    assert is_void(open_link(of_house, there))
    of_door = link_for("nadia", channel, client_at())
    assert is_void(open_link(of_door))


def test_what_was_shown_at_one_door_counts_at_no_other(door: CustomDomain, nadia: User, channel: Satchel) -> None:
    there = open_link(link_for("nadia", channel, client_at()), client_at())
    thief = Client()
    thief.cookies["session"] = there.cookies["session"].value

    assert thief.get(NEW).status_code == 302
    assert there.get(NEW).status_code == 200


def test_whoever_left_the_tree_meanwhile_gets_in_nowhere(
    door: CustomDomain, noora: User, northeast: Reseller, south: Reseller, channel: Satchel
) -> None:
    User.objects.filter(pk=noora.pk).update(email="noora@north.example")
    client = open_link(link_for("noora", channel, client_at()), client_at())
    Reseller.objects.filter(pk=northeast.pk).update(parent=south)

    assert is_void(client)


@pytest.mark.parametrize("host", ["evil.example", f"{DOMAIN}.evil.example", "testserver@evil.example"])
def test_a_forged_host_asks_for_nothing(door: CustomDomain, nadia: User, channel: Satchel, host: str) -> None:
    assert ask("nadia", Client(headers={"host": host})).status_code == 404

    assert not mailed(channel)


@pytest.mark.parametrize("host", ["TESTSERVER:81", "testserver.", "localhost:1", "127.0.0.1"])
def test_no_host_that_somebody_sent_gets_into_a_link(
    settings: Settings, nadia: User, channel: Satchel, host: str
) -> None:
    settings.PANEL_URL = "https://isp.example"

    ask("nadia", Client(headers={"host": host, "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "gopher"}))

    assert mailed(channel)[0].facts["link"].startswith(f"https://isp.example{NEW}?token=")


# --- secrets ----------------------------------------------------------------------------------------------------------


def test_the_link_is_in_no_log_no_trail_no_job_and_no_table(
    nadia: User, channel: Satchel, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    ask("nadia")
    assert set(enqueued(tasks.send_reset)[0]) == {"reset_id"}
    link = urlsplit(mailed(channel)[0].facts["link"])
    token = link.query.removeprefix("token=")
    client = open_link(f"{link.path}?{link.query}")
    choose(client, "short")
    choose(client)
    client.get(f"{link.path}?{link.query}")
    client.post(f"{link.path}?{link.query}", {"password": "x"})

    assert token not in caplog.text
    assert NEXT not in caplog.text
    with connection.cursor() as cursor:
        cursor.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
        for (table,) in cursor.fetchall():
            cursor.execute(f'SELECT t::text FROM "{table}" t')
            for (row,) in cursor.fetchall():
                assert token not in row, table
                assert NEXT not in row, table
    decoded = [str(session.get_decoded()) for session in Session.objects.all()]
    assert not [each for each in decoded if token in each]


def test_the_address_of_the_page_has_no_token_and_the_way_there_no_referrer(nadia: User, channel: Satchel) -> None:
    client = Client()
    response: Any = client.get(link_for("nadia", channel))

    assert response.url == NEW
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert response.headers["Cache-Control"] == "no-store"
    page = client.get(NEW)
    assert page.headers["Cache-Control"] == "no-store"
    assert "token=" not in page.content.decode()


def test_forms_are_taken_with_their_token_alone(nadia: User, channel: Satchel) -> None:
    link = link_for("nadia", channel)
    client = Client(enforce_csrf_checks=True)
    open_link(link, client)

    assert choose(client).status_code == 403
    assert client.post(ASK, {"login": "nadia"}).status_code == 403
    assert is_password(nadia, PASSWORD)


# --- where there is no channel ----------------------------------------------------------------------------------------


def test_where_nothing_can_be_sent_nothing_is_offered(nadia: User, by_nothing: Satchel) -> None:
    assert "Forgot your password?" not in body(Client().get("/sign-in/"))
    for response in (Client().get(ASK), ask("nadia")):
        assert (response.status_code, response.url) == (302, "/sign-in/")
    assert not PasswordReset.objects.exists()


# --- the night --------------------------------------------------------------------------------------------------------


def test_they_are_erased_after_a_day(nadia: User, channel: Satchel) -> None:
    ask("nadia")
    ask("nobody")

    tasks.erase_resets(now=timezone.now() + timedelta(hours=23))
    assert PasswordReset.objects.count() == 2
    tasks.erase_resets(now=timezone.now() + timedelta(hours=25))

    assert not PasswordReset.objects.exists()


def test_the_message_is_in_the_language_and_zone_of_the_panel(nadia: User, channel: Satchel) -> None:
    PanelSettings.objects.update(time_zone="Asia/Beirut")
    now = timezone.now().replace(month=1, day=2, hour=22, minute=30)

    set_password(actor=SYSTEM, user=nadia, password="something-else-1", now=now)

    assert channel.of(Event.PASSWORD_CHANGED)[0].facts["when"] == f"3 Jan {now.year}, 00:30"
