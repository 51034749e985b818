"""What limits a sign-in: a lane for each name, one for each login, and a count for each address.

A name has a lane at each door: ten wrong passwords in a quarter of an hour, over all addresses together, and then a
refusal that says how long to wait. It is counted by what was typed and where, whosever that is: so what is refused
tells neither that there is such a login, nor that two names, or two doors, lead to the same one.

A login has a lane behind these, under all its names and at all doors: ten again, and no word of it. While it is full,
every password is answered as a wrong one is, after as much work, and compared with nothing. Owners whom that meets
have the lane below, or a new password by way of a reset, which empties the lanes.

From an address at which the login signed in within 30 days both lanes are its own, with ten more, so that a flood from
elsewhere never keeps its owner out. Strangers' lanes are limited by address too, to 30 failures over all names; the
lanes of known addresses are not, so that one person who guesses in an office shuts out nobody who works there.

A name that is nobody's has lanes like any other, and costs as much time. So has, at the domain of a reseller, the name
of a login that has no place there.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts import limits
from accounts.limits import Attempt, TooManyAttempts
from accounts.models import FailureCount, KnownAddress, User

WITHIN = timedelta(minutes=15)
PER_LANE = 10
PER_ADDRESS = 30
KNOWN_FOR = timedelta(days=30)
#: What stands for an address that is not known: nobody comes from there.
NOWHERE = "::"


@contextmanager
def sign_in_attempt(
    *, typed: str, door: str, user: User | None, address: str | None
) -> Iterator[tuple[Attempt, User | None]]:
    """Let one password be tried, and say whose it may be: nobody's while the lane of the login is full.

    :param typed: the name as it was typed.
    :param door: the domain at which it was typed; blank is the panel's own host.
    :param user: whose name it is there.
    :raises TooManyAttempts, AttemptUnderWay: before the block, which is then not run.
    """
    network, name = network_of(address), digest_of(typed, door)
    if knows(user, network, timezone.now()):
        with attempt_in_lanes(name, user, place=f":{network}") as tried:
            yield tried
        return
    by_address = f"sign-in from:{network}"
    limits.check_count(lane_of_name(name), most=PER_LANE)  # A flood is turned away without a write.
    limits.raise_count(by_address, most=PER_ADDRESS, within=WITHIN, prolonged=False)
    try:
        with attempt_in_lanes(name, user) as tried:
            yield tried
    except TooManyAttempts:
        limits.take_back(by_address)
        raise
    if tried[0].is_right:
        # Not forgotten: whoever guesses would clear the count by signing in to a login of their own.
        limits.take_back(by_address)


@contextmanager
def attempt_in_lanes(name: str, user: User | None, place: str = "") -> Iterator[tuple[Attempt, User | None]]:
    """Let one password be tried in the lane of the name and in that of the login.

    The latter is counted before the turn is taken and outside of its transaction: else two names of one login would
    wait for each other, which shows. It asks the database the same, full or not.
    """
    of_login = lane_of_login(user.pk if user else name) + place
    has_room = limits.count(of_login, most=PER_LANE, within=WITHIN)
    try:
        with limits.attempt(key=lane_of_name(name) + place, most=PER_LANE, within=WITHIN) as attempt:
            yield attempt, user if has_room else None
    except TooManyAttempts:
        if has_room:
            limits.take_back(of_login)
        raise
    if attempt.is_right:
        limits.forget(of_login)


def lane_of_name(name: str) -> str:
    return f"sign-in:{name}"


def lane_of_login(who: int | str) -> str:
    return f"sign-in of:{who}"


def forget_failures(user: User, *, door: str) -> None:
    """Forget the wrong passwords of a login, now that its owner has proved at this door otherwise who it is."""
    names = [lane_of_name(digest_of(name, door)) for name in (user.username, user.email) if name]
    found = Q()
    for lane in (*names, lane_of_login(user.pk)):
        found |= Q(key=lane) | Q(key__startswith=f"{lane}:")
    FailureCount.objects.filter(found).delete()


def remember_address(*, user: User, address: str | None, now: datetime) -> None:
    """Remember that the login signed in from there, and erase what was not used for 30 days."""
    KnownAddress.objects.filter(last_used_at__lte=now - KNOWN_FOR).delete()
    if address:
        defaults = {"last_used_at": now}
        KnownAddress.objects.update_or_create(user=user, address=network_of(address), defaults=defaults)


def knows(user: User | None, network: str, now: datetime) -> bool:
    """Say whether the login signed in from there within 30 days; a name that is nobody's costs the same query."""
    known = KnownAddress.objects.filter(user_id=user.pk if user else 0, address=network)
    return known.filter(last_used_at__gt=now - KNOWN_FOR).exists()


def network_of(address: str | None) -> str:
    """Return an IPv4 address as it is, and of an IPv6 one the first of its /64, which is all one household's."""
    if not address:
        return NOWHERE
    parsed = ipaddress.ip_address(address)
    if parsed.version == 4:
        return str(parsed)
    return str(ipaddress.ip_network((parsed, 64), strict=False).network_address)


def is_known(network: str, now: datetime) -> bool:
    """Say whether anybody signed in from there within 30 days."""
    return KnownAddress.objects.filter(address=network, last_used_at__gt=now - KNOWN_FOR).exists()


def digest_of(typed: str, door: str = "") -> str:
    """Return what stands for a name that was typed at a door: it may be long, or be a password in the wrong field."""
    return salted_hmac("accounts.lanes", f"{typed.strip().lower()}\0{door}", algorithm="sha256").hexdigest()
