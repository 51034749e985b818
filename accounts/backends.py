"""Sign-in by username or email."""

from __future__ import annotations

import logging

from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.hashers import make_password
from django.http import HttpRequest

from accounts.entrance import entrance_of
from accounts.lanes import sign_in_attempt
from accounts.limits import TooManyAttempts
from accounts.models import User

log = logging.getLogger(__name__)


class UsernameOrEmailBackend(BaseBackend):
    """Find the login by its present username or email; rights are read afresh with the user on every request."""

    def authenticate(
        self, request: HttpRequest | None, login: str | None = None, password: str | None = None, **_kwargs: object
    ) -> User | None:
        """Return the login, unless name or password is wrong.

        At the domain of a reseller everybody else's name is nobody's: it is answered, counted and timed like that.

        :raises TooManyAttempts:
        """
        if login is None or password is None:
            return None
        user, door, address = User.objects.by_login_name(login), "", None
        if request:
            entrance = entrance_of(request)
            user = user if user and entrance.admits(user) else None
            door, address = entrance.bound_to, request.origin.address  # type: ignore[attr-defined]
        # The name is logged where it is a login's: one that is nobody's may be a password in the wrong field.
        who = user.username if user else "an unknown name"
        try:
            with sign_in_attempt(typed=login, door=door, user=user, address=address) as (attempt, whose):
                if is_right(whose, password):
                    attempt.succeeded()
                    return whose
        except TooManyAttempts as refusal:
            log.warning("sign-in as %s from %s refused: %s", who, address, refusal)
            raise
        why = ": too many wrong passwords under all its names" if whose is not user else ""
        log.warning("sign-in as %s from %s failed%s", who, address, why)
        return None

    def get_user(self, user_id: int) -> User | None:
        """Return whose session it is, unless the login, its reseller or the reseller's parent was closed meanwhile."""
        user = User.objects.with_rights().filter(pk=user_id).first()
        return None if user is None or user.is_removed or user.is_suspended else user


def is_right(user: User | None, password: str) -> bool:
    """Say whether this password signs in; an unknown name costs as much time as a wrong password."""
    if user is None:
        make_password(password)
        return False
    return user.check_password(password) and not user.is_removed
