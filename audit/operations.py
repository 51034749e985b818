"""Appending to the trail."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import models

from audit.actions import Action
from audit.identity import Actor
from audit.models import AuditEntry, Grade, kind_of


def record(
    *,
    actor: Actor,
    action: Action,
    now: datetime,
    obj: models.Model | None = None,
    reseller_id: int | None = None,
    changes: Mapping[str, tuple[Any, Any]] | None = None,
    detail: str = "",
    grade: Grade = Grade.REGULAR,
) -> AuditEntry:
    """Append one row, inside the transaction of the act that it tells of; the arguments are those of `row`."""
    entry = row(
        actor=actor,
        action=action,
        now=now,
        obj=obj,
        reseller_id=reseller_id,
        changes=changes,
        detail=detail,
        grade=grade,
    )
    entry.save(force_insert=True)
    return entry


def row(
    *,
    actor: Actor,
    action: Action,
    now: datetime,
    obj: models.Model | None = None,
    reseller_id: int | None = None,
    changes: Mapping[str, tuple[Any, Any]] | None = None,
    detail: str = "",
    grade: Grade = Grade.REGULAR,
) -> AuditEntry:
    """Return a row that is not appended yet: the ledger appends it together with the transfer that it tells of.

    :param obj: what was acted upon; its type, id and name are kept as plain values.
    :param reseller_id: the tenant in whose trail the row stands.
    :param changes: field → (old, new); equal pairs are left out. Never pass a secret.
    """
    who = actor.identity
    return AuditEntry(
        at=now,
        action=action,
        grade=grade,
        actor_id=who.actor_id,
        actor_name=who.actor_name,
        actor_type=who.actor_type,
        on_behalf_of_id=who.on_behalf_of_id,
        on_behalf_of_name=who.on_behalf_of_name,
        object_type=kind_of(obj) if obj else "",
        object_id=obj.pk if obj else None,
        object_name=str(obj)[:254] if obj else "",
        reseller_id=reseller_id,
        detail=" · ".join(filter(None, [who.through, detail]))[:500],
        changes={name: [plain(old), plain(new)] for name, (old, new) in (changes or {}).items() if old != new},
        address=who.origin.address,
        user_agent=who.origin.user_agent[:300],
        request_id=who.origin.request_id,
    )


def changed_fields(obj: models.Model, new: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Set the new values on the object and return what differs as field → (old, new)."""
    changes = {}
    for name, value in new.items():
        old = getattr(obj, name)
        if old != value:
            changes[name] = (old, value)
            setattr(obj, name, value)
    return changes


def plain(value: Any) -> Any:
    """Return the value as JSON can hold it: money and times as text, objects by name."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return str(value)
