"""The list of allowed IPs: how it is kept, the warning before it locks somebody out, and testing an address."""

import ipaddress

import pytest
from django.conf import LazySettings
from django.test import Client
from django.utils import timezone

from accounts.allow_list import UnusableAddress, normalised_addresses
from accounts.models import KnownAddress, User
from resellers.models import Reseller
from tests.cast import PASSWORD, group, make_staff, seat_of, signed_in
from tests.pages import body, error_at, filled, send


def edit_of(reseller: Reseller) -> str:
    return f"/resellers/{reseller.pk}/edit/"


def allowed_of(reseller: Reseller) -> str:
    return Reseller.objects.get(pk=reseller.pk).allowed_ips


def allow(reseller: Reseller, *entries: str) -> None:
    Reseller.objects.filter(pk=reseller.pk).update(allowed_ips="\n".join(entries))


def signs_in_from(user: User, address: str) -> Client:
    client = Client(REMOTE_ADDR=address)
    client.post("/sign-in/", {"login": user.username, "password": PASSWORD})
    return client


# --- how it is kept ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("203.0.113.7, 10.0.0.0/24", "203.0.113.7\n10.0.0.0/24"),
        ("10.0.0.5/24", "10.0.0.0/24"),
        ("10.0.0.0/24\n10.0.0.7/24\n10.0.0.0/255.255.255.0", "10.0.0.0/24"),
        ("203.0.113.7\n203.0.113.7/32\n::ffff:203.0.113.7", "203.0.113.7"),
        ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
        ("2001:DB8::/32", "2001:db8::/32"),
        ("2001:db8:0:0::7", "2001:db8::7"),
        ("", ""),
    ],
)
def test_entries_are_kept_as_they_are_compared_each_once(typed: str, kept: str) -> None:
    assert normalised_addresses(typed) == kept


@pytest.mark.parametrize("entry", ["10.0.0.0/33", "203.0.113", "office", "2001:db8::/129", "10.0.0.1-10.0.0.9"])
def test_what_is_no_address_is_refused_by_name(asha: User, north: Reseller, entry: str) -> None:
    response = send(signed_in(asha), edit_of(north), allowed_ips=f"203.0.113.7\n{entry}")

    assert f"“{entry}”" in error_at(response, "allowed_ips")
    with pytest.raises(UnusableAddress):
        normalised_addresses(entry)


# --- the warning ------------------------------------------------------------------------------------------------------


def test_a_list_without_the_address_last_seen_is_held_back_once(asha: User, nadia: User, north: Reseller) -> None:
    signs_in_from(nadia, "198.51.100.9")
    client = signed_in(asha)
    assert "Save it all the same" not in body(client.get(edit_of(north)))

    held = send(client, edit_of(north), allowed_ips="203.0.113.0/24")

    assert held.status_code == 422
    assert "198.51.100.9" in error_at(held, "may_shut_out")
    assert "Save it all the same" in body(held)
    assert allowed_of(north) == ""

    saved = client.post(edit_of(north), filled(held, may_shut_out=True))
    assert saved.status_code == 303
    assert allowed_of(north) == "203.0.113.0/24"


def test_a_list_that_holds_it_is_saved_at_once_and_so_is_an_empty_one(asha: User, nadia: User, north: Reseller) -> None:
    signs_in_from(nadia, "198.51.100.9")
    client = signed_in(asha)

    assert send(client, edit_of(north), allowed_ips="198.51.100.0/24").status_code == 303
    assert send(client, edit_of(north), allowed_ips="").status_code == 303


def test_who_never_signed_in_is_not_locked_out(asha: User, north: Reseller) -> None:
    assert send(signed_in(asha), edit_of(north), allowed_ips="203.0.113.7").status_code == 303


def test_other_changes_are_not_held_back_by_a_list_that_shuts_out_already(
    asha: User, nadia: User, north: Reseller
) -> None:
    signs_in_from(nadia, "198.51.100.9")
    allow(north, "203.0.113.7")

    assert send(signed_in(asha), edit_of(north), company_name="North Wireless").status_code == 303


def test_the_address_last_seen_counts_whoever_of_the_reseller_it_was(asha: User, nadia: User, north: Reseller) -> None:
    clerk = make_staff(asha, north, "clerk", group("SALES"))
    signs_in_from(nadia, "203.0.113.7")
    KnownAddress.objects.update_or_create(user=clerk, address="198.51.100.9", defaults={"last_used_at": timezone.now()})

    held = send(signed_in(asha), edit_of(north), allowed_ips="203.0.113.7")

    assert "198.51.100.9" in error_at(held, "may_shut_out")


