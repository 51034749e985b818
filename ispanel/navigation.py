"""The sidebar: what this seat may open, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from accounts.seats import Seat


@dataclass(frozen=True)
class Item:
    """A link of the sidebar; ``code`` is the permission that its page asks for."""

    label: str | Promise
    url_name: str
    icon: str
    code: str


@dataclass
class Link:
    label: str | Promise
    url: str
    icon: str
    current: bool


@dataclass
class Group:
    label: str | Promise
    items: list[Link] = field(default_factory=list)


ITEMS = (
    ("", Item(_("Dashboard"), "reports:dashboard", "layout-dashboard", "dashboard.view")),
    (_("Customers"), Item(_("Subscribers"), "subscribers:list", "users", "subscribers.view")),
    (_("Customers"), Item(_("Plans"), "plans:list", "gauge", "plans.view")),
    (_("Partners"), Item(_("Resellers"), "resellers:list", "store", "resellers.view")),
    (_("Partners"), Item(_("Transactions"), "resellers:own_transactions", "arrow-left-right", "transactions.view")),
    (_("System"), Item(_("Audit trail"), "reports:audit_trail", "scroll-text", "audit.view")),
    (_("System"), Item(_("Settings"), "general_settings", "settings", "admin")),
)


def sidebar(request: HttpRequest, seat: Seat) -> list[Group]:
    """Return the groups of links that the seat may open, the one that is open marked."""
    groups: dict[str, Group] = {}
    for label, item in ITEMS:
        if not (seat.is_admin if item.code == "admin" else seat.has(item.code)):
            continue
        url = reverse(item.url_name)
        current = request.path == url or (url != "/" and request.path.startswith(url))
        groups.setdefault(str(label), Group(label)).items.append(Link(item.label, url, item.icon, current))
    return list(groups.values())
