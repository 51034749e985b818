"""Adding a plan."""

from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.models import User
from audit.actions import Action
from audit.models import AuditEntry
from plans.models import Plan
from resellers.models import Reseller
from tests.cast import group, make_plan, make_staff, signed_in
from tests.pages import body, counts, error_at, send

NEW = "/plans/new"
HOME = {"name": "Home", "price": "25", "duration": "30", "download_mbps": "50", "upload_mbps": "10"}


def wish(**typed: Any) -> dict[str, Any]:
    return HOME | typed


def test_an_admin_adds_a_plan(asha: User) -> None:
    client = signed_in(asha)

    response = send(client, NEW, **wish())

    plan = Plan.objects.get()
    assert (response.status_code, response.url) == (303, "/plans/")
    assert "The plan Home is created." in body(client.get("/plans/"))
    assert (plan.name, plan.price, plan.duration, plan.duration_unit) == ("Home", 25, 30, "days")
    assert plan.is_on_sale


def test_speeds_and_quota_are_typed_in_mbits_and_gb_and_kept_in_kbits_and_mb(asha: User) -> None:
    send(signed_in(asha), NEW, **wish(download_mbps="2.5", upload_mbps="0.512", quota_gb="1.5"))

    plan = Plan.objects.get()
    assert (plan.download_kbps, plan.upload_kbps, plan.quota_mb) == (2500, 512, 1500)
    assert (plan.speed_words, plan.quota_words) == ("2.5 / 0.512", "1.5 GB")


def test_without_a_quota_it_is_unlimited(asha: User) -> None:
    send(signed_in(asha), NEW, **wish(quota_gb=""))

    assert Plan.objects.get().quota_mb is None
    assert Plan.objects.get().quota_words == "Unlimited"


def test_a_price_of_nothing_is_allowed(asha: User) -> None:
    assert send(signed_in(asha), NEW, **wish(price="0")).status_code == 303
    assert Plan.objects.get().price == 0


def test_a_plan_can_wait_before_it_is_sold(asha: User) -> None:
    send(signed_in(asha), NEW, **wish(is_on_sale=None, duration_unit="months", duration="1"))

    plan = Plan.objects.get()
    assert (plan.is_on_sale, plan.duration_words) == (False, "1 month")


def test_it_is_audited_with_what_it_is(asha: User) -> None:
    send(signed_in(asha), NEW, **wish(price="25.50"))

    entry = AuditEntry.objects.latest("id")
    assert (entry.action, entry.actor_name, entry.object_name) == (Action.PLAN_CREATED, "asha", "Home")
    assert entry.changes["price"] == [None, "25.5"]
    assert entry.changes["download_kbps"] == [None, 50000]


# --- refused, with the field's own message ----------------------------------------------------------------------------


ABOVE_ZERO = "Enter an amount above zero, without a minus sign."
DIGITS = "Enter digits with a point for decimals, for example 25.00."
REQUIRED = "This field is required."
SPEED = "Enter a speed above zero."
REFUSALS = {
    "price below zero": ("price", "-5", ABOVE_ZERO),
    "price with an exponent": ("price", "1e3", DIGITS),
    "price too fine": ("price", "0.001", "USD has 2 decimals; enter no more than that."),
    "price NaN": ("price", "NaN", DIGITS),
    "price infinite": ("price", "Infinity", DIGITS),
    "price in Arabic digits": ("price", "١٢٣", DIGITS),
    "price with a comma": ("price", "1,000", DIGITS),
    "price of 10^20": ("price", "1" + "0" * 20, "The highest amount is 999,999,999,999.00."),
    "price missing": ("price", "", "Enter an amount, for example 25.00."),
    "name missing": ("name", "  ", REQUIRED),
    "name of 101": ("name", "x" * 101, "Ensure this value has at most 100 characters (it has 101)."),
    "name with a null byte": ("name", "a\0b", "Null characters are not allowed."),
    "duration of nothing": ("duration", "0", "Ensure this value is greater than or equal to 1."),
    "duration for ever": ("duration", "3651", "Ensure this value is less than or equal to 3650."),
    "duration in letters": ("duration", "month", "Enter a whole number."),
    "duration in weeks": (
        "duration_unit",
        "weeks",
        "Select a valid choice. weeks is not one of the available choices.",
    ),
    "download of nothing": ("download_mbps", "0", SPEED),
    "download missing": ("download_mbps", "", REQUIRED),
    "download below zero": ("download_mbps", "-1", "Ensure this value is greater than or equal to 0."),
    "upload NaN": ("upload_mbps", "NaN", "Enter a number."),
    "upload too fine": ("upload_mbps", "0.0001", "Ensure that there are no more than 3 decimal places."),
    "upload beyond light": ("upload_mbps", "1000001", "Ensure this value is less than or equal to 1000000."),
    "quota below zero": ("quota_gb", "-1", "Ensure this value is greater than or equal to 0."),
    "quota of nothing": ("quota_gb", "0", "Enter a quota above zero, or leave it empty for unlimited."),
    "quota in letters": ("quota_gb", "none", "Enter a number."),
}


@pytest.mark.parametrize(("field", "typed", "message"), REFUSALS.values(), ids=REFUSALS)
def test_adding_is_refused_at_the_field(asha: User, field: str, typed: str, message: str) -> None:
    client = signed_in(asha)
    before = counts()

    response = send(client, NEW, **wish(**{field: typed}))

    assert (response.status_code, set(response.context["form"].errors)) == (422, {field})
    assert error_at(response, field) == message
    assert counts() == before


def test_a_plan_of_months_lasts_ten_years_at_most(asha: User) -> None:
    response = send(signed_in(asha), NEW, **wish(duration="121", duration_unit="months"))

    assert response.status_code == 422
    assert error_at(response, "duration") == "A plan lasts at most ten years: 120 months."
    assert send(signed_in(asha), NEW, **wish(duration="120", duration_unit="months")).status_code == 303


@pytest.mark.parametrize("typed", ["Home", " Home "])
def test_the_name_of_another_plan_is_taken(asha: User, home: Plan, typed: str) -> None:
    client = signed_in(asha)
    before = counts()

    response = send(client, NEW, **wish(name=typed))

    assert response.status_code == 422
    assert error_at(response, "name") == f"There is a plan named “{typed.strip()}” already."
    assert counts() == before


# --- only admins ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["get", "post"])
def test_nobody_but_an_admin_adds_a_plan(
    asha: User, nadia: User, noora: User, sami: User, noor: User, petra: User, north: Reseller, method: str
) -> None:
    clerk = make_staff(asha, north, "clerk", group("SALES"))

    for user in (nadia, noora, sami, noor, petra, clerk):
        assert getattr(signed_in(user), method)(NEW, wish()).status_code == 403, user

    assert not Plan.objects.exists()


def test_an_admin_in_a_resellers_seat_adds_none_either(asha: User, north: Reseller) -> None:
    client = signed_in(asha)
    send(client, f"/resellers/{north.pk}/seats/", reason="a look")

    assert client.post(NEW, wish()).status_code == 403


# --- the database has the last word -----------------------------------------------------------------------------------


@pytest.mark.parametrize("wrong", ["price = -1", "price = 'NaN'", "duration = 0", "duration_unit = 'weeks'"])
def test_the_database_refuses_what_is_no_plan(home: Plan, wrong: str) -> None:
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE plans SET {wrong}")


def test_the_database_refuses_a_second_plan_of_the_name(home: Plan) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        make_plan("Home")
