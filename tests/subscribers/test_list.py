"""The list of subscribers and the list of periods sold: rows, tabs, filters and their cost."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import PermissionGroup, User
from ispanel.models import PanelSettings
from plans.models import DataPack, Level, Plan
from resellers.models import Reseller, RetailPrice
from subscribers.forms import COLUMNS
from subscribers.models import Renewal, Subscriber
from subscribers.operations import record_usage, refund_charge, sell_data
from tests.cast import NOW, fund, group, make_plan, make_staff, seat_of, signed_in
from tests.network.devices import add_nas
from tests.pages import body, links_of, rows_of, text_of
from tests.subscribers.lines import add

LIST, SOLD = "/subscribers/", "/renewals/"
FRAGMENT = {"HX-Request": "true", "HX-Target": "results"}
DAY = timedelta(days=1)


@pytest.fixture
def night(db: None) -> Plan:
    return make_plan("Night", "10.00", duration=5)


@pytest.fixture
def lines(asha: User, north: Reseller, northeast: Reseller, south: Reseller, home: Plan, night: Plan) -> None:
    """North's amal (30 days left), badr (5 days), carla (over); Northeast's dana (unpaid); South's salma (30 days)."""
    now = timezone.now()
    for reseller in (north, south):
        fund(reseller.wallet, "1000", actor=asha)
    add(asha, north, home, "amal", now=now, full_name="Amal Haddad", address="Cedar Street")
    add(asha, north, night, "badr", now=now, phone="+961 70 555 182")
    add(asha, north, home, "carla", now=now - 40 * DAY)
    add(asha, northeast, home, "dana", now=now, activate=False)
    add(asha, south, home, "salma", now=now)


def names(client: Client, query: str = "") -> list[str]:
    """Return the usernames in the list, in its order, as its rows show them."""
    return [row[0].split()[0] for row in rows_of(client.get(f"{LIST}?{query}"))]


# --- rows -------------------------------------------------------------------------------------------------------------


def test_everybody_sees_their_own_scope(
    lines: None, asha: User, nadia: User, noora: User, sami: User, noor: User
) -> None:
    everybody = ["salma", "dana", "carla", "badr", "amal"]

    assert names(signed_in(asha)) == names(signed_in(noor)) == everybody
    assert names(signed_in(nadia)) == everybody[1:]
    assert names(signed_in(noora)) == ["dana"]
    assert names(signed_in(sami)) == ["salma"]


def test_a_row_says_who_whose_what_and_until_when(lines: None, nadia: User) -> None:
    row = rows_of(signed_in(nadia).get(f"{LIST}?q=amal"))[0]

    expires_at = Subscriber.objects.get(username="amal").expires_at
    assert row[:6] == [
        "amal Amal Haddad",
        "Active",
        "North Net",
        "Home",
        "25.00 margin 0.00",
        f"{expires_at:%-d %b %Y}",
    ]


def test_the_reseller_is_a_link_for_those_who_may_open_its_page(
    lines: None, asha: User, noor: User, north: Reseller, northeast: Reseller, south: Reseller
) -> None:
    own, foreign = {f"/resellers/{north.pk}/", f"/resellers/{northeast.pk}/"}, {f"/resellers/{south.pk}/"}
    north.permission_group = PermissionGroup.objects.create(
        name="Far-sighted", codes=["subscribers.view_all", "resellers.view"]
    )
    north.save(update_fields=["permission_group"])

    def linked(user: User) -> set[str]:
        return links_of(signed_in(user).get(LIST)) & (own | foreign)

    assert linked(asha) == linked(noor) == own | foreign
    assert linked(north.user) == own
    assert signed_in(north.user).get(foreign.pop()).status_code == 404


def test_terminated_lines_are_hidden(lines: None, nadia: User) -> None:
    Subscriber.objects.filter(username="amal").update(terminated_at=NOW)

    assert names(signed_in(nadia)) == ["dana", "carla", "badr"]
    assert names(signed_in(nadia), "status=terminated") == ["dana", "carla", "badr"]


def test_an_empty_list_says_what_it_is_for(nadia: User) -> None:
    page = body(signed_in(nadia).get(LIST))

    assert "No subscribers yet" in page
    assert "Add subscriber" in page


# --- tabs and filters -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("query", ["", "q=a", "due=7", "q=zzz"])
def test_each_tab_counts_its_rows(lines: None, nadia: User, query: str) -> None:
    response: Any = signed_in(nadia).get(f"{LIST}?{query}")

    for status, label, count in response.context["tabs"]:
        assert len(names(signed_in(nadia), f"{query}&status={status}")) == count
        assert f"{label} {count}" in body(response)


