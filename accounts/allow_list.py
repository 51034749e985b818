"""Allowed IPs: how a list of them is written, and from where a login may be used: at sign-in and on every request."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from django.utils.translation import gettext as _

from accounts.client_address import parse
from accounts.models import User
from ispanel.refusals import Forbidden, Refusal

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
#: How many bits stand before the IPv4 address in ::ffff:203.0.113.4.
MAPPED_PREFIX = 96


class AddressRefused(Forbidden):
    """The login is used from an address that its reseller's list, or its parent's, does not hold."""

    def __init__(self) -> None:
        super().__init__(_("Access denied from this IP address."))


class UnusableAddress(Refusal):
    """An entry of the allowed IPs is no address and no CIDR block."""

    field = "allowed_ips"


def check_address(login: User, address: str | None) -> None:
    """Check the address against the list of the login's reseller and that of its parent; an empty list is open.

    :raises AddressRefused:
    """
    reseller = login.reseller
    lists = [reseller.allowed_ips, reseller.parent.allowed_ips if reseller.parent else ""] if reseller else []
    check_lists(lists, address)


def check_lists(lists: Iterable[str], address: str | None) -> None:
    """Check the address against all of the lists; an empty one is open.

    :raises AddressRefused:
    """
    if not all(admits(listed, address) for listed in lists if listed):
        raise AddressRefused


def admits(listed: str, address: str | None) -> bool:
    """Say whether one of the listed addresses and CIDR blocks holds the address."""
    return bool(matching_entry(listed, address))


def matching_entry(listed: str, address: str | None) -> str:
    """Return the first listed address or CIDR block that holds the address, or nothing."""
    client = parse(address or "")
    if client is None:
        return ""
    return next((entry for entry in listed.split() if client in network_of(entry)), "")


def network_of(entry: str) -> Network:
    """Return the block that an entry of the list names, an IPv4-mapped one as IPv4; an address is a block of one.

    Bits beyond the prefix are left out: 10.0.0.5/24 is 10.0.0.0/24.

    :raises ValueError: where it names none.
    """
    single = parse(entry)
    network = ipaddress.ip_network(str(single) if single else entry, strict=False)
    mapped = getattr(network.network_address, "ipv4_mapped", None)
    if mapped and network.prefixlen >= MAPPED_PREFIX:
        return ipaddress.ip_network(f"{mapped}/{network.prefixlen - MAPPED_PREFIX}")
    return network


def normalised_addresses(text: str) -> str:
    """Return the allowed addresses and CIDR blocks as they are compared, one per line, each once.

    :raises UnusableAddress: naming the first one that is neither.
    """
    entries: dict[str, None] = {}
    for entry in text.replace(",", "\n").split():
        try:
            network = network_of(entry)
        except ValueError:
            raise UnusableAddress(
                _("“%(entry)s” is no IP address and no CIDR block, as in 203.0.113.7 or 10.0.0.0/24.")
                % {"entry": entry}
            ) from None
        entries[str(network.network_address if network.num_addresses == 1 else network)] = None
    return "\n".join(entries)
