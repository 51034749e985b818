"""The dashboard: every figure equals the list that it links to."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from ispanel.models import PanelSettings
from plans.models import Plan
from reports import figures
from resellers.models import Reseller
from subscribers.models import Renewal, Subscriber
from subscribers.operations import refund_charge
from tests.cast import fund, group, make_plan, make_reseller, make_staff, seat_of, signed_in
from tests.pages import body, links_of, rows_of, text_of
from tests.subscribers.lines import add, renew

DAY = timedelta(days=1)
STAT = re.compile(r"<dt>(.*?)</dt>\s*<dd>(.*?)</dd>", re.DOTALL)


def stats(response: HttpResponse) -> dict[str, tuple[str, str]]:
    """Return the figures of a page by their name, each with the address that it links to, or nothing."""
    found = {}
    for block in re.findall(r'<dl class="stats">(.*?)</dl>', response.content.decode(), re.DOTALL):
        for name, value in STAT.findall(block):
            link = re.search(r'href="([^"]+)"', name + value)
            found[text_of(name)] = (text_of(value), link[1].replace("&amp;", "&") if link else "")
    return found


def figures_of(user: User) -> dict[str, str]:
    return {name: value for name, (value, _link) in stats(signed_in(user).get("/")).items()}


@pytest.fixture
def business(asha: User, north: Reseller, northeast: Reseller, south: Reseller, home: Plan) -> None:
    """North with 3 lines (one over, one due), Northeast with 1 and South with 2, of which one was never paid."""
    now = timezone.now()
    for reseller, amount in ((north, "1000"), (northeast, "300"), (south, "50")):
        fund(reseller.wallet, amount, actor=asha, now=now)
    add(asha, north, home, "amal", now=now)
    add(asha, north, home, "badr", now=now - 40 * DAY)
    add(asha, north, make_plan("Week", "10", duration=7), "carla", now=now)
    add(asha, northeast, home, "dana", now=now)
    add(asha, south, home, "salma", now=now)
    add(asha, south, home, "sara", activate=False)


@pytest.fixture
def refunds(business: None, asha: User) -> None:
    """Take back today's period of North's amal, that of Northeast's dana, and badr's of long ago."""
    for username in ("amal", "dana", "badr"):
        period = Renewal.objects.get(subscriber__username=username)
        refund_charge(actor=seat_of(asha), renewal_id=period.pk, reason="Never installed", now=timezone.now())


# --- what stands there ------------------------------------------------------------------------------------------------


def test_an_admin_sees_the_whole_installation(business: None, asha: User) -> None:
    assert figures_of(asha) == {
        "In all wallets": "1,240.00 USD",
        "Today's revenue": "85.00 USD",
        "This month's revenue": "85.00 USD",
        "Subscribers": "6",
        "Active": "4",
        "Due in 7 days": "1",
        "Expired": "2",
        "Resellers": "3",
        "Low on balance": "0",
    }


def test_those_that_could_not_be_renewed_are_counted_once_there_are_any(business: None, asha: User) -> None:
    Subscriber.objects.filter(username="badr").update(renewal_failed_at=timezone.now(), renewal_failure="x")
    client = signed_in(asha)

    value, url = stats(client.get("/"))["Could not be renewed"]

    assert (value, url) == ("1", "/subscribers/?status=failed")
    assert [row[0] for row in rows_of(client.get(url))] == ["badr"]


def test_a_reseller_sees_its_own_money_and_that_of_its_subs_apart(business: None, nadia: User) -> None:
    assert figures_of(nadia) == {
        "Balance": "940.00 USD",
        "Available": "940.00 USD",
        "Today's revenue": "35.00 USD",
        "This month's revenue": "35.00 USD",
        "Sub-resellers, this month": "25.00 USD",
        "Subscribers": "4",
        "Active": "3",
        "Due in 7 days": "1",
        "Expired": "1",
        "Sub-resellers": "1",
        "Low on balance": "0",
    }


def test_a_sub_reseller_sees_its_own_alone(business: None, noora: User) -> None:
    assert figures_of(noora) == {
        "Balance": "275.00 USD",
        "Available": "275.00 USD",
        "Today's revenue": "25.00 USD",
        "This month's revenue": "25.00 USD",
        "Subscribers": "1",
        "Active": "1",
        "Due in 7 days": "0",
        "Expired": "0",
    }


def test_a_partner_counts_everything_and_earns_its_own(business: None, noor: User) -> None:
    shown = figures_of(noor)

    assert (shown["Balance"], shown["Today's revenue"]) == ("0.00 USD", "0.00 USD")
    assert (shown["Subscribers"], shown["Sub-resellers"]) == ("6", "3")


def test_the_available_counts_the_credit(asha: User) -> None:
    west = make_reseller(asha, "wael", "West Net", credit_limit=500)

    shown = figures_of(west.user)

    assert (shown["Balance"], shown["Available"]) == ("0.00 USD", "500.00 USD")


def test_support_staff_of_the_isp_have_no_dashboard(petra: User) -> None:
    assert signed_in(petra).get("/").status_code == 403


# --- each figure and its list -----------------------------------------------------------------------------------------


def total_behind(client: Client, name: str, url: str) -> str:
    """Return the figure that the list at the address comes to."""
    response: Any = client.get(url)
    assert response.status_code == 200, url
    if url.startswith("/renewals/"):
        wanted = "Charged to wallets" if "reseller=" not in url else "Retail"
        return stats(response)[wanted][0]
    return str(len(rows_of(response)))


COUNTS = {"Subscribers", "Active", "Due in 7 days", "Expired", "Resellers", "Low on balance"}
EARNED = {"Today's revenue", "This month's revenue"}


@pytest.mark.parametrize("who", ["asha", "nadia", "noora", "sami", "noor", "helper"])
def test_each_figure_equals_the_list_that_it_links_to(
    business: None, asha: User, nadia: User, noora: User, sami: User, noor: User, north: Reseller, who: str
) -> None:
    make_reseller(asha, "empty", "Empty Net", parent=north)
    helper = make_staff(asha, north, "helper", group("SUPPORT"))
    people = {"asha": asha, "nadia": nadia, "noora": noora, "sami": sami, "noor": noor, "helper": helper}
    client = signed_in(people[who])

    linked = {name: (value, url) for name, (value, url) in stats(client.get("/")).items() if url}

    assert {"Subscribers", "Active", "Due in 7 days", "Expired"} <= linked.keys()
    for name, (value, url) in linked.items():
        if name in COUNTS | EARNED | {"Sub-resellers"}:
            assert total_behind(client, name, url) == value, name


@pytest.mark.parametrize("who", ["asha", "nadia", "noora", "sami"])
def test_each_figure_of_revenue_equals_its_list_after_refunds_too(
    refunds: None, asha: User, nadia: User, noora: User, sami: User, who: str
) -> None:
    client = signed_in({"asha": asha, "nadia": nadia, "noora": noora, "sami": sami}[who])
    linked = {name: stats(client.get("/"))[name] for name in EARNED}

    for name, (value, url) in linked.items():
        assert total_behind(client, name, url) == value, name


def test_a_refund_lowers_the_revenue_of_the_day_on_which_it_is_made(
    refunds: None, asha: User, nadia: User, noora: User
) -> None:
    """Today were sold 25 + 10 by North and 25 by Northeast and South each; 25 + 25 + 25 went back."""
    assert figures_of(asha)["Today's revenue"] == "10.00 USD"
    assert figures_of(nadia)["Today's revenue"] == "−15.00 USD"
    assert figures_of(noora)["Today's revenue"] == "0.00 USD"


def test_revenue_counts_for_whoever_sold_whoever_has_the_line_now(
    business: None, asha: User, nadia: User, sami: User, south: Reseller
) -> None:
    Subscriber.objects.filter(username="amal").update(reseller=south)

    for user, wanted in ((nadia, "35.00 USD"), (sami, "25.00 USD")):
        client = signed_in(user)
        value, url = stats(client.get("/"))["Today's revenue"]
        assert (value, total_behind(client, "Today's revenue", url)) == (wanted, wanted)


def test_what_is_in_all_wallets_is_the_sum_of_the_list(business: None, asha: User) -> None:
    client = signed_in(asha)
    total, url = stats(client.get("/"))["In all wallets"]

    assert sum(float(row[2].replace(",", "")) for row in rows_of(client.get(url))) == 1240
    assert total == "1,240.00 USD"


def test_the_revenue_of_the_subs_is_what_they_sold_in_the_list(business: None, nadia: User) -> None:
    client = signed_in(nadia)
    shown, url = stats(client.get("/"))["Sub-resellers, this month"]

    assert [row[-1] for row in rows_of(client.get(url)) if row[4] == "Northeast Net"] == ["25.00"]
    assert shown == "25.00 USD"


def test_the_balance_leads_to_its_transactions(business: None, nadia: User, north: Reseller) -> None:
    client = signed_in(nadia)
    value, url = stats(client.get("/"))["Balance"]

    first = rows_of(client.get(url, follow=True))[0]
    assert f"{first[-1]} USD" == value


# --- money of today ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "today", "month"), [("UTC", 0, 25), ("Asia/Dhaka", 25, 25), ("America/Los_Angeles", 0, 25)]
)
def test_today_begins_at_the_installations_midnight(
    asha: User, north: Reseller, home: Plan, zone: str, today: int, month: int
) -> None:
    PanelSettings.objects.update(time_zone=zone)
    fund(north.wallet, "100", actor=asha)
    add(asha, north, home, now=datetime(2026, 5, 14, 23, 30, tzinfo=UTC))
    later = datetime(2026, 5, 15, 12, tzinfo=UTC)

    own, _subs = figures.revenue_of(north, later)

    assert (own.today, own.month) == (today, month)
    assert figures.revenue_of_admin(later) == own


@pytest.mark.parametrize(("zone", "month"), [("UTC", 0), ("Asia/Dhaka", 25)])
def test_the_month_begins_at_the_installations_midnight(
    asha: User, north: Reseller, home: Plan, zone: str, month: int
) -> None:
    PanelSettings.objects.update(time_zone=zone)
    fund(north.wallet, "100", actor=asha)
    add(asha, north, home, now=datetime(2026, 5, 31, 23, 30, tzinfo=UTC))

    own, _subs = figures.revenue_of(north, datetime(2026, 6, 20, tzinfo=UTC))

    assert (own.today, own.month) == (0, month)


def test_the_page_s_today_is_the_installations(
    asha: User, nadia: User, north: Reseller, home: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    PanelSettings.objects.update(time_zone="Asia/Dhaka")
    fund(north.wallet, "100", actor=asha)
    add(asha, north, home, now=datetime(2026, 5, 14, 23, 30, tzinfo=UTC))
    monkeypatch.setattr(timezone, "now", lambda: datetime(2026, 5, 15, 17, tzinfo=UTC))
    client = signed_in(nadia)

    value, url = stats(client.get("/"))["Today's revenue"]

    assert (value, url) == ("25.00 USD", f"/renewals/?start=2026-05-15&reseller={north.pk}")
    assert total_behind(client, "Today's revenue", url) == value


def test_a_charge_of_yesterday_is_not_of_today(asha: User, nadia: User, north: Reseller, home: Plan) -> None:
    fund(north.wallet, "100", actor=asha)
    midnight = datetime.now(ZoneInfo("UTC")).replace(hour=0, minute=0, second=0, microsecond=0)
    add(asha, north, home, now=midnight - timedelta(microseconds=1))
    assert figures_of(nadia)["Today's revenue"] == "0.00 USD"

    add(asha, north, home, "badr", now=midnight)
    assert figures_of(nadia)["Today's revenue"] == "25.00 USD"


def test_transfers_are_no_revenue(asha: User, nadia: User, north: Reseller) -> None:
    fund(north.wallet, "100", actor=asha, now=timezone.now())

    for user in (asha, nadia):
        assert figures_of(user)["Today's revenue"] == "0.00 USD"


def test_a_renewal_counts_as_the_activation_did(asha: User, nadia: User, north: Reseller, home: Plan) -> None:
    fund(north.wallet, "100", actor=asha)
    renew(asha, add(asha, north, home, now=timezone.now()), now=timezone.now())

    for user in (asha, nadia):
        assert figures_of(user)["Today's revenue"] == "50.00 USD"


# --- the first steps --------------------------------------------------------------------------------------------------


def test_a_new_reseller_is_guided_and_later_left_alone(asha: User, nadia: User, north: Reseller, home: Plan) -> None:
    client = signed_in(nadia)
    response: Any = client.get("/")

    for step in ("First steps", "Top up your wallet", "Add your first subscriber", "Take on a sub-reseller"):
        assert step in body(response), step
    assert {"/subscribers/new", "/resellers/new"} <= links_of(response)

    add(asha, north, home, activate=False)
    assert "First steps" not in body(client.get("/"))


def test_a_step_is_ticked_off_once_it_is_done(asha: User, nadia: User, north: Reseller) -> None:
    done = "Top up your wallet (done)"
    assert done not in body(signed_in(nadia).get("/"))

    fund(north.wallet, "100", actor=asha)

    assert done in body(signed_in(nadia).get("/"))


def test_an_admin_is_guided_through_setting_up(asha: User) -> None:
    response: Any = signed_in(asha).get("/")

    assert {"/settings/", "/plans/new", "/resellers/new"} <= links_of(response)
    assert "Add a plan (done)" not in body(response)

    make_plan()
    assert "Add a plan (done)" in body(signed_in(asha).get("/"))


def test_nobody_is_led_to_what_they_may_not_do(noora: User, noor: User) -> None:
    assert "/resellers/new" not in links_of(signed_in(noora).get("/"))
    assert not {"/subscribers/new", "/resellers/new"} & links_of(signed_in(noor).get("/"))


# --- what happened last, and what it costs ----------------------------------------------------------------------------


def test_what_happened_last_stays_within_the_scope(business: None, nadia: User, sami: User) -> None:
    assert "salma" not in body(signed_in(nadia).get("/"))
    assert "dana" not in body(signed_in(sami).get("/"))


@pytest.mark.parametrize("who", ["asha", "nadia", "noora", "noor", "helper"])
def test_the_number_of_queries_does_not_grow(
    business: None, asha: User, north: Reseller, northeast: Reseller, noor: User, home: Plan, who: str
) -> None:
    helper = make_staff(asha, north, "helper", group("SUPPORT"))
    people = {"asha": asha, "nadia": north.user, "noora": northeast.user, "noor": noor, "helper": helper}
    client = signed_in(people[who])
    costs = []

    for more in (1, 4):
        for number in range(more):
            sub = make_reseller(asha, f"sub{more}{number}", "Sub Net", parent=north)
            fund(sub.wallet, "100", actor=asha)
            add(asha, sub, home, f"line{more}{number}", now=timezone.now())
        with CaptureQueriesContext(connection) as captured:
            assert client.get("/").status_code == 200
        costs.append(len(captured))

    assert costs[0] == costs[1], captured.captured_queries
    assert costs[1] <= 10, "\n".join(query["sql"][:150] for query in captured.captured_queries)


def test_counting_takes_one_query_each(business: None, nadia: User) -> None:
    seat = seat_of(nadia)

    with CaptureQueriesContext(connection) as captured:
        figures.count_subscribers(seat, timezone.now())
        figures.count_resellers(seat)

    assert len(captured) == 2


def test_who_may_not_see_the_transactions_sees_no_money(asha: User) -> None:
    helper = make_reseller(
        asha, "helper2", "Helper Net", permission_group=group("SUPPORT"), starting_balance=Decimal("812.50")
    )

    dashboard = signed_in(helper.user).get("/").content.decode()

    assert "812.50" not in dashboard
    assert "revenue" not in dashboard
