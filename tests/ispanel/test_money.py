"""What counts as an amount of money, and how one is shown."""

from decimal import Decimal

import pytest
from django import forms
from hypothesis import given
from hypothesis import strategies as st

from ispanel.fields import AmountField
from ispanel.money import HIGHEST_AMOUNT, MINUS, Currency, InvalidAmount, format_amount, parse_amount, with_code

USD, YEN, DINAR = Currency("USD", 2), Currency("JPY", 0), Currency("KWD", 3)

ABOVE_ZERO = "Enter an amount above zero."
NO_MINUS = "Enter an amount above zero, without a minus sign."
DIGITS = "Enter digits with a point for decimals, for example 25.00."
DECIMALS = "USD has 2 decimals; enter no more than that."
HIGHEST = "The highest amount is 999,999,999,999.00."
REFUSED = [
    ("", "Enter an amount, for example 25.00."),
    ("   ", "Enter an amount, for example 25.00."),
    ("-5", NO_MINUS),
    (f"{MINUS}5", NO_MINUS),
    ("0", ABOVE_ZERO),
    ("0.00", ABOVE_ZERO),
    ("0.001", DECIMALS),
    ("1e3", DIGITS),
    ("1E3", DIGITS),
    ("NaN", DIGITS),
    ("Infinity", DIGITS),
    ("١٢٣", DIGITS),
    ("１２３", DIGITS),
    ("1,000", DIGITS),
    ("1 000", DIGITS),
    ("+5", DIGITS),
    ("5.", DIGITS),
    (".5", DIGITS),
    ("0x10", DIGITS),
    ("1_000", DIGITS),
    ("12\n34", DIGITS),
    ("12\x00", DIGITS),
    ("abc", DIGITS),
    (str(10**20), HIGHEST),
    (f"{HIGHEST_AMOUNT}.01", HIGHEST),
    ("9" * 5000, HIGHEST),
]


@pytest.mark.parametrize(("typed", "message"), REFUSED)
def test_what_is_no_amount_is_refused_with_a_sentence(typed: str, message: str) -> None:
    with pytest.raises(InvalidAmount) as refusal:
        parse_amount(typed, USD)

    assert str(refusal.value) == message


@pytest.mark.parametrize(("typed", "message"), REFUSED)
def test_the_field_of_a_form_says_the_same(db: None, typed: str, message: str) -> None:
    with pytest.raises(forms.ValidationError) as refusal:
        AmountField().clean(typed)

    assert refusal.value.messages == [message]


@pytest.mark.parametrize(
    ("typed", "amount"),
    [(" 25 ", "25.00"), ("25.5", "25.50"), ("0.01", "0.01"), ("007", "7.00"), (str(HIGHEST_AMOUNT), "999999999999.00")],
)
def test_plain_decimals_are_amounts_with_the_decimals_of_the_currency(typed: str, amount: str) -> None:
    assert str(parse_amount(typed, USD)) == amount


def test_the_currency_says_how_many_decimals_there_are() -> None:
    assert str(parse_amount("1.125", DINAR)) == "1.125"
    assert str(parse_amount("1", YEN)) == "1"

    with pytest.raises(InvalidAmount, match="JPY has 0 decimals"):
        parse_amount("1.0", YEN)


def test_zero_is_an_amount_where_it_is_allowed() -> None:
    assert parse_amount("0", USD, allow_zero=True) == 0


@given(st.decimals(min_value="0.01", max_value=HIGHEST_AMOUNT, places=2))
def test_every_amount_is_read_as_it_is_written(amount: Decimal) -> None:
    assert parse_amount(f"{amount:f}", USD) == amount


@given(st.text())
def test_whatever_is_typed_is_an_amount_above_zero_or_refused(typed: str) -> None:
    try:
        amount = parse_amount(typed, USD)
    except InvalidAmount:
        return

    assert 0 < amount <= HIGHEST_AMOUNT
    assert amount == amount.quantize(USD.smallest)


def test_amounts_are_shown_with_thousands_separators_and_a_real_minus() -> None:
    assert format_amount(Decimal("1000"), USD) == "1,000.00"
    assert format_amount(Decimal("-1234567.5"), USD) == f"{MINUS}1,234,567.50"
    assert format_amount(Decimal("1000"), YEN) == "1,000"
    assert with_code(Decimal("1000"), USD) == "1,000.00 USD"


def test_a_credit_limit_may_be_typed_with_a_minus(db: None) -> None:
    field = AmountField(allow_zero=True, allow_minus=True, required=False)

    assert field.clean("-500") == 500
    assert field.clean(f"{MINUS}500") == 500
    assert field.clean("500") == 500
    assert field.clean("") == 0


@pytest.mark.parametrize("typed", ["abc", "--500", "-", "-1e3", "-NaN"])
def test_a_credit_limit_that_is_no_amount_is_refused(db: None, typed: str) -> None:
    with pytest.raises(forms.ValidationError):
        AmountField(allow_zero=True, allow_minus=True, required=True).clean(typed)
