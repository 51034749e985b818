"""How long a sign-in lasts."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Session, User
from accounts.time_outs import in_words
from audit.actions import Action
from audit.models import AuditEntry
from ispanel.models import PanelSettings
from tests.cast import PASSWORD, signed_in
from tests.pages import body

IDLE = "You were signed out after 2 hours without activity."


def sit_still(time: timedelta) -> None:
    """Let this time pass without a request."""
    for row in Session.objects.exclude(signed_in_at=None):
        assert row.signed_in_at is not None
        assert row.last_seen_at is not None
        row.signed_in_at -= time
        row.last_seen_at -= time
        row.save(update_fields=["signed_in_at", "last_seen_at"])


@pytest.fixture
def client(nadia: User) -> Client:
    return signed_in(nadia)


def test_two_hours_without_a_request_end_it_and_the_sign_in_page_says_so(client: Client) -> None:
    sit_still(timedelta(hours=2))

    page: Any = client.get("/subscribers/?q=x", follow=True)

    assert page.redirect_chain == [("/sign-in/?next=/subscribers/%3Fq%3Dx", 302)]
    assert IDLE in body(page)
    assert IDLE not in body(client.get("/sign-in/"))  # type: ignore[arg-type]


def test_a_request_within_two_hours_prolongs_it(client: Client) -> None:
    for _ in range(3):
        sit_still(timedelta(minutes=119))

        assert client.get("/account/").status_code == 200


@pytest.mark.parametrize("part", ["coa-requests", "wan-check", "import-state"])
def test_a_page_that_asks_by_itself_does_not_prolong_it(client: Client, part: str) -> None:
    sit_still(timedelta(minutes=119))
    assert client.get("/account/", headers={"HX-Request": "true", "HX-Target": part}).status_code == 200
    sit_still(timedelta(minutes=1))

    page: Any = client.get("/account/", follow=True)

    assert IDLE in body(page)


def test_half_a_day_after_signing_in_it_ends_however_busy(client: Client) -> None:
    for _ in range(6):
        sit_still(timedelta(minutes=118))
        assert client.get("/account/").status_code == 200
    sit_still(timedelta(minutes=12))

    page: Any = client.get("/account/", follow=True)

    assert "You were signed out 12 hours after you signed in." in body(page)


def test_what_is_posted_too_late_does_nothing(client: Client, nadia: User) -> None:
    sit_still(timedelta(hours=2))
    new = {"own_password": PASSWORD, "password": "another-long-one-42", "repeated": "another-long-one-42"}

    response: Any = client.post("/account/password/", new)

    assert (response.status_code, response.url) == (302, "/sign-in/?next=/")
    nadia.refresh_from_db()
    assert nadia.check_password(PASSWORD)


def test_a_fragment_sends_the_whole_page_to_the_sign_in_which_says_why(client: Client) -> None:
    sit_still(timedelta(hours=2))
    htmx = {
        "HTTP_HX_REQUEST": "true",
        "HTTP_HX_TARGET": "results",
        "HTTP_HX_CURRENT_URL": "http://testserver/plans/?q=x",
    }

    response = client.get("/plans/?q=xy", **htmx)  # type: ignore[arg-type]

    assert response["HX-Redirect"] == "/sign-in/?next=/plans/%3Fq%3Dx"
    assert response.content == b""
    assert IDLE in body(client.get(response["HX-Redirect"]))  # type: ignore[arg-type]


def test_a_fragment_for_another_site_leads_to_the_dashboard(db: None) -> None:
    htmx = {"HTTP_HX_REQUEST": "true", "HTTP_HX_CURRENT_URL": "http://evil.example/plans/"}

    response = Client().get("/plans/", **htmx)  # type: ignore[arg-type]

    assert response["HX-Redirect"] == "/sign-in/?next=/"


def test_a_shorter_time_acts_at_once(client: Client) -> None:
    sit_still(timedelta(minutes=30))

    PanelSettings.objects.update(idle_minutes=30)

    assert "after 30 minutes without activity" in body(client.get("/account/", follow=True))  # type: ignore[arg-type]


def test_a_longer_time_lasts_as_long(client: Client) -> None:
    PanelSettings.objects.update(idle_minutes=1440, absolute_hours=168)
    for _ in range(7):
        sit_still(timedelta(hours=23, minutes=50))
        assert client.get("/account/").status_code == 200

    sit_still(timedelta(hours=2))

    assert client.get("/account/").status_code == 302


def test_whoever_never_signed_in_is_told_nothing(db: None) -> None:
    page: Any = Client().get("/account/", follow=True)

    assert "signed out" not in body(page)


def test_whoever_signed_out_is_told_nothing(client: Client) -> None:
    client.post("/sign-out/")

    assert "signed out" not in body(client.get("/account/", follow=True))  # type: ignore[arg-type]


def test_after_a_time_out_one_signs_in_afresh(client: Client, nadia: User) -> None:
    before = client.cookies["session"].value
    sit_still(timedelta(hours=2))
    client.get("/account/", follow=True)

    client.post("/sign-in/", {"login": "nadia", "password": PASSWORD})

    assert client.cookies["session"].value not in ("", before)
    assert client.get("/account/").status_code == 200


def test_sign_ins_that_are_long_over_are_erased_at_the_next_one(client: Client, sami: User) -> None:
    sit_still(timedelta(hours=25, minutes=59))
    Client().post("/sign-in/", {"login": "sami", "password": PASSWORD})
    assert Session.objects.count() == 2

    sit_still(timedelta(minutes=1))
    Client().post("/sign-in/", {"login": "sami", "password": PASSWORD})

    assert {row.user for row in Session.objects.all()} == {sami}


def test_a_time_out_is_no_act_of_anybody(client: Client) -> None:
    sit_still(timedelta(hours=2))

    client.get("/account/")

    assert not AuditEntry.objects.filter(action=Action.SIGNED_OUT).exists()
    assert timezone.now() > AuditEntry.objects.latest("id").at


@pytest.mark.parametrize(
    ("minutes", "words"), [(5, "5 minutes"), (60, "1 hour"), (90, "90 minutes"), (1440, "24 hours")]
)
def test_times_in_words(minutes: int, words: str) -> None:
    assert in_words(timedelta(minutes=minutes)) == words
