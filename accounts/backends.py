"""Sign-in by username or email."""

from __future__ import annotations

from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.hashers import make_password
from django.http import HttpRequest

from accounts.models import User


class UsernameOrEmailBackend(BaseBackend):
    """Find the login by its present username or email; rights are read afresh with the user on every request."""

    def authenticate(
        self, request: HttpRequest | None, login: str | None = None, password: str | None = None, **_kwargs: object
    ) -> User | None:
        if login is None or password is None:
            return None
        user = User.objects.by_login_name(login)
        if user is None:
            make_password(password)  # An unknown name costs as much time as a wrong password.
            return None
        return user if user.check_password(password) and user.is_active else None

    def get_user(self, user_id: int) -> User | None:
        return User.objects.with_rights().filter(pk=user_id, is_active=True).first()
