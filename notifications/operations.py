"""What admins do about messages: set up channels and try them, word templates, turn rules on, send once more."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypedDict, Unpack
from urllib.parse import urlsplit

from django.db import transaction
from django.utils.translation import gettext as _

from accounts import limits
from accounts.seats import Seat
from audit import operations as audit
from audit.actions import Action
from audit.models import Grade
from ispanel import crypto
from ispanel.installation import panel_settings
from ispanel.messages import Way
from ispanel.refusals import Forbidden, Refusal
from notifications import sending, tasks
from notifications.carrying import address_in, present_address
from notifications.handing_over import Answer, Letter
from notifications.models import Channel, Message, Rule, Status, Template, purpose_of_channel_secrets

#: How many tests an admin makes in which time.
TESTS, TESTS_WITHIN = 10, timedelta(minutes=10)


class SecretNeeded(Refusal):
    """Secrets go to the server that they were typed for, and to no other one."""

    def __init__(self, field: str) -> None:
        self.field = field
        super().__init__(_("Enter it anew: what is kept was for another server, or cannot be read."))


class SecretsUnreadable(Refusal):
    """The channel's secrets are under a key that is not there any more."""

    def __init__(self) -> None:
        super().__init__(_("What is kept encrypted of this channel cannot be read. Enter it anew."))


class NotSetUp(Refusal):
    """The channel has no server yet."""

    def __init__(self) -> None:
        super().__init__(_("Set the channel up first."))


class TurnedOff(Refusal):
    """Nothing goes by a channel that is off."""

    def __init__(self, channel: Channel) -> None:
        super().__init__(_("%(channel)s is turned off. Turn it on under Channels first.") % {"channel": channel})


class UnusableRecipient(Refusal):
    """No message can be sent to it."""

    field = "to"

    def __init__(self, way: Way) -> None:
        if way == Way.EMAIL:
            super().__init__(_("Enter an email address, as in name@example.com."))
        else:
            super().__init__(_("Enter a phone number with its country code, as in +961 3 123456."))


class TellsNobody(Refusal):
    """A rule that is on names somebody."""

    field = "recipients"

    def __init__(self) -> None:
        super().__init__(_("Say who is told before you turn it on."))


class NotToBeRetried(Refusal):
    """The message waits, has arrived, or was a secret that is erased."""

    def __init__(self) -> None:
        super().__init__(_("This message cannot be sent once more. Open the log again to see what became of it."))


class ReachedElsewhere(Refusal):
    """Whom the message was for is reached at yet another address, or at none."""

    def __init__(self) -> None:
        super().__init__(_("The address was changed in the meantime. Look at it again before you send the message."))


class TextUnreadable(Refusal):
    """The message is under a key that is not there any more."""

    def __init__(self) -> None:
        super().__init__(_("What the message says is encrypted and cannot be read any more."))


class ChannelDetails(TypedDict, total=False):
    """What a channel is; `notifications.models.Channel` says what each means."""

    is_on: bool
    from_name: str
    host: str
    port: int
    security: str
    username: str
    from_address: str
    method: str
    url: str
    content_type: str
    body: str
    answer_contains: str


@transaction.atomic
def change_channel(
    *,
    actor: Seat,
    way: Way,
    secrets: Mapping[str, str],
    forgets_secrets: bool = False,
    now: datetime,
    **details: Unpack[ChannelDetails],
) -> Channel:
    """Set a channel up.

    :param secrets: the password, or the headers and the key; an empty one keeps the present one, unless the server is
        another one now: then it has to be typed anew.
    :raises Forbidden, SecretNeeded:
    """
    check_admin(actor)
    channel = Channel.objects.select_for_update(no_key=True).get(way=way)
    try:
        held, is_readable = channel.secrets, True
    except crypto.Undecryptable:
        held, is_readable = {}, False
    before = destination_of(channel)
    changes = audit.changed_fields(channel, details)
    kept = {} if forgets_secrets else held
    if kept and destination_of(channel) != before:
        for name in kept:
            if not secrets.get(name):
                raise SecretNeeded(name)
    if not is_readable and not forgets_secrets and not any(secrets.values()):
        raise SecretNeeded(next(iter(secrets)))
    wanted = kept | {name: text for name, text in secrets.items() if text}
    if way == Way.EMAIL and not channel.username:
        wanted = {}
    if wanted != held or not is_readable:
        text = json.dumps(wanted)
        channel.secrets_ciphertext = crypto.encrypt(text, purpose=purpose_of_channel_secrets(way)) if wanted else None
        changes["secrets"] = (None, "changed" if wanted else "removed")
    if changes:
        channel.updated_at = now
        channel.save(update_fields=[*(set(changes) - {"secrets"}), "secrets_ciphertext", "updated_at"])
        record(actor, Action.CHANNEL_CHANGED, channel, plain_changes(changes), now)
    return channel


