"""Allowed IPs: from where a login may be used, checked at sign-in and on every request."""

from __future__ import annotations

import ipaddress

from django.utils.translation import gettext as _

from accounts.client_address import parse
from accounts.models import User
from ispanel.refusals import Forbidden


class AddressRefused(Forbidden):
    """The login is used from an address that its reseller's list, or its parent's, does not hold."""

    def __init__(self) -> None:
        super().__init__(_("Access denied from this IP address."))


def check_address(login: User, address: str | None) -> None:
    """Check the address against the list of the login's reseller and that of its parent; an empty list is open.

    :raises AddressRefused:
    """
    reseller = login.reseller
    lists = [reseller.allowed_ips, reseller.parent.allowed_ips if reseller.parent else ""] if reseller else []
    if not all(admits(listed, address) for listed in lists if listed):
        raise AddressRefused


def admits(listed: str, address: str | None) -> bool:
    """Say whether one of the listed addresses and CIDR blocks holds the address."""
    client = parse(address or "")
    return client is not None and any(client in network_of(entry) for entry in listed.split())


def network_of(entry: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """Return the block that an entry of the list names; a single address, IPv4-mapped or not, is a block of one."""
    single = parse(entry)
    return ipaddress.ip_network(str(single) if single else entry, strict=False)
