"""Who issues: the house, or the reseller whose subscriber it is, as the billing settings say on the day."""

from datetime import timedelta
from decimal import Decimal

import pytest

from accounts.models import User
from billing.models import CreditNote, Invoice
from ispanel.logos import erase_unused, kept_picture
from plans.models import Plan
from resellers.models import Branding, Reseller
from subscribers.models import Renewal
from subscribers.operations import move_subscribers, refund_charge
from tests.billing.papers import billing_settings, change, credit_notes, invoices, numbers_of, resellers_issue, series
from tests.cast import NOW, fund, make_plan, seat_of
from tests.pictures import a_logo
from tests.subscribers.lines import add, findings, renew

DAY = timedelta(days=1)


@pytest.fixture
def funded(asha: User, north: Reseller, south: Reseller) -> Reseller:
    """Return North; it and South have 1,000.00 each, and North papers of its own."""
    for reseller in (north, south):
        fund(reseller.wallet, "1000", actor=asha)
    Reseller.objects.filter(pk=north.pk).update(
        address="7 Hill Road\nTripoli", tax_line="VAT 77", invoice_prefix="NN/", has_branding=True
    )
    Branding.objects.create(reseller=north, logo=kept_picture(a_logo()), updated_at=NOW)
    billing_settings(company_name="Cedar Telecom", company_address="1 Port Road", tax_line="VAT LB 601")
    return north


def test_while_the_house_issues_the_numbers_of_all_resellers_are_one_series(
    asha: User, funded: Reseller, south: Reseller, home: Plan
) -> None:
    add(asha, funded, home, "amal")
    add(asha, south, home, "salma")

    of_north, of_south = Invoice.objects.order_by("pk")
    assert [of_north.shown_number, of_south.shown_number] == ["INV-000001", "INV-000002"]
    assert {of_north.issuer_name, of_south.issuer_name} == {"Cedar Telecom"}
    assert [of_north.seller_name, of_south.seller_name] == ["North Net", "South Net"]
    assert (of_north.issuer_address, of_north.issuer_tax_line, of_north.issuer_logo) == (
        "1 Port Road", "VAT LB 601", None,
    )  # fmt: skip
    assert series() == {(None, "invoice"): 2}


def test_while_resellers_issue_each_has_its_own_name_logo_prefix_and_numbers(
    asha: User, funded: Reseller, south: Reseller, home: Plan
) -> None:
    resellers_issue()

    for reseller, name in ((funded, "amal"), (south, "salma"), (funded, "badr")):
        add(asha, reseller, home, name)

    amal, salma, badr = Invoice.objects.order_by("pk")
    assert [each.shown_number for each in (amal, salma, badr)] == ["NN/000001", "INV-000001", "NN/000002"]
    assert (amal.issuer, amal.issuer_name, amal.issuer_address, amal.issuer_tax_line) == (
        funded, "North Net", "7 Hill Road\nTripoli", "VAT 77",
    )  # fmt: skip
    assert amal.issuer_logo
    assert bytes(amal.issuer_logo.png) == a_logo()
    assert (salma.issuer, salma.issuer_name, salma.issuer_logo, salma.seller_name) == (
        south, "South Net", None, "South Net",
    )  # fmt: skip
    assert series() == {(funded.pk, "invoice"): 2, (south.pk, "invoice"): 1}


def test_the_logo_of_a_reseller_without_branding_is_on_no_paper(asha: User, funded: Reseller, home: Plan) -> None:
    Reseller.objects.filter(pk=funded.pk).update(has_branding=False)
    resellers_issue()

    add(asha, funded, home)

    assert Invoice.objects.get().issuer_logo is None


