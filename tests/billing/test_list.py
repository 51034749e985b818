"""The list of invoices: what it shows to whom, its state in the address, and the file of it."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test.utils import CaptureQueriesContext

from accounts.models import PermissionGroup, User
from audit.actions import Action
from audit.models import AuditEntry
from billing.models import CreditNote, Invoice, InvoiceStatus
from billing.operations import cancel_invoice, change_billing_settings, mark_paid
from plans.models import Plan
from resellers.models import Reseller
from subscribers.models import Subscriber
from tests.billing.sold import refund, sell
from tests.cast import NOW, group, make_plan, make_reseller, make_staff, seat_of, signed_in
from tests.pages import body, lines_of, links_of, rows_of

LIST = "/invoices/"
NOTES = "/credit-notes/"
LATER = NOW + timedelta(days=10)


@pytest.fixture
def sold(asha: User, north: Reseller, northeast: Reseller, south: Reseller, home: Plan) -> dict[str, Invoice]:
    """Return an invoice of each status, the pending one of North's sub, by the names of the lines."""
    change_billing_settings(actor=seat_of(asha), company_name="Al-Noor ISP", tax_line="VAT LB 601 233", now=NOW)
    cheap = make_plan("Night", "6.00")
    papers = {
        "amal": sell(asha, north, home, "amal", full_name="Amal Haddad"),
        "bilal": sell(asha, north, cheap, "bilal", full_name="=Bilal Costa", now=LATER),
        "dana": sell(asha, northeast, home, "dana", full_name="Dana Farah", now=LATER),
        "elif": sell(asha, south, home, "elif", full_name="Elif Aydın"),
    }
    mark_paid(actor=seat_of(asha), invoice_id=papers["bilal"].pk, note="cash", now=LATER)
    cancel_invoice(actor=seat_of(asha), invoice_id=papers["amal"].pk, reason="Given for free", now=LATER)
    refund(asha, papers["elif"])
    return {name: Invoice.objects.get(pk=paper.pk) for name, paper in papers.items()}


def names_in(response: HttpResponse) -> list[str]:
    """Return the usernames on the page, in the order of its lines."""
    return [row[2].split()[0] for row in rows_of(response)]


def shown(user: User, query: str = "") -> list[str]:
    return names_in(signed_in(user).get(f"{LIST}?{query}"))


# --- what it shows to whom --------------------------------------------------------------------------------------------


def test_it_shows_each_invoice_with_what_is_due(asha: User, sold: dict[str, Invoice]) -> None:
    rows = rows_of(signed_in(asha).get(f"{LIST}?sort=subscriber"))

    assert rows == [
        [str(sold["amal"]), "Cancelled", "amal Amal Haddad", "North Net", sold["amal"].description, "14 May 2026",
         "25.00", "0.00"],
        [str(sold["bilal"]), "Paid", "bilal =Bilal Costa", "North Net", sold["bilal"].description, "24 May 2026",
         "6.00", "0.00"],
        [str(sold["dana"]), "Pending", "dana Dana Farah", "Northeast Net", sold["dana"].description, "24 May 2026",
         "25.00", "25.00"],
        [str(sold["elif"]), "Refunded", "elif Elif Aydın", "South Net", sold["elif"].description, "14 May 2026",
         "25.00", "0.00"],
    ]  # fmt: skip


def test_everybody_sees_the_invoices_of_their_own_tree(
    asha: User, nadia: User, noora: User, sami: User, noor: User, sold: dict[str, Invoice]
) -> None:
    assert shown(asha, "sort=subscriber") == ["amal", "bilal", "dana", "elif"]
    assert shown(nadia, "sort=subscriber") == ["amal", "bilal", "dana"]
    assert shown(noora) == ["dana"]
    assert shown(sami) == ["elif"]
    assert shown(noor, "sort=subscriber") == ["amal", "bilal", "dana", "elif"]


def test_a_line_that_moved_away_leaves_its_invoice_with_who_sold_it(
    asha: User, nadia: User, sami: User, south: Reseller, sold: dict[str, Invoice]
) -> None:
    Subscriber.objects.filter(username="dana").update(reseller=south)

    assert "dana" in shown(nadia)
    assert shown(sami) == ["elif"]
    assert f"/subscribers/{sold['dana'].subscriber_id}/" not in links_of(signed_in(nadia).get(LIST))
    assert f"/subscribers/{sold['amal'].subscriber_id}/" in links_of(signed_in(nadia).get(LIST))


