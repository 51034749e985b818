"""At which door somebody knocks: the panel's own host, or the domain of a reseller."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.http.request import split_domain_port, validate_host

from accounts.models import User
from resellers.domains import host_of_panel
from resellers.models import Branding, CustomDomain, Reseller

#: What stands at the panel's own host alone, each with what is under it, and of files whatever their ending.
OF_THE_HOUSE = (
    "/admin",
    "/graphql",
    f"{settings.STATIC_URL}admin",
    f"{settings.STATIC_URL}css/desk",
    f"{settings.STATIC_URL}css/playground",
    f"{settings.STATIC_URL}js/playground",
)
#: Where a scheme is found when no port is said.
OWN_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Door:
    """The host of a request, with whose door it is: a reseller's, or, where that is None, the house's."""

    host: str
    reseller: Reseller | None = None

    @property
    def is_house(self) -> bool:
        return self.reseller is None

    @property
    def branding(self) -> Branding | None:
        """How the door looks; None is as the panel does."""
        return self.reseller.shown_branding if self.reseller else None

    @property
    def bound_to(self) -> str:
        """What a sign-in here is bound to: this domain, or the house, whatever names that has."""
        return "" if self.is_house else self.host

    @property
    def address(self) -> str:
        """The absolute address, of the settings or of a domain that was proved to be its reseller's."""
        return settings.PANEL_URL if self.is_house else address_at(self.host)

    def admits(self, user: User) -> bool:
        """Say whether this login may come in here: everybody at the house, at a reseller's its own and its subs'."""
        if self.reseller is None:
            return True
        own = user.reseller
        return own is not None and self.reseller.pk in (own.pk, own.parent_id)

    def has(self, path: str) -> bool:
        """Say whether there is such a path at this door."""
        return self.is_house or not any(
            path == each or path.startswith((f"{each}/", f"{each}.")) for each in OF_THE_HOUSE
        )


def door_at(host: str) -> Door | None:
    """Return the door at a Host header; None where there is none.

    :param host: as it was sent, with or without a port.
    """
    name, _port = split_domain_port(host)
    if not name:
        return None
    if validate_host(name, settings.PANEL_HOSTS):
        return Door(name)
    rows = CustomDomain.objects.live().select_related("reseller__branding", "reseller__parent")
    domain = rows.filter(name=name).first()
    return Door(name, domain.reseller) if domain else None


def door_of(request: HttpRequest) -> Door:
    """Return the door of a request, which the middleware has found."""
    door = request.door  # type: ignore[attr-defined]
    assert isinstance(door, Door)
    return door


def address_of(path: str, reseller: Reseller | None = None) -> str:
    """Return the absolute address of a path, for what is read outside of the panel; never from a request's Host.

    :param reseller: whose people read it: where it, or its parent, has a domain, the address is there.
    """
    if reseller:
        owners = [pk for pk in (reseller.pk, reseller.parent_id) if pk]
        names = dict(CustomDomain.objects.live().filter(reseller__in=owners).values_list("reseller_id", "name"))
        for owner in owners:
            if owner in names:
                return f"{address_at(names[owner])}{path}"
    return f"{settings.PANEL_URL}{path}"


def address_at(domain: str) -> str:
    """Return the absolute address of a reseller's domain, at the port at which the panel itself is found."""
    panel = urlsplit(settings.PANEL_URL)
    port = "" if panel.port in (None, OWN_PORTS[panel.scheme]) else f":{panel.port}"
    return f"{settings.CUSTOM_DOMAIN_SCHEME}://{domain}{port}"


def lives_at(name: str) -> bool:
    """Say whether the panel or a reseller stands at exactly this name, so that there may be a certificate for it.

    What ALLOWED_HOSTS says of all names below another, or of any at all, is said of none in particular.
    """
    host, port = split_domain_port(name)
    if port or not host:
        return False
    if host == host_of_panel() or host in {each.lower() for each in settings.PANEL_HOSTS if each[:1] not in (".", "*")}:
        return True
    return CustomDomain.objects.live().filter(name=host).exists()
