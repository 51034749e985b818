"""Choosing a password, and the copy of the one that somebody else chose."""

from datetime import timedelta

import pytest
from django.db import connection

from accounts.models import InitialPassword, User, UserType
from accounts.operations import (
    NoInitialPassword,
    WeakPassword,
    WrongPassword,
    change_own_password,
    create_login,
    may_reveal_without_password,
    reveal_initial_password,
)
from audit.actions import Action
from audit.models import AuditEntry, Grade
from ispanel.crypto import Undecryptable
from resellers.models import Reseller
from tests.cast import NOW, PASSWORD, make_reseller, seat_of

GIVEN = "handed-over-on-paper"
OWN = "chosen by myself alone"
JUST_NOW = NOW + timedelta(minutes=14, seconds=59)
LATER = NOW + timedelta(minutes=15)


@pytest.fixture
def rima(asha: User) -> User:
    """Return a login for which Asha has just chosen the password."""
    return create_login(actor=seat_of(asha), user_type=UserType.RESELLER, username="rima", password=GIVEN, now=NOW)


def test_the_company_stays_out_of_the_password_of_its_login(asha: User, north: Reseller, nadia: User) -> None:
    with pytest.raises(WeakPassword):
        change_own_password(actor=seat_of(nadia), old_password=PASSWORD, new_password="NorthNet-forever", now=NOW)
    with pytest.raises(WeakPassword):
        make_reseller(asha, "samar", "Southeast Net", password="southeast net 2026")

    assert not User.objects.filter(username="samar").exists()


def test_the_initial_password_is_kept_encrypted(rima: User) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT ciphertext, row_to_json(p)::text FROM initial_passwords AS p")
        ciphertext, row = cursor.fetchone()

    assert GIVEN.encode() not in bytes(ciphertext)
    assert GIVEN not in row


def test_who_made_the_login_sees_it_for_15_minutes_without_a_password(asha: User, rima: User) -> None:
    shown = reveal_initial_password(actor=seat_of(asha), user=rima, own_password="", now=JUST_NOW)

    assert shown == GIVEN


def test_after_15_minutes_the_own_password_is_asked_for(asha: User, rima: User) -> None:
    with pytest.raises(WrongPassword):
        reveal_initial_password(actor=seat_of(asha), user=rima, own_password="", now=LATER)

    assert reveal_initial_password(actor=seat_of(asha), user=rima, own_password=PASSWORD, now=LATER) == GIVEN


def test_others_are_asked_for_their_password_at_once(rima: User, petra: User) -> None:
    assert not may_reveal_without_password(actor=seat_of(petra), user=rima, now=NOW)

    with pytest.raises(WrongPassword):
        reveal_initial_password(actor=seat_of(petra), user=rima, own_password=GIVEN, now=NOW)


def test_a_reveal_is_in_the_audit_trail_without_the_secret(asha: User, rima: User) -> None:
    reveal_initial_password(actor=seat_of(asha), user=rima, own_password="", now=NOW)

    entry = AuditEntry.objects.get(action=Action.INITIAL_PASSWORD_REVEALED)
    assert (entry.actor_name, entry.object_name, entry.grade) == ("asha", "rima", Grade.SECURITY)
    assert GIVEN not in str(list(AuditEntry.objects.values()))


def test_a_refused_reveal_shows_and_records_nothing(asha: User, rima: User) -> None:
    with pytest.raises(WrongPassword):
        reveal_initial_password(actor=seat_of(asha), user=rima, own_password="wrong", now=LATER)

    assert not AuditEntry.objects.filter(action=Action.INITIAL_PASSWORD_REVEALED).exists()


def test_the_copy_is_gone_when_the_login_chooses_its_own(asha: User, rima: User) -> None:
    change_own_password(actor=seat_of(rima), old_password=GIVEN, new_password=OWN, now=NOW)

    assert not InitialPassword.objects.exists()
    with pytest.raises(NoInitialPassword):
        reveal_initial_password(actor=seat_of(asha), user=rima, own_password=PASSWORD, now=NOW)


def test_the_copy_is_out_of_reach_after_seven_days(asha: User, rima: User) -> None:
    last = NOW + timedelta(days=7, seconds=-1)
    assert reveal_initial_password(actor=seat_of(asha), user=rima, own_password=PASSWORD, now=last) == GIVEN

    with pytest.raises(NoInitialPassword):
        reveal_initial_password(actor=seat_of(asha), user=rima, own_password=PASSWORD, now=NOW + timedelta(days=7))


def test_of_admins_and_support_staff_none_is_kept(asha: User, petra: User) -> None:
    assert not InitialPassword.objects.filter(user__in=[asha, petra]).exists()


def test_the_copy_of_another_login_cannot_be_read_in_its_place(asha: User, rima: User, nadia: User) -> None:
    of_rima = InitialPassword.objects.get(user=rima)
    InitialPassword.objects.filter(user=nadia).update(ciphertext=of_rima.ciphertext)

    with pytest.raises(Undecryptable):
        reveal_initial_password(actor=seat_of(asha), user=nadia, own_password=PASSWORD, now=NOW)


def test_a_login_that_changed_its_password_need_not_do_it_again(rima: User) -> None:
    assert rima.must_change_password

    changed = change_own_password(actor=seat_of(rima), old_password=GIVEN, new_password=OWN, now=NOW)

    assert changed.check_password(OWN)
    assert not changed.must_change_password
    assert AuditEntry.objects.filter(action=Action.PASSWORD_CHANGED, object_name="rima").count() == 1


def test_the_old_password_has_to_be_right_and_the_new_one_new(rima: User) -> None:
    with pytest.raises(WrongPassword):
        change_own_password(actor=seat_of(rima), old_password="wrong", new_password=OWN, now=NOW)
    with pytest.raises(WeakPassword, match="differs from the present one"):
        change_own_password(actor=seat_of(rima), old_password=GIVEN, new_password=GIVEN, now=NOW)

    assert User.objects.get(pk=rima.pk).check_password(GIVEN)


def test_passwords_are_bcrypt_and_used_beyond_the_72nd_byte(asha: User) -> None:
    asha.set_password("x" * 80 + "1")

    assert asha.password.startswith("bcrypt_sha256$$2b$")
    assert not asha.check_password("x" * 80 + "2")