def destination_of(channel: Channel) -> tuple[Any, ...]:
    """Return to whom the channel tells its secrets."""
    if channel.way == Way.EMAIL:
        return channel.host, channel.port, channel.security
    parts = urlsplit(channel.url)
    return parts.scheme, parts.netloc


def plain_changes(changes: Mapping[str, tuple[Any, Any]]) -> dict[str, tuple[Any, Any]]:
    """Return what the trail tells: of an address and a body not what may be a key in it."""
    told = dict(changes)
    if "url" in told:
        old, new = (urlsplit(url)._replace(query="", fragment="").geturl() for url in told["url"])
        told["url"] = (old, new if new != old else _("another query"))
    if "body" in told:
        told["body"] = (None, "changed")
    return told


def test_channel(*, actor: Seat, way: Way, to: str, now: datetime) -> Answer:
    """Send a test by the channel, on or off, and return what the provider answers, good or bad.

    :raises Forbidden, UnusableRecipient, NotSetUp, SecretsUnreadable, TooManyAttempts:
    """
    check_admin(actor)
    address = address_in(to, way)
    if not address:
        raise UnusableRecipient(way)
    channel = Channel.objects.get(way=way)
    if not channel.is_set_up:
        raise NotSetUp
    limits.raise_count(f"channel-test:{actor.login.pk}", most=TESTS, within=TESTS_WITHIN, prolonged=False, field="to")
    name = panel_settings().name
    letter = Letter(
        public_id=str(uuid.uuid4()),
        to=address,
        subject=_("Test from %(panel)s") % {"panel": name},
        text=_("This is a test from %(panel)s. If you read it, the channel works.") % {"panel": name},
        from_name="",
        at=now,
    )
    try:
        outlet = sending.outlet_of(channel)
    except crypto.Undecryptable as problem:
        raise SecretsUnreadable from problem
    with outlet:
        answer = outlet.hand_over(letter, lambda: True)
    outcome = _("taken") if answer.is_good else _("not taken")
    # Nobody can take anything out of the trail again.
    detail = f"{address}: {outcome}. {answer.brief or answer.words}"
    audit.record(actor=actor, action=Action.CHANNEL_TESTED, obj=channel, detail=detail, now=now)
    return answer


@transaction.atomic
def change_template(*, actor: Seat, template_id: int, subject: str, body: str, now: datetime) -> Template:
    """Word a template; the words that are shipped are no change of them.

    :param body: with variables that its event has; blank, with a blank subject, goes back to the shipped text.
    :raises Forbidden:
    """
    check_admin(actor)
    template = Template.objects.select_for_update(no_key=True).get(pk=template_id)
    if (subject, body) == template.story.shipped(Way(template.way)):
        subject, body = "", ""
    changes = audit.changed_fields(template, {"subject": subject, "body": body})
    if changes:
        template.save(update_fields=[*changes])
        record(actor, Action.MESSAGE_TEMPLATE_CHANGED, template, changes, now)
    return template


@transaction.atomic
def change_rule(
    *,
    actor: Seat,
    rule_id: int,
    is_on: bool,
    recipients: Sequence[str],
    addresses: Sequence[str],
    days: int | None = None,
    now: datetime,
) -> Rule:
    """Say whether and to whom an event is told by one way.

    :param days: how many days before, for what is to come; None for all else.
    :raises Forbidden, TellsNobody:
    """
    check_admin(actor)
    rule = Rule.objects.select_for_update(no_key=True).get(pk=rule_id)
    wanted = {"is_on": is_on, "recipients": list(recipients), "addresses": list(addresses), "days": days}
    return save_rule(actor, rule, wanted, now)


