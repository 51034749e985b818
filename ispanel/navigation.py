"""The sidebar: what this seat may open, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from django.db.models import Count, QuerySet, Value
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.templatetags.access import resellers_in_words

if TYPE_CHECKING:
    from accounts.seats import Seat


#: What a count is of: rows still to be counted, a number that is at hand, or nothing to show.
Counted: TypeAlias = QuerySet[Any] | int | None


@dataclass(frozen=True)
class Item:
    """A link of the sidebar; ``code`` is the permission that its page asks for."""

    label: str | Promise | Callable[[Seat], str | Promise]
    url_name: str
    icon: str
    code: str
    count: Callable[[Seat], Counted] | None = None
    only_with_wallet: bool = False
    not_for_subs: bool = False
    #: Where an admin allowed the seat's reseller to have its own.
    only_with_branding: bool = False


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


def subscribers_of(seat: Seat) -> Counted:
    from subscribers.models import Subscriber

    return Subscriber.objects.visible_to(seat).kept()


def resellers_of(seat: Seat) -> Counted:
    from resellers.models import Reseller

    if not seat.sees_all("resellers"):
        return sum(seat.sub_ids.values())
    return Reseller.objects.kept().exclude(pk=seat.reseller.pk) if seat.reseller else Reseller.objects.kept()


def top_ups_waiting_for(seat: Seat) -> Counted:
    """Return the top-up requests that wait for this seat's answer; None for a seat that funds nobody."""
    from resellers.models import TopUpRequest

    if not seat.has("transactions.transfer") or not (seat.is_admin or seat.sub_ids):
        return None
    return TopUpRequest.objects.waiting_for(seat)


ITEMS = (
    ("", Item(_("Dashboard"), "reports:dashboard", "layout-dashboard", "dashboard.view")),
    (_("Selling"), Item(_("Subscribers"), "subscribers:list", "users", "subscribers.view", subscribers_of)),
    (_("Selling"), Item(_("Plans"), "plans:list", "gauge", "plans.view")),
    (_("Selling"), Item(_("Invoices"), "billing:invoices", "receipt-text", "invoices.view")),
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
    (
        _("Partners"),
        Item(_("Top-up requests"), "resellers:top_ups", "hand-coins", "transactions.view", top_ups_waiting_for),
    ),
    (_("Partners"), Item(_("Exposure"), "reports:exposure", "scale", "admin")),
    (_("Network"), Item(_("NAS devices"), "network:list", "router", "nas.view")),
    (_("System"), Item(_("Staff"), "resellers:staff", "id-card", "staff.view")),
    (_("System"), Item(_("Users"), "accounts:users", "user-cog", "admin")),
    (_("System"), Item(_("Audit trail"), "reports:audit_trail", "scroll-text", "audit.view")),
    (
        _("System"),
        Item(_("Branding"), "resellers:own_branding", "palette", "branding.edit", only_with_branding=True),
    ),
    (_("System"), Item(_("Support desk"), "admin:index", "headset", "desk")),
    (_("System"), Item(_("Settings"), "general_settings", "settings", "admin")),
)


def sidebar(request: HttpRequest, seat: Seat) -> list[Group]:
    """Return the groups of links that the seat may open, the one that is open marked."""
    groups: dict[str, Group] = {}
    items = [(label, item) for label, item in ITEMS if may_open(seat, item)]
    counts = counted({item.url_name: item.count(seat) for _label, item in items if item.count})
    for label, item in items:
        url = reverse(item.url_name)
        current = request.path == url or (url != "/" and request.path.startswith(url))
        words = item.label(seat) if callable(item.label) else item.label
        link = Link(words, url, item.icon, current, counts.get(item.url_name))
        groups.setdefault(str(label), Group(label)).items.append(link)
    return list(groups.values())


def counted(wanted: Mapping[str, Counted]) -> dict[str, int | None]:
    """Return the numbers by name, counting all that is still to be counted in one query."""
    found = {name: 0 if isinstance(rows, QuerySet) else rows for name, rows in wanted.items()}
    counts = [
        rows.order_by().values(name=Value(name)).annotate(number=Count("pk"))
        for name, rows in wanted.items()
        if isinstance(rows, QuerySet)
    ]
    if counts:
        found |= {row["name"]: row["number"] for row in counts[0].union(*counts[1:], all=True)}
    return found


def may_open(seat: Seat, item: Item) -> bool:
    """Say whether the seat may open the item's page and finds something there."""
    if item.only_with_wallet and seat.reseller is None:
        return False
    if item.only_with_branding and not (seat.reseller and seat.reseller.has_branding):
        return False
    if item.not_for_subs and seat.reseller and seat.reseller.is_sub:
        return False
    if item.code == "desk":
        return seat.may_sit_at_desk
    return seat.is_admin if item.code == "admin" else seat.has(item.code)
