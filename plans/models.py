"""What a subscriber buys."""

from __future__ import annotations

from datetime import UTC, datetime

from dateutil.relativedelta import relativedelta
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.seats import Seat
from ispanel.installation import time_zone
from ispanel.money import HIGHEST_AMOUNT, MONEY


class DurationUnit(models.TextChoices):
    DAYS = "days", _("days")
    MONTHS = "months", _("months")


class PlanQuerySet(models.QuerySet["Plan"]):
    def visible_to(self, seat: Seat) -> PlanQuerySet:
        """Return all plans to those who see them all, else those that are sold."""
        return self if seat.sees_all("plans") else self.on_sale()

    def on_sale(self) -> PlanQuerySet:
        return self.filter(is_on_sale=True)


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
    is_on_sale = models.BooleanField(_("On sale"), default=True)

    objects = PlanQuerySet.as_manager()

    class Meta:
        db_table = "plans"
        constraints = [
            models.CheckConstraint(condition=Q(price__gte=0, price__lte=HIGHEST_AMOUNT), name="plan_price_fits"),
            models.CheckConstraint(condition=Q(duration__gte=1), name="plan_lasts"),
            models.CheckConstraint(condition=Q(duration_unit__in=DurationUnit.values), name="duration_unit_is_known"),
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
    def speed_words(self) -> str:
        """Download and upload as people say them, in Mbit/s: "50 / 10"."""
        return " / ".join(f"{kbps / 1000:g}" for kbps in (self.download_kbps, self.upload_kbps))

    @property
    def quota_words(self) -> str:
        """The quota in GB, or that there is none."""
        return _("%(count)s GB") % {"count": f"{self.quota_mb / 1000:g}"} if self.quota_mb else str(_("Unlimited"))
