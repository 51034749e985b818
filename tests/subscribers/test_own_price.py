"""What one subscriber is asked for."""

from decimal import Decimal

import pytest
from django.utils import timezone

from accounts.models import PermissionGroup, User
from audit.actions import Action
from audit.models import AuditEntry
from ispanel.refusals import Forbidden
from plans.models import Level, Plan
from resellers.models import Reseller, RetailPrice
from subscribers.models import Renewal, Subscriber
from subscribers.operations import SubscriberTerminated, set_subscriber_price
from tests.cast import NOW, fund, group, make_staff, seat_of, signed_in
from tests.pages import body, error_at, links_of, send
from tests.subscribers.lines import add, balance_of, everything, renew


@pytest.fixture
def gold(north: Reseller) -> Reseller:
    """Return North with 10 percent off, which asks 28.00 for the plan Home."""
    north.level = Level.objects.get(name="GOLD")
    north.save(update_fields=["level"])
    return north


@pytest.fixture
def amal(asha: User, gold: Reseller, home: Plan) -> Subscriber:
    fund(gold.wallet, "100", actor=asha)
    RetailPrice.objects.create(reseller=gold, plan=home, price=Decimal(28))
    return add(asha, gold, home, now=timezone.now())


def url_of(subscriber: Subscriber) -> str:
    return f"/subscribers/{subscriber.pk}/price/"


def test_it_counts_from_the_next_period_on(asha: User, nadia: User, gold: Reseller, amal: Subscriber) -> None:
    client = signed_in(nadia)

    response = send(client, url_of(amal), retail_price="30.5")

    assert response.status_code == 303
    page = body(client.get(response.url))
    assert "They pay 30.50 USD Wholesale 22.50 USD Margin 8.00 USD" in page
    renew(asha, amal, now=timezone.now())
    assert list(Renewal.objects.order_by("id").values_list("price", "retail_price")) == [
        (Decimal("22.5"), 28),
        (Decimal("22.5"), Decimal("30.5")),
    ]
    assert balance_of(gold) == 55


def test_empty_is_what_everybody_is_asked_and_0_is_a_price(nadia: User, amal: Subscriber) -> None:
    client = signed_in(nadia)

    send(client, url_of(amal), retail_price="0")
    free = body(client.get(f"/subscribers/{amal.pk}/"))
    send(client, url_of(amal), retail_price="")
    usual = body(client.get(f"/subscribers/{amal.pk}/"))

    assert "They pay 0.00 USD Wholesale 22.50 USD Margin −22.50 USD" in free
    assert "They pay 28.00 USD" in usual
    assert Subscriber.objects.get().retail_price is None


def test_the_margin_is_shown_while_it_is_typed(nadia: User, amal: Subscriber) -> None:
    response = signed_in(nadia).get(
        url_of(amal), {"retail_price": "40"}, headers={"HX-Request": "true", "HX-Target": "preview"}
    )

    assert body(response) == "Everybody pays 28.00 USD They pay 40.00 USD Wholesale 22.50 USD Margin 17.50 USD"


def test_it_is_audited_with_old_and_new_once(nadia: User, gold: Reseller, amal: Subscriber) -> None:
    for _twice in range(2):
        send(signed_in(nadia), url_of(amal), retail_price="30.5")

    [row] = AuditEntry.objects.filter(action=Action.SUBSCRIBER_PRICE_SET)
    assert (row.actor_name, row.object_name, row.reseller_id) == ("nadia", "amal", gold.pk)
    assert row.changes == {"retail_price": [None, "30.5"]}


@pytest.mark.parametrize("typed", ["-1", "1.234", "abc", "9" * 20])
def test_what_is_no_amount_is_refused_at_the_field(nadia: User, amal: Subscriber, typed: str) -> None:
    before = everything()

    response = send(signed_in(nadia), url_of(amal), retail_price=typed)

    assert response.status_code == 422
    assert error_at(response, "retail_price")
    assert everything() == before


def test_a_terminated_line_has_no_price_to_set(nadia: User, amal: Subscriber) -> None:
    Subscriber.objects.update(terminated_at=NOW)

    assert send(signed_in(nadia), url_of(amal), retail_price="1").status_code == 422
    with pytest.raises(SubscriberTerminated):
        set_subscriber_price(actor=seat_of(nadia), subscriber_id=amal.pk, retail_price=Decimal(1), now=NOW)


def test_without_the_permission_no_price_is_set_nor_offered(
    asha: User, gold: Reseller, amal: Subscriber, home: Plan
) -> None:
    codes = [code for code in group("SALES").codes if code != "subscribers.set_price"]
    clerk = make_staff(asha, gold, "clerk", PermissionGroup.objects.create(name="NO PRICE", codes=codes))

    assert signed_in(clerk).post(url_of(amal), {"retail_price": "1"}).status_code == 403
    assert url_of(amal) not in links_of(signed_in(clerk).get(f"/subscribers/{amal.pk}/"))
    assert "They pay" not in body(signed_in(clerk).get("/subscribers/new"))
    with pytest.raises(Forbidden):
        set_subscriber_price(actor=seat_of(clerk), subscriber_id=amal.pk, retail_price=Decimal(1), now=NOW)
    with pytest.raises(Forbidden):
        add(clerk, gold, home, "badr", retail_price=Decimal(1))


def test_south_cannot(sami: User, amal: Subscriber) -> None:
    assert signed_in(sami).post(url_of(amal), {"retail_price": "1"}).status_code == 404
    with pytest.raises(Forbidden):
        set_subscriber_price(actor=seat_of(sami), subscriber_id=amal.pk, retail_price=Decimal(1), now=NOW)
