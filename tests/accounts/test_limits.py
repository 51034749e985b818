"""How often a secret may be got wrong."""

import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts import limits
from accounts.limits import AttemptUnderWay, TooManyAttempts
from accounts.models import FailureCount, PermissionGroup, User
from accounts.operations import WrongPassword, change_own_password, confirm_own_password
from audit.actions import Action
from audit.models import AuditEntry, Grade
from resellers.models import Reseller
from tests.cast import NOW, PASSWORD, seat_of, signed_in
from tests.pages import error_at
from tests.threads import at_once

QUARTER = timedelta(minutes=15)


class Wrong(Exception):
    pass


def guess(*, right: bool = False, key: str = "pin:1", most: int = 3) -> None:
    with limits.attempt(key=key, most=most, within=QUARTER) as attempt:
        if not right:
            raise Wrong
        attempt.succeeded()


def fail(times: int, **how: object) -> None:
    for _ in range(times):
        with pytest.raises(Wrong):
            guess(**how)  # type: ignore[arg-type]


def pass_time(time: timedelta) -> None:
    for count in FailureCount.objects.all():
        FailureCount.objects.filter(pk=count.pk).update(forgotten_at=count.forgotten_at - time)


def test_after_the_last_failure_allowed_even_the_right_answer_is_refused(db: None) -> None:
    fail(3)

    with pytest.raises(TooManyAttempts, match="Try again in 15 minutes") as refused:
        guess(right=True)

    assert 895 <= refused.value.retry_after <= 900


def test_one_minute_is_one_minute(db: None) -> None:
    fail(3)
    pass_time(timedelta(minutes=14, seconds=10))

    with pytest.raises(TooManyAttempts, match=r"Try again in 1 minute\."):
        guess()


def test_the_wait_ends_by_itself_and_trying_does_not_prolong_it(db: None) -> None:
    fail(3)
    pass_time(timedelta(minutes=14))
    with pytest.raises(TooManyAttempts):
        guess()

    pass_time(timedelta(minutes=1))

    guess(right=True)


def test_after_the_wait_the_count_begins_anew(db: None) -> None:
    fail(3)
    pass_time(QUARTER)

    fail(3)

    with pytest.raises(TooManyAttempts):
        guess()


def test_no_stretch_of_that_length_has_more_failures_than_allowed(db: None) -> None:
    fail(1)
    pass_time(timedelta(minutes=14))
    fail(2)
    pass_time(timedelta(minutes=2))

    with pytest.raises(TooManyAttempts):
        guess()


def test_success_forgets_the_failures(db: None) -> None:
    fail(2)
    guess(right=True)

    fail(3)

    assert FailureCount.objects.get().failures == 3


def test_each_key_is_counted_apart(db: None) -> None:
    fail(3)

    guess(right=True, key="pin:2")


def test_a_block_that_does_not_say_that_it_succeeded_is_a_failure(db: None) -> None:
    with limits.attempt(key="pin:1", most=1, within=QUARTER):
        pass

    with pytest.raises(TooManyAttempts):
        guess(most=1)


def test_the_failure_stands_though_what_the_block_wrote_is_rolled_back(committing: None) -> None:
    with pytest.raises(Wrong), limits.attempt(key="pin:1", most=3, within=QUARTER):
        PermissionGroup.objects.create(name="Half done", codes=[])
        raise Wrong

    assert FailureCount.objects.get().failures == 1
    assert not PermissionGroup.objects.filter(name="Half done").exists()


def test_it_is_counted_before_the_block_and_needs_its_own_transaction(committing: None) -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        guess(right=True)


def test_two_at_once_are_never_both_tried(committing: None) -> None:
    inside, most_inside, lock = 0, 0, threading.Lock()
    both_started = threading.Event()

    def slow() -> str:
        nonlocal inside, most_inside
        with limits.attempt(key="pin:1", most=100, within=QUARTER):
            with lock:
                inside += 1
                most_inside = max(most_inside, inside)
            both_started.wait(2)
            with lock:
                inside -= 1
        return "tried"

    def refused() -> str:
        try:
            return slow()
        finally:
            both_started.set()

    outcomes = at_once(refused, refused)

    assert most_inside == 1
    assert sorted(str(type(outcome).__name__) for outcome in outcomes) == ["AttemptUnderWay", "str"]
    assert FailureCount.objects.get().failures == 1


def test_the_turn_is_free_again_afterwards(committing: None) -> None:
    fail(1)

    assert at_once(lambda: guess(right=True)) == [None]


def test_being_refused_for_another_attempt_says_so() -> None:
    assert "Try again in a moment" in str(AttemptUnderWay())


def test_old_counts_are_erased_as_new_ones_come(db: None) -> None:
    a_moment_ago = timezone.now() - timedelta(seconds=1)
    FailureCount.objects.bulk_create(
        FailureCount(key=f"name:{number}", failures=1, forgotten_at=a_moment_ago) for number in range(25)
    )

    for number in range(3):
        fail(1, key=f"pin:{number}")

    assert FailureCount.objects.filter(key__startswith="name:").count() == 0


def test_the_own_password_is_asked_ten_times_and_then_no_more(nadia: User) -> None:
    seat = seat_of(nadia)
    for _ in range(10):
        with pytest.raises(WrongPassword):
            confirm_own_password(seat, "a guess of a thief")

    with pytest.raises(TooManyAttempts) as refused:
        change_own_password(actor=seat, old_password=PASSWORD, new_password="a password of a thief", now=NOW)

    assert refused.value.field == "own_password"
    nadia.refresh_from_db()
    assert nadia.check_password(PASSWORD)


def test_a_page_that_asks_for_the_own_password_says_how_long_to_wait(nadia: User, committing: None) -> None:
    client = signed_in(nadia)
    wrong = {"own_password": "a guess", "password": "a new long password", "repeated": "a new long password"}
    for _ in range(10):
        assert error_at(client.post("/account/password/", wrong), "own_password") == "This is not your password."

    response = client.post("/account/password/", wrong | {"own_password": PASSWORD})

    assert response.status_code == 422
    assert "Too many attempts. Try again in 15 minutes." in error_at(response, "own_password")


def test_the_own_password_right_forgets_the_wrong_ones(nadia: User) -> None:
    seat = seat_of(nadia)
    for _ in range(9):
        with pytest.raises(WrongPassword):
            confirm_own_password(seat, "a typing error")

    confirm_own_password(seat, PASSWORD)

    assert not FailureCount.objects.exists()
    assert connection.in_atomic_block


def test_wrong_own_passwords_stand_in_the_trail(nadia: User, north: Reseller) -> None:
    for _try in range(11):
        with pytest.raises((WrongPassword, TooManyAttempts)):
            confirm_own_password(seat_of(nadia), "not-her-password")

    rows = AuditEntry.objects.filter(action=Action.REFUSED, grade=Grade.SECURITY, reseller_id=north.pk)
    assert rows.count() == 11
    assert "not-her-password" not in str(list(rows.values()))
    assert "Too many attempts" in rows.latest("pk").detail
