"""Subscribers, and what was sold to them: periods, changes of plan and data."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar, NamedTuple

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeOperators
from django.contrib.postgres.fields.ranges import RangeBoundary
from django.db import models
from django.db.models import F, Func, Q
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

import subscribers.import_models  # noqa: F401 - a part of these, in a file of its own
from accounts.models import USERNAME_PATTERN, username_characters
from accounts.seats import Seat
from ispanel.crypto import Purposes
from ispanel.money import HIGHEST_AMOUNT, MONEY
from network.models import Nas
from plans.models import Plan, in_gb, wholesale
from resellers.models import Reseller, RetailPrice
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


#: When a line that could not be renewed is looked at again, whatever was in the way.
LOOK_AGAIN_AFTER = timedelta(hours=1)
#: The worker tried to renew it by itself when it expired, and could not.
NOT_RENEWED = Q(terminated_at__isnull=True, renewal_failed_at__isnull=False)


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
        """Return in one query how many there are in all, by status, not renewed, and due within so many days."""
        active = has_status(Status.ACTIVE, now)
        return self.aggregate(
            all=models.Count("pk"),
            active=models.Count("pk", filter=active),
            expired=models.Count("pk", filter=has_status(Status.EXPIRED, now)),
            suspended=models.Count("pk", filter=has_status(Status.SUSPENDED, now)),
            failed=models.Count("pk", filter=NOT_RENEWED),
            due=models.Count("pk", filter=active & Q(expires_at__lte=now + timedelta(days=due_days))),
        )

    def expiring_within(self, days: int, now: datetime) -> SubscriberQuerySet:
        """Return the active ones that expire within so many days."""
        return self.with_status(Status.ACTIVE, now).filter(expires_at__lte=now + timedelta(days=days))

    def expired_within(self, days: int, now: datetime) -> SubscriberQuerySet:
        """Return the expired ones whose last period ended no longer ago than so many days."""
        return self.with_status(Status.EXPIRED, now).filter(expires_at__gte=now - timedelta(days=days))

    def not_renewed(self) -> SubscriberQuerySet:
        """Return those that the worker could not renew."""
        return self.filter(NOT_RENEWED)

    def named_like(self, text: str) -> SubscriberQuerySet:
        return self.filter(
            Q(username__icontains=text)
            | Q(full_name__icontains=text)
            | Q(phone__icontains=text)
            | Q(address__icontains=text)
        )

    def for_list(self) -> SubscriberQuerySet:
        """Return rows with all that a line of the list shows, in one query; ``asked`` is what the subscriber pays."""
        of_reseller = RetailPrice.objects.filter(reseller=models.OuterRef("reseller"), plan=models.OuterRef("plan"))
        asked = Coalesce("retail_price", models.Subquery(of_reseller.values("price")[:1]), "plan__price")
        related = self.select_related("plan", "nas", "reseller", "reseller__parent", "reseller__level")
        return related.annotate(asked=asked)

    def due_for_renewal(self, now: datetime) -> SubscriberQuerySet:
        """Return those that the worker renews at ``now``: expired, with auto-renew, neither suspended nor given up.

        One that could not be renewed is due again as soon as the wallet has what was missing, and an hour later in any
        case: plan, price or scope may be another one by then.
        """
        wallet = F("reseller__wallet__balance") + F("reseller__wallet__credit_limit")
        return (
            self.kept()
            .filter(auto_renew=True, suspended_at__isnull=True, expires_at__lte=now)
            .filter(reseller__deleted_at__isnull=True)
            .exclude(reseller__stops_renewals=True)
            .exclude(reseller__parent__stops_renewals=True)
            .filter(
                Q(renewal_failed_at__isnull=True)
                | Q(renewal_needs__lte=wallet)
                | Q(renewal_failed_at__lte=now - LOOK_AGAIN_AFTER)
            )
        )

    def just_expired(self, now: datetime) -> SubscriberQuerySet:
        """Return those whose time is over, and whose access server was not told yet."""
        return self.kept().filter(expired_at__isnull=True, expires_at__lte=now)


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
    nas = models.ForeignKey(Nas, null=True, blank=True, on_delete=models.PROTECT, related_name="subscribers")
    static_ip = models.GenericIPAddressField(_("Static IP"), null=True, blank=True)
    mac = models.CharField(_("MAC address"), max_length=17, blank=True)
    #: What its reseller asks of this line; null is what it asks of all of the plan.
    retail_price = models.DecimalField(_("Retail price"), **MONEY, null=True, blank=True)
    #: Renewed by the worker when it expires, as far as the wallet goes.
    auto_renew = models.BooleanField(_("Auto-renew"), default=False)
    #: Its plan or NAS was taken from its reseller, and an admin let it renew all the same, until one of them changes.
    may_keep_renewing = models.BooleanField(default=False)
    #: End of the last period; null where none was ever paid.
    expires_at = models.DateTimeField(null=True)
    #: When the worker saw that it had expired, and told its access server; null again once it is renewed.
    expired_at = models.DateTimeField(null=True)
    #: When its access server was told to slow it down; null once it was told the full speed.
    throttled_at = models.DateTimeField(null=True)
    #: Why the worker could not renew it, and what that needs; null again once it is renewed.
    renewal_failed_at = models.DateTimeField(null=True)
    renewal_failure = models.CharField(max_length=300, blank=True)
    #: The price that was missing; null where money is not what is missing.
    renewal_needs = models.DecimalField(**MONEY, null=True)
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
            models.CheckConstraint(
                condition=Q(username__regex=USERNAME_PATTERN), name="subscriber_username_characters"
            ),
            models.CheckConstraint(
                condition=Q(retail_price__isnull=True) | Q(retail_price__gte=0, retail_price__lte=HIGHEST_AMOUNT),
                name="subscriber_retail_price_fits",
            ),
        ]
        indexes = [
            models.Index(fields=["reseller", "expires_at"], name="subscribers_by_reseller"),
            models.Index(fields=["expires_at"], name="subscribers_by_expiry"),
            # What the worker looks for, over and over: few rows of many.
            models.Index(
                fields=["expires_at"],
                name="subscribers_to_renew",
                condition=Q(auto_renew=True, suspended_at__isnull=True, terminated_at__isnull=True),
            ),
            models.Index(
                fields=["expires_at"],
                name="subscribers_to_expire",
                condition=Q(expired_at__isnull=True, terminated_at__isnull=True),
            ),
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

    @property
    def wholesale(self) -> Decimal:
        """What a period costs the wallet of its reseller, whose level is at hand."""
        return wholesale(self.plan.price, self.reseller.discount)


class PeriodKind(models.TextChoices):
    ACTIVATION = "activation", _("Activation")
    RENEWAL = "renewal", _("Renewal")
    PLAN_CHANGE = "plan_change", _("Plan change")
    DATA_TOP_UP = "data_top_up", _("Data top-up")


#: What was sold and holds still: neither refunded nor given up for another plan.
STANDING = Q(refunded_at__isnull=True, replaced_at__isnull=True)


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
        """Leave out what was refunded, or given up for another plan."""
        return self.filter(STANDING)

    def periods(self) -> RenewalQuerySet:
        """Leave out the data that was sold within a period."""
        return self.exclude(kind=PeriodKind.DATA_TOP_UP)

    def running_at(self, now: datetime) -> RenewalQuerySet:
        """Return what holds at the moment ``now``: of a line one period at most, and the data bought in it."""
        return self.kept().filter(starts_at__lte=now, ends_at__gt=now)

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
    """What was sold to a subscriber: a paid period ``[starts_at, ends_at)``, or data within one."""

    subscriber = models.ForeignKey(Subscriber, on_delete=models.PROTECT, related_name="renewals")
    #: Who owned the subscriber, and so paid, at the time.
    reseller = models.ForeignKey(Reseller, on_delete=models.PROTECT, related_name="renewals")
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="renewals")
    kind = models.CharField(max_length=12, choices=PeriodKind.choices)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    #: Wholesale: what the wallet was charged; below 0 where a change of plan gave back more than it cost.
    price = models.DecimalField(**MONEY)
    #: What the reseller asks of the subscriber for it, and so its revenue; below 0 likewise.
    retail_price = models.DecimalField(**MONEY)
    #: What the whole period counts for when the plan is changed: the price, and what an earlier period brought in.
    worth = models.DecimalField(**MONEY)
    retail_worth = models.DecimalField(**MONEY)
    #: Megabytes that came with it; null is unlimited.
    quota_mb = models.PositiveIntegerField(null=True)
    #: Megabytes used in it so far, as accounting tells.
    used_mb = models.PositiveBigIntegerField(default=0)
    #: What had been used when its FUP was last reset: fair use counts from there.
    fup_reset_mb = models.PositiveBigIntegerField(default=0)
    #: The charge; null where there was nothing to charge.
    transfer = models.OneToOneField(Transfer, null=True, on_delete=models.PROTECT, related_name="renewal")
    #: Given up for another plan: what was left of it went into the period that began then.
    replaced_at = models.DateTimeField(null=True)
    #: Refunded: the money went back, and the period ended, or never began.
    refunded_at = models.DateTimeField(null=True, db_index=True)
    refund = models.OneToOneField(Transfer, null=True, on_delete=models.PROTECT, related_name="refunded_renewal")
    created_at = models.DateTimeField(db_index=True)

    objects = RenewalQuerySet.as_manager()

    class Meta:
        db_table = "renewals"
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=PeriodKind.values), name="period_kind_is_known"),
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="period_has_a_length"),
            models.CheckConstraint(
                condition=Q(kind=PeriodKind.PLAN_CHANGE) | Q(price__gte=0, retail_price__gte=0),
                name="only_a_change_gives_back",
            ),
            models.CheckConstraint(condition=Q(worth__gte=0, retail_worth__gte=0), name="period_is_worth_something"),
            models.CheckConstraint(
                condition=Q(price__lte=0, transfer__isnull=True) | Q(price__gt=0, transfer__isnull=False),
                name="paid_period_has_its_charge",
            ),
            models.CheckConstraint(
                condition=Q(refunded_at__isnull=True, refund__isnull=True)
                | Q(refunded_at__isnull=False, refund__isnull=False, transfer__isnull=False),
                name="refunded_period_has_its_refund",
            ),
            ExclusionConstraint(
                name="periods_of_a_subscriber_do_not_overlap",
                condition=STANDING & ~Q(kind=PeriodKind.DATA_TOP_UP),
                expressions=[
                    ("subscriber", RangeOperators.EQUAL),
                    (PeriodRange("starts_at", "ends_at", RangeBoundary()), RangeOperators.OVERLAPS),
                ],
            ),
        ]
        indexes = [models.Index(fields=["reseller", "created_at"], name="renewals_by_reseller")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.subscriber}"

    def is_visible_to(self, seat: Seat) -> bool:
        """Say of one row what `RenewalQuerySet.visible_to` says of all; the reseller is at hand."""
        if seat.sees_all("subscribers"):
            return True
        return seat.reseller is not None and seat.reseller.pk in (self.reseller_id, self.reseller.parent_id)

    def is_running_at(self, now: datetime) -> bool:
        """Say of one row what `RenewalQuerySet.running_at` says of all."""
        return not self.refunded_at and not self.replaced_at and self.starts_at <= now < self.ends_at

    @property
    def margin(self) -> Decimal:
        """What the reseller keeps of it."""
        return self.retail_price - self.price

    @property
    def is_data(self) -> bool:
        return self.kind == PeriodKind.DATA_TOP_UP

    @property
    def in_words(self) -> str:
        """What was sold, as papers call it."""
        what = in_gb(self.quota_mb) if self.is_data and self.quota_mb else str(self.plan)
        return f"{self.get_kind_display()} · {what}"

    @property
    def counts_until(self) -> datetime:
        """When it ended, or ends: where it was given up for another plan, that moment."""
        return self.replaced_at or self.ends_at


class PeriodFunding(models.Model):
    """Which charge paid for how much of a period that a change of plan began; the rest was paid by no charge."""

    period = models.ForeignKey(Renewal, on_delete=models.PROTECT, related_name="funding")
    transfer = models.ForeignKey(Transfer, on_delete=models.PROTECT, related_name="funding")
    amount = models.DecimalField(**MONEY)

    class Meta:
        db_table = "period_funding"
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="period_funding_is_an_amount"),
            models.UniqueConstraint(fields=["period", "transfer"], name="one_share_of_a_charge"),
        ]

    def __str__(self) -> str:
        return f"{self.period} {self.amount}"


class ChangeRefund(models.Model):
    """What a change of plan gave back: a refund of a part of an earlier charge, to the wallet that had paid it."""

    period = models.ForeignKey(Renewal, on_delete=models.PROTECT, related_name="change_refunds")
    transfer = models.OneToOneField(Transfer, on_delete=models.PROTECT, related_name="change_refund")

    class Meta:
        db_table = "change_refunds"

    def __str__(self) -> str:
        return str(self.transfer)


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


class BulkKind(models.TextChoices):
    """What can be done to many subscribers at once."""

    RENEWAL = "renewal", _("Renewal")
    SUSPENSION = "suspension", _("Suspension")
    RESUMPTION = "resumption", _("Resumption")
    PLAN_CHANGE = "plan_change", _("Plan change")
    MOVE = "move", _("Move")


class BulkOutcome(NamedTuple):
    """What became of one subscriber, in words; without a name it is none that the actor may act on."""

    subscriber_id: int
    username: str
    is_done: bool
    words: str


class BulkActQuerySet(models.QuerySet["BulkAct"]):
    def visible_to(self, seat: Seat) -> BulkActQuerySet:
        """Return what was done in the seat's own panel; an admin sees all."""
        if seat.is_admin:
            return self
        return self.filter(reseller=seat.reseller) if seat.reseller else self.none()


