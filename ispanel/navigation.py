"""The sidebar: what this seat may open, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.templatetags.access import resellers_in_words

if TYPE_CHECKING:
    from accounts.seats import Seat


@dataclass(frozen=True)
class Item:
    """A link of the sidebar; ``code`` is the permission that its page asks for."""

    label: str | Promise | Callable[[Seat], str | Promise]
    url_name: str
    icon: str
    code: str
    count: Callable[[Seat], int] | None = None
    only_with_wallet: bool = False
    not_for_subs: bool = False


@dataclass
class Link:
    label: str | Promise
    url: str
    icon: str
    current: bool
    count: int | None = None


@dataclass
class Group:
    label: str | Promise
    items: list[Link] = field(default_factory=list)


def subscribers_of(seat: Seat) -> int:
    from subscribers.models import Subscriber

    return Subscriber.objects.visible_to(seat).kept().count()


def resellers_of(seat: Seat) -> int:
    from resellers.models import Reseller

    if not seat.sees_all("resellers"):
        return sum(seat.sub_ids.values())
    return Reseller.objects.kept().count() - (1 if seat.reseller else 0)


ITEMS = (
    ("", Item(_("Dashboard"), "reports:dashboard", "layout-dashboard", "dashboard.view")),
    (_("Selling"), Item(_("Subscribers"), "subscribers:list", "users", "subscribers.view", subscribers_of)),
    (_("Selling"), Item(_("Plans"), "plans:list", "gauge", "plans.view")),
    (
        _("Partners"),
        Item(resellers_in_words, "resellers:list", "store", "resellers.view", resellers_of, not_for_subs=True),
    ),
    (
        _("Partners"),
        Item(
            _("Transactions"),
            "resellers:own_transactions",
            "wallet",
            "transactions.view",
            only_with_wallet=True,
        ),
    ),
    (_("Partners"), Item(_("Transfers"), "wallet:transfers", "arrow-left-right", "transactions.view")),
    (_("System"), Item(_("Staff"), "resellers:staff", "id-card", "staff.view")),
    (_("System"), Item(_("Users"), "accounts:users", "user-cog", "admin")),
    (_("System"), Item(_("Audit trail"), "reports:audit_trail", "scroll-text", "audit.view")),
    (_("System"), Item(_("Support desk"), "admin:index", "headset", "desk")),
    (_("System"), Item(_("Settings"), "general_settings", "settings", "admin")),
)


def sidebar(request: HttpRequest, seat: Seat) -> list[Group]:
    """Return the groups of links that the seat may open, the one that is open marked."""
    groups: dict[str, Group] = {}
    for label, item in ITEMS:
        if not may_open(seat, item):
            continue
        url = reverse(item.url_name)
        current = request.path == url or (url != "/" and request.path.startswith(url))
        words = item.label(seat) if callable(item.label) else item.label
        count = item.count(seat) if item.count else None
        groups.setdefault(str(label), Group(label)).items.append(Link(words, url, item.icon, current, count))
    return list(groups.values())


def may_open(seat: Seat, item: Item) -> bool:
    """Say whether the seat may open the item's page and finds something there."""
    if item.only_with_wallet and seat.reseller is None:
        return False
    if item.not_for_subs and seat.reseller and seat.reseller.is_sub:
        return False
    if item.code == "desk":
        return seat.may_sit_at_desk
    return seat.is_admin if item.code == "admin" else seat.has(item.code)