def test_who_sells_alone_has_no_column_of_resellers(nadia: User, noora: User, sold: dict[str, Invoice]) -> None:
    assert "Northeast Net" in body(signed_in(nadia).get(LIST))
    assert len(rows_of(signed_in(noora).get(LIST))[0]) == 7


def test_numbers_say_whose_they_are_as_soon_as_several_issue(
    asha: User, nadia: User, noora: User, north: Reseller, home: Plan, sold: dict[str, Invoice]
) -> None:
    def numbers(user: User, of: str = LIST) -> list[str]:
        return [row[0] for row in rows_of(signed_in(user).get(f"{of}?sort=issued"))]

    assert "Issuer" not in body(signed_in(asha).get(LIST)) + body(signed_in(asha).get(NOTES))

    change_billing_settings(actor=seat_of(asha), reseller_is_issuer=True, now=NOW)
    own = sell(asha, north, home, "farid", now=LATER + timedelta(days=1))
    assert (str(own), own.issuer_id) == (str(sold["amal"]), north.pk)

    for user in (asha, nadia):
        assert numbers(user)[0] == f"{sold['amal']} Issuer: Al-Noor ISP"
        assert numbers(user)[-1] == f"{own} Issuer: North Net"
    # She sells alone, and all of hers are the company's.
    assert numbers(noora) == [str(sold["dana"])]
    sell(asha, Reseller.objects.get(user=noora), home, "gita", now=LATER + timedelta(days=1))
    assert numbers(noora) == [f"{sold['dana']} Issuer: Al-Noor ISP", "INV-000001 Issuer: Northeast Net"]

    refund(asha, own)
    assert numbers(asha, NOTES) == ["CN-000001 PDF Issuer: Al-Noor ISP", "CN-000001 PDF Issuer: North Net"]
    change_billing_settings(actor=seat_of(asha), reseller_is_issuer=False, now=NOW)
    assert numbers(nadia)[0] == f"{sold['amal']} Issuer: Al-Noor ISP"
    assert numbers(nadia, NOTES) == ["CN-000001 PDF"]


def test_without_the_permission_there_is_no_list_and_no_way_to_it(
    asha: User, north: Reseller, petra: User, sold: dict[str, Invoice]
) -> None:
    clerk = make_staff(asha, north, "clerk", PermissionGroup.objects.create(name="LINES", codes=["subscribers.view"]))

    assert signed_in(clerk).get(LIST).status_code == 403
    assert signed_in(petra).get(LIST).status_code == 403
    assert LIST not in links_of(signed_in(clerk).get("/subscribers/"))
    assert "Invoices" not in body(signed_in(clerk).get(f"/subscribers/{sold['amal'].subscriber_id}/"))


# --- its figures equal its rows ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("query", ["", "status=pending", "status=paid", "q=dana", "at_most=10", "start=2026-05-20"])
def test_the_figures_are_what_the_rows_add_up_to(asha: User, sold: dict[str, Invoice], query: str) -> None:
    response = signed_in(asha).get(f"{LIST}?{query}")

    rows, context = rows_of(response), response.context
    assert context["count"] == len(rows)
    assert context["totals"].amount == sum(Decimal(row[-2]) for row in rows)
    assert context["totals"].due == sum(Decimal(row[-1]) for row in rows)


def test_the_tabs_count_what_the_filters_leave(asha: User, sold: dict[str, Invoice]) -> None:
    page = body(signed_in(asha).get(f"{LIST}?q=a&start=2026-05-20&status=paid"))

    assert "All 2 Pending 1 Paid 1 Cancelled 0 Refunded 0" in page


def test_as_many_queries_for_many_rows_as_for_few(
    asha: User, nadia: User, north: Reseller, home: Plan, sold: dict[str, Invoice]
) -> None:
    def queries(user: User) -> int:
        client = signed_in(user)
        with CaptureQueriesContext(
            connection,
        ) as asked:
            client.get(LIST)
        return len(asked)

    few = queries(asha), queries(nadia)
    for number in range(12):
        sell(asha, north, home, f"line-{number}")

    assert (queries(asha), queries(nadia)) == few
    assert max(few) <= 10