class BulkAct(models.Model):
    """One form that was sent for many subscribers: what became of each, in the order asked."""

    kind = models.CharField(max_length=12, choices=BulkKind.choices)
    #: Whose panel it was sent from; null is the house's.
    reseller = models.ForeignKey(Reseller, null=True, on_delete=models.PROTECT, related_name="bulk_acts")
    #: Who sent it, as a plain value.
    actor_name = models.CharField(max_length=254)
    created_at = models.DateTimeField()
    #: [subscriber's id, its username, whether it was done, what was done or why not]
    outcomes: models.JSONField[list[list[Any]], list[list[Any]]] = models.JSONField()

    objects = BulkActQuerySet.as_manager()

    class Meta:
        db_table = "bulk_acts"
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=BulkKind.values), name="bulk_kind_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.created_at:%Y-%m-%d %H:%M}"

    @property
    def results(self) -> list[BulkOutcome]:
        """What became of each, in the order asked."""
        return [BulkOutcome(*outcome) for outcome in self.outcomes]


def purpose_of_subscriber_password(username: str) -> str:
    """Return the associated data that ties a subscriber's password to its username."""
    return f"subscriber-password:{username}"


class ExpiryNotice(models.Model):
    """A line was looked at as many days before its expiry as a rule says, and whoever is to be told of it was."""

    subscriber = models.ForeignKey(Subscriber, on_delete=models.CASCADE, related_name="expiry_notices")
    expires_at = models.DateTimeField()
    days = models.PositiveSmallIntegerField()

    class Meta:
        db_table = "expiry_notices"
        constraints = [
            models.UniqueConstraint(fields=["subscriber", "expires_at", "days"], name="one_notice_per_expiry"),
        ]
        indexes = [models.Index(fields=["expires_at"], name="expiry_notices_by_expiry")]

    def __str__(self) -> str:
        return f"{self.subscriber_id} {self.expires_at:%Y-%m-%d} {self.days}"
