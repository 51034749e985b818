"""By what messages go, in which words, to whom, and what became of each."""

from __future__ import annotations

import json
import uuid
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.contrib.postgres.expressions import ArraySubquery
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import OpClass
from django.db import models
from django.db.models import Case, Exists, F, Func, OuterRef, Q, When
from django.db.models.functions import Upper
from django.utils.translation import gettext_lazy as _

from ispanel import crypto
from ispanel.crypto import Purposes
from ispanel.messages import Event, Occurrence, Way
from notifications.catalogue import STORIES, Recipient, Story, Text
from resellers.models import Reseller

#: How many days before its end a line's expiry may be told.
MOST_DAYS = 60


class Security(models.TextChoices):
    """How the connection to a mail server is encrypted."""

    STARTTLS = "starttls", _("STARTTLS")
    TLS = "tls", _("TLS")
    NONE = "none", _("None")


class Method(models.TextChoices):
    POST = "POST", "POST"
    GET = "GET", "GET"


class ContentType(models.TextChoices):
    """How the gateway's body is written."""

    JSON = "json", _("JSON")
    FORM = "form", _("Form")
    XML = "xml", _("XML")
    PLAIN = "plain", _("Plain text")


class ChannelQuerySet(models.QuerySet["Channel"]):
    def in_force(self) -> ChannelQuerySet:
        return self.filter(is_on=True)


class Channel(models.Model):
    """By what one way goes: a mail server, or an SMS gateway that takes HTTP. There is one row of each."""

    ENCRYPTED: ClassVar[Purposes] = {"secrets_ciphertext": lambda row: purpose_of_channel_secrets(row.way)}

    way = models.CharField(max_length=10, choices=Way.choices, unique=True)
    is_on = models.BooleanField(_("On"), default=False)
    #: The name that a mail is from where it is the house's; of an SMS `{{ from }}`.
    from_name = models.CharField(_("From name"), max_length=100, blank=True)

    host = models.CharField(_("Server"), max_length=253, blank=True)
    port = models.PositiveIntegerField(_("Port"), default=587)
    security = models.CharField(
        _("Encryption"), max_length=10, choices=Security.choices, default=Security.STARTTLS, blank=True
    )
    username = models.CharField(_("Username"), max_length=254, blank=True)
    from_address = models.EmailField(_("From address"), blank=True)

    method = models.CharField(_("Method"), max_length=4, choices=Method.choices, default=Method.POST)
    url = models.CharField(_("URL"), max_length=2000, blank=True)
    content_type = models.CharField(_("Body is"), max_length=10, choices=ContentType.choices, default=ContentType.JSON)
    body = models.TextField(_("Body"), max_length=4000, blank=True)
    #: What the gateway's answer has to contain, besides a 2xx status; blank is anything.
    answer_contains = models.CharField(_("Answer contains"), max_length=200, blank=True)

    #: The password, or the headers and the key, as JSON, encrypted; null where there are none.
    secrets_ciphertext = models.BinaryField(null=True)
    updated_at = models.DateTimeField(null=True)

    objects = ChannelQuerySet.as_manager()

    class Meta:
        db_table = "message_channels"
        verbose_name, verbose_name_plural = _("message channel"), _("message channels")
        constraints = [
            models.CheckConstraint(condition=Q(way__in=Way.values), name="channel_way_is_known"),
            models.CheckConstraint(condition=Q(port__range=(1, 65535)), name="channel_port_fits"),
            models.CheckConstraint(
                condition=Q(is_on=False)
                | (Q(way=Way.EMAIL) & ~Q(host="") & ~Q(from_address=""))
                | (Q(way=Way.SMS) & ~Q(url="")),
                name="channel_that_is_on_is_set_up",
            ),
        ]

    def __str__(self) -> str:
        return str(self.get_way_display())

    @property
    def is_set_up(self) -> bool:
        return bool(self.host and self.from_address) if self.way == Way.EMAIL else bool(self.url)

    @property
    def secrets(self) -> dict[str, str]:
        """What is kept encrypted.

        :raises Undecryptable:
        """
        if self.secrets_ciphertext is None:
            return {}
        text = crypto.decrypt(bytes(self.secrets_ciphertext), purpose=purpose_of_channel_secrets(self.way))
        held: dict[str, str] = json.loads(text)
        return held


