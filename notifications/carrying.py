"""Taking what the rooms announce: a message for each address that the rules name, in the transaction of the act."""

from __future__ import annotations

import hashlib
import logging
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property, partial
from urllib.parse import urlsplit

from django.db import DatabaseError, DataError, IntegrityError, transaction
from django.utils import timezone

from accounts.models import User
from ispanel.installation import settings_in_force
from ispanel.issuer import Issuer, panel_issuer
from ispanel.messages import Event, Occurrence, Way
from ispanel.money import MINUS
from notifications import tasks
from notifications.catalogue import STORIES, WITHOUT_RULE, Recipient, Text
from notifications.handing_over import one_line
from notifications.models import Channel, Message, Rule, Template
from notifications.sending import TRIES, TRIES_OF_SECRETS
from notifications.templating import fill, without_gaps
from resellers.models import Reseller

log = logging.getLogger(__name__)

LONGEST_KEY, LONGEST_SUBJECT, LONGEST_SMS, LONGEST_NAME = 200, 250, 1000, 150
INSERTED_AT_ONCE = 500
#: What stands in the place of a secret.
MASK = "…"
#: Faults of one message, not of the database.
UNTAKEN = (DataError, IntegrityError, ValueError)
MAIL_ADDRESS = re.compile(r"[^\s@<>,;]+@[^\s@<>,;]+")
PHONE_NUMBER = re.compile(r"\+?[0-9]{5,20}")


class MessageCarrier:
    """Who takes what is announced to people."""

    def take(self, occurrences: Iterable[Occurrence]) -> None:
        """Keep the messages in the caller's transaction, to be sent once it is committed.

        An act never fails for want of a message: whatever goes wrong here is logged. What cannot be told of one
        occurrence takes nothing from the others.
        """
        occurrences = tuple(occurrences)
        if not occurrences:
            return
        with logged({each.event for each in occurrences}), transaction.atomic():
            events = {each.event for each in occurrences if each.to is None}
            rules = list(Rule.objects.in_force().filter(event__in=events)) if events else []
            if rules or any(each.to for each in occurrences):
                with settings_in_force():
                    keep(list(Writing(occurrences, rules).messages()))

    def wants(self, event: Event) -> bool:
        """Say whether anybody is told of such events.

        This is one plain statement among the act's own: a savepoint for it would cost each act two more.
        """
        if event in WITHOUT_RULE:
            return bool(self.ways())
        return Rule.objects.in_force().filter(event=event).exists()

    def ways(self) -> Collection[Way]:
        """Return by what a message can go at present."""
        return frozenset(Way(way) for way in Channel.objects.in_force().values_list("way", flat=True))

    def ways_to_subscriber(self, event: Event) -> Collection[Way]:
        """Return by what the subscriber is told of such events."""
        rules = Rule.objects.in_force().filter(event=event, recipients__contains=[Recipient.SUBSCRIBER])
        return frozenset(Way(rule.way) for rule in rules)


@contextmanager
def logged(events: Collection[Event]) -> Iterator[None]:
    """Log what goes wrong in the block, by its kind alone: the words may hold an address."""
    try:
        yield
    except Exception as problem:
        told = ", ".join(sorted(events))
        log.error("messages were lost", extra={"reason": f"{type(problem).__name__}, of {told}"})


def keep(messages: Sequence[Message]) -> None:
    """Insert the messages, but for those that were announced before, and wake the worker once they are committed."""
    if not messages:
        return
    insert(messages)
    ways = sorted({message.way for message in messages})
    # After the commit, lest acts of different people wait for each other: there is one waiting job for all. Should it
    # get lost, `look_after` makes up for it.
    transaction.on_commit(partial(tasks.wake, ways), robust=True)


def insert(messages: Sequence[Message]) -> None:
    """Insert the messages, all but those that the database does not take."""
    try:
        with transaction.atomic():
            Message.objects.bulk_create(messages, ignore_conflicts=True, batch_size=INSERTED_AT_ONCE)
    except UNTAKEN:
        if len(messages) == 1:
            raise
        middle = len(messages) // 2
        for half in (messages[:middle], messages[middle:]):
            with logged({Event(message.event) for message in half}):
                insert(half)