def test_a_switch_in_between_goes_on_with_both_series_and_leaves_old_papers_as_they_are(
    asha: User, funded: Reseller, home: Plan
) -> None:
    for each, on in enumerate([False, True, False, True]):
        resellers_issue(on)
        add(asha, funded, home, f"line-{each}")

    assert [each[0] for each in invoices()] == ["INV-000001", "NN/000001", "INV-000002", "NN/000002"]
    assert (numbers_of(), numbers_of(funded)) == ([1, 2], [1, 2])
    assert list(Invoice.objects.order_by("pk").values_list("issuer_name", flat=True)) == [
        "Cedar Telecom", "North Net", "Cedar Telecom", "North Net",
    ]  # fmt: skip
    assert findings() == []


def test_another_prefix_or_name_changes_no_paper_that_is_there(asha: User, funded: Reseller, home: Plan) -> None:
    amal = add(asha, funded, home)
    billing_settings(company_name="Oak Telecom", invoice_prefix="2027-")

    renew(asha, amal)

    assert [(each.shown_number, each.issuer_name) for each in Invoice.objects.order_by("pk")] == [
        ("INV-000001", "Cedar Telecom"),
        ("2027-000002", "Oak Telecom"),
    ]


def test_a_credit_note_is_of_the_issuer_of_its_invoice_whatever_the_switch_says_now(
    asha: User, funded: Reseller, home: Plan
) -> None:
    amal = add(asha, funded, home)
    resellers_issue()
    renew(asha, amal)
    billing_settings(reseller_is_issuer=False, credit_note_prefix="G/")

    for renewal in Renewal.objects.order_by("-pk"):
        refund_charge(actor=seat_of(asha), renewal_id=renewal.pk, reason="Mistaken", now=NOW)

    assert credit_notes() == [("G/000001", "NN/000001", 25), ("G/000001", "INV-000001", 25)]
    assert [note.issuer for note in CreditNote.objects.order_by("pk")] == [funded, None]
    assert series()[None, "credit_note"] == series()[funded.pk, "credit_note"] == 1
    assert findings() == []


def test_one_change_of_plan_credits_invoices_of_both_issuers(asha: User, funded: Reseller, home: Plan) -> None:
    amal = add(asha, funded, home)
    resellers_issue()
    renew(asha, amal)

    change(asha, amal, make_plan("Cheap", "5.00"), now=NOW)

    # 60 days of Home are 50.00, of Cheap 10.00.
    assert credit_notes() == [("CN-000001", "INV-000001", 15), ("CN-000001", "NN/000001", 25)]
    assert invoices() == [("INV-000001", "pending", 25), ("NN/000001", "refunded", 25)]
    assert findings() == []


def test_a_line_that_was_moved_has_its_next_invoice_from_its_new_reseller(
    asha: User, funded: Reseller, south: Reseller, home: Plan
) -> None:
    resellers_issue()
    amal = add(asha, funded, home)
    move_subscribers(actor=seat_of(asha), subscriber_ids=[amal.pk], to=south, now=NOW)
    amal.refresh_from_db()

    renew(asha, amal)

    assert [(each.shown_number, each.seller_name) for each in Invoice.objects.order_by("pk")] == [
        ("NN/000001", "North Net"),
        ("INV-000001", "South Net"),
    ]


def test_what_comes_back_for_a_line_that_was_moved_credits_nothing_of_the_former_reseller(
    asha: User, funded: Reseller, south: Reseller, home: Plan
) -> None:
    amal = add(asha, funded, home)
    move_subscribers(actor=seat_of(asha), subscriber_ids=[amal.pk], to=south, now=NOW)

    change(asha, amal, make_plan("Cheap", "10.00"), now=NOW + 15 * DAY)

    assert credit_notes() == []
    assert Invoice.objects.latest("pk").amount == Decimal(5)
    assert findings() == []


def test_the_logo_on_a_paper_stays_though_nobody_shows_it_any_more(asha: User, funded: Reseller, home: Plan) -> None:
    resellers_issue()
    add(asha, funded, home, "amal")
    Branding.objects.update(logo=None)

    for day in range(3):
        erase_unused(now=NOW + day * DAY)

    paper = Invoice.objects.get()
    assert paper.issuer_logo
    assert bytes(paper.issuer_logo.png) == a_logo()
