"""Second steps: setting one up, proving it, losing it."""

import base64
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from threading import Event
from time import monotonic
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.db.models import Model

from accounts import operations
from accounts.authenticator import (
    bare,
    digest_of_code,
    in_groups,
    matching_step,
    new_recovery_code,
    new_secret,
    qr_code,
    uri_of,
)
from accounts.limits import AttemptUnderWay, TooManyAttempts
from accounts.models import RecoveryCode, Session, TwoStep, User
from accounts.operations import TwoStepIsOff, TwoStepIsOn, TwoStepIsRequired, WrongCode, WrongPassword
from accounts.operations.two_step import use_code
from accounts.seats import Seat
from audit.actions import Action
from audit.identity import SYSTEM
from audit.models import AuditEntry, Grade
from ispanel.models import PanelSettings
from ispanel.refusals import Forbidden
from resellers.models import Reseller
from tests.cast import NOW, PASSWORD, make_admin, seat_of, signed_in
from tests.phone import STEP, begun, with_two_step
from tests.threads import at_once


def check(user: User, code: str, now: datetime = NOW) -> None:
    operations.check_code(actor=seat_of(user), code=code, now=now)


def require_it_of(*user_types: int) -> None:
    PanelSettings.objects.update(two_step_for=list(user_types))


def session_of(user: User) -> str:
    """Sign the person in, and return the key of the session's row."""
    signed_in(user)
    return Session.objects.filter(user=user).latest("expire_date").session_key


# --- the arithmetic ---------------------------------------------------------------------------------------------------

#: RFC 6238, appendix B, for SHA-1: the last six of the eight digits.
RFC_6238 = {
    59: "287082",
    1111111109: "081804",
    1111111111: "050471",
    1234567890: "005924",
    2000000000: "279037",
    20000000000: "353130",
}
RFC_SECRET = base64.b32encode(b"12345678901234567890").decode()


@pytest.mark.parametrize(("seconds", "code"), RFC_6238.items())
def test_codes_are_those_of_the_rfc(seconds: int, code: str) -> None:
    moment = datetime.fromtimestamp(seconds, UTC)

    assert matching_step(RFC_SECRET, code, now=moment, after=0) == seconds // 30


def test_what_only_looks_like_a_number_is_no_code() -> None:
    moment = datetime.fromtimestamp(59, UTC)

    for typed in ("", "28708", "+87082", "287_82", "2870820", "٢٨٧٠٨٢", "287082\n"):
        assert matching_step(RFC_SECRET, typed, now=moment, after=0) is None, typed


def test_a_secret_is_160_random_bits() -> None:
    assert len(base64.b32decode(new_secret())) == 20
    assert new_secret() != new_secret()


def test_recovery_codes_hold_nothing_that_is_mistaken_for_something_else() -> None:
    codes = {new_recovery_code() for _ in range(200)}

    assert len(codes) == 200
    assert {len(code) for code in codes} == {29}
    assert not set("01lo") & set("".join(codes))


def test_the_app_reads_panel_name_and_secret_from_the_qr_code() -> None:
    parts = urlsplit(uri_of(RFC_SECRET, username="nadia@north.example", issuer="Al-Noor: Panel & Co"))

    assert (parts.scheme, parts.netloc) == ("otpauth", "totp")
    assert parts.path == "/Al-Noor%20%20Panel%20%26%20Co:nadia%40north.example"
    wanted = {"secret": [RFC_SECRET], "issuer": ["Al-Noor  Panel & Co"], "digits": ["6"], "period": ["30"]}
    assert parse_qs(parts.query) == wanted


def test_the_qr_code_needs_no_style_and_has_its_margin() -> None:
    drawn = qr_code(uri_of(RFC_SECRET, username="nadia", issuer="ISPanel"))

    assert drawn.startswith('<svg viewBox="0 0 ')
    assert "style" not in drawn
    assert 'fill="#fff" d="M0 0h' in drawn
    assert 'stroke="#000" d="M4 4.5' in drawn


def test_the_secret_stands_in_groups_of_four() -> None:
    assert in_groups("ABCDEFGHIJKL") == "ABCD EFGH IJKL"


# --- setting it up ----------------------------------------------------------------------------------------------------


def test_it_counts_once_a_code_has_shown_that_the_app_has_the_secret(nadia: User) -> None:
    phone = begun(nadia)
    assert not operations.has_two_step(nadia)

    codes = operations.confirm_two_step(actor=seat_of(nadia), code=phone.code_at(NOW), now=NOW)

    assert operations.has_two_step(nadia)
    assert len(set(codes)) == 10


