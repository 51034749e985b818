"""The general settings: the panel's name, its time zone and its one currency."""

from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.http import HttpResponse

from accounts.models import User
from audit.actions import Action
from audit.models import AuditEntry
from ispanel.models import PanelSettings
from ispanel.operations import CurrencyLocked, change_general_settings
from plans.models import Plan
from resellers.models import Reseller
from tests.cast import NOW, fund, group, make_plan, make_reseller, make_staff, seat_of, signed_in
from tests.pages import body, error_at, send

SETTINGS = "/settings/"
SHIPPED = {"name": "ISPanel", "time_zone": "UTC", "currency_code": "USD", "currency_decimals": 2}


def in_force() -> dict[str, Any]:
    return PanelSettings.objects.values(*SHIPPED).get()


def saved(user: User, **typed: Any) -> HttpResponse:
    """Open the page, change what is typed and send it."""
    return send(signed_in(user), SETTINGS, **typed)


@pytest.fixture
def moved(asha: User, north: Reseller) -> Reseller:
    """Return North after the first transfer."""
    fund(north.wallet, "100", actor=asha)
    return north


# --- it works ---------------------------------------------------------------------------------------------------------


def test_an_admin_saves_them(asha: User) -> None:
    response = saved(asha, name="Al-Noor Panel", time_zone="Asia/Dhaka", currency_code="KWD", currency_decimals="3")

    assert (response.status_code, response.url) == (303, SETTINGS)
    assert in_force() == {
        "name": "Al-Noor Panel", "time_zone": "Asia/Dhaka", "currency_code": "KWD", "currency_decimals": 3
    }  # fmt: skip


def test_they_hold_on_the_next_page(asha: User) -> None:
    client = signed_in(asha)
    make_plan()

    response = send(client, SETTINGS, name="Al-Noor Panel", currency_code="KWD", currency_decimals="3")

    page = body(client.get(response.url))
    assert "The settings are saved." in page
    assert "Al-Noor Panel" in page
    assert "25.000" in body(client.get("/plans/"))
    assert "KWD" in body(client.get("/"))


def test_it_is_audited_with_old_and_new(asha: User) -> None:
    saved(asha, name="Al-Noor Panel", time_zone="Asia/Dhaka")

    entry = AuditEntry.objects.latest("id")
    assert (entry.action, entry.actor_name) == (Action.PANEL_SETTINGS_CHANGED, "asha")
    assert entry.changes == {"name": ["ISPanel", "Al-Noor Panel"], "time_zone": ["UTC", "Asia/Dhaka"]}


def test_saving_what_was_there_leaves_no_trace(asha: User) -> None:
    before = AuditEntry.objects.count()

    assert saved(asha).status_code == 303

    assert AuditEntry.objects.count() == before


# --- refused, with the field's own message ----------------------------------------------------------------------------


NO_CODE = "Enter the three capital letters of the currency, as in USD."
REFUSALS = {
    "name missing": ("name", "  ", "This field is required."),
    "name of 61": ("name", "x" * 61, "Ensure this value has at most 60 characters (it has 61)."),
    "zone unknown": (
        "time_zone",
        "Mars/Olympus",
        "Select a valid choice. Mars/Olympus is not one of the available choices.",
    ),
    "zone that is a path": (
        "time_zone",
        "../../etc/passwd",
        "Select a valid choice. ../../etc/passwd is not one of the available choices.",
    ),
    "zone missing": ("time_zone", "", "This field is required."),
    "currency in small letters": ("currency_code", "usd", NO_CODE),
    "currency with a digit": ("currency_code", "US1", NO_CODE),
    "currency too short": ("currency_code", "US", NO_CODE),
    "currency too long": ("currency_code", "USDT", "Ensure this value has at most 3 characters (it has 4)."),
    "currency in other letters": ("currency_code", "ЕВР", NO_CODE),
    "decimals too many": ("currency_decimals", "5", "A currency has at most 4 decimals."),
    "decimals below zero": ("currency_decimals", "-1", "Ensure this value is greater than or equal to 0."),
    "decimals in letters": ("currency_decimals", "two", "Enter a whole number."),
}


