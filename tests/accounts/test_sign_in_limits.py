"""How often a password may be guessed, and who is kept out by it."""

import logging
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.hashers import BcryptSha256
from accounts.lanes import digest_of
from accounts.limits import TooManyAttempts
from accounts.models import FailureCount, KnownAddress, User
from audit.identity import Origin
from audit.models import AuditEntry
from ispanel.doors import Door
from tests.cast import PASSWORD
from tests.pages import body
from tests.threads import at_once

SIGN_IN = "/sign-in/"
HOME = "198.51.100.7"
WRONG = "not-the-password"


class Spy:
    """What the hasher was asked: how often, and by how many at the same time."""

    def __init__(self) -> None:
        self.hashes = self.inside = self.most_inside = 0
        self.lock = threading.Lock()
        self.enter, self.leave = threading.Event(), threading.Event()
        self.leave.set()

    def watch(self, encode: Any) -> Any:
        def watched(*args: Any) -> str:
            with self.lock:
                self.hashes += 1
                self.inside += 1
                self.most_inside = max(self.inside, self.most_inside)
            self.enter.set()
            self.leave.wait(10)
            try:
                return str(encode(*args))
            finally:
                with self.lock:
                    self.inside -= 1

        return watched


@pytest.fixture
def spy(monkeypatch: pytest.MonkeyPatch) -> Spy:
    """Watch the hasher."""
    spy = Spy()
    monkeypatch.setattr(BcryptSha256, "encode", spy.watch(BcryptSha256.encode))
    return spy


def post(login: str, password: str = WRONG, *, at: str = "203.0.113.9") -> Any:
    return Client(REMOTE_ADDR=at).post(SIGN_IN, {"login": login, "password": password})


def guess(login: str, password: str = WRONG, *, at: str) -> User | None:
    """Ask as the page does, without the page."""
    request: Any = RequestFactory().post(SIGN_IN)
    request.origin, request.door = Origin(address=at), Door("testserver")
    return authenticate(request, login=login, password=password)  # type: ignore[return-value]


def outcome(login: str, password: str = WRONG, *, at: str) -> str:
    try:
        return "right" if guess(login, password, at=at) else "wrong"
    except TooManyAttempts as refusal:
        return type(refusal).__name__


def strangers() -> Iterator[str]:
    """Return one address after the other, each of another network."""
    return (f"10.{number // 65536}.{number // 256 % 256}.{number % 256}" for number in range(2**24))


def pass_time(time: timedelta) -> None:
    for count in FailureCount.objects.all():
        FailureCount.objects.filter(pk=count.pk).update(forgotten_at=count.forgotten_at - time)


def test_of_a_thousand_wrong_passwords_ten_are_hashed_and_the_owner_gets_in(nadia: User, spy: Spy) -> None:
    assert post("nadia", PASSWORD, at=HOME).status_code == 302
    before = spy.hashes

    outcomes = [outcome("nadia", at=at) for at, _ in zip(strangers(), range(1_000), strict=False)]

    assert spy.hashes - before == 10
    assert spy.most_inside == 1
    assert outcomes[:10] == ["wrong"] * 10
    assert set(outcomes[10:]) == {"TooManyAttempts"}
    assert post("nadia", PASSWORD, at=HOME).status_code == 302


def test_a_second_password_at_the_same_moment_is_not_hashed(nadia: User, spy: Spy, committing: None) -> None:
    spy.leave.clear()

    def second() -> str:
        spy.enter.wait(10)
        try:
            return outcome("nadia", at="10.0.0.2")
        finally:
            spy.leave.set()

    assert at_once(lambda: outcome("nadia", at="10.0.0.1"), second) == ["wrong", "AttemptUnderWay"]
    assert (spy.hashes, spy.most_inside) == (1, 1)
    counted = dict(FailureCount.objects.values_list("key", "failures"))
    of_name = f"sign-in:{digest_of('nadia')}"
    of_login = f"sign-in of:{nadia.pk}"
    assert counted == {of_name: 1, of_login: 1, "sign-in from:10.0.0.1": 1, "sign-in from:10.0.0.2": 0}


def test_many_threads_hash_no_more_than_ten(nadia: User, spy: Spy, committing: None) -> None:
    def flood(number: int) -> None:
        for turn in range(20):
            outcome("nadia", at=f"10.0.{number}.{turn}")

    assert at_once(*(lambda number=number: flood(number) for number in range(4))) == [None] * 4

    assert spy.hashes == 10
    assert spy.most_inside == 1


def test_after_ten_the_right_password_of_a_stranger_is_refused_unseen(nadia: User, spy: Spy) -> None:
    for at, _ in zip(strangers(), range(10), strict=False):
        post("nadia", at=at)

    response = post("nadia", PASSWORD)

    assert response.status_code == 429
    assert "Too many attempts. Try again in 15 minutes." in body(response)
    assert 895 <= int(response["Retry-After"]) <= 900
    assert spy.hashes == 10
    pass_time(timedelta(minutes=15))
    assert post("nadia", PASSWORD).status_code == 302


