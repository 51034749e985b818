"""What a reseller is charged: the plan's price less its level's discount, as an accountant would work it out.

Rounded to the currency's decimals, half up: of 0.005 becomes 0.01, of 0.0049 becomes 0.00. Never below 0.
"""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ispanel.models import PanelSettings
from ispanel.money import HIGHEST_AMOUNT, Currency, rounded
from plans.models import wholesale

#: Price, discount in percent, and the charge in a currency of 2, of 0 and of 3 decimals; "—" where there is no such
#: price.
TABLE = """
             0.00    0      0.00      0      0.000
             0.00   12.5    0.00      0      0.000
             0.00  100      0.00      0      0.000
             0.01    0      0.01      —      0.010
             0.01    5      0.01      —      0.010
             0.01   12.5    0.01      —      0.009
             0.01   33.33   0.01      —      0.007
             0.01   50      0.01      —      0.005
             0.01   50.01   0.00      —      0.005
             0.01  100      0.00      —      0.000
             0.05    5      0.05      —      0.048
             0.05   12.5    0.04      —      0.044
             0.05   33.33   0.03      —      0.033
             0.10    5      0.10      —      0.095
             1.00   12.5    0.88      1      0.875
             1.00   33.33   0.67      1      0.667
             1.00   50      0.50      1      0.500
             1.00   50.01   0.50      0      0.500
             9.99    0      9.99      —      9.990
             9.99    5      9.49      —      9.491
             9.99   12.5    8.74      —      8.741
             9.99   33.33   6.66      —      6.660
             9.99  100      0.00      —      0.000
            25.00    5     23.75     24     23.750
            25.00   10     22.50     23     22.500
            25.00   12.5   21.88     22     21.875
            30.00   33.33  20.00     20     20.001
            45.00   15     38.25     38     38.250
  999999999999.00   33.33  666699999999.33  666699999999  666699999999.333
  999999999999.00   99.99  100000000.00     100000000     100000000.000
"""
LINES = [
    (Decimal(price), Decimal(discount), decimals, Decimal(charge))
    for price, discount, *charges in map(str.split, TABLE.strip().splitlines())
    for decimals, charge in zip((2, 0, 3), charges, strict=True)
    if charge != "—"
]


@pytest.mark.parametrize(("price", "discount", "decimals", "charge"), LINES)
def test_the_accountants_table(db: None, price: Decimal, discount: Decimal, decimals: int, charge: Decimal) -> None:
    PanelSettings.objects.update(currency_decimals=decimals)

    charged = wholesale(price, discount)

    assert (charged, str(charged)) == (charge, str(charge))


@pytest.mark.parametrize(
    ("amount", "cents"),
    [
        ("0.005", "0.01"),
        ("0.0049999", "0.00"),
        ("0.015", "0.02"),
        ("0.025", "0.03"),
        ("2.675", "2.68"),
        ("1.005", "1.01"),
        ("-0.005", "-0.01"),
        ("-0.004", "0.00"),
    ],
)
def test_half_of_the_smallest_amount_goes_up_away_from_zero(amount: str, cents: str) -> None:
    assert rounded(Decimal(amount), Currency("USD", 2)) == Decimal(cents)


PRICES = st.decimals(min_value=0, max_value=HIGHEST_AMOUNT, places=2)
DISCOUNTS = st.decimals(min_value=0, max_value=100, places=2)


@given(price=PRICES, discount=DISCOUNTS)
def test_a_charge_is_never_below_zero_nor_above_the_price_and_off_by_less_than_a_cent(
    price: Decimal, discount: Decimal
) -> None:
    exact = price * (100 - discount) / 100
    charged = rounded(exact, Currency("USD", 2))

    assert 0 <= charged <= price
    assert abs(charged - exact) <= Decimal("0.005")
