"""The worker's part: sending what waits, each message once, and keeping what the provider answers.

A message is claimed for a short while; everything that may fail comes first; then `handed_over_at` is committed, and
only then does it go out. So a worker that is killed leaves either a message that was not handed over, which another
worker takes up, or one that may have arrived, which nobody sends again by itself.
"""

from __future__ import annotations

import logging
import time
import uuid
from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from ispanel import crypto
from ispanel.issuer import panel_issuer
from ispanel.messages import Way
from notifications.handing_over import Answer, Letter, Outlet, Verdict
from notifications.mail_server import MailServer
from notifications.models import LEFT_UNSENT, Channel, Message, MessageQuerySet, Status
from notifications.sms_gateway import SmsGateway

log = logging.getLogger(__name__)

#: How long a claim lasts: before the message is handed over, and from then on.
TO_PREPARE, TO_HAND_OVER = timedelta(seconds=30), timedelta(seconds=60)
#: How long a message rests after each refusal; after one more it is given up.
PAUSES = (
    timedelta(seconds=10),
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
)
TRIES = len(PAUSES) + 1
#: A secret is of no use for long.
TRIES_OF_SECRETS = 4
#: How long a message rests at least, and at most, while its channel takes nothing at all; that costs it no try.
SHORTEST_REST, LONGEST_REST = timedelta(seconds=10), timedelta(minutes=10)
#: How old a message may become meanwhile.
PATIENCE, PATIENCE_OF_SECRETS = timedelta(days=1), timedelta(hours=1)
#: How long one job sends, so that a worker which has to stop can finish it.
ROUND = 3.0  # seconds
KEPT = timedelta(days=180)
LONGEST_ANSWER = 600

CLAIM = """
    UPDATE messages
    SET claim = %(claim)s, claimed_until = %(until)s, attempts = attempts + 1
    WHERE id = (
        SELECT id FROM messages
        WHERE way = %(way)s AND status = 'waiting' AND next_try_at <= %(now)s
            AND handed_over_at IS NULL AND (claimed_until IS NULL OR claimed_until <= %(now)s)
        ORDER BY is_secret DESC, next_try_at, id LIMIT 1
        FOR UPDATE SKIP LOCKED
    )
    RETURNING *
"""


def outlet_of(channel: Channel) -> Outlet:
    """Return what the channel's messages are handed to.

    :raises Undecryptable: where its secrets cannot be read.
    """
    if channel.way == Way.EMAIL:
        return MailServer(channel, channel.secrets, house=panel_issuer().name)
    return SmsGateway(channel, channel.secrets)


def send_waiting(way: str, *, for_seconds: float = ROUND) -> bool:
    """Send what waits to go by this way, and say whether there is more; not within a transaction.

    Where the channel takes nothing at all, the rest keeps its tries and waits for a better time.
    """
    channel = Channel.objects.in_force().filter(way=way).first()
    if channel is None:
        return False
    try:
        outlet = outlet_of(channel)
    except crypto.Undecryptable as problem:
        log.error("a message channel cannot be used", extra={"reason": str(problem)})
        return False
    until = time.monotonic() + for_seconds
    with outlet:
        while message := claimed(way):
            answer = hand_over(message, outlet)
            settle(message, answer, timezone.now())
            if answer.verdict is Verdict.UNREACHABLE:
                return False
            if time.monotonic() >= until:
                return Message.objects.filter(way=way).due(timezone.now()).exists()
    return False


def claimed(way: str) -> Message | None:
    """Take the message up that is due the longest, what opens a door first, so that for a while nobody else does."""
    now = timezone.now()
    values = {"claim": uuid.uuid4(), "until": now + TO_PREPARE, "way": way, "now": now}
    return next(iter(Message.objects.raw(CLAIM, values)), None)


def hand_over(message: Message, outlet: Outlet) -> Answer:
    """Hand one claimed message over."""
    try:
        letter = Letter(
            public_id=str(message.public_id),
            to=message.recipient,
            subject=message.subject,
            text=message.text,
            from_name=message.from_name,
            at=message.created_at,
        )
    except crypto.Undecryptable as problem:
        return Answer(Verdict.REFUSED, _("What it says cannot be read: %(reason)s.") % {"reason": problem})
    try:
        return outlet.hand_over(letter, lambda: begin(message))
    except Exception as problem:
        # Whatever it is may hold the address or the text, so its kind alone is told.
        kind = type(problem).__name__
        log.error("a message could not be handed over", extra={"reason": f"{kind}, message {message.pk}"})
        return Answer(Verdict.UNKNOWN if message.handed_over_at else Verdict.NOT_NOW, kind)


