"""The installation's general settings: one row."""

from __future__ import annotations

import zoneinfo
from datetime import timedelta

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from ispanel.money import Currency


def validate_time_zone(name: str) -> None:
    """Refuse what is no time zone of the IANA database."""
    if name not in zoneinfo.available_timezones():
        raise ValidationError(_("Choose a time zone of the list, for example Asia/Beirut."))


prefix_characters = RegexValidator(
    r"^[A-Za-z0-9/._-]*\Z", _("Use letters of the Latin alphabet, digits and / . _ - only.")
)


class PanelSettings(models.Model):
    """What the admin sets for the whole installation. The currency is locked once money has moved."""

    id = models.SmallIntegerField(primary_key=True, default=1, editable=False)
    name = models.CharField(_("Panel name"), max_length=60, default="ISPanel")
    #: Who issues papers; blank is the panel's name.
    company_name = models.CharField(_("Company name"), max_length=150, blank=True)
    company_address = models.TextField(_("Company address"), max_length=500, blank=True)
    #: Stands under the address, as "VAT LB 601 233".
    tax_line = models.CharField(_("Tax line"), max_length=150, blank=True)
    logo = models.ForeignKey("Picture", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    #: Whether each reseller issues the papers of its own subscribers, under its own name and numbers.
    reseller_is_issuer = models.BooleanField(_("Reseller is invoice issuer"), default=False)
    #: What numbers begin with.
    invoice_prefix = models.CharField(
        _("Invoice prefix"), max_length=12, default="INV-", blank=True, validators=[prefix_characters]
    )
    credit_note_prefix = models.CharField(
        _("Credit note prefix"), max_length=12, default="CN-", blank=True, validators=[prefix_characters]
    )
    time_zone = models.CharField(_("Time zone"), max_length=60, default="UTC", validators=[validate_time_zone])
    currency_code = models.CharField(
        _("Currency"),
        max_length=3,
        default="USD",
        validators=[RegexValidator(r"^[A-Z]{3}\Z", _("Enter the three capital letters of the currency, as in USD."))],
    )
    currency_decimals = models.PositiveSmallIntegerField(
        _("Decimals"), default=2, validators=[MaxValueValidator(4, _("A currency has at most 4 decimals."))]
    )

    keeps_initial_passwords = models.BooleanField(_("Keep a copy of initial passwords"), default=True)
    #: The user types that may not sign in by password alone.
    two_step_for = ArrayField(models.PositiveSmallIntegerField(), default=list, blank=True)
    idle_minutes = models.PositiveSmallIntegerField(_("Minutes without a request"), default=120)
    absolute_hours = models.PositiveSmallIntegerField(_("Hours since signing in"), default=12)

    class Meta:
        db_table = "panel_settings"
        constraints = [
            models.CheckConstraint(condition=models.Q(id=1), name="panel_settings_is_one_row"),
            models.CheckConstraint(condition=models.Q(currency_decimals__lte=4), name="currency_decimals_fit"),
            models.CheckConstraint(condition=models.Q(idle_minutes__range=(5, 1440)), name="idle_minutes_are_sane"),
            models.CheckConstraint(condition=models.Q(absolute_hours__range=(1, 168)), name="absolute_hours_are_sane"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def currency(self) -> Currency:
        return Currency(self.currency_code, self.currency_decimals)

    @property
    def idle_time(self) -> timedelta:
        """How long a sign-in lasts without a request."""
        return timedelta(minutes=self.idle_minutes)

    @property
    def absolute_time(self) -> timedelta:
        """How long a sign-in lasts at most."""
        return timedelta(hours=self.absolute_hours)


class Picture(models.Model):
    """A picture of our own making, under the digest of what is in it: it never changes, and papers keep theirs.

    One to which nothing refers any more is erased; see `ispanel.logos`.
    """

    #: SHA-256 of the PNG, in hexadecimal digits.
    digest = models.CharField(max_length=64, primary_key=True)
    #: Written by `ispanel.logos`, never as it was uploaded.
    png = models.BinaryField()
    #: Since when nothing is known to refer to it.
    unused_since = models.DateTimeField(null=True)

    class Meta:
        db_table = "pictures"

    def __str__(self) -> str:
        return self.digest[:16]


class JobFailure(models.Model):
    """A job that failed for good; what is tried again is none. Written by the worker with the job's end."""

    job_id = models.BigIntegerField()
    task_name = models.CharField(max_length=128)
    lane = models.TextField(blank=True)
    #: How often it was tried.
    attempts = models.PositiveIntegerField()
    failed_at = models.DateTimeField()
    #: In one line, and without the job's arguments.
    reason = models.CharField(max_length=500)

    class Meta:
        db_table = "job_failures"

    def __str__(self) -> str:
        return f"{self.task_name} {self.job_id}"
