"""The append-only trail. Rows hold plain values, so that history outlives what it tells of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Q
from django.db.models.sql.compiler import SQLCompiler
from django.utils.dateformat import format as date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext_lazy as _

from audit.actions import Action
from audit.identity import Reader


class Grade(models.TextChoices):
    REGULAR = "regular", _("Regular")
    SECURITY = "security", _("Security")


@dataclass(frozen=True, slots=True)
class Change:
    """One field's old and new value in words."""

    field: str
    old: str
    new: str
    had_value: bool

    @classmethod
    def of(cls, name: str, old: Any, new: Any) -> Change:
        return cls(name.replace("_", " ").capitalize(), in_words(old), in_words(new), old is not None)


def in_words(value: Any) -> str:
    """Return a kept value as people read it: moments in the installation's time zone, lists with commas."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(_("yes") if value else _("no"))
    if isinstance(value, list):
        return ", ".join(map(str, value))
    moment = moment_in(value) if isinstance(value, str) else None
    return date_format(localtime(moment), "j M Y, H:i") if moment else str(value)


def moment_in(text: str) -> datetime | None:
    """Return the moment that a text of the trail is, or None where somebody typed something else."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def kind_of(obj: models.Model) -> str:
    """Return the name under which rows keep the object's type; a proxy's is that of the model whose table it reads."""
    model = obj._meta.concrete_model or type(obj)
    return model._meta.model_name or ""


@models.GenericIPAddressField.register_lookup
class Within(models.Lookup):
    """``address__within="203.0.113.0/24"``: the address is in the block, or is it."""

    lookup_name = "within"
    prepare_rhs = False  # the field would take a block for a malformed address

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[Any, ...]]:
        address, address_params = self.process_lhs(compiler, connection)
        block, block_params = self.process_rhs(compiler, connection)
        return f"{address} <<= {block}::inet", (*address_params, *block_params)


class AuditQuerySet(models.QuerySet["AuditEntry"]):
    def visible_to(self, reader: Reader) -> AuditQuerySet:
        """Return all rows for those who see everything, else the rows of the reader's own resellers."""
        if reader.sees_all("audit"):
            return self
        return self.filter(reseller_id__in=reader.tree_ids)

    def about(self, object_type: str, object_id: int) -> AuditQuerySet:
        return self.filter(object_type=object_type, object_id=object_id)

    def by(self, name: str) -> AuditQuerySet:
        """Return rows whose actor, or on whose behalf it was, has this in the name."""
        return self.filter(Q(actor_name__icontains=name) | Q(on_behalf_of_name__icontains=name))

    def mentioning(self, text: str) -> AuditQuerySet:
        """Return rows with this text in the object's name, in the detail or in an old or new value."""
        return self.filter(Q(object_name__icontains=text) | Q(detail__icontains=text) | Q(changes__icontains=text))

    def between(self, start: datetime | None, end: datetime | None) -> AuditQuerySet:
        """Return rows in the half-open interval ``[start, end)``; None is open."""
        rows = self
        if start:
            rows = rows.filter(at__gte=start)
        if end:
            rows = rows.filter(at__lt=end)
        return rows


class AuditEntry(models.Model):
    """One thing that one person did, or was refused; never changed, never deleted."""

    at = models.DateTimeField()
    #: One of `Action`, which grows with the product; an old code that is gone still reads as itself.
    action = models.CharField(max_length=60)
    grade = models.CharField(max_length=10, choices=Grade.choices, default=Grade.REGULAR)
    actor_id = models.BigIntegerField(null=True)
    actor_name = models.CharField(max_length=254)
    actor_type = models.CharField(max_length=20)
    on_behalf_of_id = models.BigIntegerField(null=True)
    on_behalf_of_name = models.CharField(max_length=254, blank=True)
    object_type = models.CharField(max_length=40, blank=True)
    object_id = models.BigIntegerField(null=True)
    object_name = models.CharField(max_length=254, blank=True)
    #: The tenant whose trail this row belongs to; null is the installation's own.
    reseller_id = models.BigIntegerField(null=True)
    detail = models.CharField(max_length=500, blank=True)
    #: {field: [old, new]} as strings; never a secret.
    changes: models.JSONField[dict[str, list[Any]], dict[str, list[Any]]] = models.JSONField(default=dict)
    address = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=300, blank=True)
    request_id = models.CharField(max_length=40, blank=True)

    objects = AuditQuerySet.as_manager()

    class Meta:
        db_table = "audit_entries"
        verbose_name, verbose_name_plural = _("audit entry"), _("audit entries")
        indexes = [
            models.Index(fields=["object_type", "object_id", "-id"], name="audit_by_object"),
            models.Index(fields=["reseller_id", "-id"], name="audit_by_reseller"),
            models.Index(fields=["actor_id", "-id"], name="audit_of_sign_ins", condition=Q(action=Action.SIGNED_IN)),
            # What is looked for now and then: a block-range index costs next to nothing when a row is appended.
            BrinIndex(
                fields=["at", "address", "action", "request_id"],
                opclasses=["timestamptz_minmax_ops", "inet_inclusion_ops", "text_bloom_ops", "text_bloom_ops"],
                pages_per_range=32,
                autosummarize=True,
                name="audit_by_block",
            ),
            models.Index(fields=["-id"], name="audit_of_security", condition=Q(grade=Grade.SECURITY)),
        ]

    def __str__(self) -> str:
        return f"{self.actor_name}: {self.sentence} {self.object_name}".rstrip()

    @property
    def sentence(self) -> str:
        """What was done, as people read it."""
        return str(Action(self.action).label) if self.action in Action.values else self.action

    @property
    def is_security(self) -> bool:
        return self.grade == Grade.SECURITY

    @property
    def readable_changes(self) -> list[Change]:
        """What changed, as people read it."""
        return [Change.of(name, old, new) for name, (old, new) in self.changes.items()]


class AuditSeal(models.Model):
    """The link of the hash chain that seals one row of the trail, in the order of sealing.

    ``digest`` is the SHA-256 of the link before it and of the row; see `audit.chain`.
    """

    #: 1, 2, 3 … without gaps: a link that is missing is found.
    number = models.BigIntegerField(primary_key=True)
    entry_id = models.BigIntegerField(unique=True)
    digest = models.BinaryField()
    sealed_at = models.DateTimeField()

    class Meta:
        db_table = "audit_seals"

    def __str__(self) -> str:
        return f"seal {self.number} of row {self.entry_id}"

    @property
    def hexadecimal(self) -> str:
        """The digest as people compare it."""
        return bytes(self.digest).hex()
