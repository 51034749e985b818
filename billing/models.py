"""Invoices and credit notes: papers with numbers that have no gap."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from accounts.seats import Seat
from ispanel.models import Picture, prefix_characters
from ispanel.money import MONEY
from resellers.models import Reseller
from wallet.models import Transfer


class AssignedNumber(models.PositiveIntegerField):  # type: ignore[type-arg]
    """The number of a paper, which the database assigns as the row is written: see ``sql/number_papers.sql``."""

    db_returning = True


class PaperKind(models.TextChoices):
    INVOICE = "invoice", _("Invoice")
    CREDIT_NOTE = "credit_note", _("Credit note")


class PaperSeries(models.Model):
    """The last number of one issuer's papers of one kind; written by the database alone."""

    #: Null is the house.
    issuer = models.ForeignKey(Reseller, null=True, on_delete=models.PROTECT, related_name="paper_series")
    kind = models.CharField(max_length=11, choices=PaperKind.choices)
    last_number = models.PositiveIntegerField()

    class Meta:
        db_table = "paper_series"
        constraints = [
            models.UniqueConstraint(fields=["issuer", "kind"], nulls_distinct=False, name="one_series_per_issuer"),
            models.CheckConstraint(condition=Q(kind__in=PaperKind.values), name="paper_kind_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.issuer or ''} {self.kind} {self.last_number}"


class InvoiceStatus(models.TextChoices):
    """What became of an invoice; refunded is credited in full."""

    PENDING = "pending", _("Pending")
    PAID = "paid", _("Paid")
    CANCELLED = "cancelled", _("Cancelled")
    REFUNDED = "refunded", _("Refunded")


#: In place of a status, those of every one.
ALL = ""


@dataclass(frozen=True, slots=True)
class Figures:
    """How many invoices there are, what they add up to, and what is due of that."""

    count: int = 0
    amount: Decimal = Decimal(0)
    due: Decimal = Decimal(0)

    def __add__(self, other: Figures) -> Figures:
        return Figures(self.count + other.count, self.amount + other.amount, self.due + other.due)


class InvoiceQuerySet(models.QuerySet["Invoice"]):
    def visible_to(self, seat: Seat) -> InvoiceQuerySet:
        """Return those of the resellers whose invoices the seat reads, whoever owns the lines now."""
        return self if seat.sees_all("invoices") else self.actable_by(seat)

    def actable_by(self, seat: Seat) -> InvoiceQuerySet:
        """Return those that the seat may mark: of its own reseller and its subs. A view_all does not count here."""
        if seat.is_admin:
            return self
        return self.filter(reseller__in=seat.tree_ids)

    def for_list(self) -> InvoiceQuerySet:
        """Return rows with all that a line of the list shows; lines are looked up for those of a page alone."""
        return self.select_related("reseller").prefetch_related("subscriber__reseller")

    def figures(self) -> dict[str, Figures]:
        """Return in one query how many there are of each status, and of all, and what they add up to."""
        sums = (
            self.order_by()
            .values_list("status")
            .annotate(n=models.Count("pk"), asked=models.Sum("amount"), left=models.Sum(F("amount") - F("credited")))
        )
        found = dict.fromkeys([ALL, *InvoiceStatus.values], Figures())
        for status, count, amount, left in sums:
            found[status] = Figures(count, amount, left if status == InvoiceStatus.PENDING else Decimal(0))
            found[ALL] += found[status]
        return found


class Invoice(models.Model):
    """What a subscriber owes for one thing that was sold to it, at retail; all on it is as it was on its day.

    It is issued as of the moment at which the act began, and has its number at the act's end: one of a long import has
    a higher number than those that were sold meanwhile, and may have an earlier moment.
    """

    #: Whose numbers it has; null is the house.
    issuer = models.ForeignKey(Reseller, null=True, on_delete=models.PROTECT, related_name="issued_invoices")
    prefix = models.CharField(max_length=12, blank=True, validators=[prefix_characters])
    number = AssignedNumber()
    status = models.CharField(max_length=9, choices=InvoiceStatus.choices, default=InvoiceStatus.PENDING)
    #: Who sold it: the owner of the line at the time.
    reseller = models.ForeignKey(Reseller, on_delete=models.PROTECT, related_name="invoices")
    subscriber = models.ForeignKey("subscribers.Subscriber", on_delete=models.PROTECT, related_name="invoices")
    renewal = models.OneToOneField("subscribers.Renewal", on_delete=models.PROTECT, related_name="invoice")
    amount = models.DecimalField(**MONEY)
    #: What its credit notes add up to; kept by the database.
    credited = models.DecimalField(**MONEY, default=Decimal(0))
    issued_at = models.DateTimeField()
    #: In which its days are written: the setting as it was.
    time_zone = models.CharField(max_length=60)

    issuer_name = models.CharField(max_length=150)
    issuer_address = models.TextField(max_length=500, blank=True)
    issuer_tax_line = models.CharField(max_length=150, blank=True)
    issuer_logo = models.ForeignKey(Picture, null=True, on_delete=models.PROTECT, related_name="+")
    #: The reseller's company name, whoever is the issuer.
    seller_name = models.CharField(max_length=150)
    subscriber_username = models.CharField(max_length=150)
    subscriber_name = models.CharField(max_length=150, blank=True)
    subscriber_address = models.TextField(max_length=500, blank=True)
    #: What was sold, in words.
    description = models.CharField(max_length=200)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()

    paid_at = models.DateTimeField(null=True)
    #: The username of whoever marked it, as a plain value.
    paid_by = models.CharField(max_length=254, blank=True)
    payment_note = models.CharField(max_length=200, blank=True)
    cancelled_at = models.DateTimeField(null=True)
    cancelled_by = models.CharField(max_length=254, blank=True)
    cancellation_reason = models.CharField(max_length=200, blank=True)

    objects = InvoiceQuerySet.as_manager()

    class Meta:
        db_table = "invoices"
        constraints = [
            models.UniqueConstraint(fields=["issuer", "number"], nulls_distinct=False, name="one_invoice_per_number"),
            models.CheckConstraint(condition=Q(status__in=InvoiceStatus.values), name="invoice_status_is_known"),
            models.CheckConstraint(condition=Q(amount__gte=0), name="invoice_is_for_an_amount"),
            models.CheckConstraint(
                condition=Q(credited__gte=0, credited__lte=F("amount")), name="credited_within_the_invoice"
            ),
            models.CheckConstraint(
                condition=~Q(status=InvoiceStatus.PAID) | Q(paid_at__isnull=False), name="paid_invoice_says_when"
            ),
            models.CheckConstraint(
                condition=~Q(status=InvoiceStatus.PENDING) | Q(paid_at__isnull=True), name="pending_invoice_is_unpaid"
            ),
            models.CheckConstraint(
                condition=Q(status=InvoiceStatus.CANCELLED, cancelled_at__isnull=False, credited=0)
                | (~Q(status=InvoiceStatus.CANCELLED) & Q(cancelled_at__isnull=True)),
                name="cancelled_invoice_says_when",
            ),
            models.CheckConstraint(
                condition=Q(status=InvoiceStatus.REFUNDED, credited=F("amount"), amount__gt=0)
                | (~Q(status=InvoiceStatus.REFUNDED) & (Q(amount=0) | Q(credited__lt=F("amount")))),
                name="refunded_invoice_is_credited_in_full",
            ),
        ]
        indexes = [
            models.Index(fields=["reseller", "issued_at"], name="invoices_by_reseller"),
            models.Index(fields=["issued_at", "id"], name="invoices_by_moment"),
            models.Index(fields=["subscriber", "issued_at"], name="invoices_by_subscriber"),
            models.Index(fields=["subscriber_username", "id"], name="invoices_by_username"),
            models.Index(fields=["amount", "id"], name="invoices_by_amount"),
        ]

    def __str__(self) -> str:
        return self.shown_number

    @property
    def shown_number(self) -> str:
        """The number with its prefix, six digits at least."""
        return f"{self.prefix}{self.number:06d}"

    @property
    def creditable(self) -> Decimal:
        """What a refund takes off it: all that is left, unless it is cancelled."""
        return Decimal(0) if self.status == InvoiceStatus.CANCELLED else self.amount - self.credited

    @property
    def due(self) -> Decimal:
        """What is still to be paid."""
        return self.creditable if self.is_pending else Decimal(0)

    @property
    def is_pending(self) -> bool:
        return self.status == InvoiceStatus.PENDING

    @property
    def zone(self) -> ZoneInfo:
        """The time zone in which the days on it, and on its credit notes, are written."""
        return ZoneInfo(self.time_zone)

    def is_actable_by(self, seat: Seat) -> bool:
        """Say of one row what `InvoiceQuerySet.actable_by` says of all."""
        return seat.is_admin or self.reseller_id in seat.tree_ids

    def is_visible_to(self, seat: Seat) -> bool:
        """Say of one row what `InvoiceQuerySet.visible_to` says of all."""
        return seat.sees_all("invoices") or self.is_actable_by(seat)


class CreditNoteQuerySet(models.QuerySet["CreditNote"]):
    def visible_to(self, seat: Seat) -> CreditNoteQuerySet:
        """Return those of the invoices that the seat reads."""
        return self.filter(invoice__in=Invoice.objects.visible_to(seat))

    def for_list(self) -> CreditNoteQuerySet:
        """Return rows with all that a line of the list shows, in one query."""
        return self.select_related("invoice__reseller", "invoice__subscriber__reseller")

    def totals(self) -> dict[str, Any]:
        """Return in one query how many there are, and what they add up to."""
        return self.aggregate(count=models.Count("pk"), amount=models.Sum("amount", default=Decimal(0)))


class CreditNote(models.Model):
    """What is taken off an invoice: all of it by a refund, a part by a change of plan; never changed."""

    #: That of the invoice: the database writes it.
    issuer = models.ForeignKey(Reseller, null=True, on_delete=models.PROTECT, related_name="issued_credit_notes")
    prefix = models.CharField(max_length=12, blank=True, validators=[prefix_characters])
    number = AssignedNumber()
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="credit_notes")
    #: The period that was refunded, or that the change of plan began.
    renewal = models.ForeignKey("subscribers.Renewal", on_delete=models.PROTECT, related_name="credit_notes")
    #: The money that went back for it; null where none did.
    refund = models.ForeignKey(Transfer, null=True, on_delete=models.PROTECT, related_name="credit_notes")
    amount = models.DecimalField(**MONEY)
    reason = models.CharField(max_length=200)
    issued_at = models.DateTimeField()

    objects = CreditNoteQuerySet.as_manager()

    class Meta:
        db_table = "credit_notes"
        constraints = [
            models.UniqueConstraint(
                fields=["issuer", "number"], nulls_distinct=False, name="one_credit_note_per_number"
            ),
            models.CheckConstraint(condition=Q(amount__gt=0), name="credit_note_is_for_an_amount"),
        ]
        indexes = [models.Index(fields=["issued_at"], name="credit_notes_by_moment")]

    def __str__(self) -> str:
        return self.shown_number

    @property
    def shown_number(self) -> str:
        """The number with its prefix, six digits at least."""
        return f"{self.prefix}{self.number:06d}"

    @property
    def taken(self) -> Decimal:
        """What it does to the invoice: its amount, below zero."""
        return -self.amount


class InvoiceLinkQuerySet(models.QuerySet["InvoiceLink"]):
    def in_force(self) -> InvoiceLinkQuerySet:
        """Leave out the revoked ones."""
        return self.filter(revoked_at__isnull=True)


class InvoiceLink(models.Model):
    """An address at which a subscriber reads one invoice without signing in, until it is revoked."""

    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="links")
    #: SHA-256 of the token in the address, in hexadecimal digits: the table opens no invoice.
    token_digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    #: The username of whoever made it, as a plain value; blank is the system, for a message.
    created_by = models.CharField(max_length=254, blank=True)
    revoked_at = models.DateTimeField(null=True)
    opened_at = models.DateTimeField(null=True)

    objects = InvoiceLinkQuerySet.as_manager()

    class Meta:
        db_table = "invoice_links"

    def __str__(self) -> str:
        return f"{self.invoice} {self.created_at:%Y-%m-%d %H:%M}"