def purpose_of_channel_secrets(way: str) -> str:
    """Return what the secrets of a channel are encrypted for."""
    return f"message-channel:{way}"


class Template(models.Model):
    """The words of an event by one way: the shipped ones, as long as nobody writes others."""

    event = models.CharField(max_length=20, choices=Event.choices)
    way = models.CharField(max_length=10, choices=Way.choices)
    subject = models.CharField(_("Subject"), max_length=200, blank=True)
    #: Blank is the shipped text.
    body = models.TextField(_("Text"), max_length=4000, blank=True)

    class Meta:
        db_table = "message_templates"
        verbose_name, verbose_name_plural = _("message template"), _("message templates")
        constraints = [
            models.UniqueConstraint(fields=["event", "way"], name="one_template_per_event_and_way"),
        ]

    def __str__(self) -> str:
        return f"{self.get_event_display()} · {self.get_way_display()}"

    @property
    def is_changed(self) -> bool:
        """Whether somebody wrote words of their own."""
        return bool(self.body)

    @property
    def story(self) -> Story:
        return STORIES[Event(self.event)]

    @property
    def text(self) -> Text:
        """What it says at present."""
        return Text(self.subject, self.body) if self.is_changed else self.story.shipped(Way(self.way))


class RuleQuerySet(models.QuerySet["Rule"]):
    def in_force(self) -> RuleQuerySet:
        """Return those that are on, and whose channel is on too."""
        return self.filter(Exists(Channel.objects.in_force().filter(way=OuterRef("way"))), is_on=True)

    def days_before(self) -> list[int]:
        """Return how many days before its end a line's expiry is told, the longest first."""
        days = self.in_force().filter(event=Event.EXPIRING_SOON).order_by("-days").values_list("days", flat=True)
        return list(dict.fromkeys(each for each in days if each))


