"""Revealing what somebody else chose as a login's password."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import InitialPassword, PermissionGroup, User
from accounts.operations import enter_seat
from audit.actions import Action
from audit.models import AuditEntry, Grade
from ispanel.refusals import Forbidden
from resellers.models import Reseller
from resellers.operations import reveal_initial_password_of_reseller
from tests.cast import PASSWORD, group, make_admin, make_reseller, make_staff, seat_of, signed_in
from tests.pages import body, counts, error_at, links_of, send

SECRET = "Tulips-on-Friday-77"


@pytest.fixture
def west(asha: User) -> Reseller:
    """Return a reseller that Asha made a moment ago."""
    return make_reseller(asha, "wael", "West Net", password=SECRET, must_change_password=True, now=timezone.now())


def reveal_of(reseller: Reseller) -> str:
    return f"/resellers/{reseller.pk}/initial-password/"


def made_before(reseller: Reseller, **ago: int) -> None:
    """Let so much time pass since the login was made."""
    created_at = timezone.now() - timedelta(**ago)
    InitialPassword.objects.filter(user=reseller.user).update(
        created_at=created_at, expires_at=created_at + timedelta(days=7)
    )


def shown(client: Client, reseller: Reseller, **typed: str) -> str:
    return body(client.post(reveal_of(reseller), typed))


def test_asking_shows_nothing(asha: User, west: Reseller) -> None:
    before = counts()

    assert SECRET not in body(signed_in(asha).get(reveal_of(west)))
    assert counts() == before


def test_who_made_the_login_just_now_types_no_password(asha: User, west: Reseller) -> None:
    made_before(west, minutes=14)

    assert SECRET in shown(signed_in(asha), west)


def test_after_fifteen_minutes_the_own_password_is_asked_for(asha: User, west: Reseller) -> None:
    made_before(west, minutes=16)
    client = signed_in(asha)

    assert "Your password" in body(client.get(reveal_of(west)))
    assert SECRET not in shown(client, west)
    assert SECRET in shown(client, west, own_password=PASSWORD)


def test_another_admin_is_asked_for_theirs_at_once(west: Reseller) -> None:
    client = signed_in(make_admin("amin"))

    response = send(client, reveal_of(west), own_password="not my password")

    assert response.status_code == 422
    assert error_at(response, "own_password") == "This is not your password."
    assert not AuditEntry.objects.filter(action=Action.INITIAL_PASSWORD_REVEALED).exists()
    assert SECRET in shown(client, west, own_password=PASSWORD)


def test_the_trail_says_who_looked_and_not_what_they_saw(asha: User, west: Reseller) -> None:
    shown(signed_in(asha), west)

    entry = AuditEntry.objects.latest("id")
    assert (entry.action, entry.grade) == (Action.INITIAL_PASSWORD_REVEALED, Grade.SECURITY)
    assert (entry.actor_name, entry.object_name, entry.reseller_id) == ("asha", "wael", west.pk)
    assert SECRET not in str(list(AuditEntry.objects.values()))


def test_it_is_on_that_answer_alone(asha: User, west: Reseller) -> None:
    client = signed_in(asha)

    shown(client, west)

    for url in (reveal_of(west), f"/resellers/{west.pk}/", "/resellers/"):
        assert SECRET not in body(client.get(url))
    assert SECRET not in str(dict(client.session))


def test_no_cache_keeps_it(asha: User, west: Reseller) -> None:
    client = signed_in(asha)

    assert client.get(reveal_of(west))["Cache-Control"] == "no-store"
    assert client.post(reveal_of(west))["Cache-Control"] == "no-store"


def test_after_seven_days_there_is_none(asha: User, west: Reseller) -> None:
    made_before(west, days=7, seconds=1)
    client = signed_in(asha)

    page = shown(client, west, own_password=PASSWORD)

    assert SECRET not in page
    assert "There is no initial password to show" in page
    assert reveal_of(west) not in links_of(client.get(f"/resellers/{west.pk}/"))


def test_once_the_login_has_chosen_its_own_there_is_none(asha: User, west: Reseller) -> None:
    own = "a-password-of-my-own"
    send(signed_in(west.user), "/account/password/", own_password=SECRET, password=own, repeated=own)

    page = shown(signed_in(asha), west, own_password=PASSWORD)

    assert "There is no initial password to show" in page
    assert not InitialPassword.objects.filter(user=west.user).exists()


def test_a_parent_reveals_that_of_its_sub(nadia: User, north: Reseller) -> None:
    sub = make_reseller(nadia, "wael", "West Net", password=SECRET, permission_group=group("SALES"), now=timezone.now())

    assert SECRET in shown(signed_in(nadia), sub)


@pytest.mark.parametrize("method", ["get", "post"])
def test_south_cannot(sami: User, west: Reseller, method: str) -> None:
    assert getattr(signed_in(sami), method)(reveal_of(west)).status_code == 404


def test_who_sees_everything_does_not_see_secrets(noor: User, west: Reseller) -> None:
    response = signed_in(noor).post(reveal_of(west), {"own_password": PASSWORD})

    assert response.status_code == 403
    assert SECRET not in body(response)


def test_the_login_itself_does_not_read_it_here(west: Reseller) -> None:
    User.objects.filter(pk=west.user_id).update(must_change_password=False)

    assert signed_in(west.user).post(reveal_of(west), {"own_password": SECRET}).status_code == 403


def test_staff_who_may_do_less_than_a_sub_reseller_never_learn_its_password(asha: User, north: Reseller) -> None:
    helpers = PermissionGroup.objects.create(name="HELPERS", codes=["resellers.view", "resellers.edit"])
    clerk = make_staff(asha, north, "clerk", helpers)
    sub = make_reseller(asha, "sub", "Sub Net", parent=north, permission_group=group("SALES"), now=timezone.now())
    client = signed_in(clerk)

    response = client.post(f"/resellers/{sub.pk}/initial-password/", {"own_password": PASSWORD})

    assert response.status_code == 403
    assert AuditEntry.objects.latest("pk").action == Action.REFUSED
    assert not AuditEntry.objects.filter(action=Action.INITIAL_PASSWORD_REVEALED).exists()
    assert "Reveal" not in body(client.get(f"/resellers/{sub.pk}/"))


def test_the_operation_itself_keeps_it_from_a_borrowed_seat(asha: User, nadia: User, northeast: Reseller) -> None:
    borrowed = enter_seat(actor=seat_of(asha), user=seat_of(nadia).user, reason="to look", now=timezone.now())

    with pytest.raises(Forbidden):
        reveal_initial_password_of_reseller(
            actor=borrowed, reseller_id=northeast.pk, own_password=PASSWORD, now=timezone.now()
        )