def test_the_secret_and_the_codes_are_not_to_be_read_in_the_database(nadia: User) -> None:
    phone = with_two_step(nadia)

    kept = [bytes(TwoStep.objects.get().ciphertext), *(bytes(row.digest) for row in RecoveryCode.objects.all())]

    assert len(kept) == 11
    for secret in (phone.secret, *phone.recovery_codes):
        assert not any(secret.encode() in blob or secret.replace("-", "").encode() in blob for blob in kept)


def test_the_secret_belongs_to_its_login(nadia: User, sami: User) -> None:
    begun(nadia)
    begun(sami)
    TwoStep.objects.filter(user=sami).update(ciphertext=TwoStep.objects.get(user=nadia).ciphertext)

    with pytest.raises(Exception, match="belongs elsewhere"):
        operations.secret_to_confirm(seat_of(sami))


def test_beginning_anew_makes_another_secret(nadia: User) -> None:
    first, second = begun(nadia), begun(nadia)

    assert first.secret != second.secret
    with pytest.raises(WrongCode):
        operations.confirm_two_step(actor=seat_of(nadia), code=first.code_at(NOW), now=NOW)


def test_it_takes_the_own_password_to_begin(nadia: User) -> None:
    with pytest.raises(WrongPassword):
        operations.begin_two_step(actor=seat_of(nadia), own_password="not-the-password", now=NOW)

    assert not TwoStep.objects.exists()


def test_a_second_step_in_force_is_not_replaced(nadia: User) -> None:
    phone = with_two_step(nadia)

    with pytest.raises(TwoStepIsOn):
        operations.begin_two_step(actor=seat_of(nadia), own_password=PASSWORD, now=NOW)
    assert operations.secret_to_confirm(seat_of(nadia)) is None
    with pytest.raises(TwoStepIsOff):
        operations.confirm_two_step(actor=seat_of(nadia), code=phone.code_at(NOW), now=NOW)

    check(nadia, phone.code_at(NOW))


def test_a_wrong_code_confirms_nothing(nadia: User) -> None:
    phone = begun(nadia)

    with pytest.raises(WrongCode):
        operations.confirm_two_step(actor=seat_of(nadia), code=phone.code_at(NOW + 9 * STEP), now=NOW)

    assert not operations.has_two_step(nadia)
    assert not RecoveryCode.objects.exists()


def test_the_code_that_confirmed_does_not_sign_in_too(nadia: User) -> None:
    phone = begun(nadia)
    operations.confirm_two_step(actor=seat_of(nadia), code=phone.code_at(NOW), now=NOW)

    with pytest.raises(WrongCode):
        check(nadia, phone.code_at(NOW))


# --- proving it -------------------------------------------------------------------------------------------------------


def test_the_code_of_now_is_accepted_however_it_is_typed(nadia: User) -> None:
    code = with_two_step(nadia).code_at(NOW)

    check(nadia, f" {code[:3]} {code[3:]} ")


@pytest.mark.parametrize("steps", [-1, 0, 1])
def test_a_clock_may_be_one_step_off(nadia: User, steps: int) -> None:
    check(nadia, with_two_step(nadia).code_at(NOW + steps * STEP))


@pytest.mark.parametrize("steps", [-3, -2, 2, 3])
def test_a_clock_may_not_be_two_steps_off(nadia: User, steps: int) -> None:
    phone = with_two_step(nadia)

    with pytest.raises(WrongCode):
        check(nadia, phone.code_at(NOW + steps * STEP))


def test_a_code_is_never_accepted_again(nadia: User) -> None:
    phone = with_two_step(nadia)
    check(nadia, phone.code_at(NOW))

    for later in (NOW, NOW + STEP):
        with pytest.raises(WrongCode):
            check(nadia, phone.code_at(NOW), later)

    check(nadia, phone.code_at(NOW + STEP), NOW + STEP)


def test_nor_is_the_code_of_an_earlier_step(nadia: User) -> None:
    phone = with_two_step(nadia)
    check(nadia, phone.code_at(NOW + STEP))

    with pytest.raises(WrongCode):
        check(nadia, phone.code_at(NOW))


def test_the_code_of_another_login_is_wrong(nadia: User, sami: User) -> None:
    with_two_step(nadia)
    other = with_two_step(sami)

    for code in (other.code_at(NOW), other.recovery_codes[0]):
        with pytest.raises(WrongCode):
            check(nadia, code)


def test_no_code_is_right_for_whom_has_no_second_step(nadia: User) -> None:
    phone = begun(nadia)

    with pytest.raises(WrongCode):
        check(nadia, phone.code_at(NOW))


#: What the other requests are told, by how close behind they come.
TOO_LATE = (WrongCode, AttemptUnderWay)


