"""The tabs of a reseller, and how many queries the pages cost."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import PermissionGroup, User
from plans.models import Plan
from resellers.models import Reseller
from subscribers.models import Subscriber
from tests.cast import NOW, fund, group, make_reseller, make_staff, signed_in
from tests.pages import body, links_of, rows_of, send

TABS = ("", "transactions/", "subscribers/", "subs/", "audit/")


def add_subscriber(reseller: Reseller, username: str, plan: Plan) -> Subscriber:
    return Subscriber.objects.create(
        username=username,
        plan=plan,
        reseller=reseller,
        password_ciphertext=b"x",
        expires_at=timezone.now() + timedelta(days=3),
        created_at=NOW,
        updated_at=NOW,
    )


# --- what stands there ------------------------------------------------------------------------------------------------


def test_the_overview_says_who_and_on_what_terms(asha: User, north: Reseller, northeast: Reseller) -> None:
    fund(northeast.wallet, "100", actor=asha)
    send(signed_in(asha), f"/resellers/{northeast.pk}/edit/", credit_limit="50", full_name="Noora N.")

    page = body(signed_in(asha).get(f"/resellers/{northeast.pk}/"))

    for text in (
        "Northeast Net",
        "noora",
        "Noora N.",
        "100.00 USD",
        "50.00 USD",
        "150.00 USD",
        "SALES",
        "From anywhere",
    ):
        assert text in page, text
    assert f"/resellers/{north.pk}/" in links_of(signed_in(asha).get(f"/resellers/{northeast.pk}/"))


def test_network_settings_are_the_admins(asha: User, nadia: User, northeast: Reseller) -> None:
    send(signed_in(asha), f"/resellers/{northeast.pk}/edit/", allowed_ips="203.0.113.7")

    assert "203.0.113.7" in body(signed_in(asha).get(f"/resellers/{northeast.pk}/"))
    assert "203.0.113.7" not in body(signed_in(nadia).get(f"/resellers/{northeast.pk}/"))


@pytest.mark.parametrize("tab", TABS)
def test_every_tab_opens_for_those_who_see_the_reseller(
    asha: User, nadia: User, noor: User, noora: User, northeast: Reseller, tab: str
) -> None:
    for user in (asha, nadia, noor, noora):
        assert signed_in(user).get(f"/resellers/{northeast.pk}/{tab}").status_code == 200, user


def tabs_of(client: Client, reseller: Reseller, tab: str = "") -> set[str]:
    """Return where the tabs of the reseller lead."""
    page = f"/resellers/{reseller.pk}/"
    return {link for link in links_of(client.get(f"{page}{tab}")) if link.removeprefix(page) in TABS}


def test_the_money_of_a_reseller_that_is_only_seen_has_no_tab(south: Reseller, north: Reseller) -> None:
    codes = ["resellers.view", "resellers.view_all", "transactions.view"]
    south.permission_group = PermissionGroup.objects.create(name="DIRECTORY", codes=codes)
    south.save(update_fields=["permission_group"])
    client = signed_in(south.user)

    assert tabs_of(client, north) == {f"/resellers/{north.pk}/{tab}" for tab in ("", "subs/")}
    assert tabs_of(client, south) == {f"/resellers/{south.pk}/{tab}" for tab in ("", "transactions/", "subs/")}


def test_who_only_reads_money_finds_no_other_tab(asha: User, north: Reseller, northeast: Reseller) -> None:
    books = PermissionGroup.objects.create(name="BOOKS", codes=["transactions.view"])
    client = signed_in(make_staff(asha, north, "clerk", books))

    for reseller in (north, northeast):
        page = client.get(f"/resellers/{reseller.pk}/transactions/")
        assert tabs_of(client, reseller, "transactions/") == {f"/resellers/{reseller.pk}/transactions/"}
        assert "/resellers/" not in links_of(page)


@pytest.mark.parametrize("tab", TABS)
def test_south_cannot(sami: User, north: Reseller, northeast: Reseller, tab: str) -> None:
    for reseller in (north, northeast):
        assert signed_in(sami).get(f"/resellers/{reseller.pk}/{tab}").status_code == 404


@pytest.mark.parametrize("tab", TABS)
def test_a_sub_does_not_see_its_parent(noora: User, north: Reseller, tab: str) -> None:
    assert signed_in(noora).get(f"/resellers/{north.pk}/{tab}").status_code == 404


def test_the_subs_tab_lists_the_subs(asha: User, north: Reseller, northeast: Reseller, south: Reseller) -> None:
    page = body(signed_in(asha).get(f"/resellers/{north.pk}/subs/"))

    assert "Northeast Net" in page
    assert "South Net" not in page


def test_the_subscribers_tab_lists_the_resellers_own(
    asha: User, north: Reseller, northeast: Reseller, home: Plan
) -> None:
    add_subscriber(north, "amal", home)
    add_subscriber(northeast, "badr", home)

    response = signed_in(asha).get(f"/resellers/{north.pk}/subscribers/")

    assert "amal" in body(response)
    assert "badr" not in body(response)
    # It stands in one order, so its heads offer no other.
    assert "sort=" not in response.content.decode()


def test_the_audit_tab_tells_of_the_reseller_alone(asha: User, nadia: User, north: Reseller, south: Reseller) -> None:
    send(signed_in(asha), f"/resellers/{north.pk}/transfers/", amount="5", note="For North")
    send(signed_in(asha), f"/resellers/{south.pk}/transfers/", amount="5", note="For South")

    page = body(signed_in(nadia).get(f"/resellers/{north.pk}/audit/"))

    assert "Created new reseller" in page
    assert "For North" in page
    assert "For South" not in page


def test_transactions_leads_to_the_own_wallet(nadia: User, north: Reseller, asha: User) -> None:
    assert signed_in(nadia).get("/transactions/").url == f"/resellers/{north.pk}/transactions/"
    assert signed_in(asha).get("/transactions/").url == "/resellers/"


# --- the filters of the Transactions tab ------------------------------------------------------------------------------


@pytest.fixture
def busy(asha: User, north: Reseller) -> Reseller:
    """Return North after two transfers and a withdrawal."""
    fund(north.wallet, "100", actor=asha, now=NOW)
    send(signed_in(asha), f"/resellers/{north.pk}/transfers/", amount="20", note="Settlement May")
    send(signed_in(asha), f"/resellers/{north.pk}/withdrawals/", amount="5", note="Returned")
    return north


@pytest.mark.parametrize(
    ("query", "amounts"),
    [
        ("", ["−5.00", "20.00", "100.00"]),
        ("kind=withdrawal", ["−5.00"]),
        ("q=settlement", ["20.00"]),
        ("start=2026-05-14&end=2026-05-14", ["100.00"]),
        ("end=2026-05-13", []),
        ("start=2026-05-15", ["−5.00", "20.00"]),
        ("start=2026-05-15&kind=transfer&q=may", ["20.00"]),
    ],
)
def test_transactions_are_filtered(asha: User, busy: Reseller, query: str, amounts: list[str]) -> None:
    rows = rows_of(signed_in(asha).get(f"/resellers/{busy.pk}/transactions/?{query}"))

    assert [row[5] for row in rows] == amounts


def test_the_running_balance_ends_at_the_wallets(asha: User, busy: Reseller) -> None:
    rows = rows_of(signed_in(asha).get(f"/resellers/{busy.pk}/transactions/"))

    busy.wallet.refresh_from_db()
    assert [row[6] for row in rows] == ["115.00", "120.00", "100.00"]
    assert busy.wallet.balance == Decimal(115)


GARBAGE = (
    "page=abc&kind=zzz&start=yesterday&end=2026-02-30",
    "end=9999-12-31",
    "start=0001-01-01",
    "start=9999-12-31&end=0001-01-01",
    "start=99999-01-01",
    "q=%00&sort=--x",
    "page=99999999999999999999",
)


@pytest.mark.parametrize("zone", ["UTC", "Asia/Damascus", "America/New_York"])
@pytest.mark.parametrize("query", GARBAGE)
def test_garbage_in_the_address_breaks_nothing(asha: User, busy: Reseller, query: str, zone: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE panel_settings SET time_zone = %s", [zone])
    client = signed_in(asha)

    for page in (*(f"/resellers/{busy.pk}/{tab}" for tab in TABS), "/audit/"):
        assert client.get(f"{page}?{query}").status_code == 200, page


@pytest.mark.parametrize("pk", ["0", "99999999999999999999", "9223372036854775808"])
@pytest.mark.parametrize("tab", [*TABS, "edit/", "transfers/", "seats/"])
def test_a_number_beyond_every_id_is_nobodys(asha: User, pk: str, tab: str) -> None:
    assert signed_in(asha).get(f"/resellers/{pk}/{tab}").status_code == 404


# --- queries ----------------------------------------------------------------------------------------------------------

#: Session and user included. A borrowed seat costs one more: the login whose it is.
AT_MOST = 11


def grow(asha: User, north: Reseller, plan: Plan, start: int, end: int) -> None:
    """Give North subs, subscribers, transfers and a history."""
    for number in range(start, end):
        sub = make_reseller(asha, f"sub{number}", f"Sub {number}", parent=north, permission_group=group("SALES"))
        add_subscriber(north, f"line{number}", plan)
        add_subscriber(sub, f"line{number}.of.sub", plan)
        fund(north.wallet, "100", actor=asha)
        send(signed_in(north.user), f"/resellers/{sub.pk}/transfers/", amount="10")


def queries_of(client: Client, url: str) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        response: Any = client.get(url)
    assert response.status_code == 200
    return [query["sql"] for query in captured.captured_queries]


@pytest.mark.parametrize("who", ["admin", "reseller", "partner", "staff", "admin as reseller"])
def test_the_number_of_queries_does_not_grow(asha: User, north: Reseller, noor: User, home: Plan, who: str) -> None:
    grow(asha, north, home, 0, 2)
    users = {"reseller": north.user, "partner": noor, "staff": make_staff(asha, north, "clerk", group("SALES"))}
    client = signed_in(users.get(who, asha))
    if who == "admin as reseller":
        send(client, f"/resellers/{north.pk}/seats/", reason="to count")
    pages = ["/resellers/", *(f"/resellers/{north.pk}/{tab}" for tab in TABS)]
    few = [len(queries_of(client, page)) for page in pages]

    grow(asha, north, home, 2, 6)
    many = [queries_of(client, page) for page in pages]

    for page, before, after in zip(pages, few, many, strict=True):
        told = "\n".join([page, *after])
        assert len(after) == before, told
        assert len(after) <= AT_MOST + (who == "admin as reseller"), told
