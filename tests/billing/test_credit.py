"""What goes back is taken off invoices, by credit notes of their own numbers."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db.models import F, Sum

from accounts.models import User
from billing.models import CreditNote, Invoice, InvoiceStatus
from billing.operations import cancel_invoice, mark_paid
from plans.models import Plan
from resellers.models import Reseller, RetailPrice
from subscribers.models import Renewal, Subscriber
from subscribers.operations import (
    CreditedByChange,
    InvoiceCredited,
    LaterPeriod,
    change_plan_of_many,
    move_subscribers,
    refund_charge,
)
from tests.audit.tampering import as_superuser
from tests.billing.papers import change, credit_notes, invoices, sell
from tests.cast import NOW, fund, make_plan, new_key, seat_of
from tests.subscribers.lines import add, balance_of, everything, findings, renew

DAY = timedelta(days=1)
LATER = NOW + 15 * DAY


@pytest.fixture
def amal(asha: User, north: Reseller, home: Plan) -> Subscriber:
    """Return North's line, paid for 30 days; its invoice is of 25.00."""
    fund(north.wallet, "1000", actor=asha)
    return add(asha, north, home)


def refund(asha: User, renewal: Renewal | None = None, reason: str = "Mistaken") -> Renewal:
    renewal = renewal or Renewal.objects.latest("pk")
    return refund_charge(actor=seat_of(asha), renewal_id=renewal.pk, reason=reason, now=LATER)


# --- refunds ----------------------------------------------------------------------------------------------------------


def test_a_refund_credits_the_invoice_in_full(asha: User, amal: Subscriber) -> None:
    refunded = refund(asha)

    note, invoice = CreditNote.objects.get(), Invoice.objects.get()
    assert (note.shown_number, note.invoice, note.amount, note.reason) == ("CN-000001", invoice, 25, "Refund")
    assert (note.refund_id, note.renewal_id, note.issued_at) == (refunded.refund_id, refunded.pk, LATER)
    assert (invoice.status, invoice.credited, invoice.due) == (InvoiceStatus.REFUNDED, 25, 0)
    assert findings() == []


def test_a_refund_credits_at_retail_what_the_wallet_gets_back_at_wholesale(
    asha: User, north: Reseller, amal: Subscriber, home: Plan
) -> None:
    RetailPrice.objects.create(reseller=north, plan=home, price=Decimal(40))
    renew(asha, amal)

    refund(asha)

    assert credit_notes() == [("CN-000001", "INV-000002", 40)]
    assert balance_of(north) == 975


def test_a_refund_of_a_paid_invoice_credits_it_and_says_still_when_it_was_paid(asha: User, amal: Subscriber) -> None:
    invoice = mark_paid(actor=seat_of(asha), invoice_id=Invoice.objects.get().pk, now=NOW)

    refund(asha)

    invoice.refresh_from_db()
    assert (invoice.status, invoice.paid_at, invoice.credited) == (InvoiceStatus.REFUNDED, NOW, 25)


def test_a_cancelled_invoice_is_not_credited(asha: User, amal: Subscriber) -> None:
    cancel_invoice(actor=seat_of(asha), invoice_id=Invoice.objects.get().pk, reason="Given away", now=NOW)

    refund(asha)

    assert (invoices(), credit_notes()) == ([("INV-000001", "cancelled", 25)], [])
    assert findings() == []


def test_a_refund_of_what_was_given_away_credits_nothing(asha: User, north: Reseller, amal: Subscriber) -> None:
    Subscriber.objects.filter(pk=amal.pk).update(retail_price=0)
    renew(asha, amal)

    refund(asha)

    assert invoices()[1] == ("INV-000002", "paid", 0)
    assert credit_notes() == []
    assert findings() == []


def test_a_period_of_before_there_were_invoices_has_nothing_to_credit(
    committing: None, asha: User, amal: Subscriber
) -> None:
    with as_superuser() as cursor:
        cursor.execute("TRUNCATE invoices, credit_notes, invoice_links, paper_series")

    refund(asha)

    assert credit_notes() == []
    assert findings() == []


def test_a_refund_of_data_credits_its_own_invoice(asha: User, amal: Subscriber) -> None:
    sell(asha, amal, "5.00")

    refund(asha)

    assert credit_notes() == [("CN-000001", "INV-000002", 5)]


# --- changes of plan --------------------------------------------------------------------------------------------------


def test_a_change_that_pays_back_credits_a_part_of_the_invoice(asha: User, amal: Subscriber) -> None:
    change(asha, amal, make_plan("Cheap", "10.00"), now=LATER)

    note, invoice = CreditNote.objects.get(), Invoice.objects.get()
    assert (note.amount, note.refund, note.reason) == (Decimal("7.50"), None, "Plan change · Cheap")
    assert note.renewal == Renewal.objects.get(kind="plan_change")
    assert (invoice.status, invoice.credited, invoice.due) == ("pending", Decimal("7.50"), Decimal("17.50"))
    assert findings() == []


