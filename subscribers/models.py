"""Subscribers and the periods they have paid for."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar, NamedTuple

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeOperators
from django.contrib.postgres.fields.ranges import RangeBoundary
from django.db import models
from django.db.models import F, Func, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import USERNAME_PATTERN, username_characters
from accounts.seats import Seat
from ispanel.crypto import Purposes
from ispanel.money import MONEY
from plans.models import Plan
from resellers.models import Reseller
from wallet.models import Transfer


class Status(models.TextChoices):
    """Where a subscriber's line stands. Expired is of time, suspended of a person, terminated for ever."""

    ACTIVE = "active", _("Active")
    EXPIRED = "expired", _("Expired")
    SUSPENDED = "suspended", _("Suspended")
    TERMINATED = "terminated", _("Terminated")


def has_status(status: Status, now: datetime) -> Q:
    """Return the condition for a status at the moment ``now``; `Subscriber.status_at` says the same of one row."""
    kept, running = Q(terminated_at__isnull=True), Q(suspended_at__isnull=True)
    match status:
        case Status.ACTIVE:
            return kept & running & Q(expires_at__gt=now)
        case Status.EXPIRED:
            return kept & running & (Q(expires_at__isnull=True) | Q(expires_at__lte=now))
        case Status.SUSPENDED:
            return kept & ~running
        case Status.TERMINATED:
            return ~kept


class SubscriberQuerySet(models.QuerySet["Subscriber"]):
    def visible_to(self, seat: Seat) -> SubscriberQuerySet:
        """Return what the seat reads: its tree's subscribers, or all to those who see all subscribers."""
        return self if seat.sees_all("subscribers") else self.in_tree_of(seat)

    def actable_by(self, seat: Seat) -> SubscriberQuerySet:
        """Return what the seat may act on. A view_all does not count here."""
        return self if seat.is_admin else self.in_tree_of(seat)

    def editable_by(self, seat: Seat) -> SubscriberQuerySet:
        """Return those whose details the seat may change: at the desk of all, else what it may act on."""
        if seat.is_at_desk:
            return self if seat.has("subscribers.edit") else self.none()
        return self.actable_by(seat)

    def in_tree_of(self, seat: Seat) -> SubscriberQuerySet:
        if seat.reseller is None:
            return self.all() if seat.is_admin else self.none()
        return self.filter(Q(reseller=seat.reseller) | Q(reseller__parent=seat.reseller))

    def kept(self) -> SubscriberQuerySet:
        """Leave out the terminated ones."""
        return self.filter(terminated_at__isnull=True)

    def with_status(self, status: str, now: datetime) -> SubscriberQuerySet:
        """Return the subscribers of one status at the moment ``now``."""
        return self.filter(has_status(Status(status), now))

    def counts(self, now: datetime, due_days: int = 0) -> dict[str, int]:
        """Return in one query how many there are in all, active, expired, and due within so many days."""
        active = has_status(Status.ACTIVE, now)
        return self.aggregate(
            all=models.Count("pk"),
            active=models.Count("pk", filter=active),
            expired=models.Count("pk", filter=has_status(Status.EXPIRED, now)),
            due=models.Count("pk", filter=active & Q(expires_at__lte=now + timedelta(days=due_days))),
        )

    def expiring_within(self, days: int, now: datetime) -> SubscriberQuerySet:
        """Return the active ones that expire within so many days."""
        return self.with_status(Status.ACTIVE, now).filter(expires_at__lte=now + timedelta(days=days))

    def named_like(self, text: str) -> SubscriberQuerySet:
        return self.filter(
            Q(username__icontains=text)
            | Q(full_name__icontains=text)
            | Q(phone__icontains=text)
            | Q(address__icontains=text)
        )

    def for_list(self) -> SubscriberQuerySet:
        """Return rows with all that a line of the list shows, in one query."""
        return self.select_related("plan", "reseller", "reseller__parent")


