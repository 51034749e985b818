"""What the trail needs to know of whoever acts or reads; the seats of `accounts` provide it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Protocol

from django.utils.translation import gettext as _


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request came from."""

    address: str | None = None
    user_agent: str = ""
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Identity:
    """The person who acts, and whose panel they act in if not their own. Plain values, as the trail keeps them."""

    actor_id: int | None
    actor_name: str
    actor_type: str
    on_behalf_of_id: int | None = None
    on_behalf_of_name: str = ""
    #: What stood in for the person, where that was another system; it begins the row's detail.
    through: str = ""
    origin: Origin = field(default_factory=Origin)

    @property
    def identity(self) -> Identity:
        """Let an identity act by itself, where nobody is signed in."""
        return self

    @property
    def spoken(self) -> str:
        """Who acts and, from a borrowed seat, as whom: a plain value, for rows that keep it as it is."""
        if not self.on_behalf_of_name:
            return self.actor_name
        return _("%(name)s as %(borrowed)s") % {"name": self.actor_name, "borrowed": self.on_behalf_of_name}


#: Whoever has the server's command line.
SYSTEM = Identity(actor_id=None, actor_name="system", actor_type="system")


class Actor(Protocol):
    @property
    def identity(self) -> Identity: ...


class Reader(Protocol):
    @property
    def tree_ids(self) -> Collection[int]:
        """The ids of the resellers in the reader's scope."""

    def sees_all(self, area: str) -> bool:
        """Say whether the reader reads this area of the whole system."""
