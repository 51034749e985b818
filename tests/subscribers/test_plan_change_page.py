"""Changing a plan on its page: the arithmetic is shown first, and what was shown is what is charged."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from accounts.models import User
from audit.actions import Action
from audit.models import AuditEntry
from plans.models import Plan
from resellers.models import Reseller
from subscribers.models import Renewal, Subscriber
from subscribers.operations import change_plan, move_subscribers
from tests.cast import fund, make_plan, seat_of, signed_in
from tests.pages import body, error_at, filled, rows_of
from tests.subscribers.lines import add, balance_of, everything

FRAGMENT = {"HX-Request": "true", "HX-Target": "preview"}


@pytest.fixture
def old(db: None) -> Plan:
    return make_plan("Old", "30.00")


@pytest.fixture
def new(db: None) -> Plan:
    return make_plan("New", "45.00")


@pytest.fixture
def amal(asha: User, north: Reseller, old: Plan) -> Subscriber:
    """Return North's subscriber, with 12 of the 30 days of the plan Old left; 70.00 are in the wallet."""
    fund(north.wallet, "100", actor=asha)
    return add(asha, north, old, now=timezone.now() - timedelta(days=18) + timedelta(seconds=5))


def url_of(subscriber: Subscriber) -> str:
    return f"/subscribers/{subscriber.pk}/plan-changes/"


def look_at(client: Client, subscriber: Subscriber, plan: Plan) -> HttpResponse:
    """Choose a plan and read what it costs."""
    page = client.get(url_of(subscriber))
    return client.post(url_of(subscriber), filled(page, plan=plan.pk))


def shown_in(response: HttpResponse) -> str:
    return re.findall(r'name="shown" value="([^"]*)"', response.content.decode())[-1]


def confirm(client: Client, subscriber: Subscriber, looked: HttpResponse, plan: Plan) -> HttpResponse:
    return client.post(url_of(subscriber), filled(looked, plan=plan.pk, shown=shown_in(looked)))


def test_the_arithmetic_reads_like_the_accountants_page(nadia: User, amal: Subscriber, new: Plan) -> None:
    response = signed_in(nadia).get(url_of(amal), {"plan": new.pk}, headers=FRAGMENT)

    page = re.sub(r"1,036,80\d", "1,036,80x", body(response))
    for line in (
        "Old: 12 of 30 days left 1,036,80x of 2,592,000 seconds × 30.00 12.00",
        "Credit 12.00",
        "New: 12 of 30 days to run 1,036,80x of 2,592,000 seconds × 45.00 18.00",
        "Due 18.00 − 12.00 6.00 USD",
        "North Net 70.00 → 64.00",
    ):
        assert line in page, line


def test_without_scripts_the_first_press_shows_it_and_the_second_does_it(
    nadia: User, north: Reseller, amal: Subscriber, new: Plan
) -> None:
    client, before, expires_at = signed_in(nadia), everything(), amal.expires_at

    looked = look_at(client, amal, new)

    assert looked.status_code == 200
    assert "Due 18.00 − 12.00 6.00 USD" in body(looked)
    assert everything() == before

    response = confirm(client, amal, looked, new)

    amal.refresh_from_db()
    assert (response.status_code, response.url) == (303, f"/subscribers/{amal.pk}/")
    assert (amal.plan, amal.expires_at, balance_of(north)) == (new, expires_at, 64)
    page = client.get(response.url)
    assert "amal has the plan New now." in body(page)
    kinds = [(row[1], row[6]) for row in rows_of(page)[:2]]
    assert kinds[0] == ("Plan change", "6.00")
    assert kinds[1][0].startswith("Activation Given up")


def test_a_cheaper_plan_gives_back_and_says_to_whom(nadia: User, north: Reseller, amal: Subscriber, home: Plan) -> None:
    client = signed_in(nadia)

    looked = look_at(client, amal, home)
    response = confirm(client, amal, looked, home)

    assert "Given back 12.00 − 10.00 2.00 USD" in body(looked)
    assert "North Net 70.00 → 72.00" in body(looked)
    assert balance_of(north) == 72
    assert rows_of(client.get(response.url))[0][1] == "Plan change Given back"


def test_it_is_audited_with_the_sums(nadia: User, north: Reseller, amal: Subscriber, new: Plan) -> None:
    client = signed_in(nadia)

    confirm(client, amal, look_at(client, amal, new), new)

    row = AuditEntry.objects.latest("id")
    assert (row.action, row.actor_name, row.reseller_id) == (Action.SUBSCRIBER_PLAN_CHANGED, "nadia", north.pk)
    assert row.changes == {
        "plan": ["Old", "New"],
        "credit": [None, "12"],
        "charge": [None, "18"],
        "due": [None, "6"],
    }


def test_pressing_twice_changes_once(nadia: User, north: Reseller, amal: Subscriber, new: Plan) -> None:
    client = signed_in(nadia)
    looked = look_at(client, amal, new)

    answers = [confirm(client, amal, looked, new).status_code for _twice in range(2)]

    assert answers[0] == 303
    assert (balance_of(north), Renewal.objects.count()) == (64, 2)


