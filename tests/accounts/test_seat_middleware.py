"""The seat of a request: borrowed while the session holds one and it lasts, else one's own."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.utils import timezone

from accounts.access import Policy
from accounts.middleware import SESSION_KEY, SeatMiddleware, begin_borrowed_seat, end_borrowed_seat
from accounts.models import User
from accounts.operations import enter_seat
from accounts.seats import Seat
from audit.actions import Action
from audit.models import AuditEntry, Grade
from ispanel.doors import Door
from ispanel.refusals import Forbidden
from resellers.models import Reseller
from tests.cast import NOW, seat_of


class Somebody(RequestFactory):
    """Requests of one person, with one session."""

    def __init__(self, user: User) -> None:
        super().__init__()
        self.user = user
        self.held = Client().session

    def reach(self, **policy: Any) -> tuple[Any, HttpResponse | None]:
        """Return a request that asks for a view with this policy, and what answers in the view's place."""
        request: Any = self.post("/somewhere/")
        request.user, request.session, request._messages = seat_of(self.user).login, self.held, Notes()
        request.door = Door("testserver")
        middleware = SeatMiddleware(lambda request: HttpResponse())
        middleware(request)

        def view() -> None: ...

        view.policy = Policy("", **policy)  # type: ignore[attr-defined]
        return request, middleware.process_view(request, view, (), {})  # type: ignore[arg-type]

    def borrow(self, target: User, now: datetime = NOW) -> None:
        request, _ = self.reach()
        seat = enter_seat(actor=request.seat, user=seat_of(target).user, reason="", now=now)
        begin_borrowed_seat(request, seat)


class Notes(list[Any]):
    """Where messages go."""

    def add(self, level: int, message: str, extra_tags: str = "") -> None:
        self.append(message)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Stop the time at NOW; returns the function that sets it."""

    def stop_at(moment: datetime) -> None:
        monkeypatch.setattr(timezone, "now", lambda: moment)

    stop_at(NOW)
    return stop_at


def test_one_sits_in_the_own_seat(nadia: User) -> None:
    request, instead = Somebody(nadia).reach()

    assert instead is None
    assert request.seat == Seat(nadia, nadia, request.origin)


def test_a_borrowed_seat_is_held_by_the_session(asha: User, nadia: User) -> None:
    person = Somebody(asha)
    person.borrow(nadia)

    request, instead = person.reach()

    assert instead is None
    assert (request.seat.login, request.seat.user) == (asha, nadia)
    assert request.seat.ends_at == NOW + timedelta(minutes=60)


def test_the_request_that_finds_it_ended_executes_nothing_and_leads_back(asha: User, nadia: User, clock: Any) -> None:
    person = Somebody(asha)
    person.borrow(nadia)
    clock(NOW + timedelta(minutes=60))

    request, instead = person.reach()

    assert instead is not None
    assert instead.status_code == 302
    assert "60 minutes" in request._messages[0]
    assert person.reach()[1] is None
    assert not person.reach()[0].seat.is_borrowed


def test_a_seat_ends_as_soon_as_the_right_to_it_does(nadia: User, noora: User, northeast: Reseller) -> None:
    person = Somebody(nadia)
    person.borrow(noora)
    Reseller.objects.filter(pk=northeast.pk).update(parent=None)

    request, instead = person.reach()

    assert instead is not None
    assert not request.seat.is_borrowed


def test_the_csrf_token_turns_at_both_ends(asha: User, nadia: User) -> None:
    person = Somebody(asha)
    request, _ = person.reach()

    begin_borrowed_seat(request, Seat(asha, nadia, ends_at=NOW))
    at_the_beginning = request.META["CSRF_COOKIE"]
    end_borrowed_seat(request)

    assert request.META["CSRF_COOKIE"] != at_the_beginning
    assert SESSION_KEY not in person.held


def test_who_must_choose_a_password_reaches_no_other_page(nadia: User) -> None:
    User.objects.filter(pk=nadia.pk).update(must_change_password=True)
    person = Somebody(nadia)

    _, instead = person.reach()

    assert instead is not None
    assert instead.headers["Location"].endswith("/password/")
    assert person.reach(before_ready=True)[1] is None


def test_a_password_that_has_to_be_changed_is_no_matter_of_who_borrows_the_seat(asha: User, nadia: User) -> None:
    User.objects.filter(pk=nadia.pk).update(must_change_password=True)
    person = Somebody(asha)
    person.borrow(nadia)

    assert person.reach()[1] is None


def test_a_refusal_of_a_signed_in_person_is_in_the_audit_trail(nadia: User, north: Reseller) -> None:
    request, _ = Somebody(nadia).reach()

    SeatMiddleware(lambda request: HttpResponse()).process_exception(request, Forbidden("Not this."))

    entry = AuditEntry.objects.get(action=Action.REFUSED)
    assert (entry.actor_name, entry.detail) == ("nadia", "POST /somewhere/: Not this.")
    assert (entry.reseller_id, entry.grade) == (north.pk, Grade.SECURITY)
