"""Password resets: each one is a link or a code that lets whoever holds it choose a login's next password, once."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.db.models import Q
from django.utils.crypto import constant_time_compare, salted_hmac

from accounts.models.logins import User
from audit.identity import Origin
from ispanel.messages import Way


class PasswordResetQuerySet(models.QuerySet["PasswordReset"]):
    def in_force(self, now: datetime) -> PasswordResetQuerySet:
        """Return those that were sent, not used, and not over."""
        return self.filter(sent_at__isnull=False, used_at__isnull=True, expires_at__gt=now)


class PasswordReset(models.Model):
    """That somebody asked for a new password. There is a row whatever was typed, so that all cost the same."""

    #: Null where there is no such login. PostgreSQL does not look it up: that would take a little longer.
    user = models.ForeignKey(
        User, null=True, on_delete=models.CASCADE, db_constraint=False, related_name="password_resets"
    )
    way = models.CharField(max_length=5, choices=Way.choices)
    #: At which door it was asked for, and leads to: its domain, blank for the panel's own host, and its address.
    door = models.CharField(max_length=253, blank=True)
    address = models.CharField(max_length=300)
    reseller = models.ForeignKey("resellers.Reseller", null=True, on_delete=models.CASCADE, related_name="+")
    asked_at = models.DateTimeField()
    asked_from = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=300, blank=True)
    request_id = models.CharField(max_length=32, blank=True)
    #: What the link or the code is found by; null until there is one. See `accounts.reset_secrets`.
    digest = models.BinaryField(null=True, unique=True)
    #: What the login was when it was sent: with another password, email or phone it is void.
    login_was = models.CharField(max_length=64, blank=True)
    sent_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    used_at = models.DateTimeField(null=True)

    objects = PasswordResetQuerySet.as_manager()

    class Meta:
        db_table = "password_resets"
        constraints = [
            models.CheckConstraint(
                condition=Q(sent_at__isnull=True, digest__isnull=True, expires_at__isnull=True)
                | Q(sent_at__isnull=False, digest__isnull=False, expires_at__isnull=False, user__isnull=False),
                name="sent_reset_is_whole",
            ),
            models.CheckConstraint(
                condition=Q(used_at__isnull=True) | Q(sent_at__isnull=False), name="used_reset_was_sent"
            ),
        ]

    def __str__(self) -> str:
        return f"password reset of {self.user_id}"

    @property
    def origin(self) -> Origin:
        """Where it was asked for."""
        return Origin(address=self.asked_from, user_agent=self.user_agent, request_id=self.request_id)

    def is_of(self, user: User) -> bool:
        """Say whether the login is still what it was when this was sent."""
        return constant_time_compare(self.login_was, state_of(user))


def state_of(user: User) -> str:
    """Return what changes with a login's password, email and phone, and tells nothing of them."""
    known = "\0".join([user.password, user.email or "", user.phone])
    return salted_hmac("accounts.password_resets", known, algorithm="sha256").hexdigest()