class Subscriber(models.Model):
    """The line that gets internet."""

    ENCRYPTED: ClassVar[Purposes] = {"password_ciphertext": lambda row: purpose_of_subscriber_password(row.username)}

    username = models.CharField(_("Username"), max_length=150, unique=True, validators=[username_characters])
    #: Encrypted; see `purpose_of_subscriber_password`.
    password_ciphertext = models.BinaryField()
    full_name = models.CharField(_("Full name"), max_length=150, blank=True)
    phone = models.CharField(_("Phone"), max_length=40, blank=True)
    email = models.EmailField(_("Email"), blank=True)
    address = models.TextField(_("Address"), max_length=500, blank=True)
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="subscribers")
    reseller = models.ForeignKey(Reseller, on_delete=models.PROTECT, related_name="subscribers")
    static_ip = models.GenericIPAddressField(_("Static IP"), null=True, blank=True)
    mac = models.CharField(_("MAC address"), max_length=17, blank=True)
    #: End of the last period; null where none was ever paid.
    expires_at = models.DateTimeField(null=True)
    suspended_at = models.DateTimeField(null=True)
    terminated_at = models.DateTimeField(null=True)
    note = models.TextField(_("Note"), max_length=1000, blank=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    objects = SubscriberQuerySet.as_manager()

    class Meta:
        db_table = "subscribers"
        verbose_name, verbose_name_plural = _("subscriber"), _("subscribers")
        constraints = [
            models.CheckConstraint(condition=Q(username__regex=USERNAME_PATTERN), name="subscriber_username_characters")
        ]
        indexes = [
            models.Index(fields=["reseller", "expires_at"], name="subscribers_by_reseller"),
            models.Index(fields=["expires_at"], name="subscribers_by_expiry"),
        ]

    def __str__(self) -> str:
        return self.username

    def is_actable_by(self, seat: Seat) -> bool:
        """Say of one row what `SubscriberQuerySet.actable_by` says of all; the reseller is at hand."""
        return self.reseller.is_in_tree_of(seat)

    def is_visible_to(self, seat: Seat) -> bool:
        """Say of one row what `SubscriberQuerySet.visible_to` says of all; the reseller is at hand."""
        return seat.sees_all("subscribers") or self.is_actable_by(seat)

    def status_at(self, now: datetime) -> Status:
        """Return where the line stands at the moment ``now``."""
        if self.terminated_at:
            return Status.TERMINATED
        if self.suspended_at:
            return Status.SUSPENDED
        return Status.ACTIVE if self.expires_at and self.expires_at > now else Status.EXPIRED

    @property
    def status(self) -> Status:
        return self.status_at(timezone.now())


class PeriodKind(models.TextChoices):
    ACTIVATION = "activation", _("Activation")
    RENEWAL = "renewal", _("Renewal")


class PeriodRange(Func):
    function = "tstzrange"
    output_field = DateTimeRangeField()


class RenewalQuerySet(models.QuerySet["Renewal"]):
    def visible_to(self, seat: Seat) -> RenewalQuerySet:
        """Return what was sold by the resellers whose subscribers the seat sees, whoever owns the lines now."""
        if seat.sees_all("subscribers"):
            return self
        return self.sold_by_tree_of(seat.reseller) if seat.reseller else self.none()

    def sold_by_tree_of(self, reseller: Reseller) -> RenewalQuerySet:
        """Return what a reseller and its sub-resellers sold."""
        return self.filter(Q(reseller=reseller) | Q(reseller__parent=reseller))

    def kept(self) -> RenewalQuerySet:
        """Leave out the refunded ones."""
        return self.filter(refunded_at__isnull=True)

    def refunded(self) -> RenewalQuerySet:
        return self.filter(refunded_at__isnull=False)

    def sold_or_refunded_since(self, start: datetime) -> RenewalQuerySet:
        return self.filter(Q(created_at__gte=start) | Q(refunded_at__gte=start))

    def totals(self) -> dict[str, Any]:
        """Return in one query how many there are, what they were charged, and what they brought in."""
        return self.aggregate(
            count=models.Count("pk"),
            price=models.Sum("price", default=Decimal(0)),
            retail_price=models.Sum("retail_price", default=Decimal(0)),
        )

    def as_lines(self, moment: str, *, sign: int) -> RenewalQuerySet:
        """Return rows for a list: ``at`` is the field of this name, ``charged`` and ``retail`` have this sign."""
        return (
            self.select_related("subscriber__reseller", "plan", "reseller")
            .annotate(at=F(moment), sign=models.Value(sign))
            .annotate(charged=F("price") * F("sign"), retail=F("retail_price") * F("sign"))
        )


class Renewal(models.Model):
    """The record that extends a subscriber: a paid period ``[starts_at, ends_at)``."""

    subscriber = models.ForeignKey(Subscriber, on_delete=models.PROTECT, related_name="renewals")
    #: Who owned the subscriber, and so paid, at the time.
    reseller = models.ForeignKey(Reseller, on_delete=models.PROTECT, related_name="renewals")
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="renewals")
    kind = models.CharField(max_length=10, choices=PeriodKind.choices)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    #: Wholesale: what the wallet was charged.
    price = models.DecimalField(**MONEY)
    #: What the reseller asks of the subscriber; the reseller's revenue.
    retail_price = models.DecimalField(**MONEY)
    #: The charge; null where the price was 0.
    transfer = models.OneToOneField(Transfer, null=True, on_delete=models.PROTECT, related_name="renewal")
    #: Refunded: the money went back, and the period ended, or never began.
    refunded_at = models.DateTimeField(null=True, db_index=True)
    refund = models.OneToOneField(Transfer, null=True, on_delete=models.PROTECT, related_name="refunded_renewal")
    created_at = models.DateTimeField(db_index=True)

    objects = RenewalQuerySet.as_manager()

    class Meta:
        db_table = "renewals"
        constraints = [
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="period_has_a_length"),
            models.CheckConstraint(condition=Q(price__gte=0, retail_price__gte=0), name="period_prices_fit"),
            models.CheckConstraint(
                condition=Q(price=0, transfer__isnull=True) | Q(price__gt=0, transfer__isnull=False),
                name="paid_period_has_its_charge",
            ),
            models.CheckConstraint(
                condition=Q(refunded_at__isnull=True, refund__isnull=True)
                | Q(refunded_at__isnull=False, refund__isnull=False, transfer__isnull=False),
                name="refunded_period_has_its_refund",
            ),
            ExclusionConstraint(
                name="periods_of_a_subscriber_do_not_overlap",
                condition=Q(refunded_at__isnull=True),
                expressions=[
                    ("subscriber", RangeOperators.EQUAL),
                    (PeriodRange("starts_at", "ends_at", RangeBoundary()), RangeOperators.OVERLAPS),
                ],
            ),
        ]
        indexes = [models.Index(fields=["reseller", "created_at"], name="renewals_by_reseller")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.subscriber}"


class Outcome(NamedTuple):
    """What a batch did for one subscriber: its renewal, or the reason why there is none."""

    subscriber_id: int
    renewal_id: int | None
    reason: str


class RenewalBatch(models.Model):
    """One call that renewed many subscribers of one reseller: what became of each, in the order asked."""

    reseller = models.ForeignKey(Reseller, on_delete=models.PROTECT, related_name="renewal_batches")
    created_at = models.DateTimeField()
    #: [subscriber's id, its renewal's id or null, the reason why not or an empty text]
    outcomes: models.JSONField[list[list[Any]], list[list[Any]]] = models.JSONField()

    class Meta:
        db_table = "renewal_batches"

    def __str__(self) -> str:
        return f"{self.reseller} {self.created_at:%Y-%m-%d %H:%M}"

    @property
    def results(self) -> list[Outcome]:
        """What became of each, in the order asked."""
        return [Outcome(*outcome) for outcome in self.outcomes]


def purpose_of_subscriber_password(username: str) -> str:
    """Return the associated data that ties a subscriber's password to its username."""
    return f"subscriber-password:{username}"