def test_of_two_requests_with_one_code_one_gets_in(committing: None, nadia: User) -> None:
    code = with_two_step(nadia).code_at(NOW)

    answers = at_once(*[partial(check, nadia, code)] * 4)

    assert answers.count(None) == 1
    assert all(isinstance(answer, TOO_LATE) for answer in answers if answer is not None)


WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


def hold_until_all_wait(row: Model, is_held: Event, others: int) -> None:
    """Lock the row, and let go of it once the others have read it and wait to write."""
    with transaction.atomic(), connection.cursor() as cursor:
        type(row)._default_manager.select_for_update().get(pk=row.pk)
        is_held.set()
        deadline = monotonic() + 20
        while monotonic() < deadline:
            cursor.execute(WAITING)
            if cursor.fetchone()[0] >= others:
                return
    pytest.fail("The others never came to wait.")


@pytest.mark.parametrize("kind", ["app", "recovery"])
def test_the_database_alone_lets_one_of_them_in(committing: None, nadia: User, kind: str) -> None:
    phone, is_held = with_two_step(nadia), Event()
    code = phone.code_at(NOW) if kind == "app" else bare(phone.recovery_codes[0])
    used = TwoStep.objects.get() if kind == "app" else RecoveryCode.objects.get(digest=digest_of_code(code))

    def use() -> None:
        is_held.wait(20)
        use_code(actor=seat_of(nadia), code=code, now=NOW)

    held, *answers = at_once(lambda: hold_until_all_wait(used, is_held, 3), use, use, use)

    assert held is None
    assert sorted(map(str, answers)) == sorted([str(None), str(WrongCode()), str(WrongCode())])
    assert AuditEntry.objects.filter(action=Action.RECOVERY_CODE_USED).count() == (kind == "recovery")


def test_after_five_wrong_codes_even_the_right_one_has_to_wait(nadia: User, sami: User) -> None:
    phone, others = with_two_step(nadia), with_two_step(sami)
    for _number in range(5):
        with pytest.raises(WrongCode):
            check(nadia, phone.code_at(NOW + 9 * STEP))

    with pytest.raises(TooManyAttempts, match="Try again in 15 minutes"):
        check(nadia, phone.code_at(NOW))
    with pytest.raises(TooManyAttempts):
        check(nadia, phone.recovery_codes[0])

    check(sami, others.code_at(NOW))


def test_a_right_code_forgets_the_wrong_ones(nadia: User) -> None:
    phone = with_two_step(nadia)
    for step in range(3):
        for _number in range(4):
            with pytest.raises(WrongCode):
                check(nadia, "no-such-code")

        check(nadia, phone.code_at(NOW + step * STEP), NOW + step * STEP)


def test_a_recovery_code_stands_in_for_the_app_once(nadia: User) -> None:
    code = with_two_step(nadia).recovery_codes[3]

    check(nadia, f" {code.upper().replace('-', ' ')} ")

    assert nadia.recovery_codes.count() == 9
    with pytest.raises(WrongCode):
        check(nadia, code)
    entry = AuditEntry.objects.latest("id")
    assert (entry.action, entry.actor_name, entry.reseller_id) == (
        Action.RECOVERY_CODE_USED,
        "nadia",
        nadia.reseller_id,
    )
    assert (entry.grade, entry.changes) == (Grade.SECURITY, {"codes_left": [10, 9]})


# --- new codes, turning it off ----------------------------------------------------------------------------------------


def test_new_recovery_codes_take_the_place_of_the_old(nadia: User) -> None:
    phone = with_two_step(nadia)

    codes = operations.renew_recovery_codes(actor=seat_of(nadia), own_password=PASSWORD, now=NOW)

    with pytest.raises(WrongCode):
        check(nadia, phone.recovery_codes[0])
    check(nadia, codes[0])
    assert AuditEntry.objects.filter(action=Action.RECOVERY_CODES_RENEWED, object_id=nadia.pk).count() == 1


def test_turning_it_off_leaves_nothing(nadia: User) -> None:
    with_two_step(nadia)

    operations.end_two_step(actor=seat_of(nadia), own_password=PASSWORD, now=NOW)

    assert not operations.has_two_step(nadia)
    assert not RecoveryCode.objects.exists()
    assert AuditEntry.objects.latest("id").action == Action.TWO_STEP_ENDED


def test_it_stays_on_while_it_is_required(nadia: User) -> None:
    with_two_step(nadia)
    require_it_of(nadia.user_type)

    with pytest.raises(TwoStepIsRequired):
        operations.end_two_step(actor=seat_of(nadia), own_password=PASSWORD, now=NOW)

    assert operations.has_two_step(nadia)


OWN_ACTS: list[Callable[..., Any]] = [
    operations.begin_two_step,
    operations.end_two_step,
    operations.renew_recovery_codes,
]


