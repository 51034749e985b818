"""What is done to a line that costs nothing: suspending, resuming, terminating, disconnecting, resetting its FUP."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.seats import Seat
from audit import operations as audit
from audit.actions import Action
from ispanel.refusals import Refusal
from network import operations as network
from network.models import CoaRequest
from subscribers.models import Status, Subscriber
from subscribers.operations.renewals import SubscriberTerminated, locked
from subscribers.usage import usage_of


class AlreadySuspended(Refusal):
    """The line is suspended."""

    def __init__(self) -> None:
        super().__init__(_("This subscriber is suspended already."))


class NotSuspended(Refusal):
    """The line is not suspended."""

    def __init__(self) -> None:
        super().__init__(_("This subscriber is not suspended."))


class NotOnline(Refusal):
    """The line is suspended or expired, so its access server has nothing to end or to change."""

    def __init__(self) -> None:
        super().__init__(_("This subscriber is not active, so there is nothing to do on its line."))


class NotThrottled(Refusal):
    """Fair use does not slow the line down."""

    def __init__(self) -> None:
        super().__init__(_("This subscriber is not throttled: it has its full speed."))


@transaction.atomic
def suspend_subscriber(*, actor: Seat, subscriber_id: int, reason: str = "", now: datetime) -> Subscriber:
    """Keep a line off until somebody resumes it. The clock goes on, and auto-renew passes it over.

    :raises Forbidden, SubscriberTerminated, AlreadySuspended:
    """
    subscriber = locked(actor, subscriber_id)
    check_suspendable(subscriber)
    subscriber.suspended_at, subscriber.updated_at = now, now
    subscriber.save(update_fields=["suspended_at", "updated_at"])
    tell(actor, Action.SUBSCRIBER_SUSPENDED, subscriber, now, detail=reason)
    cut_off(actor, subscriber, _("Suspended"), now)
    return subscriber


@transaction.atomic
def resume_subscriber(*, actor: Seat, subscriber_id: int, now: datetime) -> Subscriber:
    """Let a suspended line be used again, if its time is not over.

    :raises Forbidden, SubscriberTerminated, NotSuspended:
    """
    subscriber = locked(actor, subscriber_id)
    check_resumable(subscriber)
    subscriber.suspended_at, subscriber.updated_at = None, now
    subscriber.save(update_fields=["suspended_at", "updated_at"])
    tell(actor, Action.SUBSCRIBER_RESUMED, subscriber, now)
    return subscriber


@transaction.atomic
def terminate_subscriber(*, actor: Seat, subscriber_id: int, now: datetime) -> Subscriber:
    """End a line for ever, and hide it. Nothing is refunded, and its username stays taken.

    :raises Forbidden, SubscriberTerminated:
    """
    subscriber = locked(actor, subscriber_id)
    check_not_terminated(subscriber)
    subscriber.terminated_at, subscriber.auto_renew, subscriber.updated_at = now, False, now
    subscriber.save(update_fields=["terminated_at", "auto_renew", "updated_at"])
    tell(actor, Action.SUBSCRIBER_TERMINATED, subscriber, now)
    cut_off(actor, subscriber, _("Terminated"), now)
    return subscriber


@transaction.atomic
def disconnect_subscriber(*, actor: Seat, subscriber_id: int, now: datetime) -> CoaRequest:
    """End the line's session at its access server, after which it may sign in again.

    :raises Forbidden, SubscriberTerminated:
    """
    subscriber = locked(actor, subscriber_id)
    check_not_terminated(subscriber)
    tell(actor, Action.SUBSCRIBER_DISCONNECTED, subscriber, now)
    return cut_off(actor, subscriber, _("By hand"), now)


@transaction.atomic
def reset_fup(*, actor: Seat, subscriber_id: int, now: datetime) -> CoaRequest:
    """Give a throttled line its full speed back: fair use counts from what it has used so far.

    :raises Forbidden, SubscriberTerminated, NotOnline, NotThrottled:
    """
    subscriber = locked(actor, subscriber_id)
    check_not_terminated(subscriber)
    usage = usage_of(subscriber.pk, now)
    if usage is None or subscriber.status_at(now) != Status.ACTIVE:
        raise NotOnline
    if not usage.is_throttled:
        raise NotThrottled
    usage.period.fup_reset_mb = usage.used_mb
    usage.period.save(update_fields=["fup_reset_mb"])
    subscriber.throttled_at = None
    subscriber.save(update_fields=["throttled_at"])
    tell(actor, Action.SUBSCRIBER_FUP_RESET, subscriber, now)
    return network.set_speed(
        actor=actor,
        nas=subscriber.nas,
        subscriber_id=subscriber.pk,
        username=subscriber.username,
        reason=_("FUP reset"),
        download_kbps=usage.plan.download_kbps,
        upload_kbps=usage.plan.upload_kbps,
        now=now,
    )


def check_not_terminated(subscriber: Subscriber) -> None:
    """:raises SubscriberTerminated:"""
    if subscriber.terminated_at:
        raise SubscriberTerminated


def check_suspendable(subscriber: Subscriber) -> None:
    """:raises SubscriberTerminated, AlreadySuspended:"""
    check_not_terminated(subscriber)
    if subscriber.suspended_at:
        raise AlreadySuspended


def check_resumable(subscriber: Subscriber) -> None:
    """:raises SubscriberTerminated, NotSuspended:"""
    check_not_terminated(subscriber)
    if not subscriber.suspended_at:
        raise NotSuspended


def tell(actor: Seat, action: Action, subscriber: Subscriber, now: datetime, *, detail: str = "") -> None:
    """Append the row of an act on a line."""
    audit.record(actor=actor, action=action, obj=subscriber, reseller_id=subscriber.reseller_id, detail=detail, now=now)


def cut_off(actor: Seat, subscriber: Subscriber, reason: str, now: datetime) -> CoaRequest:
    """Ask the line's access server to end its session, once the act is done."""
    return network.disconnect(
        actor=actor,
        nas=subscriber.nas,
        subscriber_id=subscriber.pk,
        username=subscriber.username,
        reason=reason,
        now=now,
    )
