"""What a reseller asks for a plan, what it pays, and what it keeps: in the list, and set."""

from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.http import HttpResponse

from accounts.models import PermissionGroup, User
from audit.actions import Action
from audit.models import AuditEntry
from ispanel.refusals import Forbidden
from plans.models import Plan
from resellers import operations
from resellers.models import Reseller, RetailPrice
from resellers.terms import PlanOutOfReach
from tests.cast import NOW, group, make_plan, make_reseller, make_staff, seat_of, signed_in
from tests.pages import body, counts, error_at, links_of, rows_of, send
from tests.resellers.scopes import give, level, make_service_group

LIST = "/plans/"


@pytest.fixture
def golden(asha: User, home: Plan) -> Reseller:
    """Return a reseller that pays 10 percent less."""
    return make_reseller(asha, "goldie", "Golden Net", level=level("GOLD"))


def price_of(plan: Plan) -> str:
    return f"/plans/{plan.pk}/price/"


def ask(user: User, plan: Plan, **typed: Any) -> HttpResponse:
    return send(signed_in(user), price_of(plan), **typed)


def asked(of: Reseller, plan: Plan) -> Decimal | None:
    return RetailPrice.objects.filter(reseller=of, plan=plan).values_list("price", flat=True).first()


def test_the_list_shows_what_one_pays_asks_and_keeps(asha: User, golden: Reseller, home: Plan) -> None:
    make_plan("Night", "6.05")
    ask(golden.user, home, price="29")

    assert [row[:5] for row in rows_of(signed_in(golden.user).get(LIST))] == [
        ["Night", "6.05", "5.45", "6.05", "0.60"],
        ["Home", "25.00", "22.50", "29.00", "6.50"],
    ]


def test_a_margin_below_zero_is_shown_as_such(asha: User, golden: Reseller, home: Plan) -> None:
    ask(golden.user, home, price="20")

    assert rows_of(signed_in(golden.user).get(LIST))[0][4] == "−2.50"


def test_what_one_asks_is_set_and_said(golden: Reseller, home: Plan) -> None:
    client = signed_in(golden.user)

    response = send(client, price_of(home), price="29.90")

    assert (response.status_code, response.url) == (303, LIST)
    assert "You ask 29.90 USD for Home." in body(client.get(LIST))
    assert asked(golden, home) == Decimal("29.9")


def test_empty_is_the_plans_own_price_again(golden: Reseller, home: Plan) -> None:
    ask(golden.user, home, price="29.90")

    ask(golden.user, home, price="")

    assert asked(golden, home) is None
    assert rows_of(signed_in(golden.user).get(LIST))[0][3] == "25.00"


def test_nothing_may_be_asked(golden: Reseller, home: Plan) -> None:
    ask(golden.user, home, price="0")

    assert asked(golden, home) == 0


def test_it_is_audited_with_old_and_new_in_the_resellers_trail(golden: Reseller, home: Plan) -> None:
    ask(golden.user, home, price="29")
    ask(golden.user, home, price="")

    first, second = AuditEntry.objects.filter(action=Action.RETAIL_PRICE_SET).order_by("id")
    assert (first.object_name, first.reseller_id, first.changes) == ("Home", golden.pk, {"retail_price": [None, "29"]})
    assert second.changes == {"retail_price": ["29", None]}


def test_the_same_price_again_leaves_no_trace(golden: Reseller, home: Plan) -> None:
    ask(golden.user, home, price="29")
    before = counts()

    assert ask(golden.user, home, price="29.00").status_code == 303

    assert counts() == before


@pytest.mark.parametrize("typed", ["-1", "1e3", "NaN", "0.001", "1" + "0" * 20])
def test_what_is_no_price_is_refused_at_the_field(golden: Reseller, home: Plan, typed: str) -> None:
    response = ask(golden.user, home, price=typed)

    assert response.status_code == 422
    assert error_at(response, "price")
    assert asked(golden, home) is None