def test_success_forgets_the_failures_of_its_lane(nadia: User) -> None:
    for _ in range(9):
        guess("nadia", at="10.0.0.1")

    guess("nadia", PASSWORD, at="10.0.0.1")

    assert [outcome("nadia", at="10.0.0.1") for _ in range(10)] == ["wrong"] * 10


EMAIL = "nadia@north.example"


@pytest.fixture
def with_email(nadia: User) -> User:
    """Return Nadia, who has an email to sign in by."""
    nadia.email = EMAIL
    nadia.save(update_fields=["email"])
    return nadia


def test_however_a_name_is_written_it_is_one(with_email: User) -> None:
    for names in (["nadia", "NADIA ", " Nadia"], [EMAIL, f"{EMAIL} ", "Nadia@North.example"]):
        FailureCount.objects.all().delete()

        outcomes = [outcome(name, at=at) for name, at in zip(names * 4, strangers(), strict=False)]

        assert outcomes == ["wrong"] * 10 + ["TooManyAttempts"] * 2


def test_under_all_its_names_ten_are_compared_and_more_are_answered_as_wrong(with_email: User, spy: Spy) -> None:
    for name, at in zip(["nadia", EMAIL] * 5, strangers(), strict=False):
        guess(name, at=at)
    wrong, before = seen(post("nadia")), spy.hashes

    response = post(EMAIL, PASSWORD)

    assert response.status_code == 422
    assert seen(response) == wrong
    assert spy.hashes - before == 1, "it costs another time"
    pass_time(timedelta(minutes=15))
    assert post(EMAIL, PASSWORD).status_code == 302


def seen(response: Any) -> str:
    return re.sub(r'value="[^"]*"', "", response.content.decode())


def test_that_two_names_are_one_login_is_not_told(with_email: User) -> None:
    """Not even by how the database is asked."""

    def tried(name: str, other: str) -> tuple[list[str], list[str]]:
        """Return what comes of eleven passwords for a name and one for another, with the last one's statements."""
        FailureCount.objects.all().delete()
        outcomes = [outcome(name, at=at) for at, _ in zip(strangers(), range(11), strict=False)]
        with CaptureQueriesContext(connection) as queries:
            outcomes.append(outcome(other, at="203.0.113.50"))
        return outcomes, [re.sub(r"'[^']*'|\b\d+\b|_s\d+\S*|x\d+", "?", query["sql"]) for query in queries]

    expected = tried("nobody", "no.body")

    assert expected[0] == ["wrong"] * 10 + ["TooManyAttempts", "wrong"]
    assert tried("nadia", EMAIL) == expected
    assert tried(EMAIL, "nadia") == expected


def test_two_names_of_one_login_never_wait_for_each_other(with_email: User, spy: Spy, committing: None) -> None:
    spy.leave.clear()

    def second() -> str:
        spy.enter.wait(10)
        spy.enter.clear()
        try:
            with ThreadPoolExecutor(1) as thread:
                tried = thread.submit(outcome, EMAIL, at="10.0.0.2")
                assert spy.enter.wait(10), "it waits for the first"
                spy.leave.set()
                return tried.result()
        finally:
            spy.leave.set()

    assert at_once(lambda: outcome("nadia", at="10.0.0.1"), second) == ["wrong", "wrong"]


def test_success_forgets_the_failures_of_the_login_under_its_other_names(with_email: User) -> None:
    for at, _ in zip(strangers(), range(9), strict=False):
        guess(EMAIL, at=at)

    assert outcome("nadia", PASSWORD, at="203.0.113.9") == "right"

    for at, _ in zip(strangers(), range(9), strict=False):
        guess("nadia", at=at)
    assert outcome("nadia", PASSWORD, at="203.0.113.9") == "right"


def test_a_name_that_is_nobodys_is_answered_and_limited_just_the_same(nadia: User, spy: Spy) -> None:
    answers = []
    for name in ("nadia", "nadim"):
        before = spy.hashes
        pages = [post(name, at=at) for at, _ in zip(strangers(), range(12), strict=False)]
        answers.append([(page.status_code, "Retry-After" in page, body(page)) for page in pages])
        assert spy.hashes - before == 10

    assert answers[0] == answers[1]
    assert FailureCount.objects.filter(key__startswith="sign-in:").count() == 2


def test_it_takes_as_many_queries_to_refuse_a_name_that_is_nobodys(nadia: User, django_assert_num_queries: Any) -> None:
    for name in ("nadia", "nadim"):
        for at, _ in zip(strangers(), range(10), strict=False):
            guess(name, at=at)

    for name in ("nadia", "nadim"):
        with django_assert_num_queries(3):
            assert outcome(name, at="203.0.113.50") == "TooManyAttempts"


def test_what_was_typed_is_not_kept(db: None) -> None:
    typed = "my secret, in the wrong field " * 8

    post(typed)

    keys = list(FailureCount.objects.values_list("key", flat=True))
    assert len(keys) == 3
    assert not [key for key in keys if "secret" in key]


