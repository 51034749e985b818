"""What a line brings along to another reseller, and what stays with the one that it leaves."""

from datetime import timedelta
from decimal import Decimal

import pytest

from accounts.models import User
from audit.actions import Action
from audit.models import AuditEntry
from network.models import CoaRequest
from plans.models import Plan
from resellers.models import Reseller
from subscribers.models import Subscriber
from subscribers.operations import edit_subscriber, move_subscribers, suspend_subscriber
from tests.cast import NOW, fund, seat_of, signed_in
from tests.pages import body
from tests.subscribers.lines import add


@pytest.fixture
def amal(asha: User, south: Reseller, home: Plan) -> Subscriber:
    """Return South's line, whose renewal failed, with a price of its own; South's sami suspended it once."""
    fund(south.wallet, "100", actor=asha)
    amal = add(asha, south, home, auto_renew=True)
    Subscriber.objects.update(
        retail_price=Decimal(31), renewal_failed_at=NOW, renewal_failure="Too dear", renewal_needs=Decimal(25)
    )
    suspend_subscriber(actor=seat_of(south.user), subscriber_id=amal.pk, now=NOW)
    return amal


def hand_over(asha: User, amal: Subscriber, to: Reseller) -> None:
    move_subscribers(actor=seat_of(asha), subscriber_ids=[amal.pk], to=to, now=NOW + timedelta(hours=1))
    amal.refresh_from_db()


def test_the_new_owner_does_not_read_who_asked_the_access_server_for_what(
    asha: User, nadia: User, sami: User, north: Reseller, south: Reseller, amal: Subscriber
) -> None:
    hand_over(asha, amal, north)

    assert CoaRequest.objects.get().asked_by == "sami"
    assert "sami" not in body(signed_in(nadia).get(f"/subscribers/{amal.pk}/"))
    assert not CoaRequest.objects.visible_to(seat_of(nadia)).exists()
    assert CoaRequest.objects.visible_to(seat_of(sami)).exists()


def test_strangers_are_told_of_it_each_in_its_own_trail_and_without_the_others_name(
    asha: User, north: Reseller, south: Reseller, amal: Subscriber
) -> None:
    hand_over(asha, amal, north)

    rows = AuditEntry.objects.filter(action=Action.SUBSCRIBER_MOVED)
    assert {row.reseller_id: row.changes["reseller"] for row in rows} == {
        south.pk: ["South Net", f"#{north.pk}"],
        north.pk: [f"#{south.pk}", "North Net"],
    }


def test_in_one_tree_both_read_the_names(asha: User, north: Reseller, northeast: Reseller, amal: Subscriber) -> None:
    hand_over(asha, amal, north)
    hand_over(asha, amal, northeast)

    [row] = AuditEntry.objects.filter(action=Action.SUBSCRIBER_MOVED, reseller_id=northeast.pk)
    assert row.changes["reseller"] == ["North Net", "Northeast Net"]


def test_price_and_failure_stay_behind(asha: User, north: Reseller, amal: Subscriber) -> None:
    hand_over(asha, amal, north)

    assert (amal.reseller, amal.retail_price) == (north, None)
    assert (amal.renewal_failed_at, amal.renewal_failure, amal.renewal_needs) == (None, "", None)


def test_a_line_whose_auto_renew_is_turned_off_did_not_fail_to_renew(asha: User, amal: Subscriber) -> None:
    edit_subscriber(actor=seat_of(asha), subscriber_id=amal.pk, auto_renew=False, now=NOW)

    amal.refresh_from_db()
    assert (amal.renewal_failed_at, amal.renewal_failure, amal.renewal_needs) == (None, "", None)
