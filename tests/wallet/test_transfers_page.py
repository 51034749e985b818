"""The list of transfers: what it shows, to whom, filtered, as a file, and at what cost."""

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import PermissionGroup, User
from audit.actions import Action
from audit.models import AuditEntry
from resellers.models import Reseller
from tests.cast import NOW, fund, group, make_reseller, make_staff, seat_of, signed_in
from tests.pages import body, lines_of, links_of, rows_of, send
from tests.wallet.moves import charge, undo
from wallet import ledger
from wallet.models import Transfer, TransferKind

TRANSFERS = "/transfers/"
EXPORT = "/transfers/export"


@pytest.fixture
def history(asha: User, north: Reseller, northeast: Reseller, south: Reseller) -> None:
    """Money of all kinds, on several days, by several people."""
    fund(north.wallet, "1000", actor=asha, now=NOW - timedelta(days=3))
    fund(south.wallet, "500", actor=asha, now=NOW - timedelta(days=2))
    send(signed_in(north.user), f"/resellers/{northeast.pk}/transfers/", amount="120.50", note="=Settlement, May")
    charge(asha, north.wallet, "25")
    charge(asha, south.wallet, "30")
    send(signed_in(asha), f"/resellers/{north.pk}/withdrawals/", amount="5", note="Returned")


def read(client: Client, query: str = "", url: str = EXPORT) -> list[dict[str, str]]:
    return lines_of(client.get(f"{url}?{query}"))


def accounts_in(response: Any) -> set[str]:
    """Return where the accounts on the page lead."""
    return {link for link in links_of(response) if re.match(r"/(resellers|wallets)/\d+/", link)}


# --- what stands there ------------------------------------------------------------------------------------------------


def test_every_transfer_says_from_where_to_where_how_much_and_by_whom(history: None, asha: User) -> None:
    rows = [row[1:] for row in rows_of(signed_in(asha).get(TRANSFERS))]

    assert rows == [
        ["Withdrawal", "North Net", "Platform", "5.00", "Returned", "asha"],
        ["Renewal", "South Net", "Income", "30.00", "—", "asha"],
        ["Renewal", "North Net", "Income", "25.00", "—", "asha"],
        ["Transfer", "North Net", "Northeast Net", "120.50", "=Settlement, May", "nadia"],
        ["Transfer", "Platform", "South Net", "500.00", "—", "asha"],
        ["Transfer", "Platform", "North Net", "1,000.00", "—", "asha"],
    ]


def test_a_seat_sees_what_touches_its_tree(history: None, nadia: User, noora: User, sami: User, noor: User) -> None:
    assert [row[3] for row in rows_of(signed_in(sami).get(TRANSFERS))] == ["Income", "South Net"]
    assert [row[4] for row in rows_of(signed_in(noora).get(TRANSFERS))] == ["120.50"]
    assert [row[4] for row in rows_of(signed_in(nadia).get(TRANSFERS))] == ["5.00", "25.00", "120.50", "1,000.00"]
    assert len(rows_of(signed_in(noor).get(TRANSFERS))) == 6


def test_both_sides_are_linked_where_the_seat_may_open_them(
    history: None, asha: User, noora: User, north: Reseller, northeast: Reseller
) -> None:
    of_admin, of_sub = links_of(signed_in(asha).get(TRANSFERS)), links_of(signed_in(noora).get(TRANSFERS))

    assert {f"/resellers/{north.pk}/transactions/", f"/resellers/{northeast.pk}/transactions/"} <= of_admin
    assert f"/wallets/{ledger.platform_account().pk}/statement/" in of_admin
    assert f"/resellers/{northeast.pk}/transactions/" in of_sub
    assert f"/resellers/{north.pk}/transactions/" not in of_sub
    assert not [link for link in of_sub if link.startswith("/wallets/")]


def test_who_reads_all_money_but_no_resellers_is_led_to_statements(
    history: None, south: Reseller, north: Reseller, northeast: Reseller
) -> None:
    codes = ["transactions.view", "transactions.view_all"]
    south.permission_group = PermissionGroup.objects.create(name="BOOKS", codes=codes)
    south.save(update_fields=["permission_group"])
    client, moved = signed_in(south.user), Transfer.objects.get(note="=Settlement, May")
    statements = {f"/wallets/{reseller.wallet_id}/statement/" for reseller in (north, northeast)}

    found = {url: accounts_in(client.get(url)) for url in (TRANSFERS, f"/transfers/{moved.pk}/")}

    assert found == {
        TRANSFERS: statements | {f"/resellers/{south.pk}/transactions/"},
        f"/transfers/{moved.pk}/": statements,
    }
    assert {client.get(link).status_code for link in found[TRANSFERS]} == {200}