@pytest.mark.parametrize(("field", "typed", "message"), REFUSALS.values(), ids=REFUSALS)
def test_what_cannot_be_is_refused_at_the_field(asha: User, field: str, typed: str, message: str) -> None:
    response = saved(asha, **{field: typed})

    assert (response.status_code, set(response.context["form"].errors)) == (422, {field})
    assert message in error_at(response, field)
    assert in_force() == SHIPPED


def test_decimals_that_a_price_or_a_credit_limit_has_are_not_taken_away(asha: User) -> None:
    make_plan("Home", "25.50")

    response = saved(asha, currency_decimals="0")

    assert response.status_code == 422
    words = "The price of Home is 25.5. Change it first, or keep the decimals."
    assert error_at(response, "currency_decimals") == words
    assert in_force() == SHIPPED
    assert saved(asha, currency_decimals="1").status_code == 303
    make_reseller(asha, "wael", "West Net", credit_limit=Decimal("0.5"))
    Plan.objects.update(price=25)
    assert "The credit limit of West Net is 0.5." in error_at(saved(asha, currency_decimals="0"), "currency_decimals")


# --- the currency is locked -------------------------------------------------------------------------------------------


def test_the_currency_stays_after_the_first_transfer_whatever_is_posted(asha: User, moved: Reseller) -> None:
    client = signed_in(asha)
    page = client.get(SETTINGS)
    assert "The currency is locked: money has moved in it." in body(page)
    assert page.content.decode().count(" disabled") >= 2

    saved(asha, name="Al-Noor Panel", currency_code="EUR", currency_decimals="0")

    assert in_force() == SHIPPED | {"name": "Al-Noor Panel"}


@pytest.mark.parametrize("change", [{"currency_code": "EUR"}, {"currency_decimals": 3}])
def test_the_operation_refuses_another_currency_then(asha: User, moved: Reseller, change: dict[str, Any]) -> None:
    before = AuditEntry.objects.count()

    with pytest.raises(CurrencyLocked, match="The currency is locked since the first transfer"):
        change_general_settings(actor=seat_of(asha), now=NOW, name="Other", **change)

    assert in_force() == SHIPPED
    assert AuditEntry.objects.count() == before


@pytest.mark.parametrize("change", ["currency_code = 'EUR'", "currency_decimals = 3"])
def test_the_database_refuses_it_too(moved: Reseller, change: str) -> None:
    with pytest.raises(DatabaseError, match="currency is locked"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE panel_settings SET {change}")


def test_name_and_time_zone_stay_free(asha: User, moved: Reseller) -> None:
    assert saved(asha, time_zone="Asia/Dhaka").status_code == 303
    assert in_force()["time_zone"] == "Asia/Dhaka"


def test_there_is_one_row_of_them(db: None) -> None:
    with pytest.raises(IntegrityError, match="panel_settings_is_one_row"), transaction.atomic():
        PanelSettings.objects.create(id=2)


# --- only admins ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["get", "post"])
def test_nobody_but_an_admin_reaches_them(
    asha: User, nadia: User, sami: User, noor: User, petra: User, north: Reseller, method: str
) -> None:
    for user in (nadia, sami, noor, petra, make_staff(asha, north, "clerk", group("SALES"))):
        assert getattr(signed_in(user), method)(SETTINGS, SHIPPED | {"name": "Mine"}).status_code == 403, user

    assert in_force() == SHIPPED


def test_an_admin_in_a_resellers_seat_does_not_either(asha: User, north: Reseller) -> None:
    client = signed_in(asha)
    send(client, f"/resellers/{north.pk}/seats/", reason="a look")

    assert client.get(SETTINGS).status_code == 403
