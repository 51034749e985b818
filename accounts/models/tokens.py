"""API tokens: what another system shows instead of signing in."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from accounts.models.logins import RIGHTS, User
from accounts.models.secrets import TwoStep

#: The longest that a token lasts.
LONGEST_DAYS = 365
#: How long before its end the lists say so.
ENDS_SOON = timedelta(days=14)


class TokenScope(models.TextChoices):
    """What a token is for; its owner's present rights bound it besides."""

    ADMIN = "admin", _("Admin")
    RESELLER = "reseller", _("Reseller")


class TokenState(models.TextChoices):
    """Whether a token still counts."""

    IN_FORCE = "in_force", _("In force")
    EXPIRED = "expired", _("Expired")
    REVOKED = "revoked", _("Revoked")


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    def with_owner(self) -> ApiTokenQuerySet:
        """Return tokens with all that their owners' rights are computed from, in one query."""
        return self.select_related("owner", *(f"owner__{path}" for path in RIGHTS))

    def for_list(self) -> ApiTokenQuerySet:
        """Return tokens with all that a line of a list shows, in one query."""
        second_steps = TwoStep.objects.in_force().filter(user=OuterRef("owner"))
        return self.with_owner().annotate(owner_has_second_step=Exists(second_steps))

    def in_state(self, state: TokenState, now: datetime) -> ApiTokenQuerySet:
        """Return those in this state; a token that was revoked stays so when its time is over."""
        if state == TokenState.REVOKED:
            return self.filter(revoked_at__isnull=False)
        left = self.filter(revoked_at__isnull=True)
        return left.filter(expires_at__gt=now) if state == TokenState.IN_FORCE else left.filter(expires_at__lte=now)

    def named_like(self, text: str) -> ApiTokenQuerySet:
        return self.filter(
            Q(name__icontains=text)
            | Q(prefix__startswith=text)
            | Q(owner__username__icontains=text)
            | Q(owner__full_name__icontains=text)
            | Q(owner__reseller__company_name__icontains=text)
            | Q(owner__reseller__display_name__icontains=text)
        )


class ApiToken(models.Model):
    """A token of a login: all but its secret, of which the digest is kept.

    Whose it is, what it is for, from where it is used and until when never changes: the serving role may write that it
    was used, refused or revoked, and nothing else.
    """

    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=60)
    scope = models.CharField(max_length=10, choices=TokenScope.choices)
    #: SHA-256 of the secret, which is random enough not to be guessed from it; see `accounts.bearer`.
    digest = models.BinaryField(unique=True)
    #: How the token begins, by which people recognise it.
    prefix = models.CharField(max_length=16)
    #: Addresses and CIDR blocks, one per line; empty is open.
    allowed_ips = models.TextField(blank=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    #: Written once a minute at most: a busy token's row is not written by every request.
    last_used_at = models.DateTimeField(null=True)
    last_used_from = models.GenericIPAddressField(null=True)
    #: When a refusal of it was recorded last, which happens once a minute at most.
    refused_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    #: The username, as a plain value.
    revoked_by = models.CharField(max_length=254, blank=True)

    objects = ApiTokenQuerySet.as_manager()

    class Meta:
        db_table = "api_tokens"
        verbose_name, verbose_name_plural = _("API token"), _("API tokens")
        constraints = [
            models.CheckConstraint(condition=Q(scope__in=TokenScope.values), name="token_scope_is_known"),
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("created_at"))
                & Q(expires_at__lte=F("created_at") + timedelta(days=LONGEST_DAYS)),
                name="token_expires_within_a_year",
            ),
            models.CheckConstraint(
                condition=Q(revoked_at__isnull=True, revoked_by="") | (Q(revoked_at__isnull=False) & ~Q(revoked_by="")),
                name="token_is_revoked_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    def state(self, now: datetime) -> TokenState:
        """Say of one token what `ApiTokenQuerySet.in_state` says of all."""
        if self.revoked_at:
            return TokenState.REVOKED
        return TokenState.IN_FORCE if now < self.expires_at else TokenState.EXPIRED

    def ends_soon(self, now: datetime) -> bool:
        """Say whether it is time to make another one."""
        return self.state(now) == TokenState.IN_FORCE and self.expires_at <= now + ENDS_SOON