def test_a_change_that_pays_back_more_than_the_latest_invoice_credits_the_one_before_it_too(
    asha: User, amal: Subscriber
) -> None:
    renew(asha, amal)

    change(asha, amal, make_plan("Cheap", "5.00"), now=LATER)

    # 45 days are left: 37.50 of Home, 7.50 of Cheap.
    assert credit_notes() == [("CN-000001", "INV-000002", 25), ("CN-000002", "INV-000001", 5)]
    assert invoices() == [("INV-000001", "pending", 25), ("INV-000002", "refunded", 25)]
    assert findings() == []


def test_a_second_change_that_pays_back_credits_what_the_first_left(asha: User, amal: Subscriber) -> None:
    renew(asha, amal)

    change(asha, amal, make_plan("Cheap", "10.00"), now=LATER)
    change(asha, amal, make_plan("Cheapest", "1.00"), now=LATER)

    # 45 days: 37.50 of Home, 15.00 of Cheap, 1.50 of Cheapest.
    assert credit_notes() == [
        ("CN-000001", "INV-000002", Decimal("22.50")),
        ("CN-000002", "INV-000002", Decimal("2.50")),
        ("CN-000003", "INV-000001", Decimal("11.00")),
    ]
    assert findings() == []


def test_a_change_up_and_down_again_credits_the_invoice_of_the_way_up_first(asha: User, amal: Subscriber) -> None:
    change(asha, amal, make_plan("Office", "45.00"), now=LATER)

    change(asha, amal, make_plan("Cheap", "10.00"), now=LATER)

    # 15 days: 12.50 of Home, 22.50 of Office, 5.00 of Cheap.
    assert invoices()[1] == ("INV-000002", "refunded", 10)
    assert credit_notes() == [("CN-000001", "INV-000002", 10), ("CN-000002", "INV-000001", Decimal("7.50"))]
    assert findings() == []


def test_data_is_not_credited_by_a_change_of_plan(asha: User, amal: Subscriber) -> None:
    sell(asha, amal, "20.00")

    change(asha, amal, make_plan("Cheap", "10.00"), now=LATER)

    assert credit_notes() == [("CN-000001", "INV-000001", Decimal("7.50"))]


def test_a_change_does_not_credit_a_cancelled_invoice(asha: User, amal: Subscriber) -> None:
    renew(asha, amal)
    cancel_invoice(actor=seat_of(asha), invoice_id=Invoice.objects.latest("pk").pk, reason="Given away", now=NOW)

    change(asha, amal, make_plan("Cheap", "5.00"), now=LATER)

    # 30.00 come back, of which 25.00 are of the period whose invoice nobody owes.
    assert credit_notes() == [("CN-000001", "INV-000001", 5)]
    assert findings() == []


def test_a_change_credits_no_invoice_of_a_period_that_is_over(asha: User, amal: Subscriber) -> None:
    mark_paid(actor=seat_of(asha), invoice_id=Invoice.objects.get().pk, now=NOW)
    renew(asha, amal)
    cancel_invoice(actor=seat_of(asha), invoice_id=Invoice.objects.latest("pk").pk, reason="Given away", now=NOW)

    change(asha, amal, make_plan("Cheap", "1.00"), now=NOW + 31 * DAY)

    assert invoices() == [("INV-000001", "paid", 25), ("INV-000002", "cancelled", 25)]
    assert credit_notes() == []
    assert findings() == []


def test_the_share_of_a_cancelled_invoice_is_credited_to_no_other(asha: User, amal: Subscriber) -> None:
    change(asha, amal, make_plan("Office", "45.00"), now=LATER)
    cancel_invoice(actor=seat_of(asha), invoice_id=Invoice.objects.latest("pk").pk, reason="Given away", now=LATER)

    change(asha, amal, make_plan("Cheap", "10.00"), now=LATER)

    # 17.50 come back: 10.00 of the way up, which nobody owes any more, and 7.50 of Home.
    assert credit_notes() == [("CN-000001", "INV-000001", Decimal("7.50"))]
    assert findings() == []


def test_a_change_takes_no_more_off_an_invoice_than_is_left_of_its_period(asha: User, amal: Subscriber) -> None:
    change(asha, amal, make_plan("Office", "45.00"), now=LATER)
    cheap = make_plan("Cheap", "0.00")

    change(asha, amal, cheap, now=LATER + 5 * DAY)

    # 10 days are left of Office: 15.00, of which 10.00 were paid for the way up.
    assert credit_notes() == [("CN-000001", "INV-000002", 10), ("CN-000002", "INV-000001", 5)]
    assert findings() == []


