"""Marking an invoice as paid, or cancelling it: no money moves, and the number stays."""

from typing import Any

import pytest

from accounts.models import User
from accounts.seats import DeskSeat
from audit.actions import Action
from audit.models import AuditEntry
from billing.models import Invoice
from billing.operations import (
    CreditedInPart,
    InvoiceCancelled,
    InvoicePaid,
    InvoiceRefunded,
    ReasonMissing,
    cancel_invoice,
    mark_paid,
)
from ispanel.refusals import Forbidden, Refusal
from plans.models import Plan
from resellers.models import Reseller
from subscribers.models import Renewal
from subscribers.operations import refund_charge
from tests.billing.papers import change
from tests.cast import NOW, fund, group, make_plan, make_staff, seat_of
from tests.pages import counts
from tests.subscribers.lines import add, balance_of, findings
from tests.threads import at_once

ACTS = {"mark_paid": (mark_paid, {}), "cancel_invoice": (cancel_invoice, {"reason": "Given away"})}


@pytest.fixture
def invoice(asha: User, north: Reseller, home: Plan) -> Invoice:
    """Return the invoice of North's line: pending, of 25.00."""
    fund(north.wallet, "100", actor=asha)
    add(asha, north, home)
    return Invoice.objects.get()


def pay(actor: User, invoice: Invoice, **details: Any) -> Invoice:
    return mark_paid(actor=seat_of(actor), invoice_id=invoice.pk, **({"now": NOW} | details))


def cancel(actor: User, invoice: Invoice, reason: str = "Given away") -> Invoice:
    return cancel_invoice(actor=seat_of(actor), invoice_id=invoice.pk, reason=reason, now=NOW)


def refund(asha: User) -> None:
    refund_charge(actor=seat_of(asha), renewal_id=Renewal.objects.latest("pk").pk, reason="Mistaken", now=NOW)


# --- it works ---------------------------------------------------------------------------------------------------------


def test_a_paid_invoice_says_when_by_whom_and_how_and_no_money_moves(
    nadia: User, north: Reseller, invoice: Invoice
) -> None:
    before = counts()

    pay(nadia, invoice, note="Cash, receipt 17")

    invoice.refresh_from_db()
    assert (invoice.status, invoice.paid_at, invoice.paid_by) == ("paid", NOW, "nadia")
    assert (invoice.payment_note, invoice.due) == ("Cash, receipt 17", 0)
    assert balance_of(north) == 75
    assert counts() == before | {"audit_entries": before["audit_entries"] + 1}
    told = AuditEntry.objects.get(action=Action.INVOICE_PAID)
    assert (told.actor_name, told.object_type, told.object_name) == ("nadia", "invoice", "INV-000001")
    assert (told.reseller_id, told.detail) == (north.pk, "Cash, receipt 17")
    assert told.changes == {"status": ["pending", "paid"], "paid": [None, "25"]}


def test_a_cancelled_invoice_keeps_its_number_and_the_period_goes_on(
    nadia: User, north: Reseller, invoice: Invoice
) -> None:
    cancel(nadia, invoice)

    invoice.refresh_from_db()
    assert (invoice.status, invoice.cancelled_at, invoice.cancelled_by) == ("cancelled", NOW, "nadia")
    assert (invoice.cancellation_reason, invoice.due, invoice.number) == ("Given away", 0, 1)
    assert Renewal.objects.get().refunded_at is None
    assert balance_of(north) == 75
    told = AuditEntry.objects.get(action=Action.INVOICE_CANCELLED)
    assert (told.actor_name, told.object_name, told.detail) == ("nadia", "INV-000001", "Given away")
    assert told.changes == {"status": ["pending", "cancelled"]}
    assert findings() == []


def test_what_is_left_of_an_invoice_that_was_credited_in_part_can_be_paid(asha: User, invoice: Invoice) -> None:
    change(asha, invoice.subscriber, make_plan("Cheap", "10.00"))

    pay(asha, invoice)

    assert AuditEntry.objects.get(action=Action.INVOICE_PAID).changes["paid"] == [None, "10"]


