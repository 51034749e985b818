"""Allowed IPs: at sign-in and on every request, the reseller's own list and its parent's."""

import pytest
from django.test import Client

from accounts.allow_list import admits
from accounts.models import User
from audit.actions import Action
from audit.models import AuditEntry
from resellers.models import Reseller
from tests.cast import PASSWORD, signed_in

REFUSAL = "Access denied from this IP address."


def allow(reseller: Reseller, *entries: str) -> None:
    Reseller.objects.filter(pk=reseller.pk).update(allowed_ips="\n".join(entries))


@pytest.mark.parametrize(
    ("listed", "address"),
    [
        ("203.0.113.4", "203.0.113.4"),
        ("203.0.113.4", "::ffff:203.0.113.4"),
        ("::ffff:203.0.113.4", "203.0.113.4"),
        ("10.0.0.0/8\n203.0.113.0/24", "203.0.113.9"),
        ("2001:db8::/32", "2001:db8::7"),
    ],
)
def test_a_listed_address_is_admitted(listed: str, address: str) -> None:
    assert admits(listed, address)


@pytest.mark.parametrize("address", ["203.0.114.4", "::1", "nonsense", "", None])
def test_any_other_address_is_not(address: str | None) -> None:
    assert not admits("203.0.113.0/24", address)


def test_a_change_of_the_list_acts_on_the_very_next_request(nadia: User, north: Reseller) -> None:
    client = signed_in(nadia)
    assert client.get("/").status_code == 200

    allow(north, "203.0.113.4")
    response = client.get("/")

    assert response.status_code == 403
    assert REFUSAL in response.content.decode()
    assert AuditEntry.objects.filter(action=Action.REFUSED, actor_id=nadia.pk).count() == 1


def test_a_forged_header_does_not_help(nadia: User, north: Reseller) -> None:
    allow(north, "203.0.113.4")

    response = signed_in(nadia).get("/", headers={"X-Forwarded-For": "203.0.113.4"})

    assert response.status_code == 403


def test_a_sub_reseller_must_satisfy_its_parents_list_too(noora: User, north: Reseller, northeast: Reseller) -> None:
    allow(northeast, "127.0.0.0/8")
    client = signed_in(noora)
    assert client.get("/").status_code == 200

    allow(north, "203.0.113.4")

    assert client.get("/").status_code == 403


def test_signing_in_is_refused_after_a_right_password_only(nadia: User, north: Reseller) -> None:
    allow(north, "203.0.113.4")

    wrong = Client().post("/sign-in/", {"login": "nadia", "password": "wrong-password"})
    right = Client().post("/sign-in/", {"login": "nadia", "password": PASSWORD})

    assert (wrong.status_code, right.status_code) == (422, 403)
    assert REFUSAL not in wrong.content.decode()
    assert REFUSAL in right.content.decode()


def test_the_list_of_the_target_does_not_bind_who_logs_in_as_it(asha: User, north: Reseller) -> None:
    allow(north, "203.0.113.4")
    client = signed_in(asha)

    client.post(f"/resellers/{north.pk}/seats/", {"reason": "to look"})

    assert client.get("/").status_code == 200
