"""A sign-in whose password was right and whose second step is still to come. Nobody is signed in by it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.http import HttpRequest
from django.middleware.csrf import rotate_token
from django.utils.crypto import constant_time_compare

from accounts.backends import UsernameOrEmailBackend
from accounts.entrance import entrance_of
from accounts.models import User
from accounts.operations import has_two_step

SESSION_KEY = "pending_sign_in"
LASTS = timedelta(minutes=5)


@dataclass(frozen=True)
class Pending:
    """Who typed the right password, and the page that they asked for."""

    user: User
    to: str


def hold(request: HttpRequest, user: User, *, to: str, now: datetime) -> None:
    """Hold the sign-in for five minutes, in a session with a key of its own and nothing else in it."""
    request.session.flush()
    request.session[SESSION_KEY] = {
        "user_id": user.pk,
        "password": user.get_session_auth_hash(),
        "until": (now + LASTS).isoformat(),
        "to": to,
    }
    rotate_token(request)


def held(request: HttpRequest, now: datetime) -> Pending | None:
    """Return the sign-in that the session holds.

    None once its time is over, or the login was closed, changed its password, has no second step any more or may not
    come in at this door any more.
    """
    kept = request.session.get(SESSION_KEY)
    if not kept or now >= datetime.fromisoformat(kept["until"]):
        return None
    user = UsernameOrEmailBackend().get_user(kept["user_id"])
    if user is None or not constant_time_compare(kept["password"], user.get_session_auth_hash()):
        return None
    if not entrance_of(request).admits(user):
        return None
    return Pending(user, kept["to"]) if has_two_step(user) else None


def drop(request: HttpRequest) -> bool:
    """Forget the sign-in that the session holds, and say whether there was one."""
    return request.session.pop(SESSION_KEY, None) is not None
