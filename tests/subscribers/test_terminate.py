"""Ending a line for ever."""

import pytest
from django.utils import timezone

from accounts.models import User
from audit.actions import Action
from audit.models import AuditEntry
from ispanel.refusals import Forbidden
from network.models import CoaRequest
from plans.models import Plan
from resellers.models import Reseller
from subscribers.models import Status, Subscriber
from subscribers.operations import SubscriberTerminated, terminate_subscriber
from tests.cast import NOW, fund, group, make_staff, seat_of, signed_in
from tests.pages import body, error_at, links_of, rows_of, send
from tests.subscribers.lines import add, balance_of, everything


@pytest.fixture
def amal(asha: User, north: Reseller, home: Plan) -> Subscriber:
    """Return North's subscriber, paid until 30 days from now, renewed by itself; 75.00 are left."""
    fund(north.wallet, "100", actor=asha)
    return add(asha, north, home, now=timezone.now(), auto_renew=True)


def url_of(subscriber: Subscriber) -> str:
    return f"/subscribers/{subscriber.pk}/termination/"


def test_it_ends_hides_and_refunds_nothing(nadia: User, north: Reseller, amal: Subscriber) -> None:
    client = signed_in(nadia)

    response = send(client, url_of(amal), typed_username="AMAL ")

    amal.refresh_from_db()
    assert response.status_code == 303
    assert (amal.status, amal.auto_renew, balance_of(north)) == (Status.TERMINATED, False, 75)
    page = client.get(response.url)
    assert "amal is terminated." in body(page)
    assert not {link for link in links_of(page) if link.startswith(f"/subscribers/{amal.pk}/") and link != response.url}
    assert rows_of(client.get("/subscribers/")) == []
    assert CoaRequest.objects.get().reason == "Terminated"


def test_it_is_audited(nadia: User, north: Reseller, amal: Subscriber) -> None:
    send(signed_in(nadia), url_of(amal), typed_username="amal")

    row = AuditEntry.objects.latest("id")
    assert (row.action, row.actor_name, row.object_name) == (Action.SUBSCRIBER_TERMINATED, "nadia", "amal")
    assert row.reseller_id == north.pk


@pytest.mark.parametrize("typed", ["", "badr"])
def test_without_its_username_nothing_is_done(nadia: User, amal: Subscriber, typed: str) -> None:
    before = everything()

    response = send(signed_in(nadia), url_of(amal), typed_username=typed)

    assert response.status_code == 422
    assert error_at(response, "typed_username")
    assert everything() == before
    amal.refresh_from_db()
    assert amal.status == Status.ACTIVE


def test_it_is_once(nadia: User, amal: Subscriber) -> None:
    terminate_subscriber(actor=seat_of(nadia), subscriber_id=amal.pk, now=NOW)

    response = send(signed_in(nadia), url_of(amal), typed_username="amal")

    assert response.status_code == 422
    assert "This subscriber is terminated: that is for ever." in body(response)
    with pytest.raises(SubscriberTerminated):
        terminate_subscriber(actor=seat_of(nadia), subscriber_id=amal.pk, now=NOW)


def test_south_cannot(sami: User, amal: Subscriber) -> None:
    assert signed_in(sami).post(url_of(amal), {"typed_username": "amal"}).status_code == 404
    with pytest.raises(Forbidden):
        terminate_subscriber(actor=seat_of(sami), subscriber_id=amal.pk, now=NOW)


def test_support_does_not_terminate(asha: User, north: Reseller, amal: Subscriber) -> None:
    clerk = signed_in(make_staff(asha, north, "clerk", group("SUPPORT")))

    assert clerk.post(url_of(amal), {"typed_username": "amal"}).status_code == 403
