"""Changing a subscriber's details."""

from typing import Any

import pytest
from django.http import HttpResponse

from accounts.models import User
from audit.actions import Action
from audit.models import AuditEntry
from ispanel import crypto
from ispanel.refusals import Forbidden
from network.models import Nas
from plans.models import Plan
from resellers.models import Reseller
from subscribers.models import Subscriber, purpose_of_subscriber_password
from subscribers.operations import edit_subscriber
from tests.cast import NOW, fund, group, make_staff, seat_of, signed_in
from tests.network.devices import add_nas, limit
from tests.pages import body, counts, error_at, filled, send
from tests.subscribers.lines import LINE_PASSWORD, add, everything


@pytest.fixture
def amal(asha: User, north: Reseller, home: Plan) -> Subscriber:
    """Return a subscriber of North."""
    fund(north.wallet, "100", actor=asha)
    return add(asha, north, home, full_name="Amal", phone="1")


def edit_of(subscriber: Subscriber) -> str:
    return f"/subscribers/{subscriber.pk}/edit/"


def edited(user: User, subscriber: Subscriber, **typed: Any) -> HttpResponse:
    """Open the page, change what is typed, send it, and read the subscriber afresh."""
    response = send(signed_in(user), edit_of(subscriber), **typed)
    subscriber.refresh_from_db()
    return response


def password_of(subscriber: Subscriber) -> str:
    purpose = purpose_of_subscriber_password(subscriber.username)
    return crypto.decrypt(bytes(subscriber.password_ciphertext), purpose=purpose)


def test_details_are_changed_and_the_rest_stays(nadia: User, amal: Subscriber) -> None:
    expires_at = amal.expires_at

    response = edited(nadia, amal, full_name="Amal Haddad", static_ip="203.0.113.9", note="Pays cash")

    assert (response.status_code, response.url) == (303, f"/subscribers/{amal.pk}/")
    assert (amal.full_name, amal.phone, amal.static_ip) == ("Amal Haddad", "1", "203.0.113.9")
    assert (amal.expires_at, amal.note) == (expires_at, "Pays cash")


def test_it_is_audited_with_old_and_new(nadia: User, north: Reseller, amal: Subscriber) -> None:
    edited(nadia, amal, full_name="Amal Haddad", phone="")

    entry = AuditEntry.objects.latest("id")
    assert (entry.action, entry.actor_name, entry.object_name) == (Action.SUBSCRIBER_EDITED, "nadia", "amal")
    assert entry.changes == {"full_name": ["Amal", "Amal Haddad"], "phone": ["1", ""]}
    assert entry.reseller_id == north.pk


def test_saving_what_was_there_leaves_no_trace(nadia: User, amal: Subscriber) -> None:
    before = everything()

    assert edited(nadia, amal).status_code == 303

    assert everything() == before


def test_what_somebody_changed_meanwhile_is_not_written_over(nadia: User, asha: User, amal: Subscriber) -> None:
    form = filled(signed_in(nadia).get(edit_of(amal)), address="4 Old Street")
    edited(asha, amal, phone="0700 900 222")
    before = counts()

    response = signed_in(nadia).post(edit_of(amal), form)

    amal.refresh_from_db()
    assert response.status_code == 422
    assert "Somebody changed this subscriber meanwhile." in body(response)
    assert (amal.phone, amal.address) == ("0700 900 222", "")
    assert counts() == before


def test_a_renewal_meanwhile_does_not_stand_in_the_way(nadia: User, amal: Subscriber) -> None:
    form = filled(signed_in(nadia).get(edit_of(amal)), phone="0700 900 222")
    Subscriber.objects.filter(pk=amal.pk).update(expires_at=NOW, updated_at=NOW)

    response = signed_in(nadia).post(edit_of(amal), form)

    amal.refresh_from_db()
    assert (response.status_code, amal.phone) == (303, "0700 900 222")


def test_username_plan_reseller_and_expiry_are_not_changed_here(
    asha: User, nadia: User, north: Reseller, south: Reseller, amal: Subscriber
) -> None:
    forged = {"username": "other", "reseller": south.pk, "plan": 999, "expires_at": "2099-01-01", "terminated_at": "x"}
    expires_at = amal.expires_at

    edited(nadia, amal, **forged)

    assert (amal.username, amal.reseller, amal.expires_at, amal.terminated_at) == ("amal", north, expires_at, None)


# --- the password -----------------------------------------------------------------------------------------------------


def test_an_empty_password_keeps_the_present_one(nadia: User, amal: Subscriber) -> None:
    edited(nadia, amal, full_name="Amal Haddad", password="")

    assert password_of(amal) == LINE_PASSWORD


def test_a_new_password_is_kept_encrypted_with_its_blanks(nadia: User, amal: Subscriber) -> None:
    edited(nadia, amal, password=" another secret ")

    assert password_of(amal) == " another secret "
    assert b"another" not in bytes(amal.password_ciphertext)


def test_the_trail_tells_of_a_new_password_and_never_shows_it(nadia: User, amal: Subscriber) -> None:
    edited(nadia, amal, password="another secret")

    assert AuditEntry.objects.latest("id").changes == {"password": [None, "changed"]}
    assert "another secret" not in str(list(AuditEntry.objects.values()))


def test_no_page_shows_the_password(asha: User, amal: Subscriber) -> None:
    client = signed_in(asha)

    for page in ("", "edit/", "renewals/"):
        assert LINE_PASSWORD not in client.get(f"/subscribers/{amal.pk}/{page}").content.decode(), page
    assert client.get(edit_of(amal))["Cache-Control"] == "no-store"