@transaction.atomic
def switch_rule(*, actor: Seat, rule_id: int, is_on: bool, now: datetime) -> Rule:
    """Turn a rule on or off.

    :raises Forbidden, TellsNobody:
    """
    check_admin(actor)
    rule = Rule.objects.select_for_update(no_key=True).get(pk=rule_id)
    return save_rule(actor, rule, {"is_on": is_on}, now)


def save_rule(actor: Seat, rule: Rule, wanted: dict[str, Any], now: datetime) -> Rule:
    """:raises TellsNobody:"""
    changes = audit.changed_fields(rule, wanted)
    if rule.is_on and not rule.recipients and not rule.addresses:
        raise TellsNobody
    if changes:
        rule.save(update_fields=[*changes])
        record(actor, Action.MESSAGE_RULE_CHANGED, rule, changes, now)
    return rule


@transaction.atomic
def retry_message(*, actor: Seat, message_id: int, now: datetime) -> Message:
    """Have a message sent once more that failed, or of which nobody knows whether it arrived.

    :raises Forbidden, NotToBeRetried, TurnedOff:
    """
    check_admin(actor)
    message = locked_to_retry(message_id)
    old, message.status = message.status, Status.WAITING
    message.next_try_at = message.asked_at = now
    message.tries_left = sending.TRIES
    message.closed_at = message.claim = message.claimed_until = message.handed_over_at = None
    message.save(
        update_fields=[
            "status", "next_try_at", "asked_at", "tries_left", "closed_at", "claim", "claimed_until", "handed_over_at",
        ]
    )  # fmt: skip
    audit.record(
        actor=actor, action=Action.MESSAGE_RETRIED, obj=message, changes={"status": (old, message.status)}, now=now
    )
    transaction.on_commit(partial(tasks.wake, [message.way]), robust=True)
    return message


@transaction.atomic
def send_to_present_address(*, actor: Seat, message_id: int, to: str, now: datetime) -> Message:
    """Send what did not arrive to where whom it was for is reached by now, as a message of its own; return that.

    Each address is told once: where there is such a message already, it stays as it is.

    :param to: that address, as it was shown to the actor.
    :raises Forbidden, NotToBeRetried, TurnedOff, ReachedElsewhere, TextUnreadable:
    """
    check_admin(actor)
    message = locked_to_retry(message_id)
    if not to or to != present_address(message):
        raise ReachedElsewhere
    if there := message.copies_to(to).first():
        return there
    try:
        copy = copy_of(message, to, now)
    except crypto.Undecryptable as problem:
        raise TextUnreadable from problem
    copy.save(force_insert=True)
    changes = {"recipient": (message.recipient, to)}
    audit.record(actor=actor, action=Action.MESSAGE_REDIRECTED, obj=message, changes=changes, now=now)
    transaction.on_commit(partial(tasks.wake, [copy.way]), robust=True)
    return copy


def copy_of(message: Message, to: str, now: datetime) -> Message:
    """Return the message as it goes to another address, not saved yet.

    :raises Undecryptable:
    """
    same = ("event", "key", "way", "told_as", "subscriber_id", "reseller_id", "from_name", "subject", "facts")
    copy = Message(
        recipient=to,
        tries_left=sending.TRIES,
        next_try_at=now,
        created_at=now,
        asked_at=now,
        **{name: getattr(message, name) for name in same},
    )
    copy.keep_text(message.text, shown=message.body)
    return copy


def locked_to_retry(message_id: int) -> Message:
    """Return the message, locked, if it may go out once more.

    :raises NotToBeRetried, TurnedOff:
    """
    message = Message.objects.select_for_update(no_key=True).get(pk=message_id)
    if not message.can_be_retried:
        raise NotToBeRetried
    channel = Channel.objects.get(way=message.way)
    if not channel.is_on:
        raise TurnedOff(channel)
    return message


def check_admin(actor: Seat) -> None:
    """:raises Forbidden: messages are the admins'."""
    if not actor.is_admin:
        raise Forbidden


def record(actor: Seat, action: Action, obj: Any, changes: Mapping[str, tuple[Any, Any]], now: datetime) -> None:
    audit.record(actor=actor, action=action, obj=obj, changes=changes, grade=Grade.SECURITY, now=now)
