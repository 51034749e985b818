"""API tokens: making and revoking them, and what a request with one of them is."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from accounts import limits
from accounts.allow_list import AddressRefused, check_address, check_lists, normalised_addresses
from accounts.bearer import bearer_of, digest_of_secret, new_secret, secret_in, shown_part
from accounts.models import ApiToken, ApiTokenQuerySet, TokenScope, TokenState, User
from accounts.models.tokens import LONGEST_DAYS
from accounts.operations.passwords import confirm_own_password
from accounts.operations.refusals import record_refusal
from accounts.operations.two_step import needs_two_step, two_step_is_required_of
from accounts.seats import Seat, TokenSeat
from audit import operations as audit
from audit.actions import Action
from audit.identity import Actor, Origin
from audit.models import Grade
from ispanel.refusals import Forbidden, Refusal

log = logging.getLogger(__name__)

#: How many tokens of a login may be in force at a time.
MOST_IN_FORCE = 20
#: How often it is written down that a token is used, or was refused.
NOTED_EVERY = timedelta(minutes=1)
RATE_WITHIN = timedelta(minutes=1)


class InvalidToken(Refusal):
    """The token is missing, malformed, unknown, expired or revoked, or its owner is shut out. Which one is not told."""

    def __init__(self) -> None:
        super().__init__(_("Send a valid API token, as in “Authorization: Bearer isp_…”."))


class OwnerShutOut(Refusal):
    """The owner of a valid token may not use it now. It is for the trail and the log."""


class SecondStepMissing(OwnerShutOut):
    """The settings ask the owner for a second step that it does not have."""

    def __init__(self) -> None:
        super().__init__(_("The login has to set up two-step sign-in first."))


class NoHolder(Refusal):
    """Neither an admin nor a reseller's own login, or not of the kind that the scope asks for."""

    field = "scope"


class TooManyTokens(Refusal):
    """The login has as many tokens in force as it can have."""

    def __init__(self) -> None:
        super().__init__(
            _("A login has %(most)d API tokens in force at most. Revoke one that is not needed any more.")
            % {"most": MOST_IN_FORCE}
        )


class BadLifetime(Refusal):
    """The token would be over at once, or last too long."""

    field = "days"

    def __init__(self) -> None:
        super().__init__(_("A token lasts 1 to %(longest)d days.") % {"longest": LONGEST_DAYS})


class NameMissing(Refusal):
    """Nobody would know later on what the token is for."""

    field = "name"

    def __init__(self) -> None:
        super().__init__(_("Name the system that uses the token, in 60 characters at most."))


@dataclass(frozen=True)
class NewToken:
    """A token that has just been made, with what is sent as the bearer: shown now, and kept nowhere."""

    token: ApiToken
    bearer: str = field(repr=False)


def scope_of(login: User) -> TokenScope:
    """Return the scope of the tokens that a login holds.

    :raises NoHolder: support staff and resellers' staff hold none.
    """
    if login.is_admin:
        return TokenScope.ADMIN
    if login.is_own_login_of_reseller:
        return TokenScope.RESELLER
    raise NoHolder(_("Only admins, and resellers’ own logins, have API tokens."))


def tokens_in_force(login: User, now: datetime) -> ApiTokenQuerySet:
    """Return the login's tokens that are neither revoked nor over."""
    return ApiToken.objects.in_state(TokenState.IN_FORCE, now).filter(owner=login)


def create_own_token(
    *, actor: Seat, name: str, days: int, allowed_ips: str = "", own_password: str, now: datetime
) -> NewToken:
    """Make a token for oneself, of the scope that one's kind of login has, after the own password.

    :param days: how long it lasts, 1 to 365.
    :raises Forbidden: from a borrowed seat, from a token, and for staff.
    :raises WrongPassword, TooManyAttempts, NameMissing, BadLifetime, UnusableAddress, TooManyTokens:
    """
    check_own_seat(actor)
    try:
        scope = scope_of(actor.login)
    except NoHolder as refusal:
        raise Forbidden(str(refusal)) from refusal
    confirm_own_password(actor, own_password)
    return create_token(
        actor=actor, owner=actor.login, scope=scope, name=name, days=days, allowed_ips=allowed_ips, now=now
    )


