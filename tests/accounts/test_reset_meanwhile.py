"""A password reset that is used twice at the same moment, that is asked for while it is used, or that fails midway."""

from typing import Any

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from accounts import resetting
from accounts.models import PasswordReset, Session, User
from accounts.operations import ResetIsOver, ask_reset, reset_password
from audit.actions import Action
from audit.identity import Origin
from audit.models import AuditEntry
from ispanel.doors import Door
from ispanel.messages import Event, Way
from tests.carrying import Satchel
from tests.cast import signed_in
from tests.failing import FailsAt
from tests.threads import at_once

HOUSE = Door("testserver")
NEXT = "a-garden-in-october"


def asked(user: User) -> PasswordReset:
    """Ask for a reset; the worker has not seen it yet."""
    User.objects.filter(pk=user.pk).update(email="nadia@north.example")
    return ask_reset(typed="nadia", at=HOUSE, way=Way.EMAIL, origin=Origin(), now=timezone.now())


def sent(user: User) -> PasswordReset:
    """Ask for a reset, and let the worker send it."""
    reset = asked(user)
    resetting.send(reset_id=reset.pk, now=timezone.now())
    return reset


def choose(reset: PasswordReset, password: str = NEXT) -> User:
    return reset_password(reset_id=reset.pk, password=password, at=HOUSE, origin=Origin(), now=timezone.now())


def told(action: Action) -> int:
    return AuditEntry.objects.filter(action=action).count()


def test_of_two_at_the_same_moment_one_chooses(committing: None, nadia: User, by_email: Satchel) -> None:
    reset = sent(nadia)

    answers = at_once(lambda: choose(reset, "a-garden-in-may"), lambda: choose(reset, "a-garden-in-june"))

    assert sorted(type(answer).__name__ for answer in answers) == ["ResetIsOver", "User"]
    assert told(Action.PASSWORD_RESET) == 1


def test_one_that_is_used_while_another_is_sent_is_used_or_void(
    committing: None, nadia: User, by_email: Satchel
) -> None:
    for number in range(5):
        PasswordReset.objects.all().delete()
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM failure_counts")
        reset, later = sent(nadia), asked(nadia)

        def send(reset_id: int = later.pk) -> None:
            resetting.send(reset_id=reset_id, now=timezone.now())

        def use(used: PasswordReset = reset, password: str = f"a-garden-in-year-{number}") -> User:
            return choose(used, password)

        answers = at_once(use, send)

        assert isinstance(answers[0], User | ResetIsOver), answers[0]
        assert answers[1] is None, answers[1]


def test_one_job_that_two_workers_do_sends_one_link(committing: None, nadia: User, by_email: Satchel) -> None:
    reset = asked(nadia)

    at_once(*[lambda: resetting.send(reset_id=reset.pk, now=timezone.now())] * 4)

    assert len(by_email.of(Event.PASSWORD_RESET)) == 1
    assert told(Action.PASSWORD_RESET_ASKED) == 1


def what_is_there(nadia: User) -> list[Any]:
    return [
        User.objects.get(pk=nadia.pk).password,
        list(PasswordReset.objects.values_list("sent_at", "expires_at", "used_at")),
        Session.objects.filter(user=nadia).count(),
        AuditEntry.objects.count(),
    ]


@pytest.mark.parametrize("act", ["send", "choose"])
def test_whatever_fails_leaves_all_as_it_was(nadia: User, by_email: Satchel, act: str) -> None:
    signed_in(nadia)
    reset = asked(nadia) if act == "send" else sent(nadia)
    before, number = what_is_there(nadia), 0

    while True:
        number += 1
        fails = FailsAt(number)
        try:
            with connection.execute_wrapper(fails):
                if act == "send":
                    resetting.send(reset_id=reset.pk, now=timezone.now())
                else:
                    choose(reset)
        except OperationalError:
            assert what_is_there(nadia) == before, fails.seen[-1]
        else:
            break

    assert number > 5
    assert what_is_there(nadia) != before
