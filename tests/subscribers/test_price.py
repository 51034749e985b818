"""Nobody is charged a price that they were not shown, nor for a time without end."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.http import HttpResponse
from django.utils import timezone

from accounts.models import User
from plans.models import Plan
from resellers.models import Reseller
from subscribers import operations
from subscribers.models import Renewal, Subscriber
from subscribers.operations import PaidTooFarAhead, PriceChanged
from tests.cast import NOW, fund, seat_of, signed_in


def hidden_fields(response: HttpResponse) -> dict[str, str]:
    """Return what the page's form carries unseen; of two fields of one name the last counts, as for the server."""
    page = response.content.decode()
    return dict(re.findall(r'type="hidden" name="(agreed_price|idempotency_key)"(?: value="([^"]*)")?', page))


@pytest.fixture
def line(asha: User, north: Reseller, home: Plan) -> Subscriber:
    fund(north.wallet, "1000", actor=asha)
    return operations.add_subscriber(
        actor=seat_of(asha), reseller=north, plan=home, username="line", password="secret", activate=False, now=NOW
    )


def test_a_price_that_rose_since_it_was_shown_is_refused(nadia: User, line: Subscriber, home: Plan) -> None:
    client = signed_in(nadia)
    url = f"/subscribers/{line.pk}/renewals/"
    form = hidden_fields(client.get(url))
    Plan.objects.filter(pk=home.pk).update(price=Decimal(90))

    response = client.post(url, form)

    assert response.status_code == 422
    assert "The price has changed to 90.00 USD meanwhile." in response.content.decode()
    assert not Renewal.objects.exists()


def test_the_new_price_can_be_agreed_to_on_the_same_page(nadia: User, line: Subscriber, home: Plan) -> None:
    client = signed_in(nadia)
    url = f"/subscribers/{line.pk}/renewals/"
    form = hidden_fields(client.get(url))
    Plan.objects.filter(pk=home.pk).update(price=Decimal(90))

    again = hidden_fields(client.post(url, form))
    client.post(url, again)

    assert Renewal.objects.get().price == 90


def test_an_activation_at_another_price_leaves_nothing(asha: User, north: Reseller, home: Plan) -> None:
    with pytest.raises(PriceChanged):
        operations.add_subscriber(
            actor=seat_of(asha), reseller=north, plan=home, username="new", password="secret",
            agreed_price=Decimal(10), now=NOW,
        )  # fmt: skip

    assert not Subscriber.objects.exists()


def test_a_line_is_not_paid_for_more_than_ten_years_ahead(asha: User, line: Subscriber) -> None:
    Subscriber.objects.filter(pk=line.pk).update(expires_at=timezone.now() + timedelta(days=3660))

    with pytest.raises(PaidTooFarAhead):
        operations.renew_subscriber(actor=seat_of(asha), subscriber_id=line.pk, now=timezone.now())