def test_the_margin_is_shown_while_one_types(golden: Reseller, home: Plan) -> None:
    client = signed_in(golden.user)

    whole = body(client.get(price_of(home)))
    typed = body(client.get(price_of(home), {"price": "30"}, headers={"HX-Target": "preview"}))

    assert "The plan's price 25.00 USD You pay 22.50 USD You ask 25.00 USD Your margin 2.50 USD" in whole
    assert typed == "The plan's price 25.00 USD You pay 22.50 USD You ask 30.00 USD Your margin 7.50 USD"


def test_it_is_of_the_own_reseller_alone(golden: Reseller, south: Reseller, home: Plan) -> None:
    ask(golden.user, home, price="29")

    assert asked(south, home) is None
    assert rows_of(signed_in(south.user).get(LIST))[0][1:5] == ["25.00", "25.00", "25.00", "0.00"]


def test_a_sub_asks_its_own_price(asha: User, noora: User, northeast: Reseller, north: Reseller, home: Plan) -> None:
    ask(noora, home, price="31")

    assert (asked(northeast, home), asked(north, home)) == (31, None)


def test_an_admin_has_no_subscribers_of_their_own_to_ask(asha: User, home: Plan) -> None:
    response = signed_in(asha).get(price_of(home))

    assert response.status_code == 403
    assert "Only a reseller sets what its subscribers are asked for." in body(response)
    with pytest.raises(Forbidden):
        operations.set_retail_price(actor=seat_of(asha), plan_id=home.pk, price=None, now=NOW)


def test_the_permission_is_asked_for(asha: User, north: Reseller, noor: User, home: Plan) -> None:
    clerk = make_staff(asha, north, "clerk", group("SUPPORT"))

    for user in (clerk, noor):
        assert signed_in(user).post(price_of(home), {"price": "1"}).status_code == 403
        assert price_of(home) not in links_of(signed_in(user).get(LIST))


def test_a_plan_out_of_reach_does_not_exist(asha: User, golden: Reseller, home: Plan) -> None:
    night = make_plan("Night", "6")
    give(asha, golden, make_service_group(asha, "Fibre", home))

    assert ask_status(golden.user, night) == 404
    assert [row[0] for row in rows_of(signed_in(golden.user).get(LIST))] == ["Home"]
    with pytest.raises(PlanOutOfReach):
        operations.set_retail_price(actor=seat_of(golden.user), plan_id=night.pk, price=Decimal(1), now=NOW)


def ask_status(user: User, plan: Plan) -> int:
    return int(signed_in(user).post(price_of(plan), {"price": "1"}).status_code)


def test_without_a_service_group_the_list_says_so_and_whom_to_ask(
    asha: User, nadia: User, noora: User, north: Reseller, northeast: Reseller, home: Plan
) -> None:
    give(asha, northeast)
    of_sub = body(signed_in(noora).get(LIST))
    give(asha, north)
    of_north = body(signed_in(nadia).get(LIST))

    assert "No service group yet You sell the plans of your service groups. Ask North Net for one." in of_sub
    assert "You sell the plans of your service groups. Ask your provider for one." in of_north
    assert "Home" not in of_sub


def test_whoever_sees_all_plans_finds_prices_at_those_it_may_sell(asha: User, home: Plan) -> None:
    plus = PermissionGroup.objects.create(name="PLUS", codes=[*group("SALES").codes, "plans.view_all"])
    night = make_plan("Night", "6")
    fibre = make_service_group(asha, "Fibre", home)
    seer = make_reseller(asha, "seer", "Seer Net", permission_group=plus, service_groups=[fibre], level=level("GOLD"))

    response = signed_in(seer.user).get(LIST)

    assert [row[:6] for row in rows_of(response)] == [
        ["Night", "On sale", "6.00", "—", "—", "—"],
        ["Home", "On sale", "25.00", "22.50", "25.00", "2.50"],
    ]
    assert price_of(home) in links_of(response)
    assert price_of(night) not in links_of(response)


@pytest.mark.parametrize("wrong", ["price = -1", "price = 'NaN'", "price = 10 ^ 13"])
def test_the_database_refuses_what_is_no_price(golden: Reseller, home: Plan, wrong: str) -> None:
    ask(golden.user, home, price="1")

    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE retail_prices SET {wrong}")
