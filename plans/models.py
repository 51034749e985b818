"""What can be sold, and on what terms: plans, the groups that resellers sell from, and the levels of resellers."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from dateutil.relativedelta import relativedelta
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from accounts.models import PermissionGroup
from accounts.seats import Seat
from ispanel.installation import currency, time_zone
from ispanel.money import HIGHEST_AMOUNT, MONEY, rounded

HUNDRED = Decimal(100)


class DurationUnit(models.TextChoices):
    DAYS = "days", _("days")
    MONTHS = "months", _("months")


class PlanQuerySet(models.QuerySet["Plan"]):
    def visible_to(self, seat: Seat) -> PlanQuerySet:
        """Return all plans to those who see them all, else those that the seat's reseller may sell."""
        if seat.sees_all("plans"):
            return self
        return self.on_sale().within(seat.reseller.service_groups.all()) if seat.reseller else self.on_sale()

    def on_sale(self) -> PlanQuerySet:
        return self.filter(is_on_sale=True)

    def within(self, groups: models.QuerySet[ServiceGroup]) -> PlanQuerySet:
        """Return those that one of the service groups holds."""
        every = groups.filter(holds_every_plan=True)
        return self.filter(models.Exists(groups.filter(plans=models.OuterRef("pk"))) | models.Exists(every))


