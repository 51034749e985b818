"""What templates ask about subscribers: their table, and figures in words."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django import template
from django.template import Context
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.seats import Seat
from plans.models import in_gb, in_mbps
from subscribers.forms import SubscriberListForm
from subscribers.forms.lists import SHOWN
from subscribers.models import Subscriber
from subscribers.usage import Usage, usages_of

register = template.Library()

A_DAY = 24 * 60 * 60
#: What allows an act on many subscribers at once.
BULK_CODES = ("subscribers.renew", "subscribers.edit", "subscribers.change_plan", "subscribers.change_owner")
#: What allows an act on one of them, besides.
ACT_CODES = (
    *BULK_CODES,
    "subscribers.top_up",
    "subscribers.set_price",
    "subscribers.reset_fup",
    "subscribers.disconnect",
    "subscribers.delete",
)


@register.inclusion_tag("subscribers/_table.html", takes_context=True)
def subscribers_table(context: Context, page_obj: Any, form: SubscriberListForm | None = None) -> dict[str, Any]:
    """Lay a page of subscribers out as a table; with the list's form in its columns, to be sorted and picked."""
    columns = form.columns if form else SHOWN
    lines: Sequence[Subscriber] = list(page_obj)
    usages = usages_of([line.pk for line in lines], timezone.now()) if "usage" in columns else {}
    seat: Seat = context["seat"]
    return {
        "rows": [(line, usages.get(line.pk)) for line in lines],
        "page_obj": page_obj,
        "columns": columns,
        "sorts": form is not None,
        "picks": form is not None and picks(seat),
        "request": context["request"],
        "seat": seat,
        "panel": context["panel"],
    }


@register.filter
def picks(seat: Seat) -> bool:
    """Say whether there is something that the seat may do to many subscribers at once."""
    return any(seat.has(code) for code in BULK_CODES)


@register.filter
def has_acts(seat: Seat) -> bool:
    """Say whether there is something that the seat may do to a subscriber."""
    return any(seat.has(code) for code in ACT_CODES)


@register.filter
def margin(subscriber: Subscriber) -> Decimal:
    """Return what its reseller keeps of a period of the line, which comes from `SubscriberQuerySet.for_list`."""
    asked: Decimal = subscriber.asked  # type: ignore[attr-defined]
    return asked - subscriber.wholesale


@register.filter
def gb(megabytes: int | None) -> str:
    """Show megabytes in GB; None is unlimited."""
    return str(_("Unlimited")) if megabytes is None else in_gb(megabytes)


@register.filter
def mbps(usage: Usage) -> str:
    """Show the speed that a line has now, down and up, in Mbit/s."""
    return in_mbps(*usage.speeds)


@register.filter
def in_days(seconds: int) -> str:
    """Show seconds as days, with two decimals at most: "12", "11.98"."""
    return f"{seconds / A_DAY:.2f}".rstrip("0").rstrip(".")


@register.filter
def can_move(seat: Seat) -> bool:
    """Say whether there is anybody to whom the seat could move a subscriber."""
    return seat.has("subscribers.change_owner") and (seat.is_admin or bool(seat.sub_ids))