def test_a_price_that_changed_meanwhile_is_refused_and_shown_anew(
    nadia: User, north: Reseller, amal: Subscriber, new: Plan
) -> None:
    client = signed_in(nadia)
    looked = look_at(client, amal, new)
    Plan.objects.filter(pk=new.pk).update(price=60)
    before = everything()

    response = confirm(client, amal, looked, new)

    assert response.status_code == 422
    assert "The price has changed to 12.00 USD meanwhile." in body(response)
    assert "Due 24.00 − 12.00 12.00 USD" in body(response)
    assert everything() == before
    assert confirm(client, amal, response, new).status_code == 303
    assert balance_of(north) == 58


def test_what_was_shown_of_another_plan_or_line_or_by_nobody_counts_for_nothing(
    asha: User, nadia: User, north: Reseller, amal: Subscriber, old: Plan, new: Plan, home: Plan
) -> None:
    client, other = signed_in(nadia), add(asha, north, old, "badr", now=timezone.now())
    looked = look_at(client, amal, home)
    before = everything()

    for shown in (shown_in(looked), shown_in(look_at(client, other, new)), "forged", ""):
        response = client.post(url_of(amal), filled(looked, plan=new.pk, shown=shown))

        assert response.status_code == 200, shown
        assert everything() == before


def test_without_funds_nothing_changes_and_it_says_what_is_missing(
    asha: User, nadia: User, north: Reseller, amal: Subscriber
) -> None:
    dear = make_plan("Dear", "500.00")
    client = signed_in(nadia)
    looked = look_at(client, amal, dear)
    before = everything()

    response = confirm(client, amal, looked, dear)

    assert "The wallet holds too little for this." in body(looked)
    assert response.status_code == 422
    assert "118.00 USD is missing" in body(response)
    assert everything() == before


def test_where_nothing_is_left_to_run_nothing_is_charged(
    asha: User, nadia: User, north: Reseller, old: Plan, new: Plan
) -> None:
    badr = add(asha, north, old, "badr", activate=False)
    client = signed_in(nadia)

    looked = look_at(client, badr, new)

    assert "so nothing is charged now" in body(looked)
    assert confirm(client, badr, looked, new).status_code == 303
    badr.refresh_from_db()
    assert (badr.plan, badr.expires_at, balance_of(north)) == (new, None, 0)


def test_a_plan_outside_the_groups_is_refused_at_its_field(
    nadia: User, asha: User, northeast: Reseller, amal: Subscriber, new: Plan
) -> None:
    fund(northeast.wallet, "100", actor=asha)
    own = add(asha, northeast, amal.plan, "badr", now=timezone.now())
    northeast.service_groups.clear()
    client = signed_in(nadia)

    looked = look_at(client, own, new)

    assert "Northeast Net has no service group, so it can sell nothing. Ask North Net for one." in body(looked)
    assert "Due" not in body(looked)


def test_what_another_reseller_paid_is_not_shown(
    asha: User, sami: User, south: Reseller, amal: Subscriber, home: Plan
) -> None:
    move_subscribers(actor=seat_of(asha), subscriber_ids=[amal.pk], to=south, now=timezone.now())

    page = body(signed_in(sami).get(url_of(amal), {"plan": home.pk}, headers=FRAGMENT))

    assert "Old: 12 of 30 days left paid by another reseller 12.00" in page
    assert "× 30.00" not in page
    assert "To the reseller who had paid 2.00" in page
    assert "North" not in page


def test_no_plan_chosen_is_refused_at_the_field(nadia: User, amal: Subscriber) -> None:
    client = signed_in(nadia)

    response: Any = client.post(url_of(amal), filled(client.get(url_of(amal))))

    assert (response.status_code, error_at(response, "plan")) == (422, "This field is required.")


def test_south_cannot(sami: User, amal: Subscriber, new: Plan) -> None:
    assert signed_in(sami).get(url_of(amal)).status_code == 404
    assert signed_in(sami).post(url_of(amal), {"plan": new.pk}).status_code == 404


def test_the_present_plan_is_not_offered(nadia: User, amal: Subscriber, new: Plan) -> None:
    page = signed_in(nadia).get(url_of(amal)).content.decode()

    assert f'<option value="{new.pk}"' in page
    assert f'<option value="{amal.plan_id}"' not in page


def test_a_change_meanwhile_by_somebody_else_is_not_done_twice(
    asha: User, nadia: User, north: Reseller, amal: Subscriber, new: Plan
) -> None:
    client = signed_in(nadia)
    looked = look_at(client, amal, new)
    change_plan(actor=seat_of(asha), subscriber_id=amal.pk, plan=new, now=timezone.now())

    response = confirm(client, amal, looked, new)

    assert response.status_code == 422
    assert "The subscriber has the plan New already." in error_at(response, "plan")
    assert balance_of(north) == 64
