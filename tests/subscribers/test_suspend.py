"""Keeping a line off, and letting it be used again."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import User
from audit.actions import Action
from audit.models import AuditEntry
from ispanel.refusals import Forbidden
from network.models import CoaKind, CoaRequest
from plans.models import Plan
from resellers.models import Reseller
from subscribers.models import Status, Subscriber
from subscribers.operations import (
    AlreadySuspended,
    NotSuspended,
    SubscriberTerminated,
    resume_subscriber,
    suspend_subscriber,
)
from tests.cast import NOW, fund, group, make_staff, seat_of, signed_in
from tests.pages import body, links_of, send
from tests.subscribers.lines import add, balance_of, everything


@pytest.fixture
def amal(asha: User, north: Reseller, home: Plan) -> Subscriber:
    """Return North's subscriber, paid until 30 days from now; 75.00 are left."""
    fund(north.wallet, "100", actor=asha)
    return add(asha, north, home, now=timezone.now())


def url_of(subscriber: Subscriber, act: str = "suspension") -> str:
    return f"/subscribers/{subscriber.pk}/{act}/"


def suspended(subscriber: Subscriber, actor: User) -> Subscriber:
    return suspend_subscriber(actor=seat_of(actor), subscriber_id=subscriber.pk, now=timezone.now())


def test_suspending_keeps_the_line_off_and_lets_the_clock_go_on(nadia: User, north: Reseller, amal: Subscriber) -> None:
    expires_at = amal.expires_at

    response = send(signed_in(nadia), url_of(amal), reason="Asked for it")

    amal.refresh_from_db()
    assert (response.status_code, response.url) == (303, f"/subscribers/{amal.pk}/")
    assert (amal.status, amal.expires_at, balance_of(north)) == (Status.SUSPENDED, expires_at, 75)
    page = body(signed_in(nadia).get(response.url))
    assert "Suspended" in page
    assert "Speed now Off" in page


def test_the_session_is_ended_at_the_access_server(nadia: User, amal: Subscriber) -> None:
    send(signed_in(nadia), url_of(amal))

    asked = CoaRequest.objects.get()
    assert (asked.kind, asked.subscriber, asked.reason) == (CoaKind.DISCONNECT, amal, "Suspended")


def test_resuming_lets_it_be_used_until_its_time_is_over(nadia: User, amal: Subscriber) -> None:
    suspended(amal, nadia)

    response = send(signed_in(nadia), url_of(amal, "resumption"))

    amal.refresh_from_db()
    assert (response.status_code, amal.status) == (303, Status.ACTIVE)
    assert amal.status_at(amal.expires_at + timedelta(seconds=1)) == Status.EXPIRED  # type: ignore[operator]


def test_both_are_audited_with_the_reason(nadia: User, north: Reseller, amal: Subscriber) -> None:
    send(signed_in(nadia), url_of(amal), reason="Asked for it")
    send(signed_in(nadia), url_of(amal, "resumption"))

    resumed, suspended_ = AuditEntry.objects.order_by("-id")[:2]
    assert (suspended_.action, suspended_.detail) == (Action.SUBSCRIBER_SUSPENDED, "Asked for it")
    assert resumed.action == Action.SUBSCRIBER_RESUMED
    assert {(row.actor_name, row.object_name, row.reseller_id) for row in (resumed, suspended_)} == {
        ("nadia", "amal", north.pk)
    }


def test_twice_is_refused_and_changes_nothing(nadia: User, amal: Subscriber) -> None:
    suspended(amal, nadia)
    before = everything()

    response = send(signed_in(nadia), url_of(amal))

    assert response.status_code == 422
    assert "This subscriber is suspended already." in body(response)
    assert everything() == before
    with pytest.raises(AlreadySuspended):
        suspended(amal, nadia)


def test_what_is_not_suspended_is_not_resumed(nadia: User, amal: Subscriber) -> None:
    before = everything()

    response = send(signed_in(nadia), url_of(amal, "resumption"))

    assert response.status_code == 422
    assert "This subscriber is not suspended." in body(response)
    assert everything() == before
    with pytest.raises(NotSuspended):
        resume_subscriber(actor=seat_of(nadia), subscriber_id=amal.pk, now=NOW)


def test_a_terminated_line_stays_as_it_is(nadia: User, amal: Subscriber) -> None:
    Subscriber.objects.update(terminated_at=NOW)

    for act in (suspend_subscriber, resume_subscriber):
        with pytest.raises(SubscriberTerminated):
            act(actor=seat_of(nadia), subscriber_id=amal.pk, now=NOW)


def test_south_cannot(sami: User, amal: Subscriber) -> None:
    for act in ("suspension", "resumption"):
        assert signed_in(sami).post(url_of(amal, act)).status_code == 404
    for operation in (suspend_subscriber, resume_subscriber):
        with pytest.raises(Forbidden):
            operation(actor=seat_of(sami), subscriber_id=amal.pk, now=NOW)


def test_support_sees_the_line_and_does_not_suspend_it(asha: User, north: Reseller, amal: Subscriber) -> None:
    clerk = signed_in(make_staff(asha, north, "clerk", group("SUPPORT")))

    assert clerk.post(url_of(amal)).status_code == 403
    assert url_of(amal) not in links_of(clerk.get(f"/subscribers/{amal.pk}/"))