class Plan(models.Model):
    """A price for a duration at a speed. The price is in the installation's currency; 0 is allowed."""

    name = models.CharField(_("Name"), max_length=100, unique=True)
    price = models.DecimalField(_("Price"), **MONEY)
    duration = models.PositiveSmallIntegerField(
        _("Duration"), validators=[MinValueValidator(1), MaxValueValidator(3650)], default=30
    )
    duration_unit = models.CharField(_("Unit"), max_length=6, choices=DurationUnit.choices, default=DurationUnit.DAYS)
    download_kbps = models.PositiveIntegerField(_("Download"), validators=[MinValueValidator(1)])
    upload_kbps = models.PositiveIntegerField(_("Upload"), validators=[MinValueValidator(1)])
    #: Megabytes in a period; null is unlimited.
    quota_mb = models.PositiveIntegerField(_("Quota"), null=True, blank=True)
    #: Fair use: megabytes used in a period after which the line runs at the throttled speed; null is never.
    fup_threshold_mb = models.PositiveIntegerField(_("Fair-use threshold"), null=True, blank=True)
    throttled_download_kbps = models.PositiveIntegerField(_("Throttled download"), null=True, blank=True)
    throttled_upload_kbps = models.PositiveIntegerField(_("Throttled upload"), null=True, blank=True)
    is_on_sale = models.BooleanField(_("On sale"), default=True)

    objects = PlanQuerySet.as_manager()

    class Meta:
        db_table = "plans"
        constraints = [
            models.CheckConstraint(condition=Q(price__gte=0, price__lte=HIGHEST_AMOUNT), name="plan_price_fits"),
            models.CheckConstraint(condition=Q(duration__gte=1), name="plan_lasts"),
            models.CheckConstraint(condition=Q(duration_unit__in=DurationUnit.values), name="duration_unit_is_known"),
            models.CheckConstraint(
                condition=Q(
                    fup_threshold_mb__isnull=True,
                    throttled_download_kbps__isnull=True,
                    throttled_upload_kbps__isnull=True,
                )
                | Q(
                    fup_threshold_mb__isnull=False,
                    throttled_download_kbps__isnull=False,
                    throttled_upload_kbps__isnull=False,
                    fup_threshold_mb__gt=0,
                    throttled_download_kbps__gt=0,
                    throttled_upload_kbps__gt=0,
                ),
                name="fair_use_has_threshold_and_speeds",
            ),
            models.CheckConstraint(
                condition=Q(fup_threshold_mb__isnull=True)
                | Q(throttled_download_kbps__lte=F("download_kbps"), throttled_upload_kbps__lte=F("upload_kbps")),
                name="throttled_is_no_faster",
            ),
            models.CheckConstraint(
                condition=Q(fup_threshold_mb__isnull=True)
                | Q(quota_mb__isnull=True)
                | Q(fup_threshold_mb__lte=F("quota_mb")),
                name="fair_use_begins_within_the_quota",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def duration_words(self) -> str:
        """The duration as people read it: "30 days", "1 month"."""
        if self.duration_unit == DurationUnit.MONTHS:
            return ngettext("%(count)d month", "%(count)d months", self.duration) % {"count": self.duration}
        return ngettext("%(count)d day", "%(count)d days", self.duration) % {"count": self.duration}

    def end_of_period(self, start: datetime) -> datetime:
        """Return when a period that begins at ``start`` ends, at the same hour on the installation's calendar.

        A month from the 31st ends on the last day there is.
        """
        in_months = self.duration_unit == DurationUnit.MONTHS
        lasts = relativedelta(months=self.duration) if in_months else relativedelta(days=self.duration)
        return (start.astimezone(time_zone()) + lasts).astimezone(UTC)

    @property
    def state_of_groups(self) -> str:
        """What tells the service groups that hold the plan, those that keep every plan aside, from any others."""
        return digest_of(sorted(self.service_groups.filter(holds_every_plan=False).values_list("pk", flat=True)))

    @property
    def speed_words(self) -> str:
        """Download and upload as people say them, in Mbit/s: "50 / 10"."""
        return in_mbps(self.download_kbps, self.upload_kbps)

    @property
    def throttled_words(self) -> str:
        """The speed beyond the fair-use threshold, in Mbit/s, or nothing."""
        if self.throttled_download_kbps is None or self.throttled_upload_kbps is None:
            return ""
        return in_mbps(self.throttled_download_kbps, self.throttled_upload_kbps)

    @property
    def fair_use_words(self) -> str:
        """From where on the line is throttled, and to which speed, or nothing."""
        if self.fup_threshold_mb is None:
            return ""
        words = {"threshold": in_gb(self.fup_threshold_mb), "speed": self.throttled_words}
        return gettext("%(speed)s Mbit/s beyond %(threshold)s") % words

    @property
    def quota_words(self) -> str:
        """The quota in GB, or that there is none."""
        return in_gb(self.quota_mb) if self.quota_mb else str(_("Unlimited"))


def in_mbps(*speeds: int) -> str:
    """Return speeds in kbit/s as people say them, in Mbit/s: "50 / 10"."""
    return " / ".join(f"{kbps / 1000:g}" for kbps in speeds)


def in_gb(megabytes: int) -> str:
    """Return megabytes as people say them: "2.5 GB"."""
    return gettext("%(count)s GB") % {"count": f"{megabytes / 1000:g}"}


class DataPackQuerySet(models.QuerySet["DataPack"]):
    def on_sale(self) -> DataPackQuerySet:
        """Return those that are offered, the smallest first."""
        return self.filter(is_on_sale=True).order_by("megabytes")


class DataPack(models.Model):
    """Megabytes that can be bought on top of a plan's quota, until the end of the period."""

    plan = models.ForeignKey(Plan, on_delete=models.CASCADE, related_name="data_packs")
    megabytes = models.PositiveIntegerField(_("Data"))
    price = models.DecimalField(_("Price"), **MONEY)
    #: A pack that was sold is not deleted when it is no longer offered.
    is_on_sale = models.BooleanField(default=True)

    objects = DataPackQuerySet.as_manager()

    class Meta:
        db_table = "data_packs"
        constraints = [
            models.CheckConstraint(condition=Q(price__gte=0, price__lte=HIGHEST_AMOUNT), name="data_pack_price_fits"),
            models.CheckConstraint(condition=Q(megabytes__gte=1), name="data_pack_holds_data"),
            models.UniqueConstraint(
                fields=["plan", "megabytes"], condition=Q(is_on_sale=True), name="one_data_pack_of_a_size"
            ),
        ]

    def __str__(self) -> str:
        return in_gb(self.megabytes)


class ServiceGroupQuerySet(models.QuerySet["ServiceGroup"]):
    def holding(self, plan: Plan) -> ServiceGroupQuerySet:
        """Return those that hold the plan."""
        named = ServiceGroup.plans.through.objects.filter(servicegroup=models.OuterRef("pk"), plan=plan)
        return self.filter(Q(holds_every_plan=True) | models.Exists(named))

    def for_list(self) -> ServiceGroupQuerySet:
        """Return rows with how many plans are in each, and how many resellers have it that are not deleted."""
        return self.annotate(
            plan_count=models.Count("plans", distinct=True),
            reseller_count=models.Count("resellers", filter=Q(resellers__deleted_at__isnull=True), distinct=True),
        )


class ServiceGroup(models.Model):
    """A named set of plans that resellers may sell."""

    name = models.CharField(_("Name"), max_length=100, unique=True)
    sentence = models.CharField(_("What it is for"), max_length=200, blank=True)
    #: Ticked already on the form of a new reseller.
    is_default = models.BooleanField(_("Default"), default=False)
    #: It holds all plans, those to come as well, whatever is in `plans`.
    holds_every_plan = models.BooleanField(_("Every plan"), default=False)
    plans = models.ManyToManyField(Plan, related_name="service_groups", blank=True, db_table="service_group_plans")

    objects = ServiceGroupQuerySet.as_manager()

    class Meta:
        db_table = "service_groups"
        verbose_name, verbose_name_plural = _("service group"), _("service groups")

    def __str__(self) -> str:
        return self.name

    def is_visible_to(self, seat: Seat) -> bool:
        """Say whether the seat reads it: an admin, or a reseller that has it."""
        return seat.is_admin or (seat.reseller is not None and seat.reseller.service_groups.filter(pk=self.pk).exists())

    @property
    def state(self) -> str:
        """What tells this state of the group from any other one."""
        held = sorted(self.plans.values_list("pk", flat=True))
        return digest_of(self.name, self.sentence, self.is_default, held)


class LevelName(models.TextChoices):
    BRONZE = "BRONZE", "BRONZE"
    SILVER = "SILVER", "SILVER"
    GOLD = "GOLD", "GOLD"
    PLATINUM = "PLATINUM", "PLATINUM"


class Level(models.Model):
    """The terms of a reseller: what its form is filled in with, its highest credit limit and its discount."""

    name = models.CharField(max_length=10, choices=LevelName.choices, unique=True)
    #: From the lowest to the highest.
    rank = models.PositiveSmallIntegerField(unique=True)
    default_permission_group = models.ForeignKey(
        PermissionGroup, null=True, blank=True, on_delete=models.PROTECT, related_name="levels"
    )
    default_credit_limit = models.DecimalField(_("Default credit limit"), **MONEY, default=Decimal(0))
    #: Null: as high as an admin sets it.
    highest_credit_limit = models.DecimalField(_("Highest credit limit"), **MONEY, null=True, blank=True)
    #: Percent off each plan's price, 0 to 100.
    discount = models.DecimalField(_("Wholesale discount"), max_digits=5, decimal_places=2, default=Decimal(0))
    has_priority_support = models.BooleanField(_("Priority support"), default=False)

    class Meta:
        db_table = "levels"
        verbose_name, verbose_name_plural = _("level"), _("levels")
        constraints = [
            models.CheckConstraint(condition=Q(name__in=LevelName.values), name="level_is_known"),
            models.CheckConstraint(condition=Q(discount__gte=0, discount__lte=100), name="discount_is_a_share"),
            models.CheckConstraint(
                condition=Q(default_credit_limit__gte=0)
                & (Q(highest_credit_limit__isnull=True) | Q(highest_credit_limit__gte=F("default_credit_limit"))),
                name="default_credit_limit_is_within_the_highest",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def state(self) -> str:
        """What tells this state of the level from any other one."""
        highest = None if self.highest_credit_limit is None else f"{self.highest_credit_limit.normalize():f}"
        return digest_of(
            self.default_permission_group_id,
            f"{self.default_credit_limit.normalize():f}",
            highest,
            f"{self.discount.normalize():f}",
            self.has_priority_support,
        )

    def resellers_above(self) -> models.QuerySet[Any]:
        """Return the resellers of this level whose credit limit is above its highest, which was lowered since."""
        kept = self.resellers.filter(deleted_at__isnull=True)
        if self.highest_credit_limit is None:
            return kept.none()
        return kept.filter(wallet__credit_limit__gt=self.highest_credit_limit)

    def allows(self, credit_limit: Decimal) -> bool:
        """Say whether a reseller of this level may have the credit limit."""
        return self.highest_credit_limit is None or credit_limit <= self.highest_credit_limit

    def clipped(self, credit_limit: Decimal) -> Decimal:
        """Return the credit limit, or the highest of this level where that is less."""
        return credit_limit if self.highest_credit_limit is None else min(credit_limit, self.highest_credit_limit)


def digest_of(*held: Any) -> str:
    """Return what tells one state of a row from any other."""
    return hashlib.sha256(json.dumps(held).encode()).hexdigest()[:16]


def wholesale(price: Decimal, discount: Decimal) -> Decimal:
    """Return a price less a discount in percent, rounded half up to the currency's decimals; never below 0."""
    return rounded(max(price * (HUNDRED - discount) / HUNDRED, Decimal(0)), currency())
