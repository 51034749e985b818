"""Giving a throttled line its full speed back."""

from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from audit.actions import Action
from audit.models import AuditEntry
from ispanel.refusals import Forbidden
from network.models import CoaKind, CoaRequest
from plans.models import Plan
from resellers.models import Reseller
from subscribers.models import Subscriber
from subscribers.operations import NotOnline, NotThrottled, SubscriberTerminated, record_usage, reset_fup
from subscribers.usage import usage_of
from tests.cast import NOW, fund, group, make_plan, make_staff, seat_of, signed_in
from tests.pages import body, links_of, send
from tests.subscribers.lines import add, everything

FAIR = {
    "quota_mb": 50_000,
    "fup_threshold_mb": 20_000,
    "throttled_download_kbps": 2_000,
    "throttled_upload_kbps": 1_000,
}


@pytest.fixture
def fair(db: None) -> Plan:
    """Return a plan of 50 / 10 Mbit/s that is throttled to 2 / 1 from 20 GB on."""
    return make_plan("Fair", **FAIR)


@pytest.fixture
def amal(asha: User, north: Reseller, fair: Plan) -> Subscriber:
    """Return North's subscriber, who has used 30 GB and is throttled."""
    fund(north.wallet, "100", actor=asha)
    line = add(asha, north, fair, now=timezone.now())
    record_usage(used={"amal": 30_000}, now=timezone.now())
    return line


def url_of(subscriber: Subscriber) -> str:
    return f"/subscribers/{subscriber.pk}/fup-reset/"


def test_the_page_says_how_fast_it_is_and_why(nadia: User, amal: Subscriber) -> None:
    page = body(signed_in(nadia).get(f"/subscribers/{amal.pk}/"))

    for text in ("Throttled", "Speed now 2 / 1 Mbit/s", "Used 30 GB of 50 GB (60 %)", "Left 20 GB", "from 20 GB on"):
        assert text in page, text


def test_the_line_gets_its_full_speed_and_fair_use_counts_from_here(nadia: User, amal: Subscriber) -> None:
    client = signed_in(nadia)

    response = send(client, url_of(amal))

    assert response.status_code == 303
    page = body(client.get(response.url))
    assert "amal has its full speed again." in page
    assert "Speed now 50 / 10 Mbit/s" in page
    assert "counted from 30 GB" in page
    asked = CoaRequest.objects.latest("id")
    assert (asked.kind, asked.download_kbps, asked.reason) == (CoaKind.SPEED, 50_000, "FUP reset")
    record_usage(used={"amal": 49_999}, now=timezone.now())
    assert not usage_of(amal.pk, timezone.now()).is_throttled  # type: ignore[union-attr]
    record_usage(used={"amal": 50_000}, now=timezone.now())
    assert usage_of(amal.pk, timezone.now()).is_throttled  # type: ignore[union-attr]


def test_it_is_audited(nadia: User, north: Reseller, amal: Subscriber) -> None:
    send(signed_in(nadia), url_of(amal))

    row = AuditEntry.objects.latest("id")
    assert (row.action, row.actor_name, row.object_name) == (Action.SUBSCRIBER_FUP_RESET, "nadia", "amal")
    assert row.reseller_id == north.pk


@pytest.mark.parametrize(
    ("state", "refusal", "sentence"),
    [
        ({"suspended_at": NOW}, NotOnline, "This subscriber is not active"),
        ({"terminated_at": NOW}, SubscriberTerminated, "This subscriber is terminated"),
    ],
)
def test_a_line_that_is_off_is_refused(
    nadia: User, amal: Subscriber, state: dict[str, Any], refusal: type[Exception], sentence: str
) -> None:
    Subscriber.objects.update(**state)
    before = everything()

    response = send(signed_in(nadia), url_of(amal))

    assert response.status_code == 422
    assert sentence in body(response)
    assert everything() == before
    with pytest.raises(refusal):
        reset_fup(actor=seat_of(nadia), subscriber_id=amal.pk, now=timezone.now())


def test_a_line_at_full_speed_is_refused_and_not_offered_it(nadia: User, amal: Subscriber) -> None:
    record_usage(used={"amal": 10_000}, now=timezone.now())
    client = signed_in(nadia)

    response = send(client, url_of(amal))

    assert response.status_code == 422
    assert "it has its full speed" in body(response)
    assert url_of(amal) not in links_of(client.get(f"/subscribers/{amal.pk}/"))
    with pytest.raises(NotThrottled):
        reset_fup(actor=seat_of(nadia), subscriber_id=amal.pk, now=timezone.now())


def test_support_resets_it(asha: User, north: Reseller, amal: Subscriber) -> None:
    clerk = signed_in(make_staff(asha, north, "clerk", group("SUPPORT")))

    assert url_of(amal) in links_of(clerk.get(f"/subscribers/{amal.pk}/"))
    assert send(clerk, url_of(amal)).status_code == 303


def test_south_cannot(sami: User, amal: Subscriber) -> None:
    assert signed_in(sami).post(url_of(amal)).status_code == 404
    with pytest.raises(Forbidden):
        reset_fup(actor=seat_of(sami), subscriber_id=amal.pk, now=timezone.now())
