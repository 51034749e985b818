"""Files of subscribers on their way into the panel."""

from __future__ import annotations

import uuid
from dataclasses import asdict
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.seats import Seat
from audit.identity import Identity, Origin
from ispanel.crypto import Purposes
from ispanel.money import MONEY
from plans.models import Plan
from resellers.models import Reseller

#: How long a file is kept that is not imported, and how long generated passwords can be taken out after it was.
KEPT_FOR = timedelta(hours=24)
#: After this, what was asked of the worker counts as not done.
GIVEN_UP_AFTER = timedelta(hours=1)


class ImportState(models.TextChoices):
    """How far a file is. What is being done is done by the worker."""

    UPLOADED = "uploaded", _("Uploaded")
    CHECKING = "checking", _("Being checked")
    CHECKED = "checked", _("Checked")
    IMPORTING = "importing", _("Being imported")
    IMPORTED = "imported", _("Imported")


#: To which state an import goes back when the worker could not do what was asked.
BEFORE = {ImportState.CHECKING: ImportState.UPLOADED, ImportState.IMPORTING: ImportState.CHECKED}


class SubscriberImportQuerySet(models.QuerySet["SubscriberImport"]):
    def visible_to(self, seat: Seat) -> SubscriberImportQuerySet:
        """Return the imports of the seat's tree; a view_all opens nobody else's files."""
        if seat.reseller is None:
            return self if seat.is_admin else self.none()
        return self.filter(Q(reseller=seat.reseller) | Q(reseller__parent=seat.reseller))

    def actable_by(self, seat: Seat) -> SubscriberImportQuerySet:
        """Return those that the seat's person uploaded in this panel: what the files hold is nobody else's."""
        return self.visible_to(seat).filter(login_id=seat.login.pk, panel_id=seat.user.pk)

    def for_list(self) -> SubscriberImportQuerySet:
        """Return rows with all that a line of the list shows, in one query."""
        return self.select_related("reseller", "reseller__parent")

    def asked(self, pk: int, state: ImportState, number: int) -> SubscriberImportQuerySet:
        """Return the import, if this is what was asked of it last."""
        return self.filter(pk=pk, state=state, number=number)

    def given_up(self, now: datetime) -> SubscriberImportQuerySet:
        """Return those that no worker finished."""
        return self.filter(state__in=BEFORE, asked_at__lt=now - GIVEN_UP_AFTER)

    def with_file(self) -> SubscriberImportQuerySet:
        return self.filter(erased_at__isnull=True)

    def waiting(self) -> SubscriberImportQuerySet:
        """Return those whose file is kept, and of which nothing is being done."""
        return self.with_file().exclude(state__in=BEFORE)


class SubscriberImportManager(models.Manager["SubscriberImport"]):
    def get_queryset(self) -> SubscriberImportQuerySet:
        """Leave what is encrypted where it is until it is asked for: a file may have 20 MB."""
        return SubscriberImportQuerySet(self.model, using=self._db).defer(*self.model.ENCRYPTED)

    def visible_to(self, seat: Seat) -> SubscriberImportQuerySet:
        return self.get_queryset().visible_to(seat)

    def actable_by(self, seat: Seat) -> SubscriberImportQuerySet:
        return self.get_queryset().actable_by(seat)

    def asked(self, pk: int, state: ImportState, number: int) -> SubscriberImportQuerySet:
        return self.get_queryset().asked(pk, state, number)


