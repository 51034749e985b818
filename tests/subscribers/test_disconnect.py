"""Ending a line's session at its access server."""

import pytest
from django.utils import timezone

from accounts.models import User
from audit.actions import Action
from audit.models import AuditEntry
from ispanel.refusals import Forbidden
from network.models import CoaRequest, CoaStatus, Nas
from plans.models import Plan
from resellers.models import Reseller
from subscribers.models import Subscriber
from subscribers.operations import SubscriberTerminated, disconnect_subscriber
from tests.cast import NOW, fund, group, make_staff, seat_of, signed_in
from tests.network.devices import add_nas
from tests.pages import body, links_of, send
from tests.subscribers.lines import add, everything


@pytest.fixture
def tower(asha: User) -> Nas:
    return add_nas(asha, "tower")


@pytest.fixture
def amal(asha: User, north: Reseller, home: Plan, tower: Nas) -> Subscriber:
    """Return North's subscriber, on the NAS device tower."""
    fund(north.wallet, "100", actor=asha)
    return add(asha, north, home, now=timezone.now(), nas=tower)


def url_of(subscriber: Subscriber) -> str:
    return f"/subscribers/{subscriber.pk}/disconnection/"


def test_its_nas_is_told_and_the_answer_stands_on_its_page(nadia: User, amal: Subscriber) -> None:
    client = signed_in(nadia)

    response = send(client, url_of(amal))

    asked = CoaRequest.objects.get()
    assert (asked.subscriber, asked.status, asked.asked_by) == (amal, CoaStatus.WAITING, "nadia")
    page = body(client.get(response.url))
    assert "tower is told to disconnect amal." in page
    assert "nadia tower Disconnect By hand Waiting" in page
    CoaRequest.objects.update(status=CoaStatus.NAK, answer="Session not found", answered_at=timezone.now())
    assert "Nak Session not found" in body(client.get(response.url))


def test_without_a_nas_nobody_is_told_and_that_is_said(nadia: User, amal: Subscriber) -> None:
    Subscriber.objects.update(nas=None)
    client = signed_in(nadia)

    assert "so nobody can be told" in body(client.get(url_of(amal)))
    response = send(client, url_of(amal))

    assert "amal has no NAS device, so nobody is told." in body(client.get(response.url))
    assert CoaRequest.objects.get().status == CoaStatus.NO_NAS


def test_it_is_audited(nadia: User, north: Reseller, amal: Subscriber) -> None:
    send(signed_in(nadia), url_of(amal))

    row = AuditEntry.objects.latest("id")
    assert (row.action, row.actor_name, row.object_name) == (Action.SUBSCRIBER_DISCONNECTED, "nadia", "amal")
    assert row.reseller_id == north.pk


def test_a_terminated_line_is_refused(nadia: User, amal: Subscriber) -> None:
    Subscriber.objects.update(terminated_at=NOW)
    before = everything()

    assert send(signed_in(nadia), url_of(amal)).status_code == 422

    assert everything() == before
    with pytest.raises(SubscriberTerminated):
        disconnect_subscriber(actor=seat_of(nadia), subscriber_id=amal.pk, now=NOW)


def test_support_disconnects(asha: User, north: Reseller, amal: Subscriber) -> None:
    clerk = signed_in(make_staff(asha, north, "clerk", group("SUPPORT")))

    assert url_of(amal) in links_of(clerk.get(f"/subscribers/{amal.pk}/"))
    assert send(clerk, url_of(amal)).status_code == 303


def test_south_cannot(sami: User, amal: Subscriber) -> None:
    assert signed_in(sami).post(url_of(amal)).status_code == 404
    with pytest.raises(Forbidden):
        disconnect_subscriber(actor=seat_of(sami), subscriber_id=amal.pk, now=NOW)
