"""The command for emergencies: a login that is shut out gets a new password."""

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from audit.actions import Action
from audit.models import AuditEntry
from tests.cast import signed_in

NEW = "another harbour 88 lamps"


@pytest.fixture(autouse=True)
def _typed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEW_PASSWORD", NEW)


def test_the_new_password_counts_and_the_sign_ins_end(nadia: User) -> None:
    client = signed_in(nadia)

    call_command("set_password", "nadia")

    nadia.refresh_from_db()
    assert nadia.check_password(NEW)
    assert client.get("/").status_code == 302


def test_it_is_audited_under_the_system_and_without_the_password(nadia: User) -> None:
    call_command("set_password", "nadia")

    entry = AuditEntry.objects.get(action=Action.PASSWORD_SET)
    assert (entry.actor_name, entry.object_name) == ("system", "nadia")
    assert NEW not in str(vars(entry))


def test_a_weak_password_is_refused(nadia: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEW_PASSWORD", "short")

    with pytest.raises(CommandError, match="at least 12 characters"):
        call_command("set_password", "nadia")


def test_an_unknown_login_is_named(db: None) -> None:
    with pytest.raises(CommandError, match="no login named nobody"):
        call_command("set_password", "nobody")