def begin(message: Message) -> bool:
    """Commit that the message is being handed over, if it is still this worker's; else it must not go."""
    now = timezone.now()
    mine = Message.objects.waiting().filter(pk=message.pk, claim=message.claim, handed_over_at__isnull=True)
    if not mine.update(handed_over_at=now, claimed_until=now + TO_HAND_OVER):
        return False
    message.handed_over_at = now
    return True


def settle(message: Message, answer: Answer, now: datetime) -> None:
    """Write down what the provider answered, if the message is still this worker's.

    One that was called uncertain meanwhile gets its answer after all.
    """
    mine = Message.objects.filter(pk=message.pk, claim=message.claim, status__in=(Status.WAITING, Status.UNCERTAIN))
    words = (answer.brief or answer.words) if message.is_secret or message.is_masked else answer.words
    words = words[:LONGEST_ANSWER]
    match answer.verdict:
        case Verdict.ACCEPTED:
            close(mine, Status.SENT, words, now)
        case Verdict.REFUSED:
            close(mine, Status.FAILED, words, now)
        case Verdict.UNKNOWN:
            close(mine, Status.UNCERTAIN, words, now)
        case Verdict.UNREACHABLE:
            # As long as it has waited so far; `look_after` says when it was long enough.
            rest = min(max(now - message.asked_at, SHORTEST_REST), LONGEST_REST)
            put_off(mine, words, message.tries_left, now + rest)
        case Verdict.NOT_NOW if message.tries_left > 1:
            tried = (TRIES_OF_SECRETS if message.is_secret else TRIES) - message.tries_left
            put_off(mine, words, message.tries_left - 1, now + PAUSES[min(tried, len(PAUSES) - 1)])
        case Verdict.NOT_NOW:
            close(mine, Status.FAILED, words, now)


def put_off(rows: MessageQuerySet, words: str, tries_left: int, until: datetime) -> None:
    """Let messages rest that may be taken later."""
    rows.waiting().update(
        answer=words,
        tries_left=tries_left,
        next_try_at=until,
        claim=None,
        claimed_until=None,
        handed_over_at=None,
    )


def close(rows: MessageQuerySet, status: Status, words: str, now: datetime) -> None:
    """Write what became of messages; of a secret nothing is left, and of what is masked nothing once it is sent."""
    left = None if status == Status.SENT else LEFT_UNSENT
    rows.update(status=status, answer=words, closed_at=now, secret_body=left)


def look_after(now: datetime) -> list[str]:
    """Close what nobody will, and return by which ways something is due that can go."""
    waiting = Message.objects.waiting()
    uncertain = _("The worker ended while this was being handed over: it may have arrived. Nobody sends it again.")
    close(waiting.with_unknown_end(now), Status.UNCERTAIN, uncertain, now)
    old = Q(asked_at__lt=now - PATIENCE) | Q(is_secret=True, asked_at__lt=now - PATIENCE_OF_SECRETS)
    free = Q(claimed_until__isnull=True) | Q(claimed_until__lte=now)
    forsaken = waiting.filter(old, free, handed_over_at__isnull=True)
    ways = list(Channel.objects.in_force().order_by("way").values_list("way", flat=True))
    close(
        forsaken.exclude(way__in=ways), Status.FAILED, _("Its channel was off until it was too late to send it."), now
    )
    forsaken.filter(answer="").update(answer=_("It could not be sent in time."))
    forsaken.update(status=Status.FAILED, closed_at=now, secret_body=LEFT_UNSENT)
    return [way for way in ways if waiting.filter(way=way).due(now).exists()]


def erase_old(now: datetime) -> int:
    """Delete what was announced longer ago than the log reaches back; return how many."""
    erased, _each = Message.objects.exclude(status=Status.WAITING).filter(created_at__lt=now - KEPT).delete()
    return erased
