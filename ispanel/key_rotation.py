"""Encrypting anew, under the first key of the ring, all that the database keeps encrypted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.apps import apps
from django.db import models, transaction
from django.db.models import F, Func

from audit import operations as audit
from audit.actions import Action
from audit.identity import SYSTEM
from audit.models import Grade
from ispanel import crypto

BATCH = 500
#: How often rows are gone back to that somebody changed in the meantime.
PASSES = 3


@dataclass(frozen=True, slots=True)
class Encrypted:
    """A field that is kept encrypted, as its model's `ENCRYPTED` says."""

    model: type[models.Model]
    field: str
    purpose: Callable[[Any], str]

    def __str__(self) -> str:
        return str(self.model._meta.verbose_name_plural)

    @property
    def rows(self) -> models.QuerySet[Any]:
        return self.model._base_manager.all()

    def under_other_keys(self) -> models.QuerySet[Any]:
        """Return the rows that hold something which is not encrypted under the first key."""
        head = crypto.head()
        begins = Func(F(self.field), 1, len(head), function="SUBSTRING", output_field=models.BinaryField())
        held = self.rows.filter(**{f"{self.field}__isnull": False})
        others: models.QuerySet[Any] = held.alias(begins=begins).exclude(begins=head)
        return others


@dataclass
class Rotation:
    """What was encrypted anew, what could not be read, and how many rows others changed each time they were reached."""

    done: Counter[str] = field(default_factory=Counter)
    unreadable: list[str] = field(default_factory=list)
    changed: int = 0


def all_encrypted() -> list[Encrypted]:
    """Return every encrypted field of every model."""
    return [
        Encrypted(model, name, purpose)
        for model in apps.get_models()
        for name, purpose in getattr(model, "ENCRYPTED", {}).items()
    ]


def rotate_keys(*, now: datetime, batch: int = BATCH) -> Rotation:
    """Encrypt what is under other keys anew, batch by batch: what is done stays done when this is cut short.

    A row that somebody changes at that moment keeps what they wrote, and is gone back to.
    """
    rotation = Rotation()
    try:
        for encrypted in all_encrypted():
            rotate(encrypted, rotation, batch)
    finally:
        record(rotation, now)
    return rotation


def rotate(encrypted: Encrypted, rotation: Rotation, batch: int) -> None:
    """Encrypt one field of all rows anew, and add to the rotation what came of it."""
    for _pass in range(PASSES):
        changed, unreadable = 0, list[str]()
        for rows in batches(encrypted, batch):
            of_batch = rotate_rows(encrypted, rows)
            rotation.done += of_batch.done
            changed += of_batch.changed
            unreadable += of_batch.unreadable
        if not changed:
            break
    rotation.changed += changed
    rotation.unreadable += unreadable


def batches(encrypted: Encrypted, size: int) -> Iterator[list[Any]]:
    """Yield the rows that are under other keys, in the order of their ids."""
    rows = list(encrypted.under_other_keys().order_by("pk")[:size])
    while rows:
        yield rows
        rows = list(encrypted.under_other_keys().filter(pk__gt=rows[-1].pk).order_by("pk")[:size])


@transaction.atomic
def rotate_rows(encrypted: Encrypted, rows: list[Any]) -> Rotation:
    """Encrypt one field of these rows anew, unless it has changed since they were read."""
    rotation = Rotation()
    for row in rows:
        old, purpose = bytes(getattr(row, encrypted.field)), encrypted.purpose(row)
        try:
            new = crypto.encrypt(crypto.decrypt(old, purpose=purpose), purpose=purpose)
        except crypto.Undecryptable as problem:
            rotation.unreadable.append(f"{encrypted.model._meta.verbose_name} {row.pk}: {problem}")
            continue
        if encrypted.rows.filter(pk=row.pk, **{encrypted.field: old}).update(**{encrypted.field: new}):
            rotation.done[str(encrypted)] += 1
        else:
            rotation.changed += 1
    return rotation


def record(rotation: Rotation, now: datetime) -> None:
    """Record what was encrypted anew, if anything was."""
    if rotation.done:
        counts = ", ".join(f"{name}: {count}" for name, count in rotation.done.items())
        audit.record(
            actor=SYSTEM,
            action=Action.KEYS_ROTATED,
            detail=f"{counts}; key {crypto.first_key()}",
            grade=Grade.SECURITY,
            now=now,
        )


def still_needed() -> dict[str, Counter[str]]:
    """Return what is encrypted under other keys than the first: its name → key → how many rows."""
    return {
        str(encrypted): keys
        for encrypted in all_encrypted()
        if (keys := Counter(map(name_of_key, encrypted.under_other_keys().values_list(encrypted.field, flat=True))))
    }


def name_of_key(blob: bytes) -> str:
    return crypto.key_of(blob) or "no key at all"
