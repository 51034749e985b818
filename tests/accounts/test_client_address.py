"""Which address a request comes from, whatever it says of itself."""

import ipaddress

import pytest
from django.test import RequestFactory
from pytest_django import Settings

from accounts.client_address import client_address

PROXY, FAR_PROXY, CLIENT, FORGED = "10.0.0.1", "10.0.0.2", "203.0.113.4", "198.51.100.66"


def address_of(peer: str, forwarded_for: str | None = None) -> str | None:
    headers = {} if forwarded_for is None else {"X-Forwarded-For": forwarded_for}
    return client_address(RequestFactory().get("/", headers=headers, REMOTE_ADDR=peer))


@pytest.fixture
def behind_proxies(settings: Settings) -> None:
    settings.TRUSTED_PROXIES = [ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("2001:db8::/32")]


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        (CLIENT, CLIENT),
        ("::ffff:203.0.113.4", CLIENT),
        ("::FFFF:CB00:7104", CLIENT),
        ("2001:0DB8:0:0::1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("", None),
        ("unix:", None),
    ],
)
def test_without_proxies_it_is_the_peer_in_one_spelling(peer: str, address: str | None) -> None:
    assert address_of(peer) == address


@pytest.mark.parametrize("forwarded_for", [FORGED, f"{FORGED}, {PROXY}", "::1", "rubbish", ""])
def test_without_proxies_nothing_that_is_forwarded_counts(forwarded_for: str) -> None:
    assert address_of(CLIENT, forwarded_for) == CLIENT


@pytest.mark.parametrize(
    ("forwarded_for", "address"),
    [
        (CLIENT, CLIENT),
        ("::ffff:203.0.113.4", CLIENT),
        (f"{CLIENT}, {FAR_PROXY}", CLIENT),
        (f"{CLIENT},{FAR_PROXY} , 2001:db8::9", CLIENT),
        (f"{FORGED}, {CLIENT}", CLIENT),
        (f"{FORGED}, {PROXY}, {CLIENT}, {FAR_PROXY}", CLIENT),
        (f"{FORGED}, rubbish, {CLIENT}", CLIENT),
    ],
)
@pytest.mark.parametrize("proxy", [PROXY, "::ffff:10.0.0.1", "2001:db8::1"])
def test_behind_proxies_it_is_the_last_hop_that_is_none_of_them(
    behind_proxies: None, proxy: str, forwarded_for: str, address: str
) -> None:
    assert address_of(proxy, forwarded_for) == address


def test_a_stranger_cannot_pretend_to_be_a_proxy(behind_proxies: None) -> None:
    assert address_of(CLIENT, f"{FORGED}, {PROXY}") == CLIENT


@pytest.mark.parametrize(
    ("forwarded_for", "address"),
    [
        (None, PROXY),
        ("", PROXY),
        ("rubbish", PROXY),
        (f"{FORGED}, rubbish", PROXY),
        (f"{FORGED}, x, {FAR_PROXY}", FAR_PROXY),
    ],
)
def test_what_cannot_be_read_ends_at_the_last_hop_that_could(
    behind_proxies: None, forwarded_for: str | None, address: str
) -> None:
    assert address_of(PROXY, forwarded_for) == address
