"""The filters of the lists of resellers and of top-up requests."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from accounts.seats import Seat
from ispanel.lists import ListForm
from resellers.models import (
    ASKS_PARENT,
    WAITING,
    Reseller,
    ResellerQuerySet,
    TopUpRequest,
    TopUpRequestQuerySet,
    TopUpStatus,
)

VIEWS = (
    ("", _("All")),
    ("top", _("Top level")),
    ("subs", _("Sub-resellers")),
    ("low", _("Low balance")),
    ("over", _("Over limit")),
    ("suspended", _("Suspended")),
    ("deleted", _("Deleted")),
)


class ResellerListForm(ListForm):
    """The resellers list: which view of it, and the search."""

    sorts = {
        "name": "company_name",
        "balance": "wallet__balance",
        "subscribers": "subscriber_count",
        "created": "created_at",
    }
    default_sort = "company_name"

    view = forms.ChoiceField(choices=VIEWS, required=False)

    def apply(self, rows: ResellerQuerySet) -> QuerySet[Reseller]:
        """Return the rows that the address asks for, in its order; the deleted ones stand on their own tab alone."""
        return self.ordered(in_view(self.searched(rows), self.value("view") or ""))

    def searched(self, rows: ResellerQuerySet) -> ResellerQuerySet:
        """Return the rows of all tabs that the search finds."""
        text = self.value("q")
        return rows.named_like(text) if text else rows


def in_view(rows: ResellerQuerySet, view: str) -> ResellerQuerySet:
    """Return the rows of one tab of the list."""
    if view == "deleted":
        return rows.restorable()
    rows = rows.kept()
    match view:
        case "top":
            return rows.top_level()
        case "subs":
            return rows.sub_resellers()
        case "low":
            return rows.low_on_balance()
        case "over":
            return rows.over_limit()
        case "suspended":
            return rows.suspended()
    return rows


#: The tabs of the top-up requests; what waits comes first. What waits for parents has a tab before admins alone.
REQUEST_VIEWS = (
    ("", TopUpStatus.OPEN.label),
    ("parents", _("Waiting for parents")),
    (TopUpStatus.APPROVED.value, TopUpStatus.APPROVED.label),
    (TopUpStatus.REFUSED.value, TopUpStatus.REFUSED.label),
    ("all", _("All")),
)


class TopUpListForm(ListForm):
    """The top-up requests: which tab of them, and the search."""

    sorts = {"asked": "created_at", "amount": "amount", "reseller": "reseller__company_name"}
    default_sort = "-created_at"

    view = forms.ChoiceField(choices=REQUEST_VIEWS, required=False)

    def __init__(self, *args: Any, seat: Seat, **options: Any) -> None:
        super().__init__(*args, **options)
        self.seat = seat

    def apply(self, rows: TopUpRequestQuerySet) -> QuerySet[TopUpRequest]:
        """Return the rows of the open tab, in the order that the address names."""
        return self.ordered(self.searched(rows).filter(self.condition_of(self.value("view") or "")))

    def condition_of(self, view: str) -> Q:
        """Return what holds for the rows of a tab; an admin finds apart what was asked of parents."""
        match view:
            case "":
                return WAITING & ~ASKS_PARENT if self.seat.is_admin else WAITING
            case "parents":
                return WAITING & ASKS_PARENT
            case "all":
                return Q()
        return Q(status=view)

    def counts(self, rows: TopUpRequestQuerySet) -> dict[str, int]:
        """Return in one query how many rows the search leaves in each tab that this seat has."""
        views = [key for key, _label in REQUEST_VIEWS if self.seat.is_admin or key != "parents"]
        found = self.searched(rows).aggregate(
            **{f"in_{key}": Count("pk", filter=self.condition_of(key)) for key in views}
        )
        return {key: found[f"in_{key}"] for key in views}

    def searched(self, rows: TopUpRequestQuerySet) -> TopUpRequestQuerySet:
        """Return the rows of all tabs that the search finds."""
        text = self.value("q")
        return rows.asked_like(text) if text else rows