# --- its state is in the address --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("status=pending", ["dana"]),
        ("status=cancelled", ["amal"]),
        ("status=refunded", ["elif"]),
        ("start=2026-05-20", ["bilal", "dana"]),
        ("end=2026-05-19", ["amal", "elif"]),
        ("amount=6", ["bilal"]),
        ("at_least=10", ["amal", "dana", "elif"]),
        ("at_most=10", ["bilal"]),
        ("q=haddad", ["amal"]),
        ("q=DANA", ["dana"]),
        ("subscriber=dana", ["dana"]),
        ("subscriber=dan", []),
        ("q=nobody", []),
    ],
)
def test_filters_leave_what_fits(asha: User, sold: dict[str, Invoice], query: str, names: list[str]) -> None:
    assert shown(asha, f"sort=subscriber&{query}") == names


def test_it_is_found_by_its_number_with_the_prefix_or_without(asha: User, sold: dict[str, Invoice]) -> None:
    number = sold["dana"].number

    for typed in (str(number), f"{number:06d}", f"INV-{number:06d}", f"inv-{number:06d}"):
        assert shown(asha, f"q={typed}") == ["dana"], typed
    assert shown(asha, f"q=CN-{number:06d}") == []
    assert shown(asha, f"q={10**40}") == []


def test_a_prefix_that_ends_with_digits_hides_no_number(asha: User, north: Reseller, home: Plan) -> None:
    change_billing_settings(actor=seat_of(asha), invoice_prefix="INV2026", now=NOW)
    invoice = sell(asha, north, home, "amal")

    assert shown(asha, f"q={invoice}") == ["amal"]


def test_a_reseller_is_chosen_among_those_that_one_sees(
    asha: User, nadia: User, north: Reseller, south: Reseller, sold: dict[str, Invoice]
) -> None:
    assert shown(asha, f"reseller={south.pk}") == ["elif"]
    assert shown(nadia, f"reseller={north.pk}&sort=subscriber") == ["amal", "bilal"]
    response = signed_in(nadia).get(f"{LIST}?reseller={south.pk}")
    assert "“Reseller” is left out" in body(response)
    assert "South Net" not in body(response)


def test_an_admin_finds_the_invoices_of_a_reseller_that_was_deleted(
    asha: User, north: Reseller, south: Reseller, sold: dict[str, Invoice]
) -> None:
    for each in (south, make_reseller(asha, "empty", "Empty Net")):
        Reseller.objects.filter(pk=each.pk).update(deleted_at=LATER)

    page = body(signed_in(asha).get(f"{LIST}?reseller={south.pk}"))

    assert shown(asha, f"reseller={south.pk}") == ["elif"]
    assert "South Net" in page
    assert "Empty Net" not in page


@pytest.mark.parametrize(
    ("sort", "names"),
    [
        ("", ["dana", "bilal", "elif", "amal"]),
        ("issued", ["amal", "elif", "bilal", "dana"]),
        ("-amount", ["elif", "dana", "amal", "bilal"]),
        ("-subscriber", ["elif", "dana", "bilal", "amal"]),
        ("reseller", ["dana", "bilal", "elif", "amal"]),
        ("amount", ["bilal", "amal", "dana", "elif"]),
        ("unknown", ["dana", "bilal", "elif", "amal"]),
    ],
)
def test_it_is_in_the_order_that_the_address_names(
    asha: User, sold: dict[str, Invoice], sort: str, names: list[str]
) -> None:
    assert shown(asha, f"sort={sort}") == names


@pytest.mark.parametrize(
    "query", ["status=x", "reseller=x", "start=x", "amount=-1", "page=99", "q=%00", "at_least=1e3"]
)
def test_garbage_in_the_address_breaks_nothing(asha: User, sold: dict[str, Invoice], query: str) -> None:
    assert signed_in(asha).get(f"{LIST}?{query}").status_code == 200
    assert signed_in(asha).get(f"{NOTES}?{query}").status_code == 200


def test_an_empty_list_says_what_it_is_for(asha: User) -> None:
    assert "Whatever is sold to a subscriber has an invoice here" in body(signed_in(asha).get(LIST))
    assert "What a refund, or a change of plan, takes off an invoice" in body(signed_in(asha).get(NOTES))
    assert "No invoice matches" in body(signed_in(asha).get(f"{LIST}?q=nobody"))