class SubscriberImport(models.Model):
    """A file of subscribers of one reseller: uploaded, its columns matched, checked, and imported or not.

    It holds passwords. So the file, what the check found in it and the passwords that were generated are encrypted,
    and erased when the lines are there, or after a day.
    """

    ENCRYPTED: ClassVar[Purposes] = {
        "file_ciphertext": lambda row: row.purpose_of("file"),
        "problems_ciphertext": lambda row: row.purpose_of("problems"),
        "passwords_ciphertext": lambda row: row.purpose_of("passwords"),
    }

    #: By this the ciphertexts are tied to the row.
    reference = models.UUIDField(default=uuid.uuid4, editable=False, unique=True)
    #: Whose the subscribers will be, and whose wallet pays.
    reseller = models.ForeignKey(Reseller, on_delete=models.PROTECT, related_name="subscriber_imports")
    state = models.CharField(max_length=9, choices=ImportState.choices, default=ImportState.UPLOADED)
    #: Who uploaded it, in whose panel: ids of logins, and both in words.
    login_id = models.BigIntegerField()
    panel_id = models.BigIntegerField()
    uploaded_by = models.CharField(max_length=254)
    uploaded_at = models.DateTimeField()
    file_name = models.CharField(max_length=200)
    #: The file's text, until it is erased.
    file_ciphertext = models.BinaryField(null=True)
    erased_at = models.DateTimeField(null=True)
    #: The heads of its columns, and how many rows stand under them.
    columns: models.JSONField[list[str], list[str]] = models.JSONField(default=list)
    row_count = models.PositiveIntegerField()
    #: Of each column the name of a field, or nothing where the column is left out.
    matching: models.JSONField[list[str], list[str]] = models.JSONField(default=list)
    #: For rows that name no plan.
    plan = models.ForeignKey(Plan, null=True, on_delete=models.PROTECT, related_name="+")
    #: Whether each line's first period is charged; otherwise they are saved unpaid.
    activates = models.BooleanField(default=True)
    #: What was asked of the worker last: the how manieth time, by whom, and how often the worker has begun with it.
    number = models.PositiveIntegerField(default=0)
    asked_by: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)
    asked_at = models.DateTimeField(null=True)
    tries = models.PositiveIntegerField(default=0)
    #: Rows done of what is being done.
    progress = models.PositiveIntegerField(default=0)
    #: What the last check found: problems, as JSON, how many, and in how many rows.
    problems_ciphertext = models.BinaryField(null=True)
    problem_count = models.PositiveIntegerField(default=0)
    problem_rows = models.PositiveIntegerField(default=0)
    #: What is to be charged, or was.
    total = models.DecimalField(**MONEY, default=Decimal(0))
    #: Lines that have expired before they come, and are renewed, and charged, right after.
    overdue_count = models.PositiveIntegerField(default=0)
    #: Passwords that are missing in the file, and are generated.
    generated_count = models.PositiveIntegerField(default=0)
    #: Why nothing came of what was asked last.
    refusal = models.CharField(max_length=500, blank=True)
    imported_at = models.DateTimeField(null=True)
    first_username = models.CharField(max_length=150, blank=True)
    last_username = models.CharField(max_length=150, blank=True)
    #: The passwords that were generated, until they are erased.
    passwords_ciphertext = models.BinaryField(null=True)

    objects = SubscriberImportManager()

    class Meta:
        db_table = "subscriber_imports"
        verbose_name, verbose_name_plural = _("import of subscribers"), _("imports of subscribers")
        constraints = [
            models.CheckConstraint(condition=Q(state__in=ImportState.values), name="import_state_is_known"),
            models.CheckConstraint(
                condition=Q(file_ciphertext__isnull=False, erased_at__isnull=True)
                | Q(file_ciphertext__isnull=True, problems_ciphertext__isnull=True, erased_at__isnull=False),
                name="import_file_is_kept_or_erased",
            ),
            models.CheckConstraint(
                condition=Q(state=ImportState.IMPORTED, imported_at__isnull=False, erased_at__isnull=False)
                | ~Q(state=ImportState.IMPORTED) & Q(imported_at__isnull=True, passwords_ciphertext__isnull=True),
                name="imported_file_is_erased",
            ),
        ]
        indexes = [
            models.Index(fields=["reseller", "-id"], name="imports_by_reseller"),
            # What is still to be erased: few rows of many.
            models.Index(
                fields=["uploaded_at"],
                name="imports_with_secrets",
                condition=Q(erased_at__isnull=True) | Q(passwords_ciphertext__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.file_name

    def purpose_of(self, what: str) -> str:
        """Return the associated data that ties a ciphertext to this import."""
        return f"subscriber-import:{self.reference}:{what}"

    def is_actable_by(self, seat: Seat) -> bool:
        """Say of one row that is visible what `SubscriberImportQuerySet.actable_by` says of all."""
        return (self.login_id, self.panel_id) == (seat.login.pk, seat.user.pk)

    @property
    def has_file(self) -> bool:
        return self.erased_at is None

    @property
    def is_running(self) -> bool:
        """Whether the worker has it in hand, or will have."""
        return self.state in BEFORE

    @property
    def is_imported(self) -> bool:
        return self.state == ImportState.IMPORTED

    @property
    def can_be_imported(self) -> bool:
        """Whether the last check found nothing wrong with it."""
        return self.state == ImportState.CHECKED and self.has_file and not self.problem_count

    @property
    def is_left(self) -> bool:
        """Whether the file was erased without having been imported."""
        return not self.has_file and not self.is_imported

    @property
    def asker(self) -> Identity:
        """Who asked last, as they were then."""
        held = dict(self.asked_by)
        return Identity(**held | {"origin": Origin(**held["origin"])})

    @asker.setter
    def asker(self, who: Identity) -> None:
        self.asked_by = asdict(who)
