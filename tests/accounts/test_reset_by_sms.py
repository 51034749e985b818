"""A forgotten password, by six digits that come by SMS where nothing goes by email."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts import resetting, tasks
from accounts.models import PasswordReset, User
from accounts.operations import change_contact_of
from audit.actions import Action
from audit.models import AuditEntry
from ispanel.messages import Event, Way
from resellers.models import Reseller
from tests.carrying import Satchel
from tests.cast import PASSWORD, make_support, seat_of
from tests.doors import client_at, knock, open_door
from tests.jobs import enqueued, run_inline
from tests.pages import body, error_at, filled

ASK, CODE, NEW = "/password/forgotten/", "/password/forgotten/code/", "/password/new/"
PHONE = "+961 1 234 567"
NEXT = "a-garden-in-october"
WRONG = "This code is wrong, or its time is over."


@pytest.fixture
def nadia(nadia: User) -> User:
    """Return Nadia, who has a phone."""
    User.objects.filter(pk=nadia.pk).update(phone=PHONE, email="nadia@north.example")
    nadia.refresh_from_db()
    return nadia


@pytest.fixture(autouse=True)
def channel(by_sms: Satchel) -> Satchel:
    """Let messages go by SMS alone."""
    return by_sms


def asked(login: str, client: Client | None = None) -> Client:
    """Ask for a code, and return the browser."""
    client = client or Client()
    response: Any = client.post(ASK, {"login": login})
    assert (response.status_code, response.url) == (302, CODE)
    return client


def code_of(channel: Satchel) -> str:
    """Let the worker do its part, and return the newest code."""
    run_inline(tasks.send_reset)
    code: str = channel.of(Event.PASSWORD_RESET)[-1].facts["code"]
    return code


def other_than(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


def enter(client: Client, code: str) -> Any:
    return client.post(CODE, {"code": code})


def test_whoever_forgot_a_password_chooses_another_one_by_a_code(nadia: User, channel: Satchel) -> None:
    client = Client()
    page = client.get(ASK)
    assert "We send a code to the phone" in body(page)
    client.post(ASK, filled(page, login="nadia"))
    code = code_of(channel)
    [message] = channel.of(Event.PASSWORD_RESET)
    assert message.to == (Way.SMS, PHONE)
    assert message.is_secret
    assert (message.facts["link"], message.facts["minutes"]) == ("", "10")
    assert re.fullmatch(r"\d{6}", code)

    assert enter(client, f"{code[:3]} {code[3:]}").url == NEW
    response: Any = client.post(NEW, filled(client.get(NEW), password=NEXT))

    assert (response.status_code, response.url) == (303, "/sign-in/")
    assert knock(Client(), "nadia", NEXT).url == "/"
    assert [entry.action for entry in AuditEntry.objects.order_by("-id")[1:3]] == [
        Action.PASSWORD_RESET, Action.PASSWORD_RESET_ASKED,
    ]  # fmt: skip


def test_the_code_works_in_the_browser_that_asked_for_it_alone(nadia: User, channel: Satchel) -> None:
    own, other = asked("nadia"), asked("nobody")
    code = code_of(channel)

    assert enter(Client(), code).url == ASK  # type: ignore[attr-defined]
    assert error_at(enter(other, code), "code") == WRONG
    assert other.get(NEW).status_code == 302
    assert enter(own, code).status_code == 302


def test_without_the_code_there_is_no_form_for_a_password(nadia: User, channel: Satchel) -> None:
    client = asked("nadia")
    code_of(channel)

    for response in (client.get(NEW), client.post(NEW, {"password": NEXT})):
        assert (response.status_code, response.url) == (302, ASK)  # type: ignore[attr-defined]
    assert User.objects.get(pk=nadia.pk).check_password(PASSWORD)


def test_a_code_is_not_taken_for_the_token_of_a_link(nadia: User, channel: Satchel) -> None:
    client = asked("nadia")

    client.get(NEW, {"token": code_of(channel)})

    assert client.get(NEW).status_code == 302


def seen(response: Any) -> tuple[Any, ...]:
    page = re.sub(r'value="\w{64}"', "", response.content.decode())
    headers = {name: sorted(value.split("; ")) for name, value in response.headers.items() if name != "X-Request-ID"}
    return response.status_code, page, headers, {name: len(each.value) for name, each in response.cookies.items()}


@pytest.fixture
def quiet(asha: User, nadia: User, sami: User) -> list[str]:
    """Return names that get no code: of nobody, of one without a phone, of one that is held."""
    make_support(asha, "paul")
    User.objects.filter(pk=sami.pk).update(phone="+961 9", reset_held_until=timezone.now() + timedelta(hours=1))
    return ["nobody", "paul", "sami"]


def test_wrong_codes_are_answered_alike_whoevers_name_it_is(quiet: list[str], nadia: User, channel: Satchel) -> None:
    def story(login: str) -> list[tuple[Any, ...]]:
        client = asked(login)
        run_inline(tasks.send_reset)
        sent = channel.of(Event.PASSWORD_RESET)
        wrong = other_than(sent[-1].facts["code"]) if sent else "123456"
        return [seen(client.get(CODE)), *(seen(enter(client, wrong)) for _try in range(6)), seen(client.get(NEW))]

    expected = story("nadia")

    for login in quiet:
        assert story(login) == expected, login
    assert len(channel.of(Event.PASSWORD_RESET)) == 1


def test_after_five_wrong_ones_the_right_one_is_of_no_use(nadia: User, channel: Satchel) -> None:
    client = asked("nadia")
    code = code_of(channel)
    for _try in range(5):
        assert error_at(enter(client, other_than(code)), "code") == WRONG

    response = enter(client, code)

    assert response.status_code == 422
    assert "Too many attempts. Try again in 10 minutes." in error_at(response, "code")
    assert client.get(NEW).status_code == 302


def test_a_try_that_was_wrong_is_logged_without_the_code(
    nadia: User, channel: Satchel, caplog: pytest.LogCaptureFixture
) -> None:
    client = asked("nadia")
    code = code_of(channel)

    enter(client, other_than(code))
    enter(client, code)

    assert "code of a password reset failed from 127.0.0.1" in caplog.text
    assert code not in caplog.text
    assert other_than(code) not in caplog.text


def test_it_works_for_ten_minutes(nadia: User, channel: Satchel) -> None:
    client = asked("nadia")
    code = code_of(channel)
    reset = PasswordReset.objects.get()
    assert reset.sent_at
    assert reset.expires_at == reset.sent_at + timedelta(minutes=10)
    PasswordReset.objects.update(expires_at=timezone.now())

    assert error_at(enter(client, code), "code") == WRONG


def test_after_the_right_code_there_are_ten_minutes_to_choose(nadia: User, channel: Satchel) -> None:
    client = asked("nadia")
    code = code_of(channel)
    PasswordReset.objects.update(expires_at=timezone.now() + timedelta(seconds=20))

    enter(client, code)

    expires_at = PasswordReset.objects.get().expires_at
    assert expires_at
    assert expires_at > timezone.now() + timedelta(minutes=9)
    PasswordReset.objects.update(expires_at=timezone.now())
    assert client.post(NEW, {"password": NEXT}).status_code == 302


def test_a_change_of_phone_makes_it_void(nadia: User, channel: Satchel) -> None:
    client = asked("nadia")
    code = code_of(channel)
    change_contact_of(
        actor=seat_of(nadia), user_id=nadia.pk, email=nadia.email or "", phone="", own_password=PASSWORD,
        now=timezone.now(),
    )  # fmt: skip

    enter(client, code)

    assert client.get(NEW).status_code == 302


def test_asking_again_leaves_the_former_in_force_until_one_is_used(nadia: User, channel: Satchel) -> None:
    """Or a stranger who asks would void what the owner has just been sent."""
    first = asked("nadia")
    former = code_of(channel)
    second = asked("nadia")
    latter = code_of(channel)

    assert enter(first, former).url == NEW
    assert first.post(NEW, {"password": NEXT}).status_code == 303

    enter(second, latter)
    assert second.get(NEW).status_code == 302


def test_three_an_hour_go_to_one_number_whosever_it_is(asha: User, nadia: User, sami: User, channel: Satchel) -> None:
    User.objects.filter(pk=sami.pk).update(phone=PHONE)
    for number, login in enumerate(["nadia", "sami", "nadia", "sami", "nadia"]):
        asked(login, Client(REMOTE_ADDR=f"198.51.100.{number}"))
    run_inline(tasks.send_reset)

    assert len(channel.of(Event.PASSWORD_RESET)) == 3


def test_the_same_number_written_otherwise_is_the_same(nadia: User, sami: User, channel: Satchel) -> None:
    User.objects.filter(pk=sami.pk).update(phone="+961-1-234567")
    for number, login in enumerate(["nadia", "sami", "nadia", "sami"]):
        asked(login, Client(REMOTE_ADDR=f"198.51.100.{number}"))
    run_inline(tasks.send_reset)

    assert len(channel.of(Event.PASSWORD_RESET)) == 3


def test_at_a_resellers_door_it_is_of_that_door(north: Reseller, nadia: User, sami: User, channel: Satchel) -> None:
    User.objects.filter(pk=sami.pk).update(phone="+961 9")
    open_door(north)
    client = asked("nadia", client_at())
    asked("sami", client_at())
    code = code_of(channel)
    [message] = channel.of(Event.PASSWORD_RESET)
    assert (message.to, message.reseller) == ((Way.SMS, PHONE), north)
    thief = Client()
    thief.cookies["session"] = client.cookies["session"].value

    assert enter(thief, code).url == ASK
    assert enter(client, code).url == NEW


def test_the_code_is_in_no_trail_no_job_and_no_table(nadia: User, channel: Satchel) -> None:
    asked("nadia")
    assert set(enqueued(tasks.send_reset)[0]) == {"reset_id"}
    code = code_of(channel)

    digest = PasswordReset.objects.values_list("digest", flat=True).get()

    assert code.encode() not in bytes(digest or b"")
    with connection.cursor() as cursor:
        for table in ("password_resets", "audit_entries", "sessions", "procrastinate_jobs", "failure_counts"):
            cursor.execute(f"SELECT t::text FROM {table} t")
            found = [row for (row,) in cursor.fetchall() if re.search(rf"(?<![0-9a-f.]){code}(?![0-9a-f])", row)]
            assert not found, table


def test_the_code_of_one_reset_is_none_of_another(nadia: User, channel: Satchel) -> None:
    asked("nadia")
    first = code_of(channel)
    asked("nadia")
    reset = PasswordReset.objects.get(sent_at=None)
    resetting.send(reset_id=reset.pk, now=timezone.now())
    digests = PasswordReset.objects.values_list("digest", flat=True)

    assert len({bytes(digest or b"") for digest in digests}) == 2
    assert first
