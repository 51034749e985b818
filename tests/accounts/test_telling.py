"""What people are told of their logins: another password, and somebody in their panel."""

from collections.abc import Callable

import pytest

from accounts.models import User
from accounts.operations import change_own_password, enter_seat, set_password, set_password_of
from audit.identity import SYSTEM
from ispanel.messages import Event
from resellers.models import Reseller
from tests.carrying import Satchel
from tests.cast import NOW, PASSWORD, seat_of

NEXT = "a-garden-in-october"
WHEN = "14 May 2026, 09:30"

CHANGES: dict[str, Callable[[User, User], object]] = {
    "own": lambda _asha, nadia: change_own_password(
        actor=seat_of(nadia), old_password=PASSWORD, new_password=NEXT, now=NOW
    ),
    "by an admin": lambda asha, nadia: set_password_of(
        actor=seat_of(asha), user_id=nadia.pk, password=NEXT, own_password=PASSWORD, now=NOW
    ),
    "by the command line": lambda _asha, nadia: set_password(actor=SYSTEM, user=nadia, password=NEXT, now=NOW),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_login_is_told_of_another_password(
    asha: User, north: Reseller, nadia: User, by_email: Satchel, change: str
) -> None:
    CHANGES[change](asha, nadia)

    [told] = by_email.of(Event.PASSWORD_CHANGED)
    assert (told.user, told.reseller, told.to, told.is_secret) == (nadia, north, None, False)
    assert told.facts == {"username": "nadia", "name": "North Net", "when": WHEN, "address": "—"}


def test_a_login_is_told_who_is_in_its_panel_and_why(
    asha: User, north: Reseller, nadia: User, by_email: Satchel
) -> None:
    enter_seat(actor=seat_of(asha), user=seat_of(nadia).user, reason="To look at {{ a }} bill", now=NOW)

    [told] = by_email.of(Event.LOGIN_AS_USED)
    assert (told.user, told.reseller) == (nadia, north)
    assert told.facts == {
        "username": "nadia", "name": "North Net", "when": WHEN, "actor": "asha", "reason": "To look at {{ a }} bill",
    }  # fmt: skip


def test_each_time_is_told_by_itself(asha: User, nadia: User, by_email: Satchel) -> None:
    for _time in range(2):
        enter_seat(actor=seat_of(asha), user=seat_of(nadia).user, reason="", now=NOW)

    assert len({told.key for told in by_email.of(Event.LOGIN_AS_USED)}) == 2
