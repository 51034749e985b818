"""Sign-ins: the sessions there are, the addresses that are known, and failures that are counted."""

from __future__ import annotations

import uuid

from django.contrib.sessions.base_session import AbstractBaseSession, BaseSessionManager
from django.db import models
from django.utils import timezone

from accounts.models.logins import User


class SessionQuerySet(models.QuerySet["Session"]):
    def in_force(self) -> SessionQuerySet:
        return self.filter(expire_date__gt=timezone.now())


class Session(AbstractBaseSession):
    """A session; of somebody who signed in it is one of the sign-ins that they can see and end.

    ``session_key`` is the SHA-256 of what the cookie holds.
    """

    session_key = models.CharField(max_length=64, primary_key=True)
    #: What an address of the panel may name it by.
    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(User, null=True, on_delete=models.CASCADE, related_name="sign_ins")
    signed_in_at = models.DateTimeField(null=True)
    last_seen_at = models.DateTimeField(null=True)
    address = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=300, blank=True)

    objects = BaseSessionManager.from_queryset(SessionQuerySet)()  # type: ignore[misc]

    class Meta:
        db_table = "sessions"

    def __str__(self) -> str:
        return f"sign-in of {self.user_id}"


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
