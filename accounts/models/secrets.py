"""What is kept encrypted or as a digest: initial passwords, second steps and recovery codes."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import Q

from accounts.models.logins import User
from ispanel.crypto import Purposes


class InitialPasswordQuerySet(models.QuerySet["InitialPassword"]):
    def in_force(self, now: datetime) -> InitialPasswordQuerySet:
        return self.filter(expires_at__gt=now)


class InitialPassword(models.Model):
    """The password that somebody else chose for a login, encrypted, until the login chooses its own."""

    ENCRYPTED: ClassVar[Purposes] = {"ciphertext": lambda row: purpose_of_initial_password(row.pk)}

    user = models.OneToOneField(User, primary_key=True, on_delete=models.CASCADE, related_name="initial_password")
    ciphertext = models.BinaryField()
    created_by_id = models.BigIntegerField()
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    objects = InitialPasswordQuerySet.as_manager()

    class Meta:
        db_table = "initial_passwords"
        constraints = [
            models.CheckConstraint(condition=Q(expires_at__gt=models.F("created_at")), name="initial_password_expires")
        ]

    def __str__(self) -> str:
        return f"initial password of {self.user_id}"


def purpose_of_initial_password(user_id: int) -> str:
    """Return the associated data that ties an initial password to its login."""
    return f"initial-password:{user_id}"


class TwoStepQuerySet(models.QuerySet["TwoStep"]):
    def in_force(self) -> TwoStepQuerySet:
        """Return those without which nobody signs in: a code has shown that the app has the secret."""
        return self.filter(confirmed_at__isnull=False)


class TwoStep(models.Model):
    """The second step of a login's sign-in: the secret of its authenticator app (TOTP, RFC 6238), encrypted."""

    ENCRYPTED: ClassVar[Purposes] = {"ciphertext": lambda row: purpose_of_two_step(row.pk)}

    user = models.OneToOneField(User, primary_key=True, on_delete=models.CASCADE, related_name="two_step")
    ciphertext = models.BinaryField()
    #: Null until the first code has proved that the app has the secret.
    confirmed_at = models.DateTimeField(null=True)
    #: The number of the time step whose code was used last; it and earlier ones are refused (RFC 6238, 5.2).
    last_step = models.BigIntegerField(default=0)

    objects = TwoStepQuerySet.as_manager()

    class Meta:
        db_table = "two_steps"

    def __str__(self) -> str:
        return f"second step of {self.user_id}"


def purpose_of_two_step(user_id: int) -> str:
    """Return the associated data that ties the secret of a second step to its login."""
    return f"two-step:{user_id}"


class RecoveryCode(models.Model):
    """A code that stands in for the authenticator app once; the row goes when it is used."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="recovery_codes")
    #: SHA-256 of the code, which is random enough not to be guessed from it.
    digest = models.BinaryField()

    class Meta:
        db_table = "recovery_codes"
        constraints = [models.UniqueConstraint(fields=["user", "digest"], name="recovery_code_is_unique")]

    def __str__(self) -> str:
        return f"recovery code of {self.user_id}"