# --- what is typed ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "typed", ["aa:bb:cc:dd:ee:0f", "AA-BB-CC-DD-EE-0F", "aabb.ccdd.ee0f", "AABBCCDDEE0F", " aa bb cc dd ee 0f "]
)
def test_a_mac_address_is_kept_in_one_form(nadia: User, amal: Subscriber, typed: str) -> None:
    edited(nadia, amal, mac=typed)

    assert amal.mac == "AA:BB:CC:DD:EE:0F"


@pytest.mark.parametrize(
    "typed", ["AA:BB:CC:DD:EE", "AA:BB:CC:DD:EE:0G", "AA:BB:CC:DD:EE:0F:00", "none", "١٢:٣٤:٥٦:٧٨:٩٠:١٢"]
)
def test_what_is_no_mac_address_is_refused(nadia: User, amal: Subscriber, typed: str) -> None:
    response = edited(nadia, amal, mac=typed, full_name="Changed")

    assert response.status_code == 422
    assert error_at(response, "mac") == "Enter twelve hexadecimal digits, as in AA:BB:CC:DD:EE:FF."
    assert (amal.mac, amal.full_name) == ("", "Amal")


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("static_ip", "10.0.0.256"),
        ("static_ip", "example.com"),
        ("email", "amal"),
        ("full_name", "x" * 151),
        ("note", "a\0b"),
    ],
)
def test_other_mistakes_are_refused_at_their_field(nadia: User, amal: Subscriber, field: str, typed: str) -> None:
    before = everything()

    response = edited(nadia, amal, **{field: typed})

    assert (response.status_code, set(response.context["form"].errors)) == (422, {field})
    assert error_at(response, field)
    assert everything() == before


def test_a_name_is_shown_as_text_whatever_it_holds(nadia: User, amal: Subscriber) -> None:
    edited(nadia, amal, full_name="<script>alert(1)</script>", address="<b>here</b>")

    page = signed_in(nadia).get(f"/subscribers/{amal.pk}/")
    assert "<script>alert" not in page.content.decode()
    assert "<b>here" not in page.content.decode()
    assert "<script>alert(1)</script>" in page.content.decode().replace("&lt;", "<").replace("&gt;", ">")


# --- who may ----------------------------------------------------------------------------------------------------------


def test_an_admin_the_parent_and_the_sub_may(
    asha: User, nadia: User, noora: User, northeast: Reseller, home: Plan
) -> None:
    badr = add(asha, northeast, home, "badr", activate=False)

    for user in (asha, nadia, noora):
        edited(user, badr, note=f"by {user.username}")
        assert badr.note == f"by {user.username}"


@pytest.mark.parametrize("method", ["get", "post"])
def test_those_who_see_it_and_may_not_edit_are_told_so(
    asha: User, noor: User, north: Reseller, amal: Subscriber, method: str
) -> None:
    for user in (noor, make_staff(asha, north, "helper", group("SUPPORT"))):
        assert getattr(signed_in(user), method)(edit_of(amal), {"full_name": "x"}).status_code == 403, user


@pytest.mark.parametrize("method", ["get", "post"])
def test_south_cannot(sami: User, noora: User, amal: Subscriber, method: str) -> None:
    before = everything()

    for user in (sami, noora):
        response = getattr(signed_in(user), method)(edit_of(amal), {"full_name": "x"})
        assert response.status_code == 404
        assert "amal" not in body(response)

    assert everything() == before


def test_the_operation_refuses_strangers_and_onlookers_too(
    sami: User, noora: User, noor: User, petra: User, amal: Subscriber
) -> None:
    for user in (sami, noora, noor, petra):
        with pytest.raises(Forbidden):
            edit_subscriber(actor=seat_of(user), subscriber_id=amal.pk, full_name="Changed", now=NOW)

    amal.refresh_from_db()
    assert amal.full_name == "Amal"


# --- the NAS and auto-renewal -----------------------------------------------------------------------------------------


@pytest.fixture
def towers(asha: User, north: Reseller) -> tuple[Nas, Nas]:
    """Return a NAS device within North's scope, and one outside of it."""
    own, other = add_nas(asha, "tower"), add_nas(asha, "mast", "192.0.2.12")
    limit(north, own)
    return own, other


def test_the_nas_and_auto_renewal_are_changed_and_audited(
    nadia: User, amal: Subscriber, towers: tuple[Nas, Nas]
) -> None:
    edited(nadia, amal, nas=towers[0].pk, auto_renew=True)

    assert (amal.nas, amal.auto_renew) == (towers[0], True)
    assert AuditEntry.objects.latest("id").changes == {"nas": [None, "tower"], "auto_renew": [False, True]}


def test_a_nas_outside_the_scope_is_neither_offered_nor_taken(
    nadia: User, amal: Subscriber, towers: tuple[Nas, Nas]
) -> None:
    before = everything()

    response = edited(nadia, amal, nas=towers[1].pk)

    assert response.status_code == 422
    assert error_at(response, "nas") == "This NAS device is not there for this reseller. Choose another one."
    assert "mast" not in body(signed_in(nadia).get(edit_of(amal)))
    assert everything() == before


def test_an_admin_is_told_why_a_nas_does_not_do(asha: User, amal: Subscriber, towers: tuple[Nas, Nas]) -> None:
    response = edited(asha, amal, nas=towers[1].pk)

    assert error_at(response, "nas") == "The NAS device mast is not within the scope of North Net."


def test_a_nas_that_was_taken_away_stays_until_it_is_changed(
    nadia: User, amal: Subscriber, towers: tuple[Nas, Nas]
) -> None:
    Subscriber.objects.update(nas=towers[1])

    assert edited(nadia, amal, phone="0700").status_code == 303
    assert amal.nas == towers[1]
    assert edited(nadia, amal, nas="").status_code == 303
    assert amal.nas is None
