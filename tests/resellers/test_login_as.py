"""Logging in as a reseller, and coming back."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.middleware import SESSION_KEY
from accounts.models import PermissionGroup, User
from audit.actions import Action
from audit.models import AuditEntry, Grade
from resellers.models import Reseller
from tests.cast import fund, group, make_reseller, make_staff, signed_in
from tests.pages import body, counts, error_at, filled, links_of, send

LEAVE = "/seat/leave/"


def seats_of(reseller: Reseller) -> str:
    return f"/resellers/{reseller.pk}/seats/"


def entered(user: User, reseller: Reseller) -> Client:
    """Return a client of the person, in the reseller's panel."""
    client = signed_in(user)
    assert send(client, seats_of(reseller), reason="to look after a complaint").status_code == 303
    return client


def after(client: Client, minutes: int) -> None:
    """Let so much time pass for the seat."""
    session = client.session
    ends_at = datetime.fromisoformat(session[SESSION_KEY]["ends_at"]) - timedelta(minutes=minutes)
    session[SESSION_KEY] = session[SESSION_KEY] | {"ends_at": ends_at.isoformat()}
    session.save()


def name_in_seat(client: Client) -> str:
    """Return whose panel the client's next page is in."""
    response: Any = client.get("/resellers/")
    return response.context["seat"].user.username if response.status_code == 200 else ""


# --- in and out -------------------------------------------------------------------------------------------------------


def test_an_admin_enters_a_resellers_panel(asha: User, north: Reseller, northeast: Reseller, south: Reseller) -> None:
    client = entered(asha, north)

    page = body(client.get("/resellers/"))
    assert "Northeast Net" in page
    assert "South Net" not in page
    assert "Signed in as North Net ." in page
    assert "60 min left" in page
    assert "Back to admin" in page


def test_the_banner_is_on_every_page(asha: User, north: Reseller, northeast: Reseller) -> None:
    client = entered(asha, north)

    for url in (
        "/resellers/",
        "/resellers/new",
        f"/resellers/{northeast.pk}/",
        f"/resellers/{northeast.pk}/transfers/",
    ):
        page: Any = client.get(url)
        assert 'class="as-user"' in page.content.decode(), url
        assert LEAVE in links_of(page)
    assert 'class="as-user"' not in signed_in(asha).get("/resellers/").content.decode()


def test_one_click_leads_back(asha: User, north: Reseller) -> None:
    client = entered(asha, north)

    response = client.post(LEAVE)

    assert (response.status_code, response.url) == (303, f"/resellers/{north.pk}/")
    assert "You are back from the panel of North Net." in body(client.get("/resellers/"))
    assert name_in_seat(client) == "asha"


def test_it_works_straight_after_create(asha: User) -> None:
    west = make_reseller(asha, "wael", "West Net", must_change_password=True, permission_group=group("SALES"))

    client = entered(asha, west)

    assert name_in_seat(client) == "wael"


@pytest.mark.parametrize("reason", ["", "   "])
def test_a_reason_is_required(asha: User, north: Reseller, reason: str) -> None:
    client = signed_in(asha)
    before = counts()

    response = send(client, seats_of(north), reason=reason)

    assert response.status_code == 422
    assert error_at(response, "reason") == "This field is required."
    assert counts() == before
    assert name_in_seat(client) == "asha"


def test_a_look_at_the_dialog_takes_no_seat(asha: User, north: Reseller) -> None:
    client = signed_in(asha)

    client.get(seats_of(north))

    assert name_in_seat(client) == "asha"


# --- the trail --------------------------------------------------------------------------------------------------------


def test_the_trail_says_who_why_and_where_before_the_switch(asha: User, north: Reseller) -> None:
    entered(asha, north)

    entry = AuditEntry.objects.latest("id")
    assert (entry.action, entry.grade, entry.actor_name) == (Action.SEAT_ENTERED, Grade.SECURITY, "asha")
    assert (entry.object_name, entry.reseller_id, entry.detail) == ("nadia", north.pk, "to look after a complaint")
    assert entry.on_behalf_of_name == ""


