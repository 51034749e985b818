"""The second step on its pages: asked for at sign-in, set up and turned off in the account, required where it is."""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from accounts import operations
from accounts.models import Session, TwoStep, User, UserType
from accounts.pending import SESSION_KEY as PENDING
from audit.actions import Action
from audit.models import AuditEntry
from ispanel.models import PanelSettings
from resellers.models import Reseller
from tests.cast import NOW, PASSWORD, seat_of, signed_in
from tests.pages import body, error_at, links_of, send
from tests.phone import STEP, Phone, begun, with_two_step

SIGN_IN, SECOND_STEP, DASHBOARD = "/sign-in/", "/sign-in/two-step/", "/"
TWO_STEP, OFF, CODES = "/account/two-step/", "/account/two-step/off/", "/account/two-step/codes/"
ACCOUNT = "/account/"


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Stop the time, at a moment at which sessions have not run out; returns the function that sets it."""

    def stop_at(moment: datetime) -> None:
        monkeypatch.setattr(timezone, "now", lambda: moment)

    stop_at(NOW)
    return stop_at


@pytest.fixture
def phone(nadia: User) -> Phone:
    """Return the app of Nadia, whose second step is on."""
    return with_two_step(nadia)


@pytest.fixture
def pending(phone: Phone) -> Client:
    """Return the browser in which Nadia has typed her password and is asked for the code."""
    return after_password()


def after_password(query: str = "", login: str = "nadia") -> Client:
    client = Client()
    response = client.post(SIGN_IN + query, {"login": login, "password": PASSWORD})
    assert (response.status_code, response.url) == (302, SECOND_STEP)
    return client


def typed(client: Client, code: str) -> HttpResponse:
    return client.post(SECOND_STEP, {"code": code})


def is_signed_in(client: Client) -> bool:
    return client.get(ACCOUNT).status_code == 200


# --- signing in -------------------------------------------------------------------------------------------------------


def test_the_password_alone_signs_nobody_in(pending: Client) -> None:
    assert not is_signed_in(pending)
    assert not AuditEntry.objects.filter(action=Action.SIGNED_IN).exists()
    assert not Session.objects.filter(user__isnull=False).exists()


@pytest.mark.parametrize("page", ["/", "/resellers/", "/account/", "/account/password/", TWO_STEP, OFF, "/audit/"])
def test_there_is_no_way_past_the_code(pending: Client, page: str) -> None:
    for answer in (pending.get(page), pending.post(page, {"own_password": PASSWORD})):
        assert answer.status_code == 302
        assert answer.url.startswith(SIGN_IN)


def test_the_right_code_signs_in(pending: Client, phone: Phone) -> None:
    response: Any = typed(pending, phone.code_at(NOW))

    assert (response.status_code, response.url) == (302, DASHBOARD)
    assert is_signed_in(pending)
    entry = AuditEntry.objects.latest("id")
    assert (entry.action, entry.actor_name) == (Action.SIGNED_IN, "nadia")
    assert PENDING not in pending.session


def test_it_leads_to_the_page_that_was_asked_for(phone: Phone) -> None:
    client = after_password("?next=/resellers/%3Fq%3Dx")

    response: Any = typed(client, phone.code_at(NOW))

    assert response.url == "/resellers/?q=x"


def test_the_session_is_another_one_after_each_step(phone: Phone) -> None:
    client = Client()
    client.cookies["session"] = "a" * 32
    client.post(SIGN_IN, {"login": "nadia", "password": PASSWORD})
    after_first = client.cookies["session"].value

    typed(client, phone.code_at(NOW))

    assert after_first != "a" * 32
    assert client.cookies["session"].value != after_first


def test_a_wrong_code_is_refused_and_another_may_be_tried(pending: Client, phone: Phone) -> None:
    response = typed(pending, phone.code_at(NOW + 9 * STEP))

    assert response.status_code == 422
    assert "This code is wrong" in error_at(response, "code")
    assert not is_signed_in(pending)
    typed(pending, phone.code_at(NOW))
    assert is_signed_in(pending)


def test_a_code_signs_in_once_only(pending: Client, phone: Phone) -> None:
    typed(pending, phone.code_at(NOW))
    elsewhere = after_password()

    assert typed(elsewhere, phone.code_at(NOW)).status_code == 422
    assert not is_signed_in(elsewhere)


def test_the_code_of_somebody_else_does_not(pending: Client, sami: User) -> None:
    others = with_two_step(sami)

    assert typed(pending, others.code_at(NOW)).status_code == 422
    assert typed(pending, others.recovery_codes[0]).status_code == 422


def test_a_recovery_code_does_once(pending: Client, phone: Phone) -> None:
    typed(pending, phone.recovery_codes[0])
    elsewhere = after_password()

    assert is_signed_in(pending)
    assert typed(elsewhere, phone.recovery_codes[0]).status_code == 422


def test_after_five_wrong_codes_the_sixth_has_to_wait(pending: Client, phone: Phone) -> None:
    for _number in range(5):
        typed(pending, "no-such-code")

    response = typed(pending, phone.code_at(NOW))

    assert "Too many attempts" in error_at(response, "code")
    assert not is_signed_in(pending)


def test_the_code_has_to_come_within_five_minutes(pending: Client, phone: Phone, clock: Any) -> None:
    clock(NOW + timedelta(minutes=5))

    response: Any = typed(pending, phone.code_at(NOW + timedelta(minutes=5)))

    assert (response.status_code, response.url) == (302, SIGN_IN)
    assert "Please sign in again" in body(pending.get(SIGN_IN))
    assert not is_signed_in(pending)


def new_password(nadia: User) -> None:
    nadia.set_password("another-garden-in-october")
    nadia.save(update_fields=["password"])


def removed(nadia: User) -> None:
    User.objects.filter(pk=nadia.pk).update(is_active=False)


def reset(nadia: User) -> None:
    TwoStep.objects.filter(user=nadia).delete()


@pytest.mark.parametrize("change", [new_password, removed, reset])
def test_what_changes_meanwhile_leads_back_to_the_start(
    pending: Client, phone: Phone, nadia: User, change: Any
) -> None:
    change(nadia)

    response: Any = typed(pending, phone.code_at(NOW))

    assert (response.status_code, response.url) == (302, SIGN_IN)
    assert not is_signed_in(pending)


def test_allowed_ips_are_checked_at_the_second_step_too(pending: Client, phone: Phone, north: Reseller) -> None:
    Reseller.objects.filter(pk=north.pk).update(allowed_ips="198.51.100.7")

    response = typed(pending, phone.code_at(NOW))

    assert response.status_code == 403
    assert "Access denied from this IP address" in body(response)
    Reseller.objects.filter(pk=north.pk).update(allowed_ips="")
    typed(pending, phone.code_at(NOW))
    assert is_signed_in(pending)


def test_who_has_no_second_step_is_not_asked(sami: User, phone: Phone) -> None:
    client = Client()

    response: Any = client.post(SIGN_IN, {"login": "sami", "password": PASSWORD})

    assert response.url == DASHBOARD
    assert is_signed_in(client)


def test_one_that_was_only_begun_is_not_asked_for(sami: User) -> None:
    begun(sami)
    client = Client()

    client.post(SIGN_IN, {"login": "sami", "password": PASSWORD})

    assert is_signed_in(client)


def test_the_page_is_for_whom_the_password_is_asked_of_first(phone: Phone, nadia: User) -> None:
    for client in (Client(), signed_in(nadia)):
        response: Any = client.get(SECOND_STEP)
        assert (response.status_code, response.url) == (302, SIGN_IN)


def test_it_asks_for_what_a_phone_can_fill_in(pending: Client) -> None:
    page = pending.get(SECOND_STEP)

    field = re.search(r'<input[^>]*name="code"[^>]*>', page.content.decode())
    assert field
    assert 'autocomplete="one-time-code"' in field[0]
    assert 'inputmode="numeric"' in field[0]
    assert f"{SECOND_STEP}?recovery=1" in links_of(page)
    assert any(link.startswith(SIGN_IN + "?next=") for link in links_of(page))
    letters = pending.get(SECOND_STEP + "?recovery=1").content.decode()
    assert 'inputmode="text"' in letters


def test_neither_page_is_kept(pending: Client, sami: User) -> None:
    assert pending.get(SECOND_STEP)["Cache-Control"] == "no-store"
    assert begun_in_browser(signed_in(sami))["Cache-Control"] == "no-store"


# --- setting it up ----------------------------------------------------------------------------------------------------


def begun_in_browser(client: Client) -> HttpResponse:
    """Type the password to set it up, and return the page with the QR code."""
    assert client.post(TWO_STEP, {"own_password": PASSWORD}).status_code == 303
    return client.get(TWO_STEP)


def secret_on(page: HttpResponse) -> str:
    found = re.search(r'data-copy="([A-Z2-7]{32})"', page.content.decode())
    assert found
    return found[1]


def test_from_the_card_to_the_codes(sami: User) -> None:
    client = signed_in(sami)
    assert TWO_STEP in links_of(client.get(ACCOUNT))
    page = begun_in_browser(client)
    phone = Phone(secret_on(page))
    assert " ".join(re.findall("....", phone.secret)) in body(page)
    assert '<svg viewBox="0 0' in page.content.decode()

    codes = client.post(TWO_STEP, {"code": phone.code_at(NOW)})

    shown = re.findall(r"\b[2-9a-z]{5}(?:-[2-9a-z]{5}){4}\b", codes.content.decode())
    assert (codes.status_code, len(set(shown))) == (200, 10)
    assert operations.has_two_step(sami)
    operations.check_code(actor=seat_of(sami), code=shown[0], now=NOW)


def test_afterwards_neither_secret_nor_codes_are_on_any_page(sami: User, caplog: pytest.LogCaptureFixture) -> None:
    client = signed_in(sami)
    phone = Phone(secret_on(begun_in_browser(client)))
    codes = client.post(TWO_STEP, {"code": phone.code_at(NOW)}).content.decode()
    phone.recovery_codes = re.findall(r"\b[2-9a-z]{5}(?:-[2-9a-z]{5}){4}\b", codes)

    pages = [client.get(page).content.decode() for page in (TWO_STEP, OFF, CODES, ACCOUNT, "/audit/")]

    session = str(dict(client.session))
    rows = [str(vars(row)) for row in AuditEntry.objects.all()]
    for text in (*pages, session, *rows, caplog.text):
        assert not any(secret in text for secret in (phone.secret, *phone.recovery_codes))


def test_a_wrong_code_asks_again_for_the_same_secret(sami: User) -> None:
    client = signed_in(sami)
    phone = Phone(secret_on(begun_in_browser(client)))

    response = client.post(TWO_STEP, {"code": "000000"})

    assert response.status_code == 422
    assert "This code is wrong" in error_at(response, "code")
    assert secret_on(response) == phone.secret
    assert not operations.has_two_step(sami)


def test_it_takes_the_password_to_see_a_secret(sami: User) -> None:
    client = signed_in(sami)

    response = client.post(TWO_STEP, {"own_password": "not-the-password"})

    assert response.status_code == 422
    assert "not your password" in error_at(response, "own_password")
    assert not TwoStep.objects.exists()


def test_the_secret_is_shown_to_no_other_sign_in_and_not_for_ever(sami: User, clock: Any) -> None:
    client = signed_in(sami)
    begun_in_browser(client)

    assert "<svg viewBox" not in signed_in(sami).get(TWO_STEP).content.decode()
    clock(NOW + timedelta(minutes=15))
    assert "Your password" in body(client.get(TWO_STEP))


def test_the_other_sign_ins_end_and_this_one_goes_on(sami: User) -> None:
    here, elsewhere = signed_in(sami), signed_in(sami)
    phone = Phone(secret_on(begun_in_browser(here)))

    here.post(TWO_STEP, {"code": phone.code_at(NOW)})

    assert is_signed_in(here)
    assert not is_signed_in(elsewhere)


# --- new codes, turning it off ----------------------------------------------------------------------------------------


def test_new_codes_are_shown_once(nadia: User, phone: Phone) -> None:
    client = signed_in(nadia)
    assert "10 recovery codes are left" in body(client.get(TWO_STEP))

    response = send(client, CODES, own_password=PASSWORD)

    shown = re.findall(r"\b[2-9a-z]{5}(?:-[2-9a-z]{5}){4}\b", response.content.decode())
    assert len(set(shown) - set(phone.recovery_codes)) == 10
    assert not any(code in client.get(CODES).content.decode() for code in shown)


def test_it_is_turned_off(nadia: User, phone: Phone) -> None:
    client, elsewhere = signed_in(nadia), signed_in(nadia)

    response = send(client, OFF, own_password=PASSWORD)

    assert (response.status_code, response.url) == (303, TWO_STEP)
    assert not operations.has_two_step(nadia)
    assert is_signed_in(client)
    assert not is_signed_in(elsewhere)


@pytest.mark.parametrize("page", [OFF, CODES])
def test_both_ask_for_the_password(nadia: User, phone: Phone, page: str) -> None:
    response = send(signed_in(nadia), page, own_password="not-the-password")

    assert response.status_code == 422
    assert "not your password" in error_at(response, "own_password")
    assert operations.has_two_step(nadia)


@pytest.mark.parametrize("page", [OFF, CODES])
def test_both_lead_whom_has_none_to_set_it_up(sami: User, page: str) -> None:
    response: Any = signed_in(sami).get(page)

    assert response.url == TWO_STEP


@pytest.mark.parametrize("page", [TWO_STEP, OFF, CODES])
@pytest.mark.parametrize("method", ["get", "post"])
def test_all_of_it_is_out_of_reach_of_a_borrowed_seat(asha: User, nadia: User, page: str, method: str) -> None:
    client = signed_in(asha)
    send(client, f"/resellers/{nadia.reseller_id}/seats/", reason="a look")

    assert getattr(client, method)(page, {"own_password": PASSWORD}).status_code == 403
    assert not TwoStep.objects.exists()


# --- required ---------------------------------------------------------------------------------------------------------


def require_it_of(*user_types: int) -> None:
    PanelSettings.objects.update(two_step_for=list(user_types))


def test_who_needs_one_reaches_nothing_before_it_is_set_up(nadia: User) -> None:
    require_it_of(UserType.RESELLER)
    client = signed_in(nadia)

    for page in ("/", "/resellers/", "/account/", OFF, CODES, "/subscribers/new"):
        for answer in (client.get(page), client.post(page)):
            assert (answer.status_code, answer.url) == (302, TWO_STEP), page

    assert "is required for your kind of login" in body(client.get(TWO_STEP))
    assert client.get("/account/password/").status_code == 200
    phone = Phone(secret_on(begun_in_browser(client)))
    client.post(TWO_STEP, {"code": phone.code_at(NOW)})
    assert client.get("/").status_code == 200


def test_they_may_sign_out(nadia: User) -> None:
    require_it_of(UserType.RESELLER)
    client = signed_in(nadia)

    assert client.post("/sign-out/").url == SIGN_IN
    assert not is_signed_in(client)


def test_a_password_that_has_to_be_changed_comes_first(nadia: User) -> None:
    require_it_of(UserType.RESELLER)
    User.objects.filter(pk=nadia.pk).update(must_change_password=True)
    client = signed_in(nadia)

    for page in ("/", TWO_STEP):
        assert client.get(page).url == "/account/password/"

    changed = {"own_password": PASSWORD, "password": "a-garden-in-october", "repeated": "a-garden-in-october"}
    client.post("/account/password/", changed)
    assert client.get("/").url == TWO_STEP


def test_it_is_asked_of_that_kind_of_login_alone(asha: User, nadia: User, petra: User) -> None:
    require_it_of(UserType.ADMIN)

    assert signed_in(nadia).get("/").status_code == 200
    assert signed_in(petra).get(ACCOUNT).status_code == 200
    assert signed_in(asha).get("/").url == TWO_STEP


def test_in_a_borrowed_seat_only_the_persons_own_counts(asha: User, nadia: User) -> None:
    client = signed_in(asha)
    send(client, f"/resellers/{nadia.reseller_id}/seats/", reason="a look")

    require_it_of(UserType.RESELLER)
    assert client.get("/").status_code == 200

    require_it_of(UserType.ADMIN)
    assert client.get("/").url == TWO_STEP
    assert client.get(TWO_STEP).status_code == 200


def test_it_cannot_be_turned_off_while_it_is_required(nadia: User, phone: Phone) -> None:
    require_it_of(UserType.RESELLER)
    client = signed_in(nadia)
    assert OFF not in links_of(client.get(TWO_STEP))

    response = client.post(OFF, {"own_password": PASSWORD})

    assert response.status_code == 422
    assert "is required for your kind of login" in body(response)
    assert operations.has_two_step(nadia)
