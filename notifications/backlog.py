"""What waits to be sent, channel by channel, and what waits because its channel takes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Exists, Min, OuterRef, Q, Subquery

from notifications.models import Channel, Message
from notifications.sending import LONGEST_REST, TRIES, TRIES_OF_SECRETS

#: What was tried, lost no try, and still waits so long, waits because its channel took nothing at all.
HELD_UP_AFTER = timedelta(minutes=1)
#: What waits longer waits too long for any reason: that is as long as anything rests for its channel.
LATE_AFTER = LONGEST_REST


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits to go by one channel."""

    channel: Channel
    count: int = 0
    #: When the oldest was announced, or asked for once more.
    since: datetime | None = None
    #: Whether any of it waits because the channel takes nothing, though it is on.
    is_held_up: bool = False
    #: What came back last.
    answer: str = ""


def held_up(now: datetime) -> Q:
    """Return which of the waiting messages wait because of their channel.

    What is refused for now loses a try each time, and rests meanwhile, so it counts later; and so does what was not
    tried yet, since many at once take their time.
    """
    has_all_tries = Q(is_secret=False, tries_left=TRIES) | Q(is_secret=True, tries_left=TRIES_OF_SECRETS)
    return (~Q(answer="") & has_all_tries & Q(asked_at__lt=now - HELD_UP_AFTER)) | Q(asked_at__lt=now - LATE_AFTER)


def count_held_up(now: datetime) -> int:
    """Return how many messages wait because their channel takes nothing, though it is on."""
    by_one_that_is_on = Exists(Channel.objects.in_force().filter(way=OuterRef("way")))
    return Message.objects.waiting().filter(held_up(now), by_one_that_is_on).count()


def backlogs(now: datetime) -> list[Backlog]:
    """Return what waits, channel by channel."""
    waiting = Message.objects.waiting().order_by()
    counts = waiting.values("way").annotate(
        count=Count("pk"), since=Min("asked_at"), held_up=Count("pk", filter=held_up(now))
    )
    found = {row["way"]: row for row in counts}
    # What was tried last rests the longest from now on, but for what was refused for its own sake.
    tried = waiting.filter(way=OuterRef("way"), next_try_at__lte=now + LONGEST_REST).exclude(answer="")
    latest = Subquery(tried.order_by("-next_try_at", "-pk").values("answer")[:1])
    return [
        Backlog(
            channel,
            count=found[channel.way]["count"],
            since=found[channel.way]["since"],
            is_held_up=channel.is_on and bool(found[channel.way]["held_up"]),
            answer=channel.latest_answer or "",  # type: ignore[attr-defined]
        )
        if channel.way in found
        else Backlog(channel)
        for channel in Channel.objects.annotate(latest_answer=latest).order_by("way")
    ]