def test_without_the_trail_there_is_no_switch(asha: User, north: Reseller, monkeypatch: pytest.MonkeyPatch) -> None:
    client = signed_in(asha)
    client.raise_request_exception = False
    contents = filled(client.get(seats_of(north)), reason="to help")
    with monkeypatch.context() as patch:
        patch.setattr("audit.models.AuditEntry.save_base", lambda *_args, **_kwargs: 1 / 0)
        assert client.post(seats_of(north), contents).status_code == 500

    assert SESSION_KEY not in client.session


def test_both_names_stand_on_every_row_in_between(asha: User, north: Reseller, northeast: Reseller) -> None:
    fund(north.wallet, "100", actor=asha)
    client = entered(asha, north)
    start = AuditEntry.objects.latest("id").pk

    send(client, f"/resellers/{northeast.pk}/transfers/", amount="10")
    send(client, f"/resellers/{northeast.pk}/edit/", company_name="Renamed")
    client.get("/settings/")
    client.post(LEAVE)
    send(client, f"/resellers/{northeast.pk}/edit/", company_name="Renamed again")

    rows = AuditEntry.objects.filter(pk__gt=start).order_by("pk")
    assert list(rows.values_list("action", "actor_name", "on_behalf_of_name")) == [
        (Action.FUNDS_TRANSFERRED, "asha", "nadia"),
        (Action.RESELLER_EDITED, "asha", "nadia"),
        (Action.REFUSED, "asha", "nadia"),
        (Action.SEAT_LEFT, "asha", "nadia"),
        (Action.RESELLER_EDITED, "asha", ""),
    ]


def test_the_reseller_can_read_who_was_in_its_panel(asha: User, nadia: User, north: Reseller) -> None:
    entered(asha, north)

    assert AuditEntry.objects.filter(reseller_id=north.pk, action=Action.SEAT_ENTERED).exists()


# --- after 60 minutes -------------------------------------------------------------------------------------------------


def test_it_lasts_for_sixty_minutes(asha: User, north: Reseller) -> None:
    client = entered(asha, north)

    after(client, 59)

    assert name_in_seat(client) == "nadia"
    assert "1 min left" in body(client.get("/resellers/"))


def test_the_request_that_finds_it_ended_leads_back(asha: User, north: Reseller) -> None:
    client = entered(asha, north)
    after(client, 60)

    response = client.get("/resellers/")

    assert (response.status_code, SESSION_KEY in client.session) == (302, False)
    assert "The 60 minutes in the other panel are over. You are back in your own." in body(client.get("/resellers/"))
    assert name_in_seat(client) == "asha"


def test_a_form_sent_after_the_end_does_nothing(asha: User, north: Reseller, northeast: Reseller) -> None:
    fund(north.wallet, "100", actor=asha)
    client = entered(asha, north)
    url = f"/resellers/{northeast.pk}/transfers/"
    contents = filled(client.get(url), amount="10")
    after(client, 60)
    before = counts()

    response = client.post(url, contents)

    assert response.status_code == 302
    assert counts() == before


def test_the_clock_of_the_server_counts(asha: User, north: Reseller, monkeypatch: pytest.MonkeyPatch) -> None:
    client = entered(asha, north)
    later = timezone.now() + timedelta(minutes=60, seconds=1)
    monkeypatch.setattr("django.utils.timezone.now", lambda: later)

    assert client.post(f"/resellers/{north.pk}/transfers/", {"amount": "5"}).status_code == 302
    assert SESSION_KEY not in client.session


# --- stale forms ------------------------------------------------------------------------------------------------------


def token_of(client: Client, url: str) -> str:
    response: Any = client.get(url)
    return str(response.context["csrf_token"])


def checking(user: User) -> Client:
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    return client


def test_a_form_without_its_token_is_refused(asha: User, north: Reseller) -> None:
    client = checking(asha)

    response = client.post(seats_of(north), {"reason": "to help"})

    assert response.status_code == 403
    assert "This form is out of date" in body(response)
    assert not AuditEntry.objects.filter(action=Action.SEAT_ENTERED).exists()