def test_an_address_may_fail_thirty_times_over_all_names(nadia: User, spy: Spy) -> None:
    outcomes = [outcome(f"name{number}", at="203.0.113.9") for number in range(32)]

    assert outcomes == ["wrong"] * 30 + ["TooManyAttempts"] * 2
    assert spy.hashes == 30
    assert outcome("nadia", PASSWORD, at="203.0.113.9") == "TooManyAttempts"
    assert outcome("nadia", PASSWORD, at="203.0.113.10") == "right"


def test_signing_in_does_not_clear_the_count_of_the_address(nadia: User) -> None:
    for number in range(30):
        if number == 20:
            assert outcome("nadia", PASSWORD, at="203.0.113.9") == "right"
        guess(f"name{number}", at="203.0.113.9")

    assert outcome("name", at="203.0.113.9") == "TooManyAttempts"


def test_what_was_refused_unseen_does_not_count_for_the_address(nadia: User) -> None:
    outcomes = [outcome("nadia", at="203.0.113.9") for _ in range(40)]

    assert outcomes == ["wrong"] * 10 + ["TooManyAttempts"] * 30
    assert outcome("sami", at="203.0.113.9") == "wrong"


def test_an_address_is_forgotten_a_quarter_of_an_hour_after_its_first_failure(nadia: User) -> None:
    for number in range(29):
        guess(f"name{number}", at="203.0.113.9")
    pass_time(timedelta(minutes=14))
    guess("name30", at="203.0.113.9")

    pass_time(timedelta(minutes=1))

    assert outcome("name31", at="203.0.113.9") == "wrong"


def test_a_guesser_in_the_office_shuts_out_nobody_who_works_there(nadia: User) -> None:
    post("nadia", PASSWORD, at=HOME)

    for number in range(31):
        outcome(f"name{number}", at=HOME)

    assert outcome("name", at=HOME) == "TooManyAttempts"
    assert outcome("nadia", PASSWORD, at=HOME) == "right"


def test_at_a_known_address_ten_wrong_ones_are_too_many_as_well(nadia: User, spy: Spy) -> None:
    post("nadia", PASSWORD, at=HOME)

    outcomes = [outcome("nadia", at=HOME) for _ in range(12)]

    assert outcomes == ["wrong"] * 10 + ["TooManyAttempts"] * 2
    assert spy.hashes == 1 + 10


def test_the_addresses_of_one_ipv6_network_are_one(nadia: User) -> None:
    post("nadia", PASSWORD, at="2001:db8:1:2::5")
    for at, _ in zip(strangers(), range(10), strict=False):
        guess("nadia", at=at)

    assert outcome("nadia", at="2001:db8:1:2:ffff::1") == "wrong"
    assert outcome("nadia", at="2001:db8:1:3::5") == "TooManyAttempts"


def test_an_address_is_known_for_thirty_days(nadia: User) -> None:
    post("nadia", PASSWORD, at=HOME)
    for at, _ in zip(strangers(), range(10), strict=False):
        guess("nadia", at=at)
    assert outcome("nadia", at=HOME) == "wrong"

    KnownAddress.objects.update(last_used_at=timezone.now() - timedelta(days=30))

    assert outcome("nadia", PASSWORD, at=HOME) == "TooManyAttempts"


def test_addresses_not_used_for_thirty_days_are_erased_at_sign_ins(nadia: User, sami: User) -> None:
    post("sami", PASSWORD, at="203.0.113.1")
    KnownAddress.objects.update(last_used_at=timezone.now() - timedelta(days=30))

    post("nadia", PASSWORD, at=HOME)
    post("nadia", PASSWORD, at=HOME)

    assert [(known.user, known.address) for known in KnownAddress.objects.all()] == [(nadia, HOME)]


def test_a_known_address_of_one_login_is_strange_to_another(nadia: User, sami: User) -> None:
    post("nadia", PASSWORD, at=HOME)
    for at, _ in zip(strangers(), range(10), strict=False):
        guess("sami", at=at)

    assert outcome("sami", PASSWORD, at=HOME) == "TooManyAttempts"


def test_failures_are_logged_with_names_that_exist_only_and_never_audited(
    nadia: User, caplog: pytest.LogCaptureFixture
) -> None:
    audited = AuditEntry.objects.count()

    with caplog.at_level(logging.WARNING, "accounts.backends"):
        post("NADIA")
        post("hunter2-in-the-wrong-field")
        for _ in range(10):
            post("nadia")

    lines = [record.getMessage() for record in caplog.records if record.name == "accounts.backends"]
    assert lines[0] == "sign-in as nadia from 203.0.113.9 failed"
    assert lines[1] == "sign-in as an unknown name from 203.0.113.9 failed"
    assert lines[-1].startswith("sign-in as nadia from 203.0.113.9 refused: Too many attempts")
    assert not [line for line in lines if WRONG in line or "hunter2" in line]
    assert AuditEntry.objects.count() == audited
