"""The list of plans."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import PermissionGroup, User
from plans.models import Plan
from resellers.models import Reseller
from subscribers.models import Subscriber
from tests.cast import NOW, make_plan, make_staff, signed_in
from tests.pages import body, links_of, rows_of
from tests.resellers.scopes import line_of, make_service_group

LIST = "/plans/"


@pytest.fixture
def old(db: None) -> Plan:
    """Return a plan that is no longer sold."""
    return make_plan("Old", "9.90", duration=1, duration_unit="months", quota_mb=50_000, is_on_sale=False)


def names(client: Client, query: str = "") -> list[str]:
    return [row[0] for row in rows_of(client.get(f"{LIST}?{query}"))]


def test_a_row_says_what_is_sold(asha: User, home: Plan, old: Plan) -> None:
    rows = rows_of(signed_in(asha).get(LIST))

    assert [row[:7] for row in rows] == [
        ["Old", "No longer sold", "9.90", "1 month", "50 / 10", "50 GB", "0"],
        ["Home", "On sale", "25.00", "30 days", "50 / 10", "Unlimited", "0"],
    ]


def test_an_admin_reads_which_service_groups_hold_it(asha: User, home: Plan, old: Plan) -> None:
    make_service_group(asha, "Fibre", home)
    make_service_group(asha, "Town", home)

    assert [row[7] for row in rows_of(signed_in(asha).get(LIST))] == ["All plans", "All plans, Fibre, Town"]


def test_resellers_see_what_is_sold_and_change_none_of_it(nadia: User, noora: User, home: Plan, old: Plan) -> None:
    for user in (nadia, noora):
        response: Any = signed_in(user).get(LIST)
        assert [row[0] for row in rows_of(response)] == ["Home"]
        assert not {"/plans/new", f"/plans/{home.pk}/edit/"} & links_of(response)


def test_a_partner_sees_them_all_and_changes_none(noor: User, home: Plan, old: Plan) -> None:
    response: Any = signed_in(noor).get(LIST)

    assert [row[0] for row in rows_of(response)] == ["Old", "Home"]
    assert not {"/plans/new", f"/plans/{home.pk}/edit/"} & links_of(response)


def test_those_without_the_permission_are_told_so(asha: User, petra: User, north: Reseller) -> None:
    none = make_staff(asha, north, "none", PermissionGroup.objects.create(name="None", codes=["dashboard.view"]))

    for user in (petra, none):
        assert signed_in(user).get(LIST).status_code == 403


def test_subscribers_are_counted_within_the_scope(
    asha: User, nadia: User, noora: User, sami: User, north: Reseller, northeast: Reseller, south: Reseller, home: Plan
) -> None:
    for number, reseller in enumerate((north, north, northeast, south)):
        line_of(reseller, home, f"line{number}")
    Subscriber.objects.filter(username="line0").update(terminated_at=NOW)

    rows = {user.username: rows_of(signed_in(user).get(LIST))[0] for user in (asha, nadia, noora, sami)}

    assert rows["asha"][6] == "3"
    assert {name: row[8] for name, row in rows.items() if name != "asha"} == {"nadia": "2", "noora": "1", "sami": "1"}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["Old", "Home", "Air"]),
        ("sort=name", ["Air", "Home", "Old"]),
        ("sort=-name", ["Old", "Home", "Air"]),
        ("sort=-price", ["Air", "Home", "Old"]),
        ("sort=subscribers", ["Air", "Old", "Home"]),
        ("sort=zzz&page=abc&q=%00", ["Old", "Home", "Air"]),
        ("page=99999999999999999999", ["Old", "Home", "Air"]),
    ],
)
def test_the_address_says_the_order(
    asha: User, north: Reseller, home: Plan, old: Plan, query: str, expected: list[str]
) -> None:
    make_plan("Air", "99")
    line_of(north, home)

    assert names(signed_in(asha), query) == expected


def test_without_plans_it_says_what_one_is(asha: User, nadia: User) -> None:
    assert "A plan is what a subscriber buys" in body(signed_in(asha).get(LIST))
    assert "/plans/new" in links_of(signed_in(asha).get(LIST))
    assert "/plans/new" not in links_of(signed_in(nadia).get(LIST))


@pytest.mark.parametrize("who", ["asha", "nadia", "noor"])
def test_the_number_of_queries_does_not_grow(
    asha: User, nadia: User, noor: User, north: Reseller, home: Plan, who: str
) -> None:
    client = signed_in({"asha": asha, "nadia": nadia, "noor": noor}[who])
    costs = []

    for more in (1, 6):
        for number in range(more):
            plan = make_plan(f"Plan {more} {number}")
            line_of(north, plan, f"line{more}{number}")
            make_service_group(asha, f"Group {more} {number}", plan)
            plan.data_packs.create(megabytes=1_000, price=1)
        with CaptureQueriesContext(connection) as captured:
            assert client.get(LIST).status_code == 200
        costs.append(len(captured))

    assert costs[0] == costs[1] <= 10, captured.captured_queries
