"""What stands in the files of lists."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_lazy as _

from audit.models import AuditEntry
from ispanel.csv_export import Value
from ispanel.money import Currency

AUDIT_COLUMNS = (
    _("ID"),
    _("Time"),
    _("Who"),
    _("Who: ID"),
    _("Who: kind"),
    _("On behalf of"),
    _("On behalf of: ID"),
    _("What"),
    _("Action code"),
    _("Grade"),
    _("Object type"),
    _("Object’s ID"),
    _("Object’s name"),
    _("Reseller’s ID"),
    _("Details"),
    _("Changes"),
    _("Address"),
    _("Browser"),
    _("Request ID"),
)

EXPOSURE_COLUMNS = (
    _("Reseller’s ID"),
    _("Reseller"),
    _("Username"),
    _("Parent"),
    _("Balance"),
    _("Owes"),
    _("Credit limit"),
    _("Used, percent"),
    _("Available"),
    _("Last money in"),
)


def exposure_cells(reseller: Any, money: Currency) -> list[Value]:
    """Return a row of the exposure, in that currency; the reseller is one of `ResellerQuerySet.with_exposure`."""
    balance, owes, limit, available = (
        amount.quantize(money.smallest)
        for amount in (reseller.wallet.balance, reseller.owes, reseller.wallet.credit_limit, reseller.available)
    )
    return [
        reseller.pk,
        reseller.public_name,
        reseller.user.username,
        reseller.parent.public_name if reseller.parent else "",
        balance,
        owes,
        limit,
        None if reseller.used is None else reseller.used.quantize(Decimal("0.1")),
        available,
        reseller.last_money_in,
    ]


def audit_cells(entry: AuditEntry) -> list[Value]:
    """Return a row of the trail, with what changed as ``field: old → new``, one in a line."""
    return [
        entry.pk,
        entry.at,
        entry.actor_name,
        entry.actor_id,
        entry.actor_type,
        entry.on_behalf_of_name,
        entry.on_behalf_of_id,
        entry.sentence,
        entry.action,
        str(entry.get_grade_display()),
        entry.object_type,
        entry.object_id,
        entry.object_name,
        entry.reseller_id,
        entry.detail,
        "\n".join(f"{name}: {as_kept(old)} → {as_kept(new)}" for name, (old, new) in entry.changes.items()),
        entry.address,
        entry.user_agent,
        entry.request_id,
    ]


def as_kept(value: Any) -> str:
    """Return a kept value for programs: moments as they are kept, in ISO 8601."""
    if value is None:
        return ""
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