class Rule(models.Model):
    """Whether, and to whom, an event is told by one way. There is one row of each."""

    event = models.CharField(max_length=20, choices=Event.choices)
    way = models.CharField(max_length=10, choices=Way.choices)
    is_on = models.BooleanField(_("On"), default=False)
    #: Of `catalogue.Recipient`, as far as the event's story has them.
    recipients = ArrayField(models.CharField(max_length=20), default=list, blank=True)
    #: Fixed ones besides: emails, or phone numbers.
    addresses = ArrayField(models.CharField(max_length=254), default=list, blank=True)
    #: How many days before its end a line's expiry is told.
    days = models.PositiveSmallIntegerField(null=True)

    objects = RuleQuerySet.as_manager()

    class Meta:
        db_table = "message_rules"
        verbose_name, verbose_name_plural = _("communication rule"), _("communication rules")
        constraints = [
            models.UniqueConstraint(fields=["event", "way"], name="one_rule_per_event_and_way"),
            models.CheckConstraint(
                condition=Q(is_on=False) | ~Q(recipients=[]) | ~Q(addresses=[]), name="rule_that_is_on_tells_somebody"
            ),
            models.CheckConstraint(
                condition=Q(event=Event.EXPIRING_SOON, days__range=(1, MOST_DAYS))
                | (~Q(event=Event.EXPIRING_SOON) & Q(days__isnull=True)),
                name="only_what_is_to_come_has_days",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_event_display()} · {self.get_way_display()}"

    @property
    def story(self) -> Story:
        return STORIES[Event(self.event)]

    @property
    def recipients_in_words(self) -> list[str]:
        named = [str(who.label) for who in self.story.recipients if who in self.recipients]
        return [*named, *self.addresses]

    def tells_of(self, occurrence: Occurrence, now: datetime) -> bool:
        """Say whether this rule is about it: of what is to come, once that is near enough."""
        if occurrence.event != self.event:
            return False
        if self.days is None:
            return True
        line = occurrence.subscriber
        return line is not None and line.expires_at is not None and line.expires_at <= now + timedelta(days=self.days)


class Status(models.TextChoices):
    """What became of a message."""

    WAITING = "waiting", _("Waiting")
    SENT = "sent", _("Sent")
    FAILED = "failed", _("Failed")
    #: It was being handed over when the connection or the worker ended: it may have arrived.
    UNCERTAIN = "uncertain", _("Uncertain")


#: What is left of the secret of a message that was not sent: of what is masked all, since that may be sent once more.
LEFT_UNSENT = Case(When(is_masked=True, then=F("secret_body")), output_field=models.BinaryField())


class MessageQuerySet(models.QuerySet["Message"]):
    def waiting(self) -> MessageQuerySet:
        return self.filter(status=Status.WAITING)

    def for_list(self) -> MessageQuerySet:
        """Return rows with all that a line of the log shows, and nothing of what they say, in one query."""
        unseen = ("body", "secret_body", "facts", "subscriber__password_ciphertext")
        return self.select_related("subscriber", "reseller").defer(*unseen)

    def due(self, now: datetime) -> MessageQuerySet:
        """Return those to be sent that nobody holds; what is being handed over is nobody's to take up."""
        free = Q(claimed_until__isnull=True) | Q(claimed_until__lte=now)
        return self.waiting().filter(free, next_try_at__lte=now, handed_over_at__isnull=True)

    def with_unknown_end(self, now: datetime) -> MessageQuerySet:
        """Return those whose worker ended while it handed them over."""
        return self.waiting().filter(handed_over_at__isnull=False, claimed_until__lte=now)


class Message(models.Model):
    """One message to one address: written with the act that it tells of, and sent once that is committed."""

    ENCRYPTED: ClassVar[Purposes] = {"secret_body": lambda row: purpose_of_message(row.public_id)}

    #: What the provider is told; the same on every try, so that it can tell a second copy.
    public_id = models.UUIDField(unique=True, default=uuid.uuid4)
    event = models.CharField(max_length=20, choices=Event.choices)
    #: What it tells of, as whoever announced it says.
    key = models.CharField(max_length=200)
    way = models.CharField(max_length=10, choices=Way.choices)
    recipient = models.CharField(max_length=254)
    #: Which of `catalogue.Recipient` that is; blank is a rule's fixed address, or the one of whoever asked.
    told_as = models.CharField(max_length=10, blank=True, choices=Recipient.choices)
    #: What it is about: the line, and whose event it was.
    subscriber = models.ForeignKey(
        "subscribers.Subscriber", null=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )
    reseller = models.ForeignKey(Reseller, null=True, on_delete=models.SET_NULL, related_name="+", db_index=False)
    #: Whose name it carries; blank is the channel's.
    from_name = models.CharField(max_length=150, blank=True)
    subject = models.CharField(max_length=250, blank=True)
    #: What it says, as far as it may be read: nothing of a secret, and of a masked one all but what opens something.
    body = models.TextField(blank=True)
    #: What opens a door is encrypted until it is sent or given up, and erased then.
    is_secret = models.BooleanField(default=False)
    #: What opens one thing to be read is encrypted as long as it may still be sent, and erased once it is.
    is_masked = models.BooleanField(default=False)
    #: The whole of what it says, of a secret and a masked one.
    secret_body = models.BinaryField(null=True)
    #: The variables, for the preview of templates; none of a secret, and none that open something.
    facts = models.JSONField(default=dict)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.WAITING)
    #: How often it was taken up.
    attempts = models.PositiveSmallIntegerField(default=0)
    #: How often it may still be refused for now.
    tries_left = models.PositiveSmallIntegerField()
    next_try_at = models.DateTimeField()
    #: The provider's latest one, in its words.
    answer = models.CharField(max_length=600, blank=True)
    created_at = models.DateTimeField()
    #: When it was announced, or somebody had it sent once more.
    asked_at = models.DateTimeField()
    #: Who sends it now, and until when nobody else does.
    claim = models.UUIDField(null=True)
    claimed_until = models.DateTimeField(null=True)
    #: Committed right before it goes out: from here on it is never sent again by itself.
    handed_over_at = models.DateTimeField(null=True)
    #: When it was sent, failed, or became uncertain.
    closed_at = models.DateTimeField(null=True)

    objects = MessageQuerySet.as_manager()

    class Meta:
        db_table = "messages"
        verbose_name, verbose_name_plural = _("message"), _("messages")
        constraints = [
            models.UniqueConstraint(fields=["event", "key", "way", "recipient"], name="one_message_per_occurrence"),
            models.CheckConstraint(condition=Q(status__in=Status.values), name="message_status_is_known"),
            models.CheckConstraint(
                condition=Q(status=Status.WAITING, closed_at__isnull=True)
                | (~Q(status=Status.WAITING) & Q(closed_at__isnull=False)),
                name="message_is_closed_once",
            ),
            models.CheckConstraint(
                condition=Q(is_secret=False, is_masked=False, secret_body__isnull=True)
                | Q(is_secret=True, is_masked=False, body="", facts={})
                | Q(is_secret=False, is_masked=True),
                name="secrets_of_messages_are_encrypted",
            ),
            models.CheckConstraint(
                condition=Q(secret_body__isnull=True) | Q(status=Status.WAITING) | Q(is_masked=True),
                name="secrets_of_messages_are_erased",
            ),
            # So that nobody is ever sent the mask.
            models.CheckConstraint(
                condition=Q(is_masked=False)
                | Q(status=Status.SENT, secret_body__isnull=True)
                | (~Q(status=Status.SENT) & Q(secret_body__isnull=False)),
                name="masked_messages_are_whole_until_sent",
            ),
        ]
        indexes = [
            # As they are taken up: what opens a door waits behind nothing else.
            models.Index(
                fields=["way", "-is_secret", "next_try_at", "id"],
                name="messages_waiting",
                condition=Q(status="waiting"),
            ),
            models.Index(fields=["created_at"], name="messages_by_time"),
            models.Index(fields=["status", "id"], name="messages_by_status"),
            models.Index(fields=["event", "id"], name="messages_by_event"),
            models.Index(fields=["subscriber", "id"], name="messages_by_subscriber"),
            models.Index(OpClass(Upper("recipient"), name="text_pattern_ops"), name="messages_by_recipient"),
        ]

    def __str__(self) -> str:
        return f"{self.get_event_display()} · {self.recipient}"

    @property
    def can_be_retried(self) -> bool:
        """Whether somebody may have it sent once more: a secret is erased by then."""
        return self.status in (Status.FAILED, Status.UNCERTAIN) and not self.is_secret

    def copies_to(self, address: str) -> MessageQuerySet:
        """Return the one message that tells another address of the same, if there is one."""
        return Message.objects.filter(event=self.event, key=self.key, way=self.way, recipient=address)

    @property
    def text(self) -> str:
        """What it says.

        :raises Undecryptable:
        """
        if not self.is_secret and not self.is_masked:
            return self.body
        if self.secret_body is None:
            raise crypto.Undecryptable("it is erased")
        return crypto.decrypt(bytes(self.secret_body), purpose=purpose_of_message(self.public_id))

    def keep_text(self, text: str, *, shown: str) -> None:
        """Set what it says, encrypted where that opens something; the caller saves.

        :param shown: the same without what opens something.
        """
        self.is_masked = not self.is_secret and shown != text
        if self.is_secret or self.is_masked:
            self.secret_body = crypto.encrypt(text, purpose=purpose_of_message(self.public_id))
        self.body = "" if self.is_secret else shown


class IsOneOf(Func):
    """Whether a value is among those of an array, in the form that an index serves."""

    template, arg_joiner = "(%(expressions)s))", " = ANY("
    output_field = models.BooleanField()


def about_lines(**like: str) -> Q:
    """Return the condition for messages about the lines that are like that.

    They are looked up once, as an array, so that one index finds their messages while another one finds others.
    """
    every_line: Any = Message._meta.get_field("subscriber").related_model
    lines = ArraySubquery(every_line.objects.filter(**like).values("pk"))
    return Q(IsOneOf("subscriber", lines))


def purpose_of_message(public_id: Any) -> str:
    """Return what a message's secret is encrypted for."""
    return f"message:{public_id}"