class Writing:
    """The messages of some occurrences. What they need is read in a few queries, however many they are."""

    def __init__(self, occurrences: Sequence[Occurrence], rules: Sequence[Rule]) -> None:
        self.occurrences, self.rules, self.now = occurrences, rules, timezone.now()
        #: What could not be written, by the kind of fault and the event.
        self.lost = Counter[tuple[str, Event]]()

    @cached_property
    def texts(self) -> dict[tuple[str, str], Text]:
        rows = Template.objects.filter(event__in={each.event for each in self.occurrences})
        return {(row.event, row.way): row.text for row in rows}

    @cached_property
    def resellers(self) -> dict[int, Reseller]:
        """The resellers concerned, with their logins and their parents'."""
        ids = {pk for each in self.occurrences if (pk := reseller_of(each)) is not None}
        return Reseller.objects.select_related("user", "parent__user", "branding").in_bulk(ids)

    @cached_property
    def admins(self) -> list[User]:
        return list(User.objects.people().admins())

    @cached_property
    def ways(self) -> Collection[Way]:
        return MessageCarrier().ways()

    @cached_property
    def house(self) -> Issuer:
        return panel_issuer()

    @cached_property
    def issuers(self) -> dict[int, Issuer]:
        """Who writes to the subscribers of each reseller, as the billing settings say."""
        return {pk: reseller.issuer for pk, reseller in self.resellers.items()}

    def messages(self) -> Iterator[Message]:
        """Yield a message for each address that is told."""
        for occurrence in self.occurrences:
            try:
                about_it = list(self.about(occurrence))
            except DatabaseError:
                raise
            except Exception as problem:
                self.lost[type(problem).__name__, occurrence.event] += 1
            else:
                yield from about_it
        for (kind, event), count in self.lost.items():
            log.error("messages were lost", extra={"reason": f"{kind}, of {event}", "occurrences": count})

    def about(self, occurrence: Occurrence) -> Iterator[Message]:
        """Yield the messages about one occurrence."""
        if occurrence.to is not None:
            yield from self.to_one(occurrence, *occurrence.to)
            return
        for rule in self.rules:
            if rule.tells_of(occurrence, self.now):
                yield from self.by_rule(occurrence, rule)

    def to_one(self, occurrence: Occurrence, way: Way, to: str) -> Iterator[Message]:
        """Yield what goes to one person's address, if there is a channel."""
        address = address_in(to, way)
        if address and way in self.ways:
            yield self.message(occurrence, way, address, self.issuer_for_one(occurrence), is_house=False)

    def issuer_for_one(self, occurrence: Occurrence) -> Issuer:
        """Return whose name it carries: a reset that was asked for at a reseller's domain, that reseller's."""
        reseller = occurrence.reseller
        if occurrence.event == Event.PASSWORD_RESET and reseller is not None:
            return Issuer(name=reseller.company_name, address=reseller.address)
        return self.house

    def by_rule(self, occurrence: Occurrence, rule: Rule) -> Iterator[Message]:
        """Yield a message for each address that the rule names; the subscriber hears from its issuer."""
        way, told = Way(rule.way), set[str]()
        for recipient, contact in self.contacts(occurrence, rule):
            address = address_in(contact, way)
            if not address or address in told:
                continue
            told.add(address)
            reseller_id = reseller_of(occurrence)
            if recipient == Recipient.SUBSCRIBER and reseller_id in self.issuers:
                issuer = self.issuers[reseller_id]
                is_house = issuer == self.house
                yield self.message(occurrence, way, address, issuer, is_house=is_house, told_as=recipient)
            else:
                yield self.message(occurrence, way, address, self.house, is_house=True, told_as=recipient)

    def contacts(self, occurrence: Occurrence, rule: Rule) -> Iterator[tuple[str, str]]:
        """Yield who is told, each with its email or phone number as it is known; it may be blank."""
        line, reseller = occurrence.subscriber, self.resellers.get(reseller_of(occurrence) or 0)
        parent = reseller.parent if reseller else None
        people: dict[str, list[object]] = {
            Recipient.SUBSCRIBER: [line] if line else [],
            Recipient.LOGIN: [occurrence.user] if occurrence.user and occurrence.user.is_active else [],
            Recipient.RESELLER: [reseller.user] if reseller and not reseller.is_deleted else [],
            Recipient.PARENT: [parent.user] if parent and not parent.is_deleted else [],
        }
        for recipient in rule.recipients:
            for person in self.admins if recipient == Recipient.ADMINS else people[recipient]:
                yield recipient, contact_of(person, Way(rule.way))
        for address in rule.addresses:
            yield "", address

    def message(
        self, occurrence: Occurrence, way: Way, address: str, issuer: Issuer, *, is_house: bool, told_as: str = ""
    ) -> Message:
        """Return the message, not saved yet."""
        facts = {"issuer": issuer.name} | {name: str(words) for name, words in occurrence.facts.items()}
        text, secret = self.texts[occurrence.event, way], occurrence.is_secret
        secrets = {name: words for name, words in facts.items() if name in STORIES[occurrence.event].secrets}
        in_the_open = {name: words for name, words in facts.items() if name not in secrets}
        masks = {name: masked(words) for name, words in secrets.items()}
        message = Message(
            event=occurrence.event,
            key=key_of(occurrence),
            way=way,
            recipient=address,
            told_as=told_as,
            subscriber_id=occurrence.subscriber.pk if occurrence.subscriber else None,
            reseller_id=reseller_of(occurrence),
            from_name="" if is_house else one_line(issuer.name)[:LONGEST_NAME],
            subject=one_line(fill(text.subject, in_the_open))[:LONGEST_SUBJECT],
            is_secret=secret,
            facts={} if secret else in_the_open,
            tries_left=TRIES_OF_SECRETS if secret else TRIES,
            next_try_at=self.now,
            created_at=self.now,
            asked_at=self.now,
        )
        message.keep_text(
            worded(text.body, facts, way, issuer), shown=worded(text.body, in_the_open | masks, way, issuer)
        )
        return message