@pytest.mark.parametrize("act", OWN_ACTS[1:])
def test_both_take_the_own_password_and_a_second_step(nadia: User, sami: User, act: Callable[..., Any]) -> None:
    with_two_step(nadia)
    before = AuditEntry.objects.count()

    with pytest.raises(WrongPassword):
        act(actor=seat_of(nadia), own_password="not-the-password", now=NOW)
    with pytest.raises(TwoStepIsOff):
        act(actor=seat_of(sami), own_password=PASSWORD, now=NOW)

    assert operations.has_two_step(nadia)
    assert AuditEntry.objects.exclude(action=Action.REFUSED).count() == before


@pytest.mark.parametrize("act", OWN_ACTS)
def test_nothing_of_it_is_in_reach_of_a_borrowed_seat(asha: User, nadia: User, act: Callable[..., Any]) -> None:
    borrowed = Seat(seat_of(asha).login, seat_of(nadia).user)

    with pytest.raises(Forbidden, match="logged in as somebody else"):
        act(actor=borrowed, own_password=PASSWORD, now=NOW)
    with pytest.raises(Forbidden, match="logged in as somebody else"):
        operations.confirm_two_step(actor=borrowed, code="123456", now=NOW)


def test_every_change_ends_the_other_sign_ins(nadia: User, sami: User) -> None:
    stranger = session_of(sami)
    for change in (
        lambda here: operations.confirm_two_step(
            actor=seat_of(nadia), code=begun(nadia).code_at(NOW), now=NOW, besides=here
        ),
        lambda here: operations.renew_recovery_codes(
            actor=seat_of(nadia), own_password=PASSWORD, now=NOW, besides=here
        ),
        lambda here: operations.end_two_step(actor=seat_of(nadia), own_password=PASSWORD, now=NOW, besides=here),
    ):
        here, elsewhere = session_of(nadia), session_of(nadia)

        change(here)

        left = set(Session.objects.values_list("session_key", flat=True))
        assert {here, stranger} <= left
        assert elsewhere not in left


def test_turning_it_on_is_audited_without_a_secret(nadia: User) -> None:
    phone = with_two_step(nadia)

    entry = AuditEntry.objects.latest("id")
    assert (entry.action, entry.actor_name, entry.object_id) == (Action.TWO_STEP_STARTED, "nadia", nadia.pk)
    everything = " ".join(str(vars(row)) for row in AuditEntry.objects.all())
    assert not any(secret in everything for secret in (phone.secret, *phone.recovery_codes))


# --- an admin for another ---------------------------------------------------------------------------------------------


def reset(actor: User, user: User) -> None:
    operations.reset_two_step(actor=seat_of(actor), user=user, now=NOW)


def test_an_admin_resets_it_for_who_lost_phone_and_codes(asha: User, nadia: User) -> None:
    with_two_step(nadia)
    session_of(nadia)

    reset(asha, nadia)

    assert not operations.has_two_step(nadia)
    assert not RecoveryCode.objects.exists()
    assert not Session.objects.filter(user=nadia).exists()
    entry = AuditEntry.objects.latest("id")
    assert (entry.action, entry.actor_name, entry.object_name) == (Action.TWO_STEP_RESET, "asha", "nadia")


def test_nobody_else_does(asha: User, nadia: User, sami: User, petra: User, north: Reseller) -> None:
    with_two_step(nadia)

    for actor in (sami, petra, nadia):
        with pytest.raises(Forbidden):
            reset(actor, nadia)
    with pytest.raises(Forbidden):
        operations.reset_two_step(actor=Seat(seat_of(asha).login, seat_of(sami).user), user=nadia, now=NOW)

    assert operations.has_two_step(nadia)


def test_an_admin_does_not_for_themselves(asha: User) -> None:
    with_two_step(asha)

    with pytest.raises(Forbidden):
        reset(asha, asha)

    reset(make_admin("amin"), asha)
    assert not operations.has_two_step(asha)


def test_there_has_to_be_one(asha: User, nadia: User) -> None:
    with pytest.raises(TwoStepIsOff):
        reset(asha, nadia)


def test_the_command_line_resets_the_last_admins(asha: User) -> None:
    with_two_step(asha)

    call_command("reset_two_step", "ASHA")

    assert not operations.has_two_step(asha)
    entry = AuditEntry.objects.latest("id")
    assert (entry.action, entry.actor_name, entry.object_name) == (Action.TWO_STEP_RESET, SYSTEM.actor_name, "asha")


def test_the_command_says_what_is_missing(asha: User) -> None:
    with pytest.raises(CommandError, match="no login named nobody"):
        call_command("reset_two_step", "nobody")
    with pytest.raises(CommandError, match="Two-step sign-in is off"):
        call_command("reset_two_step", "asha")