def test_a_form_of_before_the_switch_is_refused_after_it(asha: User, north: Reseller, northeast: Reseller) -> None:
    fund(north.wallet, "100", actor=asha)
    client = checking(asha)
    url = f"/resellers/{northeast.pk}/transfers/"
    contents = filled(client.get(url), amount="10") | {"csrfmiddlewaretoken": token_of(client, url)}
    client.post(seats_of(north), {"reason": "to help", "csrfmiddlewaretoken": token_of(client, seats_of(north))})
    before = counts()

    response = client.post(url, contents)

    assert response.status_code == 403
    assert counts() == before
    contents["csrfmiddlewaretoken"] = token_of(client, url)
    assert client.post(url, contents).status_code == 303


def test_a_form_of_the_other_panel_is_refused_after_coming_back(
    asha: User, north: Reseller, northeast: Reseller
) -> None:
    fund(north.wallet, "100", actor=asha)
    client = checking(asha)
    client.post(seats_of(north), {"reason": "to help", "csrfmiddlewaretoken": token_of(client, seats_of(north))})
    url = f"/resellers/{northeast.pk}/transfers/"
    contents = filled(client.get(url), amount="10") | {"csrfmiddlewaretoken": token_of(client, url)}
    client.post(LEAVE, {"csrfmiddlewaretoken": contents["csrfmiddlewaretoken"]})
    before = counts()

    assert client.post(url, contents).status_code == 403
    assert counts() == before


def test_a_form_of_the_other_panel_is_refused_after_the_time_is_over(
    asha: User, north: Reseller, northeast: Reseller
) -> None:
    fund(north.wallet, "100", actor=asha)
    client = checking(asha)
    client.post(seats_of(north), {"reason": "to help", "csrfmiddlewaretoken": token_of(client, seats_of(north))})
    url = f"/resellers/{northeast.pk}/transfers/"
    contents = filled(client.get(url), amount="10") | {"csrfmiddlewaretoken": token_of(client, url)}
    after(client, 60)
    before = counts()

    answers = [client.post(url, contents).status_code for _ in range(2)]

    assert answers == [302, 403]
    assert counts() == before


# --- out of reach -----------------------------------------------------------------------------------------------------


def test_it_cannot_be_chained(asha: User, north: Reseller, northeast: Reseller) -> None:
    client = entered(asha, north)

    response = client.post(seats_of(northeast), {"reason": "further"})

    assert response.status_code == 403
    assert name_in_seat(client) == "nadia"
    assert seats_of(northeast) not in links_of(client.get("/resellers/"))


@pytest.mark.parametrize("method", ["get", "post"])
def test_passwords_and_the_account_are_out_of_reach(
    asha: User, north: Reseller, northeast: Reseller, method: str
) -> None:
    client = entered(asha, north)
    password = User.objects.get(pk=asha.pk).password

    for url in ("/account/", "/account/password/", f"/resellers/{northeast.pk}/initial-password/"):
        response = getattr(client, method)(url, {})
        assert response.status_code == 403, url
        assert "This is out of reach while you are logged in as somebody else." in body(response)
    assert User.objects.get(pk=asha.pk).password == password


def test_an_admins_rights_stay_behind(asha: User, north: Reseller, south: Reseller) -> None:
    client = entered(asha, north)

    assert client.get("/settings/").status_code == 403
    assert client.get(f"/resellers/{south.pk}/").status_code == 404
    assert "starting_balance" not in client.get("/resellers/new").context["form"].fields


def test_the_targets_forced_password_change_does_not_apply(asha: User) -> None:
    west = make_reseller(asha, "wael", "West Net", must_change_password=True)

    client = entered(asha, west)

    assert client.get("/resellers/").status_code == 200
    west.user.refresh_from_db()
    assert west.user.must_change_password


def test_signing_out_ends_it(asha: User, north: Reseller) -> None:
    client = entered(asha, north)

    client.post("/sign-out/")

    assert SESSION_KEY not in client.session
    entry = AuditEntry.objects.latest("id")
    assert (entry.action, entry.actor_name, entry.on_behalf_of_name) == (Action.SIGNED_OUT, "asha", "nadia")


# --- a reseller in the panel of its sub -------------------------------------------------------------------------------


def test_a_reseller_enters_its_sub(nadia: User, northeast: Reseller) -> None:
    client = entered(nadia, northeast)

    assert name_in_seat(client) == "noora"
    assert "Back to your own panel" in body(client.get("/resellers/"))


