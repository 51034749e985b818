"""Changing a username: by the login itself, or by an admin."""

import pytest
from django.test import Client

from accounts.models import LoginName, User
from accounts.operations import UsernameTaken, change_username, create_login
from audit.actions import Action
from audit.models import AuditEntry, Grade
from resellers.models import Reseller
from tests.cast import NOW, PASSWORD, group, make_staff, seat_of, signed_in
from tests.pages import body, counts, error_at, refused, send

OWN = "/account/username/"


def sign_in(name: str, password: str = PASSWORD) -> int:
    return Client().post("/sign-in/", {"login": name, "password": password}).status_code


def test_one_changes_ones_own_and_signs_in_by_the_new_one(nadia: User) -> None:
    response = send(signed_in(nadia), OWN, username="Nadia.North", own_password=PASSWORD)

    assert (response.status_code, response.url) == (303, "/account/")
    assert (sign_in("nadia.north"), sign_in("nadia")) == (302, 422)


def test_the_sign_ins_go_on(nadia: User) -> None:
    elsewhere, here = signed_in(nadia), signed_in(nadia)

    send(here, OWN, username="nadia2", own_password=PASSWORD)

    assert (elsewhere.get("/account/").status_code, here.get("/account/").status_code) == (200, 200)


def test_old_and_new_are_audited(nadia: User, north: Reseller) -> None:
    send(signed_in(nadia), OWN, username="nadia2", own_password=PASSWORD)

    entry = AuditEntry.objects.get(action=Action.LOGIN_RENAMED)
    assert (entry.object_name, entry.grade, entry.reseller_id) == ("nadia2", Grade.SECURITY, north.pk)
    assert entry.changes == {"username": ["nadia", "nadia2"]}


def test_the_same_name_again_changes_and_records_nothing(nadia: User) -> None:
    client = signed_in(nadia)
    before = counts()

    assert send(client, OWN, username="NADIA", own_password=PASSWORD).status_code == 303

    assert counts() == before


@pytest.mark.parametrize(
    ("field", "typed", "message"),
    [
        ("own_password", "not mine at all", "This is not your password."),
        ("username", "sami", "The username “sami” is taken. Choose another one."),
        ("username", "office@south.example", "A username with @ must be the login's own email."),
        ("username", "na dia", "Use only letters"),
        ("username", "a" * 151, "Use at most 150 characters for the username."),
        ("username", "", "This field is required."),
    ],
)
def test_it_is_refused_at_the_field(nadia: User, sami: User, field: str, typed: str, message: str) -> None:
    client = signed_in(nadia)
    before = counts()

    response = send(client, OWN, **{"username": "nadia2", "own_password": PASSWORD, field: typed})

    assert response.status_code == 422
    assert error_at(response, field).startswith(message)
    assert counts() == refused(before, message)


def test_ones_own_email_may_be_the_username(nadia: User) -> None:
    User.objects.filter(pk=nadia.pk).update(email="Nadia@north.example")

    response = send(signed_in(nadia), OWN, username="Nadia@North.example", own_password=PASSWORD)

    assert response.status_code == 303
    assert User.objects.get(pk=nadia.pk).username == "nadia@north.example"


def test_nobody_else_ever_takes_the_old_name(asha: User, nadia: User, sami: User) -> None:
    change_username(actor=seat_of(nadia), user_id=nadia.pk, username="nadia2", own_password=PASSWORD, now=NOW)

    with pytest.raises(UsernameTaken):
        change_username(actor=seat_of(sami), user_id=sami.pk, username="nadia", own_password=PASSWORD, now=NOW)
    with pytest.raises(UsernameTaken):
        create_login(actor=seat_of(asha), user_type=3, username="nadia", password=PASSWORD, now=NOW)
    assert LoginName.objects.get(name="nadia").user == nadia


def test_one_goes_back_to_ones_old_name(nadia: User) -> None:
    for name in ("nadia2", "nadia"):
        change_username(actor=seat_of(nadia), user_id=nadia.pk, username=name, own_password=PASSWORD, now=NOW)

    assert User.objects.get(pk=nadia.pk).username == "nadia"


def test_an_admin_changes_a_resellers(asha: User, nadia: User, north: Reseller) -> None:
    response = send(signed_in(asha), f"/resellers/{north.pk}/username/", username="north", own_password=PASSWORD)

    assert (response.status_code, response.url) == (303, f"/resellers/{north.pk}/")
    assert User.objects.get(pk=nadia.pk).username == "north"
    assert AuditEntry.objects.get(action=Action.LOGIN_RENAMED).actor_name == "asha"


def test_an_admin_changes_that_of_people_and_staff(asha: User, petra: User, north: Reseller) -> None:
    zeina = make_staff(asha, north, "zeina", group("SUPPORT"))
    client = signed_in(asha)

    send(client, f"/users/{petra.pk}/username/", username="petra2", own_password=PASSWORD)
    send(client, f"/staff/{zeina.pk}/username/", username="zeina2", own_password=PASSWORD)

    assert set(User.objects.filter(pk__in=[petra.pk, zeina.pk]).values_list("username", flat=True)) == {
        "petra2",
        "zeina2",
    }


def test_a_parent_does_not_rename_its_sub(nadia: User, northeast: Reseller) -> None:
    url = f"/resellers/{northeast.pk}/username/"

    assert signed_in(nadia).post(url, {"username": "x", "own_password": PASSWORD}).status_code == 403


def test_it_is_out_of_reach_of_a_borrowed_seat(asha: User, north: Reseller) -> None:
    client = signed_in(asha)
    client.post(f"/resellers/{north.pk}/seats/", {"reason": "to help"})

    response = client.post(OWN, {"username": "mine", "own_password": PASSWORD})

    assert response.status_code == 403
    assert "out of reach" in body(response)
    assert not User.objects.filter(username="mine").exists()
