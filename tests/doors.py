"""The doors of the panel in tests: its own host, and the domain of a reseller."""

from typing import Any

from django.test import Client

from resellers.models import CustomDomain, Reseller
from tests.cast import HANDLER, NOW, PASSWORD

DOMAIN = "panel.north.example"


def open_door(reseller: Reseller, name: str = DOMAIN) -> CustomDomain:
    """Let the reseller have a panel of its own at a domain that it has proved."""
    Reseller.objects.filter(pk=reseller.pk).update(has_branding=True)
    return CustomDomain.objects.create(
        reseller=reseller, name=name, challenge="challenge", verified_at=NOW, created_at=NOW
    )


def client_at(host: str = DOMAIN, **defaults: Any) -> Client:
    """Return a stranger's browser that asks for everything at this host."""
    client = Client(headers={"host": host}, **defaults)
    client.handler = HANDLER
    return client


def knock(client: Client, login: str, password: str = PASSWORD, **typed: Any) -> Any:
    """Sign in as the page does."""
    return client.post("/sign-in/", {"login": login, "password": password, **typed})
