"""Domain names as they are typed, and what DNS says of them."""

from __future__ import annotations

import re
from ipaddress import ip_address
from time import monotonic
from urllib.parse import urlsplit

import dns.exception
import dns.name
import dns.resolver
from django.conf import settings
from django.http.request import validate_host
from django.utils.translation import gettext as _

from ispanel.refusals import Refusal

#: Room for the record's own label in front.
LONGEST = 253 - len("_ispanel.")
#: For all that is looked up about a domain, in seconds: somebody may be waiting for the page.
PATIENCE = 3.0
LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
HOST_NAME = re.compile(rf"({LABEL}\.)+(?=[a-z0-9-]*[a-z]){LABEL}", re.ASCII)
#: As other alphabets are written in DNS: IDNA 2008, after capitals are folded.
IN_ASCII = dns.name.IDNA2008Codec(uts_46=True)
READ_STRICTLY = dns.name.IDNA2008Codec(strict_decode=True)


class BadDomain(Refusal):
    """What was typed cannot be a reseller's domain."""

    field = "name"


class DnsSilent(Exception):
    """No name server has answered, or none as it should."""


def domain_from(typed: str) -> str:
    """Return the name of a host as DNS has it: lower case, in ASCII, without a dot at its end.

    :raises BadDomain: for addresses, for more than a name, and for the panel's own hosts.
    """
    text = typed.strip().removesuffix(".")
    try:
        name = dns.name.from_text(text, origin=None, idna_codec=IN_ASCII).to_text().lower()
    except (dns.exception.DNSException, UnicodeError) as problem:
        raise BadDomain(no_host_name()) from problem
    if not HOST_NAME.fullmatch(name) or len(name) > LONGEST or not all(map(says_what_it_means, name.split("."))):
        raise BadDomain(no_host_name())
    if is_of_house(name):
        raise BadDomain(_("This is the panel’s own. Enter another domain, as in panel.example.com."))
    return name


def says_what_it_means(label: str) -> bool:
    """Say whether a label of another alphabet is one that can be read, written the one way there is."""
    if not label.startswith("xn--"):
        return True
    try:
        return bool(IN_ASCII.encode(READ_STRICTLY.decode(label.encode())) == label.encode())
    except (dns.exception.DNSException, UnicodeError):
        return False


def in_own_letters(name: str) -> str:
    """Return a name that `domain_from` gave in the letters of its own alphabet, as people write it."""
    return ".".join(READ_STRICTLY.decode(label.encode()) for label in name.split("."))


def no_host_name() -> str:
    return _("Enter the name alone, without https://, port or path, as in panel.example.com.")


def is_of_house(name: str) -> bool:
    """Say whether the panel itself stands at this host."""
    return name.endswith(".localhost") or validate_host(name, settings.PANEL_HOSTS) or name == host_of_panel()


def host_of_panel() -> str:
    """Return the host to which a reseller's domain points."""
    return urlsplit(settings.PANEL_URL).hostname or ""


def record_type(target: str) -> str:
    """Return by which kind of DNS record a domain points to a host name, or to the address that stands for one."""
    try:
        return {4: "A", 6: "AAAA"}[ip_address(target).version]
    except ValueError:
        return "CNAME"


def txt_records(name: str) -> list[str]:
    """Return what the TXT records of a name say; none where there is no such name.

    Whoever owns a domain may write any bytes there: what cannot be shown is not passed on.

    :raises DnsSilent:
    """
    try:
        answer = resolver().resolve(f"{name}.", "TXT", lifetime=PATIENCE)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return []
    except (dns.exception.DNSException, OSError) as problem:
        raise DnsSilent(str(problem)) from problem
    return [printable(b"".join(record.strings).decode(errors="replace")) for record in answer]


def leads_here(name: str, *, until: float) -> bool | None:
    """Say whether a name leads to the panel's host; None where DNS does not say it in time.

    A hint, never a proof: behind a proxy there are other addresses. And nothing else is told of what was found, since
    the resolver may know names that are nobody's business.

    :param until: when to give up, by the monotonic clock.
    """
    try:
        panel = ends_of(host_of_panel(), until)
        return not panel.isdisjoint(ends_of(name, until)) if panel else None
    except (dns.exception.DNSException, OSError):
        return None


def ends_of(host: str, until: float) -> set[str]:
    """Return the addresses of a host and the name to which they belong; nothing where it has none."""
    if record_type(host) != "CNAME":
        return {str(ip_address(host))}
    try:
        found = resolver().resolve_name(f"{host}.", lifetime=until - monotonic())
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return set()
    return {found.canonical_name().to_text().lower(), *found.addresses()}


def printable(text: str) -> str:
    """Return the text with a sign for each character that is none to read, or that turns the others round."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


def resolver() -> dns.resolver.Resolver:
    """Return the machine's resolver, or the one that DNS_RESOLVER names."""
    if not settings.DNS_RESOLVER:
        return dns.resolver.Resolver()
    host, port = settings.DNS_RESOLVER
    named = dns.resolver.Resolver(configure=False)
    named.nameservers, named.port = [host], port
    return named
