"""What this room needs to know of the door that somebody knocks at; the doors of `ispanel` provide it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from django.http import HttpRequest

if TYPE_CHECKING:
    from accounts.models import User
    from resellers.models import Reseller


class Entrance(Protocol):
    """The panel's own host, or the domain of a reseller."""

    @property
    def reseller(self) -> Reseller | None:
        """Whose domain it is; None is the panel's own host."""

    @property
    def bound_to(self) -> str:
        """What a sign-in there is bound to: the domain, or nothing for the panel's own host."""

    @property
    def address(self) -> str:
        """The absolute address, made of what is known and of nothing that the request says."""

    def admits(self, user: User) -> bool:
        """Say whether this login may come in there."""


def entrance_of(request: HttpRequest) -> Entrance:
    """Return the door of a request; every request has one that may ask who somebody is."""
    return request.door  # type: ignore[attr-defined, no-any-return]