# --- credit notes -----------------------------------------------------------------------------------------------------


def test_credit_notes_have_a_list_of_their_own(asha: User, nadia: User, sami: User, sold: dict[str, Invoice]) -> None:
    note = CreditNote.objects.get()

    [row] = rows_of(signed_in(asha).get(NOTES))

    assert row[:5] == [f"{note} PDF", str(sold["elif"]), "elif", "South Net", "Refund"]
    assert row[6] == "25.00"
    assert len(rows_of(signed_in(sami).get(NOTES))) == 1
    assert rows_of(signed_in(nadia).get(NOTES)) == []
    for typed in (str(note), str(sold["elif"]), "elif", "Aydın"):
        assert len(rows_of(signed_in(asha).get(NOTES, {"q": typed}))) == 1, typed
    assert rows_of(signed_in(asha).get(NOTES, {"q": "amal"})) == []


# --- the file ---------------------------------------------------------------------------------------------------------


def file_of(user: User, query: str = "", of: str = LIST) -> list[dict[str, str]]:
    """Return the lines of the file."""
    return lines_of(signed_in(user).get(f"{of}export?{query}"))


@pytest.mark.parametrize("query", ["", "status=pending", "q=dana", "at_most=10", "start=2026-05-20&sort=amount"])
def test_the_file_has_the_rows_of_the_list(asha: User, nadia: User, sold: dict[str, Invoice], query: str) -> None:
    for user in (asha, nadia):
        assert sorted(line["Subscriber"] for line in file_of(user, query)) == sorted(shown(user, query))


def test_a_line_says_what_the_invoice_says(nadia: User, sold: dict[str, Invoice]) -> None:
    [line] = file_of(nadia, "q=bilal")

    invoice = sold["bilal"]
    assert line == {
        "Number": str(invoice), "Status": "Paid", "Issued": "2026-05-24T09:30:00+00:00", "Issuer": "Al-Noor ISP",
        "Tax line": "VAT LB 601 233", "Reseller": "North Net", "Subscriber": "bilal", "Name": "'=Bilal Costa",
        "Description": invoice.description, "From": "2026-05-24T09:30:00+00:00", "To": "2026-06-23T09:30:00+00:00",
        "Amount": "6.00", "Credited": "0.00", "Due": "0.00", "Currency": "USD", "Paid": "2026-05-24T09:30:00+00:00",
        "Cancelled": "",
    }  # fmt: skip


def test_credit_notes_have_a_file_too(asha: User, sold: dict[str, Invoice]) -> None:
    [line] = file_of(asha, of=NOTES)

    assert (line["Invoice"], line["Reason"], line["Amount"]) == (str(sold["elif"]), "Refund", "25.00")
    assert AuditEntry.objects.latest("id").action == Action.CREDIT_NOTES_EXPORTED


def test_it_is_audited_with_the_filters(nadia: User, north: Reseller, sold: dict[str, Invoice]) -> None:
    file_of(nadia, "status=paid&q=bilal")

    entry = AuditEntry.objects.latest("id")
    assert (entry.action, entry.actor_name, entry.reseller_id) == (Action.INVOICES_EXPORTED, "nadia", north.pk)
    assert entry.changes == {"rows": [None, 1], "q": [None, "bilal"], "status": [None, "Paid"]}


def test_who_may_not_export_gets_no_file_and_no_button(noor: User, asha: User, sold: dict[str, Invoice]) -> None:
    client = signed_in(noor)

    assert "Export CSV" in body(signed_in(asha).get(LIST))
    for address in (LIST, NOTES):
        assert "Export CSV" not in body(client.get(address))
        assert client.get(f"{address}export").status_code == 403


def test_a_clerk_of_support_exports_nothing(asha: User, north: Reseller, sold: dict[str, Invoice]) -> None:
    clerk = make_staff(asha, north, "clerk", group("SUPPORT"))

    assert signed_in(clerk).get(f"{LIST}export").status_code == 403


def test_every_status_has_its_tab(asha: User, sold: dict[str, Invoice]) -> None:
    assert {invoice.status for invoice in sold.values()} == set(InvoiceStatus.values)