# --- what it does -----------------------------------------------------------------------------------------------------


def test_saving_the_form_acts_on_the_very_next_request(asha: User, nadia: User, north: Reseller) -> None:
    inside = signed_in(nadia)
    assert inside.get("/").status_code == 200

    send(signed_in(asha), edit_of(north), allowed_ips="203.0.113.7", may_shut_out=True)

    assert inside.get("/").status_code == 403


@pytest.mark.parametrize(
    ("entry", "address", "status"),
    [
        ("2001:db8::/32", "2001:db8::7", 200),
        ("2001:db8::/32", "2001:db9::7", 403),
        ("203.0.113.4", "::ffff:203.0.113.4", 200),
        ("::ffff:203.0.113.4", "203.0.113.4", 200),
        ("::ffff:203.0.113.0/120", "203.0.113.4", 200),
        ("::ffff:203.0.113.0/120", "203.0.114.4", 403),
    ],
)
def test_both_families_and_mapped_forms_are_compared(
    nadia: User, north: Reseller, entry: str, address: str, status: int
) -> None:
    allow(north, entry)

    assert signed_in(nadia).get("/", REMOTE_ADDR=address).status_code == status


@pytest.mark.parametrize(
    ("forwarded", "status"),
    [("203.0.113.4", 200), ("203.0.113.4, 198.51.100.9", 403), ("198.51.100.9, 203.0.113.4", 200)],
)
def test_behind_a_configured_proxy_the_hop_it_saw_counts(
    nadia: User, north: Reseller, settings: LazySettings, forwarded: str, status: int
) -> None:
    settings.TRUSTED_PROXIES = [ipaddress.ip_network("127.0.0.1/32")]
    allow(north, "203.0.113.4")

    assert signed_in(nadia).get("/", headers={"X-Forwarded-For": forwarded}).status_code == status


def test_staff_share_the_list_and_a_sub_satisfies_both(
    asha: User, noora: User, north: Reseller, northeast: Reseller
) -> None:
    clerk = signed_in(make_staff(asha, north, "clerk", group("SALES")))
    sub = signed_in(noora)

    allow(north, "127.0.0.1")
    allow(northeast, "203.0.113.4")
    assert (clerk.get("/").status_code, sub.get("/").status_code) == (200, 403)

    allow(northeast, "127.0.0.0/8")
    assert sub.get("/").status_code == 200
    allow(north, "203.0.113.4")
    assert (clerk.get("/").status_code, sub.get("/").status_code) == (403, 403)


# --- testing an address -----------------------------------------------------------------------------------------------


def answer_on(asha: User, reseller: Reseller, address: str) -> str:
    response = signed_in(asha).get(f"/resellers/{reseller.pk}/address-test/", {"address": address})
    assert response.status_code == 200
    return body(response)


def test_an_address_that_is_let_in_is_told_by_which_entries(asha: User, north: Reseller, northeast: Reseller) -> None:
    allow(north, "10.0.0.0/8", "203.0.113.0/24")

    answer = answer_on(asha, northeast, "::ffff:203.0.113.4")

    assert "203.0.113.4 would be let in." in answer
    assert "The list of North Net holds it: 203.0.113.0/24 ." in answer
    assert "The list of Northeast Net is empty: open." in answer


def test_an_address_that_is_shut_out_is_told_by_which_list(asha: User, north: Reseller, northeast: Reseller) -> None:
    allow(north, "10.0.0.0/8")
    allow(northeast, "203.0.113.4")

    answer = answer_on(asha, northeast, "203.0.113.4")

    assert "203.0.113.4 would be shut out." in answer
    assert "The list of North Net shuts it out: no entry holds it." in answer
    assert "The list of Northeast Net holds it: 203.0.113.4 ." in answer


def test_what_is_no_address_is_named(asha: User, north: Reseller) -> None:
    response = signed_in(asha).get(f"/resellers/{north.pk}/address-test/", {"address": "10.0.0.0/33"})

    assert response.status_code == 422
    assert "“10.0.0.0/33” is no IP address." in error_at(response, "address")


def test_only_an_admin_tests_addresses(nadia: User, north: Reseller) -> None:
    assert signed_in(nadia).get(f"/resellers/{north.pk}/address-test/").status_code == 403
    assert "address-test" not in signed_in(nadia).get(f"/resellers/{north.pk}/").content.decode()
    assert seat_of(nadia).has("resellers.edit")