def test_a_change_down_and_up_and_down_again_credits_each_invoice_with_what_it_brought(
    asha: User, amal: Subscriber
) -> None:
    change(asha, amal, make_plan("Cheap", "10.00"), now=LATER)
    renew(asha, amal, now=LATER)
    change(asha, amal, make_plan("Office", "45.00"), now=LATER)

    change(asha, amal, make_plan("Free", "0.00"), now=LATER)

    # 5.00 of Home stayed, 10.00 of Cheap were renewed, and 45 days of Office cost 67.50.
    assert credit_notes() == [
        ("CN-000001", "INV-000001", Decimal("7.50")),
        ("CN-000002", "INV-000003", Decimal("52.50")),
        ("CN-000003", "INV-000002", 10),
        ("CN-000004", "INV-000001", 5),
    ]
    assert Invoice.objects.aggregate(due=Sum(F("amount") - F("credited")))["due"] == Decimal("12.50")
    assert findings() == []


def test_a_change_after_a_move_credits_no_invoice_of_the_former_owner(
    asha: User, south: Reseller, amal: Subscriber
) -> None:
    fund(south.wallet, "1000", actor=asha)
    move_subscribers(actor=seat_of(asha), subscriber_ids=[amal.pk], to=south, now=NOW)
    change(asha, amal, make_plan("Office", "45.00"), now=LATER)

    change(asha, amal, make_plan("Cheap", "10.00"), now=LATER)

    assert {note.invoice.reseller for note in CreditNote.objects.select_related("invoice__reseller")} == {south}
    assert findings() == []


def test_a_change_that_credited_the_subscriber_is_not_refunded(asha: User, north: Reseller, amal: Subscriber) -> None:
    office = make_plan("Office", "45.00")
    RetailPrice.objects.create(reseller=north, plan=office, price=Decimal(1))
    change(asha, amal, office, now=LATER)

    with pytest.raises(CreditedByChange, match=r"This change took 12\.00 USD off the subscriber’s invoices"):
        refund(asha)

    assert balance_of(north) == 965
    assert credit_notes() == [("CN-000001", "INV-000001", Decimal("12.00"))]


def test_nor_is_what_it_credited_once_the_change_was_itself_given_up(
    asha: User, north: Reseller, amal: Subscriber
) -> None:
    first = Renewal.objects.get()
    office = make_plan("Office", "45.00")
    RetailPrice.objects.create(reseller=north, plan=office, price=Decimal(1))
    change(asha, amal, office, now=LATER)  # costs the wallet 10.00, and credits the subscriber 12.00
    change(asha, amal, make_plan("Dear", "90.00"), now=LATER)
    refund(asha)
    before = (everything(), balance_of(north), invoices())

    with pytest.raises(InvoiceCredited, match=r"A change of plan took 12\.00 USD off the invoice for this"):
        refund(asha, first)
    with pytest.raises(CreditedByChange):
        refund(asha, Renewal.objects.get(plan=office))

    assert (everything(), balance_of(north), invoices()) == before
    assert Invoice.objects.get(renewal=first).credited == Decimal("12.00")
    assert findings() == []


def test_nor_is_what_was_sold_before_that(asha: User, north: Reseller, amal: Subscriber) -> None:
    first = Renewal.objects.get()
    renew(asha, amal)
    office = make_plan("Office", "45.00")
    RetailPrice.objects.create(reseller=north, plan=office, price=Decimal(20))
    change(asha, amal, office, now=LATER)  # 45 days: 37.50 of Home, and 67.50 of Office, which asks for 30.00
    assert credit_notes() == [("CN-000001", "INV-000002", Decimal("7.50"))]
    change(asha, amal, make_plan("Dear", "90.00"), now=LATER)
    refund(asha)

    with pytest.raises(LaterPeriod, match="A later period stays, since a change of plan gave a part of it back"):
        refund(asha, first)

    assert findings() == []


def test_a_refund_after_a_change_credits_what_is_left(asha: User, amal: Subscriber) -> None:
    office = make_plan("Office", "45.00")
    change(asha, amal, office, now=LATER)

    refund(asha)

    assert credit_notes() == [("CN-000001", "INV-000002", 10)]
    assert findings() == []


def test_a_change_of_many_credits_each_line_its_own_invoice(
    asha: User, north: Reseller, amal: Subscriber, home: Plan
) -> None:
    badr = add(asha, north, home, "badr")

    change_plan_of_many(
        actor=seat_of(asha),
        subscriber_ids=[badr.pk, amal.pk],
        plan=make_plan("Cheap", "10.00"),
        key=new_key("change_plan_of_many"),
        shown_at=LATER,
        now=LATER,
    )

    notes = CreditNote.objects.order_by("number").values_list("invoice__subscriber_username", "amount")
    assert sorted(notes) == [("amal", Decimal("7.50")), ("badr", Decimal("7.50"))]
    assert findings() == []


def test_a_charge_whose_retail_pays_back_has_credit_notes_and_no_invoice(
    asha: User, north: Reseller, amal: Subscriber
) -> None:
    office = make_plan("Office", "45.00")
    RetailPrice.objects.create(reseller=north, plan=office, price=Decimal(1))

    change(asha, amal, office, now=LATER)

    assert balance_of(north) == 965
    assert len(invoices()) == 1
    assert credit_notes() == [("CN-000001", "INV-000001", Decimal("12.00"))]
    assert findings() == []
