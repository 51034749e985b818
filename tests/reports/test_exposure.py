"""Who owes how much, against which credit limit."""

import csv
import io
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from audit.actions import Action
from audit.models import AuditEntry
from plans.models import Plan
from resellers.models import Reseller
from resellers.operations import transfer_to_reseller
from tests.cast import fund, make_plan, make_reseller, seat_of, signed_in
from tests.pages import body, links_of, rows_of, send
from tests.subscribers.lines import add
from wallet.operations import reverse_transfer

URL, EXPORT = "/exposure/", "/exposure/export"


@pytest.fixture
def debts(asha: User, home: Plan, north: Reseller, northeast: Reseller, south: Reseller) -> None:
    """North holds 75; its sub Northeast owes 25 of 100; South owes 25 of a limit that is 20 now; West may owe 40."""
    fund(north.wallet, "100", actor=asha, now=timezone.now())
    client = signed_in(asha)
    for reseller in (northeast, south):
        send(client, f"/resellers/{reseller.pk}/edit/", credit_limit="100")
    for reseller, username in ((north, "nuha"), (northeast, "dana"), (south, "salma")):
        add(asha, reseller, home, username)
    send(client, f"/resellers/{south.pk}/edit/", credit_limit="20")
    make_reseller(asha, "wael", "West Net", credit_limit=Decimal(40))


def names(user: User, query: str = "") -> list[str]:
    return [row[0].split(" Net")[0] for row in rows_of(signed_in(user).get(f"{URL}?{query}"))]


def test_a_row_says_who_owes_what_of_what(debts: None, asha: User) -> None:
    assert rows_of(signed_in(asha).get(URL)) == [
        ["South Net sami", "Over limit", "−25.00", "25.00", "20.00", "125 %", "−5.00", "Never", "—"],
        ["Northeast Net noora", "Low balance", "−25.00", "25.00", "100.00", "25 %", "75.00", "Never", "North Net"],
    ]


def test_the_day_on_which_money_last_came_in_stands_there(debts: None, asha: User, south: Reseller) -> None:
    fund(south.wallet, "1", actor=asha, now=timezone.now())

    assert rows_of(signed_in(asha).get(f"{URL}?view=over"))[0][7] == f"{timezone.localdate():%-d %b %Y}"


def test_money_that_was_taken_back_never_came_in(debts: None, asha: User) -> None:
    now, west = timezone.now(), Reseller.objects.get(company_name="West Net")
    first, mistaken = (
        transfer_to_reseller(actor=seat_of(asha), reseller_id=west.pk, amount=Decimal(30), note="", now=at)
        for at in (now - timedelta(days=3), now)
    )
    reverse_transfer(actor=seat_of(asha), transfer_id=mistaken.pk, reason="Paid to another", now=now)

    def last_money_in() -> str:
        [row] = rows_of(signed_in(asha).get(f"{URL}?view=with_limit&q=wael"))
        return row[7]

    assert last_money_in() == f"{timezone.localdate(first.created_at):%-d %b %Y}"
    reverse_transfer(actor=seat_of(asha), transfer_id=first.pk, reason="Paid to another", now=now)
    assert last_money_in() == "Never"


def test_the_totals_stand_on_top(debts: None, asha: User) -> None:
    page = body(signed_in(asha).get(URL))

    for words in (
        "Owed to you 50.00 USD",
        "All credit limits 160.00 USD",
        "Over their limit 1",
        "Held by the others 75.00 USD",
    ):
        assert words in page, words


def test_tabs_search_and_sort(debts: None, asha: User) -> None:
    response: Any = signed_in(asha).get(URL)

    assert [(str(label), number) for _key, label, number in response.context["tabs"]] == [
        ("All owing", 2),
        ("Over limit", 1),
        ("With a credit limit", 3),
    ]
    assert names(asha, "view=over") == ["South"]
    assert names(asha, "view=with_limit") == ["South", "Northeast", "West"]
    assert names(asha, "view=with_limit&sort=limit") == ["South", "West", "Northeast"]
    assert names(asha, "view=with_limit&sort=-available") == ["Northeast", "West", "South"]
    assert names(asha, "sort=-used") == ["South", "Northeast"]
    assert names(asha, "sort=name") == ["Northeast", "South"]
    assert names(asha, "q=noora") == ["Northeast"]


def test_where_nobody_owes_anything_it_says_so(asha: User, north: Reseller) -> None:
    assert "No reseller owes anything." in body(signed_in(asha).get(URL))


def test_the_file_holds_what_is_filtered_and_the_trail_says_so(debts: None, asha: User) -> None:
    client = signed_in(asha)
    assert f"{EXPORT}?view=over" in links_of(client.get(f"{URL}?view=over"))

    response: Any = client.get(f"{EXPORT}?view=over")

    [head, row] = list(csv.reader(io.StringIO(response.getvalue().decode("utf-8-sig"))))
    assert head[1:3] == ["Reseller", "Username"]
    assert row[1:] == ["South Net", "sami", "", "-25.00", "25.00", "20.00", "125.0", "-5.00", ""]
    entry = AuditEntry.objects.latest("id")
    assert (entry.action, entry.reseller_id) == (Action.EXPOSURE_EXPORTED, None)
    assert entry.changes == {"rows": [None, 1], "view": [None, "Over limit"]}


def test_it_is_for_admins(nadia: User, noor: User, petra: User) -> None:
    for user in (nadia, noor, petra):
        assert signed_in(user).get(URL).status_code == signed_in(user).get(EXPORT).status_code == 403
    assert URL not in links_of(signed_in(nadia).get("/"))


def test_the_number_of_queries_does_not_grow(debts: None, asha: User, home: Plan) -> None:
    plan, client, costs = make_plan("Week", "10", duration=7), signed_in(asha), []

    for more in (1, 5):
        for number in range(more):
            owing = make_reseller(asha, f"more{more}{number}", "More Net", credit_limit=Decimal(40))
            add(asha, owing, plan, f"line{more}{number}")
        with CaptureQueriesContext(connection) as captured:
            assert client.get(URL).status_code == 200
        costs.append(len(captured))

    assert costs[0] == costs[1] <= 10, captured.captured_queries