@transaction.atomic
def create_token(
    *, actor: Actor, owner: User, scope: TokenScope, name: str, days: int, allowed_ips: str = "", now: datetime
) -> NewToken:
    """Make a token for a login: `create_own_token` does, and whoever has the server's command line.

    :raises NoHolder, OwnerShutOut, NameMissing, BadLifetime, UnusableAddress, TooManyTokens:
    """
    name = name.strip()
    if not 0 < len(name) <= 60:
        raise NameMissing
    if not 1 <= days <= LONGEST_DAYS:
        raise BadLifetime
    addresses = normalised_addresses(allowed_ips)
    # Of two tokens made at once, the second one waits and is counted.
    User.objects.select_for_update(no_key=True, of=("self",)).get(pk=owner.pk)
    owner = User.objects.with_rights().get(pk=owner.pk)
    check_owner(owner, scope)
    if tokens_in_force(owner, now).count() >= MOST_IN_FORCE:
        raise TooManyTokens
    secret = new_secret()
    token = ApiToken.objects.create(
        owner=owner,
        name=name,
        scope=scope,
        digest=digest_of_secret(secret),
        prefix=shown_part(secret),
        allowed_ips=addresses,
        created_at=now,
        expires_at=now + timedelta(days=days),
    )
    told = {
        "owner": (None, owner.username),
        "scope": (None, scope.value),
        "expires_at": (None, token.expires_at),
        "allowed_ips": (None, addresses.split() or None),
    }
    record(actor, Action.API_TOKEN_CREATED, token, told, now)
    return NewToken(token, bearer_of(secret))


@transaction.atomic
def revoke_token(*, actor: Seat, token_id: int, now: datetime) -> ApiToken:
    """End a token on its next request: one's own, or as an admin anybody's. Twice is once.

    :raises Forbidden: from a borrowed seat, from a token, and for others' tokens.
    """
    check_own_seat(actor)
    token = ApiToken.objects.select_for_update(no_key=True, of=("self",)).select_related("owner").get(pk=token_id)
    if not actor.is_admin and token.owner_id != actor.login.pk:
        raise Forbidden
    if token.revoked_at is None:
        token.revoked_at, token.revoked_by = now, actor.login.username
        token.save(update_fields=["revoked_at", "revoked_by"])
        record(actor, Action.API_TOKEN_REVOKED, token, {"owner": (token.owner.username, None)}, now)
    return token


def check_own_seat(actor: Seat) -> None:
    """:raises Forbidden: where the person themselves is not there."""
    if actor.is_borrowed:
        raise Forbidden(_("This is out of reach while you are logged in as somebody else."))
    if actor.is_api:
        raise Forbidden(_("API tokens are made and revoked in the panel."))


def authenticate(*, bearer: str, address: str | None, user_agent: str, request_id: str, now: datetime) -> TokenSeat:
    """Return the seat of whoever sends the token, with the owner's rights as they are now.

    Not to be called in the transaction of an act: what it writes, it writes once a minute per token at most, and at
    once. A refusal of a token that counts is recorded as the pages' refusals are; all others are in the log only.

    :param bearer: what follows ``Bearer`` in the header.
    :raises InvalidToken: answered with 401.
    :raises AddressRefused: answered with 403; nobody learns of a list without a token that counts.
    """
    token = token_that_counts(bearer, address, now)
    seat = TokenSeat.of(token, Origin(address=address, user_agent=user_agent, request_id=request_id))
    try:
        check_owner(token.owner, token.scope)
        check_lists([token.allowed_ips], address)
        check_address(token.owner, address)
    except Refusal as refusal:
        note_refusal(seat, refusal, now)
        if isinstance(refusal, AddressRefused):
            raise
        raise InvalidToken from refusal
    note_use(token, address, now)
    return seat


def token_that_counts(bearer: str, address: str | None, now: datetime) -> ApiToken:
    """Return the token whose secret this is, with its owner and what the owner's rights are computed from.

    :raises InvalidToken: where it is malformed, unknown, revoked or expired.
    """
    secret = secret_in(bearer)
    if secret is None:
        log.warning("API request from %s refused: %s", address, "malformed token" if bearer else "no token")
        raise InvalidToken
    token = ApiToken.objects.with_owner().filter(digest=digest_of_secret(secret)).first()
    if token is None:
        log.warning("API request from %s refused: unknown token", address)
        raise InvalidToken
    if (state := token.state(now)) != TokenState.IN_FORCE:
        log.warning("API request from %s refused: token %s of %s is %s", address, token.pk, token.owner, state.value)
        raise InvalidToken
    return token


