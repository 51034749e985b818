"""Revenue and papers tell the same, whatever is sold, changed, moved and refunded, and in whatever order."""

from decimal import Decimal

import pytest

from accounts.models import User
from subscribers.models import Renewal
from tests.campaign.model import run_model
from tests.campaign.sales import Sales


def test_revenue_is_what_the_papers_come_to(asha: User) -> None:
    run_model(admin=asha, examples=12, steps=30, machine=Sales)


def test_where_it_is_not_that_is_found(asha: User) -> None:
    Sales.asha = asha
    sales = Sales()
    sales.revenue_is_what_the_invoices_come_to_less_their_credit_notes()

    Renewal.objects.filter(retail_price=60).update(retail_price=Decimal("59.99"))

    try:
        with pytest.raises(AssertionError, match=r"59\.99\d*, 60\.00"):
            sales.revenue_is_what_the_invoices_come_to_less_their_credit_notes()
    finally:
        sales.teardown()
