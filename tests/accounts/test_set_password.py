"""The command for emergencies: a login that is shut out gets a new password."""

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Session, TwoStep, User
from audit.actions import Action
from audit.models import AuditEntry
from tests.cast import NOW, signed_in

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


def test_no_sign_in_is_left_to_be_listed(nadia: User) -> None:
    signed_in(nadia)

    call_command("set_password", "nadia")

    assert not Session.objects.filter(user=nadia).exists()


def test_a_removed_login_is_not_let_in_by_it(asha: User, petra: User) -> None:
    User.objects.filter(pk=petra.pk).update(is_active=False)

    with pytest.raises(CommandError, match="petra is removed"):
        call_command("set_password", "petra")

    assert not User.objects.get(pk=petra.pk).check_password(NEW)


def test_a_second_step_stays_unless_it_is_to_go_too(nadia: User) -> None:
    TwoStep.objects.create(user=nadia, ciphertext=b"x", confirmed_at=NOW)

    call_command("set_password", "nadia")
    assert TwoStep.objects.filter(user=nadia).exists()

    call_command("set_password", "nadia", "--reset-two-step")
    assert not TwoStep.objects.filter(user=nadia).exists()
    assert AuditEntry.objects.latest("id").action == Action.TWO_STEP_RESET


def test_the_second_step_may_be_off_already(nadia: User) -> None:
    call_command("set_password", "nadia", "--reset-two-step")

    nadia.refresh_from_db()
    assert nadia.check_password(NEW)


def test_an_unknown_login_is_named(db: None) -> None:
    with pytest.raises(CommandError, match="no login named nobody"):
        call_command("set_password", "nobody")