def test_the_counts_are_those_of_the_rows_that_are_there(lines: None, nadia: User) -> None:
    tabs = signed_in(nadia).get(LIST).context["tabs"]

    assert {str(label): count for _key, label, count in tabs} == {
        "All": 4,
        "Active": 2,
        "Expired": 2,
        "Suspended": 0,
        "Renewal failed": 0,
    }


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("status=active", ["badr", "amal"]),
        ("status=expired", ["dana", "carla"]),
        ("due=7", ["badr"]),
        ("due=30", ["badr", "amal"]),
        ("due=3", []),
        ("due=7&status=expired", []),
        ("due=-30", ["carla"]),
        ("due=-7", []),
        ("due=-5", ["dana", "carla", "badr", "amal"]),
        ("status=suspended", []),
        ("status=failed", []),
        ("q=HADDAD", ["amal"]),
        ("q=cedar", ["amal"]),
        ("q=555 182", ["badr"]),
        ("q=%25", []),
        ("q=salma", []),
        ("sort=username", ["amal", "badr", "carla", "dana"]),
        ("sort=-username", ["dana", "carla", "badr", "amal"]),
        ("sort=expires&status=active", ["badr", "amal"]),
        ("sort=plan&q=a", ["dana", "carla", "amal", "badr"]),
    ],
)
def test_the_address_says_what_is_shown(lines: None, nadia: User, query: str, expected: list[str]) -> None:
    assert names(signed_in(nadia), query) == expected


def test_it_is_filtered_by_plan_and_by_reseller(lines: None, nadia: User, northeast: Reseller, night: Plan) -> None:
    client = signed_in(nadia)

    assert names(client, f"plan={night.pk}") == ["badr"]
    assert names(client, f"reseller={northeast.pk}") == ["dana"]
    assert names(client, f"reseller={northeast.pk}&plan={night.pk}") == []


def test_suspended_ones_and_those_that_could_not_be_renewed_have_tabs(lines: None, nadia: User) -> None:
    Subscriber.objects.filter(username__in=["amal", "carla"]).update(suspended_at=NOW)
    Subscriber.objects.filter(username__in=["carla", "dana"]).update(renewal_failed_at=NOW, renewal_failure="x")
    client = signed_in(nadia)

    assert names(client, "status=suspended") == ["carla", "amal"]
    assert names(client, "status=expired") == ["dana"]
    assert names(client, "status=failed") == ["dana", "carla"]
    assert rows_of(client.get(f"{LIST}?q=dana"))[0][1] == "Expired Not renewed"


def test_it_is_filtered_by_nas_and_by_the_days_of_the_expiry(lines: None, asha: User, nadia: User) -> None:
    tower = add_nas(asha, "tower")
    Subscriber.objects.filter(username__in=["amal", "badr"]).update(nas=tower)
    client = signed_in(nadia)
    of_badr = timezone.localdate(Subscriber.objects.get(username="badr").expires_at)

    assert names(client, f"nas={tower.pk}") == ["badr", "amal"]
    assert names(client, f"expires_from={of_badr}&expires_to={of_badr}") == ["badr"]
    assert names(client, f"expires_from={of_badr + DAY}") == ["amal"]
    assert names(client, f"expires_to={of_badr - DAY}") == ["carla"]
    assert names(client, "expires_from=yesterday&expires_to=2026-02-30") == ["dana", "carla", "badr", "amal"]


def test_what_they_pay_is_the_lines_own_price_or_the_resellers_or_the_plans(
    lines: None, nadia: User, north: Reseller, night: Plan
) -> None:
    north.level = Level.objects.get(name="GOLD")
    north.save(update_fields=["level"])
    RetailPrice.objects.create(reseller=north, plan=night, price=Decimal(12))
    Subscriber.objects.filter(username="amal").update(retail_price=Decimal("30.5"))

    cells = {row[0].split()[0]: row[4] for row in rows_of(signed_in(nadia).get(LIST))}

    assert cells == {
        "amal": "30.50 margin 8.00",
        "badr": "12.00 margin 3.00",
        "carla": "25.00 margin 2.50",
        "dana": "25.00 margin 0.00",
    }


def test_the_usage_is_that_of_the_running_period_and_the_data_bought_on_top(
    asha: User, nadia: User, north: Reseller
) -> None:
    metered = make_plan("Metered", "0", quota_mb=50_000)
    pack = DataPack.objects.create(plan=metered, megabytes=5_000, price=0)
    line = add(asha, north, metered, "amal", now=timezone.now())
    add(asha, north, metered, "badr", activate=False)
    sell_data(actor=seat_of(asha), subscriber_id=line.pk, pack=pack, now=timezone.now())
    record_usage(used={"amal": 12_500}, now=timezone.now())

    rows = rows_of(signed_in(nadia).get(LIST))

    assert [row[6] for row in rows] == ["—", "12.5 GB of 55 GB"]