def test_it_has_only_the_rights_that_both_have(asha: User, nadia: User, north: Reseller, northeast: Reseller) -> None:
    north.permission_group = PermissionGroup.objects.create(
        name="Visitors", codes=["resellers.view", "resellers.login_as", "transactions.view"]
    )
    north.save(update_fields=["permission_group"])

    client = entered(nadia, northeast)

    response: Any = client.get("/resellers/")
    assert response.context["seat"].rights == {"resellers.view", "resellers.login_as", "transactions.view"}
    assert client.get("/resellers/new").status_code == 403


def test_it_loses_the_seat_with_the_right(asha: User, nadia: User, north: Reseller, northeast: Reseller) -> None:
    client = entered(nadia, northeast)
    north.permission_group = group("PARTNER")
    north.save(update_fields=["permission_group"])
    before = counts()

    response = client.post(f"/resellers/{northeast.pk}/edit/", {"company_name": "Mine"})

    assert response.status_code == 302
    assert counts() == before
    assert name_in_seat(client) == "nadia"


def test_it_loses_the_seat_with_the_sub(nadia: User, south: Reseller, northeast: Reseller) -> None:
    client = entered(nadia, northeast)

    northeast.parent = south
    northeast.save(update_fields=["parent"])

    assert client.get("/resellers/").status_code == 302
    assert name_in_seat(client) == "nadia"


def test_who_loses_the_seat_early_is_not_told_of_sixty_minutes(
    nadia: User, north: Reseller, northeast: Reseller
) -> None:
    client = entered(nadia, northeast)
    north.permission_group = group("PARTNER")
    north.save(update_fields=["permission_group"])

    client.get("/resellers/")

    page = body(client.get("/resellers/"))
    assert "60 minutes" not in page
    assert "You are back in your own." in page


def test_staff_enter_only_with_the_right(asha: User, north: Reseller, northeast: Reseller) -> None:
    with_right = make_staff(asha, north, "sales.clerk", group("SALES"))
    without = make_staff(asha, north, "support.clerk", group("SUPPORT"))

    assert name_in_seat(entered(with_right, northeast)) == "noora"
    assert signed_in(without).post(seats_of(northeast), {"reason": "x"}).status_code == 403


@pytest.mark.parametrize("name", ["PARTNER", "SUPPORT"])
def test_staff_who_only_look_or_help_cannot_enter_a_sub(
    asha: User, north: Reseller, northeast: Reseller, name: str
) -> None:
    client = signed_in(make_staff(asha, north, "clerk", group(name)))

    response = client.post(seats_of(northeast), {"reason": "to look around"})

    assert response.status_code in (403, 404)
    assert SESSION_KEY not in client.session
    assert not AuditEntry.objects.filter(action=Action.SEAT_ENTERED).exists()
    assert seats_of(northeast) not in links_of(client.get("/resellers/"))


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_partner_who_sees_every_reseller_enters_none(noor: User, north: Reseller, method: str) -> None:
    client = signed_in(noor)

    assert client.get(f"/resellers/{north.pk}/").status_code == 200
    assert getattr(client, method)(seats_of(north), {"reason": "to look around"}).status_code == 403
    assert SESSION_KEY not in client.session


@pytest.mark.parametrize("method", ["get", "post"])
def test_south_cannot(sami: User, north: Reseller, northeast: Reseller, method: str) -> None:
    client = signed_in(sami)

    for reseller in (north, northeast):
        assert getattr(client, method)(seats_of(reseller), {"reason": "x"}).status_code == 404
    assert SESSION_KEY not in client.session


def test_a_reseller_does_not_enter_itself(nadia: User, north: Reseller) -> None:
    assert signed_in(nadia).post(seats_of(north), {"reason": "x"}).status_code == 403


def test_a_forged_session_entry_of_another_login_gives_no_seat(sami: User, nadia: User) -> None:
    client = signed_in(sami)
    session = client.session
    session[SESSION_KEY] = {"user_id": nadia.pk, "ends_at": (timezone.now() + timedelta(hours=1)).isoformat()}
    session.save()

    assert client.get("/resellers/").status_code == 302
    assert name_in_seat(client) == "sami"