@pytest.mark.parametrize("act", ACTS)
def test_a_parent_marks_the_invoices_of_its_subs(
    asha: User, nadia: User, northeast: Reseller, home: Plan, act: str
) -> None:
    fund(northeast.wallet, "100", actor=asha)
    add(asha, northeast, home)
    do, details = ACTS[act]

    do(actor=seat_of(nadia), invoice_id=Invoice.objects.get().pk, now=NOW, **details)

    assert Invoice.objects.get().status != "pending"


# --- it is refused ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize(
    ("before", "refusal", "words"),
    [
        ("pay", InvoicePaid, "The invoice INV-000001 is marked as paid already."),
        ("cancel", InvoiceCancelled, "The invoice INV-000001 is cancelled: that is for ever."),
        ("refund", InvoiceRefunded, "The invoice INV-000001 is refunded: nothing of it is owed."),
    ],
)
def test_what_is_not_pending_any_more_is_not_marked(
    asha: User, invoice: Invoice, act: str, before: str, refusal: type[Refusal], words: str
) -> None:
    {"pay": lambda: pay(asha, invoice), "cancel": lambda: cancel(asha, invoice), "refund": lambda: refund(asha)}[
        before
    ]()
    was = Invoice.objects.values().get()
    do, details = ACTS[act]

    with pytest.raises(refusal, match=words):
        do(actor=seat_of(asha), invoice_id=invoice.pk, now=NOW, **details)

    assert Invoice.objects.values().get() == was


def test_an_invoice_that_was_credited_in_part_is_not_cancelled(asha: User, invoice: Invoice) -> None:
    change(asha, invoice.subscriber, make_plan("Cheap", "10.00"))

    with pytest.raises(CreditedInPart, match="A part of the invoice INV-000001 is credited"):
        cancel(asha, invoice)


@pytest.mark.parametrize("reason", ["", "  "])
def test_an_invoice_is_not_cancelled_without_a_reason(asha: User, invoice: Invoice, reason: str) -> None:
    with pytest.raises(ReasonMissing, match="Say why") as refused:
        cancel(asha, invoice, reason)

    assert refused.value.field == "reason"
    assert Invoice.objects.get().status == "pending"


@pytest.mark.parametrize("act", ACTS)
def test_south_a_sub_of_it_and_those_who_see_everything_mark_nothing(
    asha: User, sami: User, noora: User, noor: User, petra: User, north: Reseller, invoice: Invoice, act: str
) -> None:
    helper = make_staff(asha, north, "helper", group("SUPPORT"))
    do, details = ACTS[act]

    for actor in (*map(seat_of, (sami, noora, noor, petra, helper)), DeskSeat.own(asha)):
        with pytest.raises(Forbidden):
            do(actor=actor, invoice_id=invoice.pk, now=NOW, **details)

    assert Invoice.objects.get().status == "pending"
    with pytest.raises(Forbidden):
        do(actor=seat_of(asha), invoice_id=invoice.pk + 1, now=NOW, **details)


# --- at the same moment -----------------------------------------------------------------------------------------------


def test_of_a_refund_and_a_cancellation_at_once_one_counts(committing: None, asha: User, invoice: Invoice) -> None:
    results = at_once(lambda: refund(asha), lambda: cancel(asha, invoice))

    invoice.refresh_from_db()
    assert (invoice.status, invoice.credited) in {("refunded", 25), ("cancelled", 0)}
    assert [type(result) for result in results if isinstance(result, Exception)] in ([], [InvoiceRefunded])
    assert findings() == []


def test_of_two_who_mark_it_at_once_one_is_told(committing: None, asha: User, invoice: Invoice) -> None:
    results = at_once(*[lambda: pay(asha, invoice)] * 2)

    assert sorted(type(result).__name__ for result in results) == ["Invoice", "InvoicePaid"]
    assert AuditEntry.objects.filter(action=Action.INVOICE_PAID).count() == 1
