"""What people are told of: the events that every room announces, and `notifications` carries.

A room that knows of an event says so here, within the act's transaction; it knows nothing of channels and templates.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from accounts.models import User
    from resellers.models import Reseller
    from subscribers.models import Subscriber


class Event(TextChoices):
    """What may be told, as code and words."""

    LOW_BALANCE = "low_balance", _("Low balance")
    TRANSFER_RECEIVED = "transfer_received", _("Transfer received")
    RENEWAL_FAILED = "renewal_failed", _("Renewal failed")
    EXPIRING_SOON = "expiring_soon", _("Expiring soon")
    EXPIRED = "expired", _("Expired")
    RENEWED = "renewed", _("Renewed")
    INVOICE_ISSUED = "invoice_issued", _("Invoice issued")
    PASSWORD_CHANGED = "password_changed", _("Password changed")
    LOGIN_AS_USED = "login_as_used", _("Login as used")
    #: These two go to one person's address, whatever the rules say, as far as a channel is set up.
    PASSWORD_RESET = "password_reset", _("Password reset")
    CONTACT_CHANGED = "contact_changed", _("Sign-in email or phone changed")


class Way(TextChoices):
    """By what a message goes."""

    EMAIL = "email", _("Email")
    SMS = "sms", _("SMS")


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One event that came about.

    ``key`` tells it from every other one of its event: what is announced twice is told once. ``facts`` are the
    variables of its templates, in words. ``reseller`` is whose event it is; ``subscriber`` and ``user`` are there where
    it is about a line or a login, and are told where a rule says so.
    """

    event: Event
    key: str
    facts: Mapping[str, str] = field(default_factory=dict)
    reseller: Reseller | None = None
    subscriber: Subscriber | None = None
    user: User | None = None
    #: One address, in place of those of the rules.
    to: tuple[Way, str] | None = None
    #: Whether what it says opens a door: it is encrypted until it is sent, and erased then.
    is_secret: bool = False


class Carrier(Protocol):
    """Who takes the messages to people."""

    def take(self, occurrences: Iterable[Occurrence]) -> None:
        """Keep the messages in the caller's transaction, to be sent once it is committed."""

    def wants(self, event: Event) -> bool:
        """Say whether anybody is told of such events."""

    def ways(self) -> Collection[Way]:
        """Return by what a message can go at present."""

    def ways_to_subscriber(self, event: Event) -> Collection[Way]:
        """Return by what the subscriber is told of such events."""


_carriers: list[Carrier] = []


def carry_by(carrier: Carrier) -> None:
    """Say who carries the messages; `notifications` does so when it is loaded."""
    _carriers[:] = [carrier]


def announce(*occurrences: Occurrence) -> None:
    """Say that something came about, within the act's transaction: if that is rolled back, nobody is told."""
    for carrier in _carriers:
        carrier.take(occurrences)


def wanted(event: Event) -> bool:
    """Say whether anybody is told of such events, for those who would have to look up what to say."""
    return any(carrier.wants(event) for carrier in _carriers)


def ways_to_subscriber(event: Event) -> Collection[Way]:
    """Return by what the subscriber is told of such events, as the rules say."""
    return frozenset(way for carrier in _carriers for way in carrier.ways_to_subscriber(event))


def ways() -> Collection[Way]:
    """Return by what a message can go at present: the channels that are set up."""
    return frozenset(way for carrier in _carriers for way in carrier.ways())
