"""The one function that says which address a request comes from."""

from __future__ import annotations

import ipaddress

from django.conf import settings
from django.http import HttpRequest

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def parse(text: str) -> Address | None:
    """Return the address, an IPv4-mapped IPv6 one as IPv4 and without the zone of a link; None where it is none."""
    try:
        address = ipaddress.ip_address(text.strip().partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def is_trusted_proxy(text: str) -> bool:
    """Say whether this is the address of a configured proxy."""
    address = parse(text)
    return address is not None and any(address in network for network in settings.TRUSTED_PROXIES)


def client_address(request: HttpRequest) -> str | None:
    """Return the address of the client.

    ``X-Forwarded-For`` counts only where the peer is a configured proxy, and is read from the right: the first hop that
    is not itself such a proxy is the client, whatever stands to the left of it.
    """
    hops = [request.META.get("REMOTE_ADDR", "")]
    hops += reversed(request.META.get("HTTP_X_FORWARDED_FOR", "").split(","))
    client = None
    for hop in hops:
        address = parse(hop)
        if address is None:
            break
        client = address
        if not is_trusted_proxy(hop):
            break
    return str(client) if client else None
