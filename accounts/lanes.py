"""What limits a sign-in: two lanes for each login, and a count for each address.

Strangers share one lane of a login: ten wrong passwords in a quarter of an hour, over all addresses together. From an
address at which the login signed in within 30 days it has a lane of its own, with ten more, so that a flood from
elsewhere never keeps its owner out. Strangers' lanes are limited by address too, to 30 failures over all names; the
lanes of known addresses are not, so that one person who guesses in an office shuts out nobody who works there.

A name that is nobody's has a strangers' lane like any other, and costs as much time.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts import limits
from accounts.limits import Attempt, TooManyAttempts
from accounts.models import KnownAddress, User

WITHIN = timedelta(minutes=15)
PER_LANE = 10
PER_ADDRESS = 30
KNOWN_FOR = timedelta(days=30)
#: What stands for an address that is not known: nobody comes from there.
NOWHERE = "::"


@contextmanager
def sign_in_attempt(*, typed: str, user: User | None, address: str | None) -> Iterator[Attempt]:
    """Let one password be tried.

    :param typed: the name as it was typed, which is what counts where it is nobody's.
    :raises TooManyAttempts, AttemptUnderWay: before the block, which is then not run.
    """
    network = network_of(address)
    name = str(user.pk) if user else digest_of(typed)
    if knows(user, network, timezone.now()):
        with limits.attempt(key=f"sign-in:{name}:{network}", most=PER_LANE, within=WITHIN) as attempt:
            yield attempt
        return
    by_name, by_address = f"sign-in:{name}", f"sign-in from:{network}"
    limits.check_count(by_name, most=PER_LANE)  # A flood is turned away without a write.
    limits.raise_count(by_address, most=PER_ADDRESS, within=WITHIN, prolonged=False)
    try:
        with limits.attempt(key=by_name, most=PER_LANE, within=WITHIN) as attempt:
            yield attempt
    except TooManyAttempts:
        limits.take_back(by_address)
        raise
    if attempt.is_right:
        # Not forgotten: whoever guesses would clear the count by signing in to a login of their own.
        limits.take_back(by_address)


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


def digest_of(typed: str) -> str:
    """Return what stands for a name that is nobody's: it may be long, or be a password in the wrong field."""
    return salted_hmac("accounts.lanes", typed.strip().lower(), algorithm="sha256").hexdigest()
