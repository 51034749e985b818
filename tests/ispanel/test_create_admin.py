"""`manage.py create_admin`, for installations that do not start with `make run`."""

import io

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User, UserType


@pytest.fixture
def password(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("ADMIN_PASSWORD", "a long enough secret")
    return "a long enough secret"


def test_it_makes_an_admin_with_that_password(db: None, password: str) -> None:
    call_command("create_admin", "asha", stdout=io.StringIO())

    user = User.objects.get(username="asha")
    assert user.user_type == UserType.ADMIN
    assert user.check_password(password)


def test_a_name_that_is_taken_is_refused(db: None, password: str) -> None:
    call_command("create_admin", "asha", stdout=io.StringIO())

    with pytest.raises(CommandError, match="taken"):
        call_command("create_admin", "Asha")


def test_a_weak_password_is_refused(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADMIN_PASSWORD", "short")

    with pytest.raises(CommandError, match="at least 12 characters"):
        call_command("create_admin", "asha")

    assert not User.objects.exists()
