"""Where one is signed in, and ending that."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import SESSION_KEY
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.browsers import browser_in_words
from accounts.models import Session, User
from accounts.sessions import digest_of
from audit.actions import Action
from audit.models import AuditEntry
from resellers.models import Reseller
from tests.cast import PASSWORD, signed_in
from tests.pages import body, links_of, rows_of

PAGE = "/account/sign-ins/"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
WEBKIT = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
CHROME = f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/140.0.0.0 Safari/537.36"
EDGE = CHROME + " Edg/140.0.0.0"
IPHONE = f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) {WEBKIT} Version/18.5 Mobile/15E148 Safari/604.1"
MAC = f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {WEBKIT} Version/18.5 Safari/605.1.15"
ANDROID = "Mozilla/5.0 (Android 15; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0"


def sign_in(login: str, *, at: str = "203.0.113.9", browser: str = FIREFOX) -> Client:
    client = Client(REMOTE_ADDR=at, HTTP_USER_AGENT=browser)
    assert client.post("/sign-in/", {"login": login, "password": PASSWORD}).status_code == 302
    return client


def row_of(client: Client) -> Session:
    return Session.objects.get(session_key=digest_of(client.cookies["session"].value))


def is_in(client: Client) -> bool:
    return client.get("/account/").status_code == 200


def end(client: Client, sign_in: Session) -> Any:
    return client.post(f"{PAGE}{sign_in.public_id}/end/")


@pytest.fixture
def laptop(nadia: User) -> Client:
    return sign_in("nadia")


@pytest.fixture
def phone(nadia: User) -> Client:
    return sign_in("nadia", at="2001:db8::7", browser=IPHONE)


def test_a_sign_in_is_noted_with_time_address_and_browser(nadia: User) -> None:
    before = timezone.now()

    row = row_of(sign_in("nadia"))

    assert (row.user, row.address, row.user_agent) == (nadia, "203.0.113.9", FIREFOX)
    assert row.signed_in_at is not None
    assert before <= row.signed_in_at <= timezone.now()
    assert row.last_seen_at == row.signed_in_at


def test_the_cookie_is_not_in_the_table_and_goes_with_the_browser(laptop: Client) -> None:
    cookie = laptop.cookies["session"]

    assert not Session.objects.filter(session_key=cookie.value).exists()
    assert cookie["max-age"] == ""
    assert cookie["httponly"]


def test_the_page_lists_ones_own_sign_ins_this_one_first(laptop: Client, phone: Client, sami: User) -> None:
    sign_in("sami", at="192.0.2.1")

    page: Any = laptop.get(PAGE)

    rows = rows_of(page)
    assert [row[:2] for row in rows] == [
        ["Firefox on Linux This one", "203.0.113.9"],
        ["Safari on iPhone", "2001:db8::7"],
    ]
    assert [row[4] for row in rows] == ["", "End : Safari on iPhone, 2001:db8::7"]


def test_ending_one_signs_that_one_out_and_is_audited(laptop: Client, phone: Client, nadia: User) -> None:
    response = end(laptop, row_of(phone))

    assert (response.status_code, response.url) == (303, PAGE)
    assert not is_in(phone)
    assert is_in(laptop)
    entry = AuditEntry.objects.latest("id")
    assert (entry.action, entry.actor_name, entry.detail) == (
        Action.SIGN_INS_ENDED,
        "nadia",
        "Safari on iPhone, 2001:db8::7",
    )
    assert entry.reseller_id == nadia.reseller_id


def test_whoever_was_signed_out_is_told_so(laptop: Client, phone: Client) -> None:
    end(laptop, row_of(phone))

    assert "You were signed out. Sign in again." in body(phone.get("/account/", follow=True))  # type: ignore[arg-type]


def test_ending_the_others_leaves_this_one(laptop: Client, phone: Client, nadia: User, sami: User) -> None:
    tablet, other = sign_in("nadia"), sign_in("sami")

    response: Any = laptop.post(f"{PAGE}end-others/", follow=True)

    assert "2 other sign-ins are ended." in body(response)
    assert (is_in(laptop), is_in(phone), is_in(tablet), is_in(other)) == (True, False, False, True)
    entry = AuditEntry.objects.filter(actor_id=nadia.pk).latest("id")
    assert (entry.action, entry.detail) == (Action.SIGN_INS_ENDED, "2 sign-ins")


def test_without_others_nothing_is_ended_nor_audited(laptop: Client) -> None:
    before = AuditEntry.objects.count()

    assert laptop.post(f"{PAGE}end-others/").status_code == 303

    assert AuditEntry.objects.count() == before
    assert "End all others" not in body(laptop.get(PAGE))  # type: ignore[arg-type]


def test_the_sign_in_of_somebody_else_does_not_exist(laptop: Client, sami: User, asha: User) -> None:
    for stranger in (sign_in("sami"), sign_in("asha")):
        assert end(laptop, row_of(stranger)).status_code == 404
        assert is_in(stranger)
    assert laptop.post(f"{PAGE}{uuid.uuid4()}/end/").status_code == 404


def test_sign_ins_that_timed_out_are_not_listed(laptop: Client, phone: Client) -> None:
    Session.objects.filter(pk=row_of(phone).pk).update(last_seen_at=timezone.now() - timedelta(minutes=120))

    assert len(rows_of(laptop.get(PAGE))) == 1  # type: ignore[arg-type]


def test_from_a_borrowed_seat_it_is_out_of_reach(asha: User, north: Reseller) -> None:
    client = signed_in(asha)
    client.post(f"/resellers/{north.pk}/seats/", {"reason": "to see"})

    assert client.get(PAGE).status_code == 403
    assert client.post(f"{PAGE}end-others/").status_code == 403


def test_a_password_change_ends_the_others_on_the_list_too(laptop: Client, phone: Client, nadia: User) -> None:
    new = {"own_password": PASSWORD, "password": "another-long-one-42", "repeated": "another-long-one-42"}
    signed_in_at = row_of(laptop).signed_in_at

    assert laptop.post("/account/password/", new).status_code == 303

    assert [row.pk for row in nadia.sign_ins.all()] == [row_of(laptop).pk]
    assert row_of(laptop).signed_in_at == signed_in_at
    assert is_in(laptop)
    assert not is_in(phone)


def test_the_links_lead_here_and_to_the_trail_of_those_who_may_see_it(laptop: Client, petra: User) -> None:
    trail = "/audit/?actor=nadia&action=sign_in.succeeded"

    assert PAGE in links_of(laptop.get("/account/"))  # type: ignore[arg-type]
    assert trail in links_of(laptop.get(PAGE))  # type: ignore[arg-type]
    assert "Signed in" in body(laptop.get(trail))  # type: ignore[arg-type]
    assert "/audit/" not in str(links_of(signed_in(petra).get(PAGE)))  # type: ignore[arg-type]


def test_it_takes_the_same_queries_however_many_there_are(
    laptop: Client, nadia: User, django_assert_max_num_queries: Any
) -> None:
    for _ in range(12):
        sign_in("nadia")

    with django_assert_max_num_queries(10):
        laptop.get(PAGE)


def test_last_seen_and_address_are_noted_once_a_minute(laptop: Client, django_assert_num_queries: Any) -> None:
    laptop.get("/account/")
    before = row_of(laptop).last_seen_at
    assert before is not None
    with CaptureQueriesContext(connection) as quiet:
        laptop.get("/account/", REMOTE_ADDR="192.0.2.77")
    assert (row_of(laptop).last_seen_at, row_of(laptop).address) == (before, "203.0.113.9")
    Session.objects.update(last_seen_at=before - timedelta(minutes=1))

    with django_assert_num_queries(len(quiet) + 1):
        laptop.get("/account/", REMOTE_ADDR="192.0.2.77")

    row = row_of(laptop)
    assert row.last_seen_at is not None
    assert row.last_seen_at > before
    assert row.address == "192.0.2.77"


def test_a_session_of_nobody_is_no_sign_in(db: None) -> None:
    client = Client()
    session = client.session
    session["colour"] = "green"
    session.save()

    row = Session.objects.get()
    assert (row.user, row.signed_in_at, SESSION_KEY in session) == (None, None, False)


@pytest.mark.parametrize(
    ("user_agent", "words"),
    [
        (FIREFOX, "Firefox on Linux"),
        (CHROME, "Chrome on Windows"),
        (EDGE, "Edge on Windows"),
        (IPHONE, "Safari on iPhone"),
        (MAC, "Safari on macOS"),
        (ANDROID, "Firefox on Android"),
        ("curl/8.14.1", "curl"),
        ("", "Unknown browser"),
        ("<script>alert(1)</script>", "Unknown browser"),
    ],
)
def test_a_browser_in_words(user_agent: str, words: str) -> None:
    assert browser_in_words(user_agent) == words