def test_the_columns_are_those_that_the_address_names(lines: None, nadia: User) -> None:
    client = signed_in(nadia)

    response = client.get(f"{LIST}?q=badr&col=phone&col=auto_renew&col=nas&col=added&col=zzz")

    heads = re.findall(r"<th[^>]*>(.*?)</th>", response.content.decode(), re.DOTALL)
    assert [text_of(head) for head in heads] == ["Subscriber", "NAS", "Phone", "Auto-renew", "Added", "Actions"]
    assert rows_of(response)[0][1:4] == ["—", "+961 70 555 182", "no"]
    assert "&amp;col=phone&amp;col=auto_renew" in response.content.decode()


@pytest.mark.parametrize(("query", "rows"), [("size=25", 25), ("size=50", 30), ("size=7", 30), ("size=x", 30)])
def test_a_page_has_as_many_rows_as_the_address_asks_for(
    asha: User, nadia: User, north: Reseller, home: Plan, query: str, rows: int
) -> None:
    for number in range(30):
        add(asha, north, home, f"line{number}", activate=False)

    assert len(names(signed_in(nadia), query)) == rows


def test_the_rows_can_be_picked_by_those_who_may_act_on_them(
    lines: None, nadia: User, noor: User, asha: User, north: Reseller
) -> None:
    clerk = make_staff(asha, north, "clerk", group("SUPPORT"))

    def boxes(user: User) -> int:
        return signed_in(user).get(LIST).content.decode().count('name="pick"')

    assert (boxes(nadia), boxes(noor), boxes(clerk)) == (4, 0, 0)


def test_the_tabs_follow_the_filters_when_htmx_asks(lines: None, nadia: User) -> None:
    fragment = signed_in(nadia).get(LIST, {"q": "amal", "sort": "username"}, headers=FRAGMENT).content.decode()

    assert 'id="views" aria-label="Views" hx-swap-oob="true"' in fragment
    assert "All 1 Active 1 Expired 0" in text_of(fragment)
    assert '<input type="hidden" name="sort" value="username">' in fragment


def test_resellers_outside_the_scope_are_no_filter(
    lines: None, asha: User, nadia: User, noor: User, north: Reseller, south: Reseller
) -> None:
    assert names(signed_in(nadia), f"reseller={south.pk}") == names(signed_in(nadia))
    assert "South Net" not in body(signed_in(nadia).get(LIST))
    assert names(signed_in(noor), f"reseller={south.pk}") == ["salma"]


GARBAGE = (
    "page=abc&status=zzz&plan=x&reseller=-1&due=999&sort=--x",
    "page=99999999999999999999&plan=99999999999999999999&reseller=99999999999999999999",
    "q=%00&due=%00&status=%00&sort=%00",
    "start=yesterday&end=2026-02-30",
    "start=0001-01-01&end=9999-12-31",
    "start=9999-12-31&end=0001-01-01",
    "status=active&status=expired&due=7&due=x",
    "q=" + "x" * 5000,
    "nas=x&size=%00&col=%00&expires_from=0001-01-01&expires_to=9999-12-31&due=-x",
)


@pytest.mark.parametrize("url", [LIST, SOLD])
def test_garbage_in_the_address_breaks_nothing(lines: None, nadia: User, url: str) -> None:
    PanelSettings.objects.update(time_zone="Asia/Dhaka")
    client = signed_in(nadia)

    for query in GARBAGE:
        assert client.get(f"{url}?{query}").status_code == 200, query


@pytest.mark.parametrize("url", [LIST, SOLD])
def test_htmx_gets_the_results_alone(lines: None, nadia: User, url: str) -> None:
    response: Any = signed_in(nadia).get(url, {"q": "amal"}, headers=FRAGMENT)

    fragment = response.content.decode()
    assert "<html" not in fragment
    assert "amal" in text_of(fragment)
    assert "badr" not in text_of(fragment)
    assert "HX-Target" in response["Vary"]


def test_a_filter_without_rows_offers_the_way_back(lines: None, nadia: User) -> None:
    assert "No subscriber matches" in body(signed_in(nadia).get(f"{LIST}?q=zzz"))


# --- the periods sold -------------------------------------------------------------------------------------------------


def sold(client: Client, query: str = "") -> list[str]:
    return [row[0] for row in rows_of(client.get(f"{SOLD}?{query}"))]


def test_the_periods_sold_are_those_of_the_scope(
    lines: None, asha: User, nadia: User, noora: User, sami: User, noor: User, petra: User
) -> None:
    assert sold(signed_in(asha)) == sold(signed_in(noor)) == ["salma", "badr", "amal", "carla"]
    assert sold(signed_in(nadia)) == ["badr", "amal", "carla"]
    assert sold(signed_in(noora)) == []
    assert sold(signed_in(sami)) == ["salma"]
    assert signed_in(petra).get(SOLD).status_code == 403