def test_what_was_taken_back_says_so(asha: User, north: Reseller) -> None:
    fund(north.wallet, "100", actor=asha)
    fund(north.wallet, "7", actor=asha)
    charge(asha, north.wallet, "25")
    _kept, reversed_, charged = Transfer.objects.with_sides().order_by("id")
    undo(asha, reversed_, TransferKind.REVERSAL)
    undo(asha, charged, TransferKind.REFUND)

    assert [row[1] for row in rows_of(signed_in(asha).get(TRANSFERS))] == [
        "Refund", "Reversal", "Renewal Refunded", "Transfer Reversed", "Transfer",
    ]  # fmt: skip
    tab = rows_of(signed_in(asha).get(f"/resellers/{north.pk}/transactions/"))
    assert [row[1] for row in tab][2:4] == ["Renewal Refunded", "Transfer Reversed"]


def test_both_names_stand_on_what_was_moved_in_anothers_panel(asha: User, north: Reseller, northeast: Reseller) -> None:
    fund(north.wallet, "100", actor=asha)
    client = signed_in(asha)
    send(client, f"/resellers/{north.pk}/seats/", reason="to help")
    send(client, f"/resellers/{northeast.pk}/transfers/", amount="10")

    assert rows_of(client.get(TRANSFERS))[0][6] == "asha as nadia"


def test_the_sidebar_leads_there_those_who_may_read_it(asha: User, nadia: User, north: Reseller) -> None:
    clerk = make_staff(asha, north, "clerk", group("SUPPORT"))

    assert TRANSFERS in links_of(signed_in(asha).get("/"))
    assert {TRANSFERS, "/transactions/"} <= links_of(signed_in(nadia).get("/"))
    assert TRANSFERS not in links_of(signed_in(clerk).get("/"))


# --- filters and tabs -------------------------------------------------------------------------------------------------

QUERIES: dict[str, list[str]] = {
    "": ["5.00", "30.00", "25.00", "120.50", "500.00", "1,000.00"],
    "kind=withdrawal": ["5.00"],
    "tab=charged": ["30.00", "25.00"],
    "tab=moved": ["5.00", "120.50", "500.00", "1,000.00"],
    "tab=undone": [],
    "tab=nonsense": ["5.00", "30.00", "25.00", "120.50", "500.00", "1,000.00"],
    "q=settlement": ["120.50"],
    "start=2026-05-12&end=2026-05-12": ["500.00"],
    "end=2026-05-11": ["1,000.00"],
    "amount=25": ["25.00"],
    "amount=120.5": ["120.50"],
    "at_least=120.50": ["120.50", "500.00", "1,000.00"],
    "at_least=25&at_most=30": ["30.00", "25.00"],
    "counterparty=northeast": ["120.50"],
    "counterparty=income&tab=charged": ["30.00", "25.00"],
    "actor=nadia": ["120.50"],
    "actor=nobody": [],
    "tab=moved&counterparty=south&start=2026-05-01": ["500.00"],
}


@pytest.mark.parametrize(("query", "amounts"), QUERIES.items())
def test_the_address_filters_and_the_file_is_what_is_listed(
    history: None, asha: User, query: str, amounts: list[str]
) -> None:
    client = signed_in(asha)

    assert [row[4] for row in rows_of(client.get(f"{TRANSFERS}?{query}"))] == amounts
    assert [f"{Decimal(row['Amount']):,}" for row in read(client, query)] == amounts


def test_a_malformed_amount_is_left_out_and_said_so(history: None, asha: User) -> None:
    response = signed_in(asha).get(f"{TRANSFERS}?amount=1e3")

    assert len(rows_of(response)) == 6
    assert "“Amount” is left out: “1e3”." in body(response)


def test_filters_in_force_are_chips_that_take_themselves_away(history: None, asha: User) -> None:
    response = signed_in(asha).get(f"{TRANSFERS}?tab=moved&counterparty=south&page=1")

    assert "From or to whom: south" in body(response)
    assert f"{TRANSFERS}?tab=moved" in links_of(response)
    assert f"{EXPORT}?tab=moved&counterparty=south" in links_of(response)


def test_a_filter_that_leaves_nothing_offers_the_way_back(history: None, asha: User) -> None:
    response = signed_in(asha).get(f"{TRANSFERS}?q=nothing-like-it")

    assert "No transfer matches" in body(response)
    assert TRANSFERS in links_of(response)


