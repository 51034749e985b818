"""Sign-ins: the sessions there are, the addresses that are known, and failures that are counted."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from enum import Enum

from django.contrib.sessions.base_session import AbstractBaseSession, BaseSessionManager
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.browsers import browser_in_words
from accounts.models.logins import User
from ispanel.models import PanelSettings


class SessionQuerySet(models.QuerySet["Session"]):
    def in_force(self, now: datetime, panel: PanelSettings) -> SessionQuerySet:
        """Return the sign-ins that neither time-out has ended."""
        return self.filter(last_seen_at__gt=now - panel.idle_time, signed_in_at__gt=now - panel.absolute_time)

    def outdated(self, now: datetime, panel: PanelSettings) -> SessionQuerySet:
        """Return what may be erased: of a sign-in that timed out, a day later, for whoever comes back and wonders."""
        a_day_ago = now - timedelta(days=1)
        return self.filter(
            Q(expire_date__lte=now)
            | Q(last_seen_at__lte=a_day_ago - panel.idle_time)
            | Q(signed_in_at__lte=a_day_ago - panel.absolute_time)
        )


class TimedOut(Enum):
    """Which time-out has ended a sign-in."""

    IDLE = "idle"
    ABSOLUTE = "absolute"


class Session(AbstractBaseSession):
    """A session; of somebody who signed in it is one of the sign-ins that they can see and end.

    ``session_key`` is the SHA-256 of what the cookie holds. ``expire_date`` is when the row may be erased; how long a
    sign-in lasts is what the settings in force make of the times at which it began and was last seen.
    """

    session_key = models.CharField(max_length=64, primary_key=True)
    #: What an address of the panel may name it by.
    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(User, null=True, on_delete=models.CASCADE, related_name="sign_ins")
    signed_in_at = models.DateTimeField(null=True)
    last_seen_at = models.DateTimeField(null=True)
    address = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=300, blank=True)
    #: The domain that it is bound to; blank is the panel's own host.
    door = models.CharField(max_length=253, blank=True, db_default="")

    objects = BaseSessionManager.from_queryset(SessionQuerySet)()  # type: ignore[misc]

    class Meta:
        db_table = "sessions"
        verbose_name, verbose_name_plural = _("sign-in"), _("sign-ins")

    def __str__(self) -> str:
        return f"sign-in of {self.user_id}"

    def timed_out(self, now: datetime, panel: PanelSettings) -> TimedOut | None:
        """Return which time-out has ended this sign-in, if one has; a session of nobody has none."""
        if self.signed_in_at is None or self.last_seen_at is None:
            return None if self.user_id is None else TimedOut.ABSOLUTE
        if now >= self.last_seen_at + panel.idle_time:
            return TimedOut.IDLE
        return TimedOut.ABSOLUTE if now >= self.signed_in_at + panel.absolute_time else None

    @property
    def browser(self) -> str:
        """The browser in words, as in "Firefox on Linux"."""
        return browser_in_words(self.user_agent)


class KnownAddress(models.Model):
    """An address from which a login signed in; attempts from there are counted apart from those of strangers."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="known_addresses")
    address = models.GenericIPAddressField()
    last_used_at = models.DateTimeField()

    class Meta:
        db_table = "known_addresses"
        constraints = [models.UniqueConstraint(fields=["user", "address"], name="known_address_is_unique")]

    def __str__(self) -> str:
        return f"{self.address} of {self.user_id}"


class FailureCount(models.Model):
    """How often something was got wrong, by what is counted: a name, an address, or both. It does not last."""

    key = models.CharField(max_length=300, primary_key=True)
    failures = models.PositiveIntegerField()
    forgotten_at = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "failure_counts"

    def __str__(self) -> str:
        return f"{self.key}: {self.failures}"
