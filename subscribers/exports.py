"""What stands in the files of subscribers: an export, which can be imported again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from ispanel.csv_export import Value
from ispanel.money import Currency
from subscribers.models import Subscriber

#: In English always, so that programs and imports know them. Passwords are in no export.
COLUMNS = (
    "username", "full_name", "phone", "email", "address", "plan", "reseller", "nas", "static_ip", "mac", "auto_renew",
    "retail_price", "expires_at", "status", "note",
)  # fmt: skip


def subscriber_cells(currency: Currency, now: datetime) -> Callable[[Subscriber], list[Value]]:
    """Return how a subscriber is written in a line, in this currency, as it stands at that moment."""

    def cells(subscriber: Subscriber) -> list[Value]:
        price = subscriber.retail_price
        return [
            subscriber.username,
            subscriber.full_name,
            subscriber.phone,
            subscriber.email,
            subscriber.address,
            subscriber.plan.name,
            subscriber.reseller.user.username,
            subscriber.nas.name if subscriber.nas else "",
            subscriber.static_ip or "",
            subscriber.mac,
            "yes" if subscriber.auto_renew else "no",
            None if price is None else price.quantize(currency.smallest),
            subscriber.expires_at,
            subscriber.status_at(now).value,
            subscriber.note,
        ]

    return cells