def test_the_totals_are_the_sums_of_the_rows(lines: None, nadia: User) -> None:
    response: Any = signed_in(nadia).get(SOLD)

    assert [row[2:] for row in rows_of(response)] == [
        ["Activation", "Night", "North Net", "10.00", "10.00"],
        ["Activation", "Home", "North Net", "25.00", "25.00"],
        ["Activation", "Home", "North Net", "25.00", "25.00"],
    ]
    assert "Sold 3 Charged to wallets 60.00 USD Retail 60.00 USD" in body(response)


def test_a_refund_stands_there_as_a_line_of_its_own_with_a_minus(
    lines: None, asha: User, nadia: User, north: Reseller
) -> None:
    for username in ("amal", "carla"):
        period = Renewal.objects.get(subscriber__username=username)
        refund_charge(actor=seat_of(asha), renewal_id=period.pk, reason="Never installed", now=timezone.now())
    client, today = signed_in(nadia), timezone.localdate().isoformat()

    of_today: Any = client.get(f"{SOLD}?start={today}")

    assert [[row[0], *row[2:]] for row in rows_of(of_today)] == [
        ["carla", "Refund", "Home", "North Net", "−25.00", "−25.00"],
        ["amal", "Refund", "Home", "North Net", "−25.00", "−25.00"],
        ["badr", "Activation", "Night", "North Net", "10.00", "10.00"],
        ["amal", "Activation", "Home", "North Net", "25.00", "25.00"],
    ]
    assert "Sold 2 Refunded 2 Charged to wallets −15.00 USD Retail −15.00 USD" in body(of_today)
    assert sold(client, f"end={today}&q=carla") == ["carla", "carla"]
    assert sold(signed_in(asha), "q=salma") == ["salma"]


def test_a_line_that_moved_on_keeps_its_periods_where_they_were_sold(
    lines: None, nadia: User, sami: User, south: Reseller
) -> None:
    amal = Subscriber.objects.get(username="amal")
    amal.reseller = south
    amal.save()

    kept: Any = signed_in(nadia).get(SOLD)

    assert "amal" in [row[0] for row in rows_of(kept)]
    assert f"/subscribers/{amal.pk}/" not in links_of(kept)
    assert "amal" not in sold(signed_in(sami))


def test_without_rows_the_totals_are_zero(nadia: User) -> None:
    assert "Sold 0 Charged to wallets 0.00 USD" in body(signed_in(nadia).get(SOLD))


def test_periods_are_filtered_by_name_reseller_and_day_of_the_installation(
    asha: User, nadia: User, north: Reseller, northeast: Reseller, home: Plan
) -> None:
    PanelSettings.objects.update(time_zone="Asia/Dhaka")
    fund(north.wallet, "100", actor=asha)
    fund(northeast.wallet, "100", actor=asha)
    add(asha, north, home, "amal", now=datetime(2026, 5, 14, 17, 59, tzinfo=UTC))
    add(asha, northeast, home, "badr", now=datetime(2026, 5, 14, 18, 0, tzinfo=UTC))
    client = signed_in(nadia)

    assert sold(client, "end=2026-05-14") == ["amal"]
    assert sold(client, "start=2026-05-15") == ["badr"]
    assert sold(client, "start=2026-05-14&end=2026-05-15") == ["badr", "amal"]
    assert sold(client, f"reseller={northeast.pk}") == sold(client, "q=bad") == ["badr"]


# --- queries ----------------------------------------------------------------------------------------------------------


def queries_of(client: Client, url: str) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url).status_code == 200
    return [query["sql"] for query in captured.captured_queries]


EVERYTHING = f"{LIST}?q=a&plan=1&reseller=1&nas=1&due=-30&size=200&" + "&".join(f"col={key}" for key, _label in COLUMNS)


@pytest.mark.parametrize("url", [LIST, SOLD, EVERYTHING])
@pytest.mark.parametrize("who", ["asha", "nadia", "noor", "clerk"])
def test_the_number_of_queries_does_not_grow(
    lines: None, asha: User, north: Reseller, northeast: Reseller, noor: User, home: Plan, url: str, who: str
) -> None:
    fund(northeast.wallet, "1000", actor=asha)
    clerk = make_staff(asha, north, "clerk", group("SALES"))
    client = signed_in({"asha": asha, "nadia": north.user, "noor": noor, "clerk": clerk}[who])
    few = queries_of(client, url)

    for number in range(6):
        add(asha, (north, northeast)[number % 2], home, f"more{number}", now=timezone.now())
    many = queries_of(client, url)

    assert len(many) == len(few), "\n".join(many)
    assert len(many) <= 10, "\n".join(many)
