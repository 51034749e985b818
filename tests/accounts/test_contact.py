"""Changing the email and phone that a login is known and reached by."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from accounts.operations import EmailTaken, change_contact_of, create_login
from audit.actions import Action
from audit.models import AuditEntry, Grade
from ispanel.messages import Event, Way
from resellers.models import Reseller
from resellers.operations import edit_reseller
from tests.carrying import Satchel
from tests.cast import NOW, PASSWORD, seat_of, signed_in
from tests.pages import body, counts, error_at, filled, refused, send

OWN = "/account/contact/"
OLD = "nadia@north.example"
UNTOLD = "The old address could not be told: no mail server is set up."


@pytest.fixture
def nadia(nadia: User) -> User:
    """Return Nadia, who has an email."""
    User.objects.filter(pk=nadia.pk).update(email=OLD)
    nadia.refresh_from_db()
    return nadia


def fresh(user: User) -> User:
    return User.objects.get(pk=user.pk)


def change(user: User, **typed: Any) -> User:
    wanted = {"email": user.email or "", "phone": user.phone, "own_password": PASSWORD, "now": NOW} | typed
    return change_contact_of(actor=seat_of(user), user_id=user.pk, **wanted)


def test_one_changes_ones_own_and_the_reset_is_held_for_a_day(nadia: User) -> None:
    before = timezone.now()

    response = send(signed_in(nadia), OWN, email="new@north.example", phone="+961 1", own_password=PASSWORD)

    nadia = fresh(nadia)
    assert response.status_code == 303
    assert (nadia.email, nadia.phone) == ("new@north.example", "+961 1")
    assert nadia.reset_held_until is not None
    assert timedelta(hours=24) <= nadia.reset_held_until - before < timedelta(hours=24, minutes=1)


def test_it_is_audited_with_old_and_new(nadia: User, north: Reseller) -> None:
    send(signed_in(nadia), OWN, email="new@north.example", own_password=PASSWORD)

    entry = AuditEntry.objects.latest("id")
    assert (entry.action, entry.object_name, entry.reseller_id) == (Action.LOGIN_CONTACT_CHANGED, "nadia", north.pk)
    assert entry.grade == Grade.SECURITY
    assert entry.changes == {"email": [OLD, "new@north.example"]}


@pytest.mark.parametrize(
    ("typed", "what"),
    [
        ({"email": "new@north.example"}, "sign-in email"),
        ({"email": ""}, "sign-in email"),
        ({"phone": "+961 1"}, "phone number"),
    ],
)
def test_the_old_address_is_told_and_not_what_is_new(
    nadia: User, north: Reseller, by_email: Satchel, typed: dict[str, str], what: str
) -> None:
    change(nadia, **typed)

    [told] = by_email.of(Event.CONTACT_CHANGED)
    assert (told.to, told.reseller, told.user) == ((Way.EMAIL, OLD), north, nadia)
    assert told.facts == {
        "username": "nadia", "name": "North Net", "what": what, "when": "14 May 2026, 09:30", "address": "—",
    }  # fmt: skip
    assert AuditEntry.objects.latest("id").detail == ""


def test_each_change_is_told_by_itself(nadia: User, by_email: Satchel) -> None:
    change(nadia, phone="+961 1")
    change(fresh(nadia), phone="+961 2")

    assert len({told.key for told in by_email.of(Event.CONTACT_CHANGED)}) == 2


@pytest.mark.parametrize("channels", ["by_nothing", "by_sms"])
def test_without_a_channel_for_email_page_and_trail_say_so(
    nadia: User, request: pytest.FixtureRequest, channels: str
) -> None:
    request.getfixturevalue(channels)
    client = signed_in(nadia)

    response = client.get(send(client, OWN, email="new@north.example", own_password=PASSWORD).url)

    assert UNTOLD in body(response)
    assert AuditEntry.objects.latest("id").detail == UNTOLD


def test_where_there_was_no_address_there_is_nobody_to_tell(sami: User) -> None:
    client = signed_in(sami)

    response = client.get(send(client, OWN, email="sami@south.example", own_password=PASSWORD).url)

    assert UNTOLD not in body(response)
    assert fresh(sami).reset_held_until is not None


def test_saving_what_is_there_changes_holds_and_records_nothing(nadia: User) -> None:
    client = signed_in(nadia)
    before = counts()

    assert send(client, OWN, own_password=PASSWORD).status_code == 303

    assert counts() == before
    assert fresh(nadia).reset_held_until is None


@pytest.mark.parametrize(
    ("field", "typed", "message"),
    [
        ("own_password", "not mine at all", "This is not your password."),
        ("email", "SAMI", "Enter a valid email address."),
        ("email", "Sami@South.example", "This email belongs to another login. Enter a different one."),
    ],
)
def test_it_is_refused_at_the_field(nadia: User, sami: User, field: str, typed: str, message: str) -> None:
    User.objects.filter(pk=sami.pk).update(email="sami@south.example")
    client = signed_in(nadia)
    before = counts()

    response = send(client, OWN, **{"email": "new@north.example", "own_password": PASSWORD, field: typed})

    assert response.status_code == 422
    assert error_at(response, field) == message
    assert counts() == refused(before, message)
    assert fresh(nadia).email == OLD


def test_a_username_that_is_the_email_follows_it(nadia: User) -> None:
    User.objects.filter(pk=nadia.pk).update(username=OLD)

    send(signed_in(nadia), OWN, email="New@North.example", own_password=PASSWORD)

    nadia = fresh(nadia)
    assert (nadia.username, nadia.email) == ("new@north.example", "New@North.example")
    renamed, changed = AuditEntry.objects.order_by("-id")[:2]
    assert (renamed.action, changed.action) == (Action.LOGIN_RENAMED, Action.LOGIN_CONTACT_CHANGED)
    assert renamed.changes == {"username": [OLD, "new@north.example"]}


@pytest.mark.parametrize("email", ["", "o'hara@north.example"])
def test_a_username_that_cannot_follow_has_to_be_changed_first(nadia: User, email: str) -> None:
    User.objects.filter(pk=nadia.pk).update(username=OLD)

    response = send(signed_in(nadia), OWN, email=email, own_password=PASSWORD)

    assert response.status_code == 422
    assert error_at(response, "email") == (
        "The old email is the username too. Change the username first, to one without @."
    )


def test_a_name_that_follows_into_anothers_email_is_refused_at_the_email(nadia: User, sami: User) -> None:
    User.objects.filter(pk=nadia.pk).update(username=OLD)
    User.objects.filter(pk=sami.pk).update(email="sami@south.example")

    with pytest.raises(EmailTaken):
        change(fresh(nadia), email="sami@south.example")


def test_nobody_else_ever_takes_the_old_email(asha: User, nadia: User, sami: User) -> None:
    change(nadia, email="new@north.example")

    with pytest.raises(EmailTaken):
        change(sami, email=OLD.upper())
    with pytest.raises(EmailTaken):
        create_login(actor=seat_of(asha), user_type=3, username="other", email=OLD, password=PASSWORD, now=NOW)
    assert change(fresh(nadia), email=OLD).email == OLD


def test_it_is_out_of_reach_of_a_borrowed_seat(asha: User, north: Reseller, nadia: User) -> None:
    client = signed_in(asha)
    client.post(f"/resellers/{north.pk}/seats/", {"reason": "to help"})

    assert client.post(OWN, {"email": "mine@else.example", "own_password": PASSWORD}).status_code == 403
    assert fresh(nadia).email == OLD
    assert not User.objects.filter(email="mine@else.example").exists()


def test_an_admin_who_edits_a_reseller_tells_the_old_address_and_holds_the_reset(
    asha: User, nadia: User, north: Reseller, by_email: Satchel
) -> None:
    send(signed_in(asha), f"/resellers/{north.pk}/edit/", email="new@north.example", company_name="North Two")

    assert [told.to for told in by_email.of(Event.CONTACT_CHANGED)] == [(Way.EMAIL, OLD)]
    assert fresh(nadia).reset_held_until is not None
    edited, changed = AuditEntry.objects.order_by("-id")[:2]
    assert (edited.action, edited.changes) == (Action.RESELLER_EDITED, {"company_name": ["North Net", "North Two"]})
    assert (changed.action, changed.changes) == (Action.LOGIN_CONTACT_CHANGED, {"email": [OLD, "new@north.example"]})


def test_a_parent_who_edits_its_sub_holds_the_reset_too(nadia: User, northeast: Reseller) -> None:
    edit_reseller(actor=seat_of(nadia), reseller_id=northeast.pk, phone="+961 1", now=NOW)

    assert fresh(northeast.user).reset_held_until == NOW + timedelta(hours=24)


def test_a_new_email_alone_makes_an_older_form_stale(asha: User, nadia: User, north: Reseller) -> None:
    client = signed_in(asha)
    url = f"/resellers/{north.pk}/edit/"
    stale = filled(client.get(url), company_name="Other")
    send(client, url, email="new@north.example")

    response = client.post(url, stale)

    assert response.status_code == 422
    assert fresh(nadia).email == "new@north.example"


def test_an_admin_changes_that_of_people(asha: User, petra: User) -> None:
    url = f"/users/{petra.pk}/contact/"

    response = send(signed_in(asha), url, email="petra@isp.example", own_password=PASSWORD)

    assert response.status_code == 303
    assert fresh(petra).email == "petra@isp.example"