def test_garbage_in_the_address_breaks_nothing(history: None, asha: User) -> None:
    for query in ("amount=NaN&at_least=-1&start=x&end=9999-12-31&page=-3", "q=%00&counterparty=%00", "at_most=1e400"):
        assert signed_in(asha).get(f"{TRANSFERS}?{query}").status_code == 200


# --- the file ---------------------------------------------------------------------------------------------------------


def test_a_line_of_the_file_says_all_and_computes_nothing(history: None, nadia: User) -> None:
    [row] = read(signed_in(nadia), "q=settlement")

    transfer = Transfer.objects.get(note="=Settlement, May")
    del row["Time"]
    assert row == {
        "ID": str(transfer.pk),
        "Kind": "Transfer",
        "From": "North Net",
        "To": "Northeast Net",
        "Amount": "120.50",
        "Currency": "USD",
        "Note": "'=Settlement, May",
        "By": "nadia",
        "On behalf of": "",
        "Takes back": "",
        "Taken back by": "",
    }


def test_an_export_is_audited_with_its_filters(history: None, nadia: User, north: Reseller) -> None:
    read(signed_in(nadia), "tab=moved&q=")

    entry = AuditEntry.objects.latest("id")
    assert (entry.action, entry.actor_name, entry.reseller_id) == (Action.TRANSFERS_EXPORTED, "nadia", north.pk)
    assert entry.changes == {"rows": [None, 3], "tab": [None, "Moved by hand"]}


def test_south_exports_its_own(history: None, sami: User) -> None:
    assert {row["Amount"] for row in read(signed_in(sami))} == {"500.00", "30.00"}


# --- the Transactions tab, which has the same filters -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "amounts"),
    [
        ("", ["-5.00", "-25.00", "-120.50", "1000.00"]),
        ("counterparty=northeast", ["-120.50"]),
        ("counterparty=north%20net", []),
        ("actor=nadia", ["-120.50"]),
        ("at_least=25&at_most=200", ["-25.00", "-120.50"]),
        ("amount=5", ["-5.00"]),
        ("kind=renewal", ["-25.00"]),
    ],
)
def test_a_wallets_file_is_what_its_tab_lists(
    history: None, asha: User, north: Reseller, query: str, amounts: list[str]
) -> None:
    client, tab = signed_in(asha), f"/resellers/{north.pk}/transactions/"

    rows = read(client, query, f"{tab}export")

    assert [row["Amount"] for row in rows] == amounts
    shown = [row[5:] for row in rows_of(client.get(f"{tab}?{query}"))]
    assert shown == [
        [f"{Decimal(row[name]):,}".replace("-", "−") for name in ("Amount", "Balance after")] for row in rows
    ]


def test_a_wallets_export_stands_in_the_trail_of_whose_it_is(
    history: None, asha: User, nadia: User, north: Reseller, northeast: Reseller
) -> None:
    for user, of in ((asha, northeast), (nadia, north)):
        read(signed_in(user), "kind=transfer", f"/resellers/{northeast.pk}/transactions/export")

        entry = AuditEntry.objects.latest("id")
        assert (entry.action, entry.object_name) == (Action.TRANSACTIONS_EXPORTED, "Northeast Net")
        assert (entry.actor_name, entry.reseller_id) == (user.username, of.pk)
        assert entry.changes == {"rows": [None, 1], "kind": [None, "Transfer"]}


def test_each_line_of_a_wallet_leads_to_its_transfer_and_the_tab_to_the_statement(
    history: None, nadia: User, north: Reseller
) -> None:
    links = links_of(signed_in(nadia).get(f"/resellers/{north.pk}/transactions/"))

    assert {f"/transfers/{transfer.pk}/" for transfer in Transfer.objects.visible_to(seat_of(nadia))} <= links
    assert f"/wallets/{north.wallet_id}/statement/" in links


# --- queries ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["asha", "nadia", "noor"])
def test_the_number_of_queries_does_not_grow(
    history: None, asha: User, nadia: User, noor: User, north: Reseller, who: str
) -> None:
    client = signed_in({"asha": asha, "nadia": nadia, "noor": noor}[who])
    url = f"{TRANSFERS}?tab=moved&counterparty=n&actor=a"
    with CaptureQueriesContext(connection) as few:
        client.get(url)
    for number in range(5):
        sub = make_reseller(asha, f"sub{number}", f"Sub {number}", parent=north, permission_group=group("SALES"))
        send(signed_in(nadia), f"/resellers/{sub.pk}/transfers/", amount="10")

    with CaptureQueriesContext(connection) as many:
        response = client.get(url)

    assert len(rows_of(response)) >= 8
    assert len(many) == len(few) <= 10
