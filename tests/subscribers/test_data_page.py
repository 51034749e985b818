"""Selling data on top of a quota, on its page."""

from decimal import Decimal

import pytest
from django.utils import timezone

from accounts.models import User
from audit.actions import Action
from audit.models import AuditEntry
from plans.models import DataPack, Level, Plan
from resellers.models import Reseller
from subscribers.models import Renewal, Subscriber
from subscribers.operations import record_usage
from tests.cast import NOW, fund, make_plan, signed_in
from tests.pages import body, error_at, filled, rows_of, send
from tests.subscribers.lines import add, balance_of, everything


@pytest.fixture
def metered(db: None) -> Plan:
    """Return a plan with 50 GB, on top of which 5 GB cost 3.00 and 20 GB 10.00."""
    plan = make_plan("Metered", quota_mb=50_000)
    for megabytes, price in ((5_000, "3.00"), (20_000, "10.00")):
        DataPack.objects.create(plan=plan, megabytes=megabytes, price=Decimal(price))
    return plan


@pytest.fixture
def amal(asha: User, north: Reseller, metered: Plan) -> Subscriber:
    """Return North's subscriber, who has used 48 GB; North is GOLD and has 77.50 left."""
    north.level = Level.objects.get(name="GOLD")
    north.save(update_fields=["level"])
    fund(north.wallet, "100", actor=asha)
    line = add(asha, north, metered, now=timezone.now())
    record_usage(used={"amal": 48_000}, now=timezone.now())
    return line


def url_of(subscriber: Subscriber) -> str:
    return f"/subscribers/{subscriber.pk}/data-top-ups/"


def choice(plan: Plan, megabytes: int, price: str) -> str:
    return f"{plan.data_packs.get(megabytes=megabytes).pk}:{price}"


def test_each_pack_says_what_it_costs_and_what_is_left(nadia: User, amal: Subscriber) -> None:
    page = body(signed_in(nadia).get(url_of(amal)))

    assert "Used 48 GB of 50 GB" in page
    assert "5 GB 2.70 USD from the wallet, which then holds 74.80 USD. They pay 3.00 USD." in page
    assert "20 GB 9.00 USD from the wallet" in page


def test_it_is_charged_and_counts_until_the_period_ends(
    nadia: User, north: Reseller, amal: Subscriber, metered: Plan
) -> None:
    client = signed_in(nadia)

    response = send(client, url_of(amal), pack=choice(metered, 20_000, "9.00"))

    assert response.status_code == 303
    assert balance_of(north) == Decimal("68.5")
    page = client.get(response.url)
    assert "amal has 20 GB more." in body(page)
    assert "Used 48 GB of 70 GB (68 %) Left 22 GB Data bought 20 GB" in body(page)
    assert rows_of(page)[0][1] == "Data top-up 20 GB"
    assert rows_of(page)[0][6:8] == ["9.00", "10.00 INV-000002"]
    assert Renewal.objects.latest("id").ends_at == amal.expires_at


def test_it_is_audited(nadia: User, north: Reseller, amal: Subscriber, metered: Plan) -> None:
    send(signed_in(nadia), url_of(amal), pack=choice(metered, 5_000, "2.70"))

    row = AuditEntry.objects.latest("id")
    assert (row.action, row.actor_name, row.detail) == (Action.SUBSCRIBER_TOPPED_UP, "nadia", "5 GB")
    assert row.changes == {"charged": [None, "2.7"], "data_mb": [None, 5000]}
    assert row.reseller_id == north.pk


def test_pressing_twice_sells_once(nadia: User, north: Reseller, amal: Subscriber, metered: Plan) -> None:
    client = signed_in(nadia)
    form = filled(client.get(url_of(amal)), pack=choice(metered, 5_000, "2.70"))

    assert [client.post(url_of(amal), form).status_code for _twice in range(2)] == [303, 303]

    assert balance_of(north) == Decimal("74.8")


@pytest.mark.parametrize("pack", ["", "0:0", "9.00"])
def test_what_is_no_pack_is_refused_at_the_field(nadia: User, amal: Subscriber, pack: str) -> None:
    before = everything()

    response = send(signed_in(nadia), url_of(amal), pack=pack)

    assert response.status_code == 422
    assert error_at(response, "pack")
    assert everything() == before


def test_another_price_than_the_one_that_was_shown_is_refused(nadia: User, amal: Subscriber, metered: Plan) -> None:
    client = signed_in(nadia)
    form = filled(client.get(url_of(amal)), pack=choice(metered, 5_000, "2.70"))
    DataPack.objects.update(price=Decimal(4))
    before = everything()

    response = client.post(url_of(amal), form)

    assert response.status_code == 422
    assert "not offered at that price any more" in error_at(response, "pack")
    assert "5 GB 3.60 USD from the wallet" in body(response)
    assert everything() == before


def test_without_funds_it_says_what_is_missing(nadia: User, north: Reseller, amal: Subscriber, metered: Plan) -> None:
    DataPack.objects.update(price=Decimal(100))

    response = send(signed_in(nadia), url_of(amal), pack=choice(metered, 5_000, "90.00"))

    assert response.status_code == 422
    assert "12.50 USD is missing" in body(response)


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        ({"suspended_at": NOW}, "This subscriber is not active"),
        ({"terminated_at": NOW}, "This subscriber is terminated"),
    ],
)
def test_a_line_that_is_off_gets_none(
    nadia: User, amal: Subscriber, metered: Plan, state: dict[str, object], sentence: str
) -> None:
    Subscriber.objects.update(**state)
    client = signed_in(nadia)
    before = everything()

    assert sentence in body(client.get(url_of(amal)))
    assert send(client, url_of(amal), pack=choice(metered, 5_000, "2.70")).status_code == 422
    assert everything() == before


def test_a_plan_without_packs_says_so(asha: User, nadia: User, north: Reseller, home: Plan, amal: Subscriber) -> None:
    plain = add(asha, north, home, "badr", now=timezone.now())

    assert "No data is sold on top of Home." in body(signed_in(nadia).get(url_of(plain)))


def test_south_cannot(sami: User, amal: Subscriber, metered: Plan) -> None:
    assert signed_in(sami).post(url_of(amal), {"pack": choice(metered, 5_000, "2.70")}).status_code == 404