def check_owner(owner: User, scope: str) -> None:
    """Check that the login may hold a token of the scope, and would reach its panel if it signed in now.

    :raises NoHolder, OwnerShutOut, SecondStepMissing:
    """
    check_standing(owner, scope)
    if needs_two_step(owner):
        raise SecondStepMissing


def check_standing(owner: User, scope: str) -> None:
    """Check of an owner what the login itself and its reseller tell.

    :raises NoHolder, OwnerShutOut:
    """
    if owner.is_removed:
        raise OwnerShutOut(_("The login is removed, or its reseller is deleted."))
    if owner.is_suspended:
        raise OwnerShutOut(_("The login’s reseller is suspended, or its parent is."))
    if scope_of(owner) != scope:
        raise NoHolder(_("Admins hold tokens of the scope admin, resellers’ own logins of the scope reseller."))
    if owner.must_change_password:
        raise OwnerShutOut(_("The login has to choose a new password first."))


def why_at_rest(token: ApiToken, now: datetime) -> str:
    """Return why a token in force is refused all the same, because of its owner; else nothing.

    :param token: one of `ApiTokenQuerySet.for_list`.
    """
    if token.state(now) != TokenState.IN_FORCE:
        return ""
    try:
        check_standing(token.owner, token.scope)
    except Refusal as refusal:
        return str(refusal)
    missing = two_step_is_required_of(token.owner) and not token.owner_has_second_step  # type: ignore[attr-defined]
    return str(SecondStepMissing()) if missing else ""


def note_use(token: ApiToken, address: str | None, now: datetime) -> None:
    """Note when and from where the token is used, if that was not noted within the last minute."""
    if token.last_used_at is None or token.last_used_at <= now - NOTED_EVERY:
        ApiToken.objects.filter(long_ago("last_used_at", now), pk=token.pk).update(
            last_used_at=now, last_used_from=address
        )


def note_refusal(seat: TokenSeat, refusal: Refusal, now: datetime) -> None:
    """Record that a token which counts was refused, if none of its refusals was recorded within the last minute.

    A system that goes on asking fills the log, which is thrown away some day, and not the trail, which never is.
    """
    log.warning("API request from %s refused: token %s: %s", seat.origin.address, seat.token.pk, refusal)
    with transaction.atomic():
        if ApiToken.objects.filter(long_ago("refused_at", now), pk=seat.token.pk).update(refused_at=now):
            record_refusal(actor=seat, refusal=refusal, tried=_("Using the API"), now=now)


def long_ago(field: str, now: datetime) -> Q:
    """Return the condition that it was never noted, or a minute ago: of requests at once, one notes it."""
    return Q(**{f"{field}__isnull": True}) | Q(**{f"{field}__lte": now - NOTED_EVERY})


def within_rate(token: ApiToken) -> float | None:
    """Count a request of the token; return None, or in how many seconds it may ask again.

    Each minute, from its first request on, has `API_REQUESTS_PER_MINUTE`. They are counted in PostgreSQL, so that the
    limit is one for all processes and machines; the count is written as often as the limit allows and not more, since a
    request beyond it is answered after one look. Not to be called in the transaction of an act, which would hold it.
    """
    key, most = f"api-token:{token.pk}", settings.API_REQUESTS_PER_MINUTE
    try:
        limits.check_count(key, most=most)
        limits.raise_count(key, most=most, within=RATE_WITHIN, prolonged=False)
    except limits.TooManyAttempts as refusal:
        return refusal.retry_after
    return None


def record(
    actor: Actor, action: Action, token: ApiToken, changes: Mapping[str, tuple[object, object]], now: datetime
) -> None:
    """Record what was done to a token, in the trail of its owner's reseller."""
    audit.record(
        actor=actor,
        action=action,
        obj=token,
        reseller_id=token.owner.reseller_id,
        changes=changes,
        grade=Grade.SECURITY,
        now=now,
    )