def reseller_of(occurrence: Occurrence) -> int | None:
    """Return whose event it is."""
    if occurrence.reseller is not None:
        return occurrence.reseller.pk
    return occurrence.subscriber.reseller_id if occurrence.subscriber else None


def present_address(message: Message) -> str:
    """Return where the subscriber or the reseller that it was for is reached now; blank if nowhere else than then."""
    reseller = message.reseller
    person: object = None
    if message.told_as == Recipient.SUBSCRIBER:
        person = message.subscriber
    elif message.told_as == Recipient.RESELLER and reseller and not reseller.is_deleted:
        person = reseller.user
    way = Way(message.way)
    address = address_in(contact_of(person, way), way) if person else ""
    return address if address != message.recipient else ""


def contact_of(person: object, way: Way) -> str:
    """Return the email or the phone number of a subscriber or a login, as it is known; it may be blank."""
    return getattr(person, "email" if way == Way.EMAIL else "phone") or ""


def key_of(occurrence: Occurrence) -> str:
    """Return the key, by its digest where it is too long to be kept."""
    key = occurrence.key
    return key if len(key) <= LONGEST_KEY else hashlib.sha256(key.encode()).hexdigest()


def address_in(contact: str, way: Way) -> str:
    """Return the address as the channel takes it; blank where it is none."""
    if way == Way.EMAIL:
        address = contact.strip()
        return address if MAIL_ADDRESS.fullmatch(address) and address.isprintable() else ""
    number = re.sub(r"[\s().\-/]", "", contact)
    return number if PHONE_NUMBER.fullmatch(number) else ""


def worded(text: str, facts: Mapping[str, str], way: Way, issuer: Issuer) -> str:
    """Return what a message says: the text, filled in, and under a mail who writes it.

    An amount has in an SMS the minus that is on a keyboard: the one of the screen would make the whole text UCS-2.
    """
    body = without_gaps(fill(text, facts))
    return signed(body, issuer) if way == Way.EMAIL else body.replace(MINUS, "-")[:LONGEST_SMS]


def masked(secret: str) -> str:
    """Return what may be read of what opens something: of an address where it leads, without what opens it there."""
    if not secret:
        return ""
    parts = urlsplit(secret)
    folder = parts.path.rstrip("/").rpartition("/")[0]
    return f"{parts.scheme}://{parts.netloc}{folder}/{MASK}" if parts.scheme and parts.netloc else MASK


def signed(body: str, issuer: Issuer) -> str:
    """Return a mail's text with who writes it under it, behind the line that mail programs look for."""
    return "\n".join([body, "", "-- ", issuer.name, *issuer.address.splitlines()]) + "\n"
