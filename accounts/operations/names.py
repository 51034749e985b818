"""Usernames and emails: what they may look like, and whose they are."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.utils.translation import gettext as _
from psycopg import Error as PostgresError

from accounts.models import (
    LoginName,
    User,
    username_characters,
)
from ispanel.refusals import Refusal


class UsernameTaken(Refusal):
    """The username is, or once was, another login's username or email."""

    field = "username"

    def __init__(self, username: str) -> None:
        super().__init__(_("The username “%(name)s” is taken. Choose another one.") % {"name": username})


class EmailTaken(Refusal):
    """The email is, or once was, another login's username or email."""

    field = "email"

    def __init__(self) -> None:
        super().__init__(_("This email belongs to another login. Enter a different one."))


class UnusableUsername(Refusal):
    """The username has characters that none may have, is too long, or has an @ without being the login's email."""

    field = "username"


def fold_username(username: str) -> str:
    """Return the username in lower case.

    :raises UnusableUsername: for characters that no username has.
    """
    folded = username.strip().lower()
    if len(folded) > 150:
        raise UnusableUsername(_("Use at most 150 characters for the username."))
    try:
        username_characters(folded)
    except ValidationError as problem:
        raise UnusableUsername(problem.messages[0]) from problem
    return folded


def check_names_are_free(username: str, email: str | None, *, besides: User | None = None) -> None:
    """Check that neither name is, or ever was, another login's.

    :raises UsernameTaken, EmailTaken, UnusableUsername:
    """
    if "@" in username and username != (email or "").lower():
        raise UnusableUsername(_("A username with @ must be the login's own email."))
    wanted = [username, *([email.lower()] if email else [])]
    names = LoginName.objects.filter(name__in=wanted)
    if besides:
        names = names.exclude(user_id=besides.pk)
    taken = set(names.values_list("name", flat=True))
    if username in taken:
        raise UsernameTaken(username)
    if taken:
        raise EmailTaken


def name_taken(problem: IntegrityError, user: User) -> Refusal | None:
    """Return the refusal for a name that the database found taken; None for any other problem.

    The database has the last word on what is the same name: it folds letters of all scripts in its own way.
    """
    diagnosis = problem.__cause__.diag if isinstance(problem.__cause__, PostgresError) else None
    constraint = diagnosis.constraint_name if diagnosis else None
    if constraint == "email_is_unique":
        return EmailTaken()
    if constraint == "login_names_have_one_owner" and diagnosis:
        return UsernameTaken(user.username) if diagnosis.message_detail == user.username else EmailTaken()
    return UsernameTaken(user.username) if constraint and "username" in constraint else None
