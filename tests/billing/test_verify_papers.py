"""Verifying papers: whatever does not agree with what was sold, or leaves a gap, is named."""

from datetime import timedelta

import pytest

from accounts.models import User
from billing.models import CreditNote, Invoice, PaperSeries
from billing.operations import cancel_invoice
from plans.models import Plan
from resellers.models import Reseller
from subscribers.models import Subscriber
from subscribers.operations import refund_charge
from tests.audit.tampering import as_superuser
from tests.billing.papers import change, resellers_issue
from tests.cast import NOW, fund, make_plan, seat_of
from tests.subscribers.lines import add, findings, renew

LATER = NOW + timedelta(days=15)
REFUNDED_HAS_ITS_REFUND = (
    "ALTER TABLE renewals ADD CONSTRAINT refunded_period_has_its_refund CHECK ("
    "(refunded_at IS NULL AND refund_id IS NULL)"
    " OR (refunded_at IS NOT NULL AND refund_id IS NOT NULL AND transfer_id IS NOT NULL))"
)


@pytest.fixture
def amal(committing: None, asha: User, north: Reseller, home: Plan) -> Subscriber:
    """Return a line with invoices 1 and 2, of which the second is refunded and the first credited in part by a change.

    Badr has invoice 3, and Carla North's own invoice 1.
    """
    fund(north.wallet, "1000", actor=asha)
    amal = add(asha, north, home)
    second = renew(asha, amal)
    add(asha, north, home, "badr")
    refund_charge(actor=seat_of(asha), renewal_id=second.pk, reason="Mistaken", now=NOW)
    change(asha, amal, make_plan("Cheap", "10.00"), now=LATER)
    resellers_issue()
    add(asha, north, home, "carla")
    return amal


def tamper(statement: str) -> None:
    with as_superuser() as cursor:
        cursor.execute(statement)


def of(number: int, issuer: Reseller | None = None) -> Invoice:
    return Invoice.objects.get(number=number, issuer=issuer)


def test_papers_of_every_kind_are_in_order(amal: Subscriber) -> None:
    assert (Invoice.objects.count(), CreditNote.objects.count(), PaperSeries.objects.count()) == (4, 2, 3)
    assert findings() == []


def test_sales_without_any_paper_are_of_before_there_were_any(amal: Subscriber) -> None:
    tamper("TRUNCATE invoices, credit_notes, invoice_links, paper_series")

    assert findings() == []


def test_a_gap_is_named(amal: Subscriber) -> None:
    invoice = of(3)

    tamper(f"UPDATE invoices SET number = 5 WHERE id = {invoice.pk}")

    assert findings() == [
        f"Invoice {invoice.pk}: its number is 5, and that before it 2.",
        "Series of issuer house (invoice): its last number is 3, and that of its papers 5.",
    ]


def test_a_number_that_two_invoices_have_is_named(amal: Subscriber) -> None:
    tamper("ALTER TABLE invoices DROP CONSTRAINT one_invoice_per_number")
    try:
        tamper(f"UPDATE invoices SET number = 2 WHERE id = {of(3).pk}")
        found = findings()
    finally:
        tamper("UPDATE invoices SET number = 3 WHERE id = (SELECT max(id) FROM invoices WHERE issuer_id IS NULL)")
        tamper(
            "ALTER TABLE invoices ADD CONSTRAINT one_invoice_per_number UNIQUE NULLS NOT DISTINCT (issuer_id, number)"
        )

    assert f"Invoice {of(3).pk}: its number is 2, and that before it 2." in found


def test_an_invoice_that_is_gone_is_named_by_its_period_and_by_the_next_one(amal: Subscriber) -> None:
    gone = of(2)

    tamper(f"DELETE FROM credit_notes WHERE invoice_id = {gone.pk}; DELETE FROM invoices WHERE id = {gone.pk}")

    assert findings() == [
        f"Invoice {of(3).pk}: its number is 3, and that before it 1.",
        f"Credit note {CreditNote.objects.get().pk}: its number is 2, and that before it 0.",
        f"Period {gone.renewal_id} (renewal, 25.00): it has no invoice.",
    ]


def test_a_credit_note_out_of_its_turn_is_named(amal: Subscriber) -> None:
    note = CreditNote.objects.latest("pk")

    tamper(f"UPDATE credit_notes SET number = 7 WHERE id = {note.pk}")

    assert findings() == [
        f"Credit note {note.pk}: its number is 7, and that before it 1.",
        "Series of issuer house (credit_note): its last number is 2, and that of its papers 7.",
    ]


def test_a_series_that_counts_otherwise_is_named(amal: Subscriber, north: Reseller) -> None:
    tamper(f"UPDATE paper_series SET last_number = 9 WHERE issuer_id = {north.pk}")

    assert findings() == [f"Series of issuer {north.pk} (invoice): its last number is 9, and that of its papers 1."]


def test_a_series_that_is_gone_is_named(amal: Subscriber) -> None:
    tamper("DELETE FROM paper_series WHERE kind = 'credit_note'")

    assert findings() == ["Series of issuer house (credit_note): its last number is none, and that of its papers 2."]


def test_an_invoice_of_another_amount_than_was_sold_is_named(amal: Subscriber, north: Reseller) -> None:
    invoice = of(3)

    tamper(f"UPDATE invoices SET amount = 24 WHERE id = {invoice.pk}")

    line, seller = invoice.subscriber_id, north.pk
    assert findings() == [
        (
            f"Invoice {invoice.pk} (24.00, subscriber {line}, reseller {seller}): it is for period {invoice.renewal_id}"
            f" (25.00, subscriber {line}, reseller {seller})."
        )
    ]


def test_an_invoice_of_a_period_that_is_not_there_is_named(amal: Subscriber) -> None:
    invoice = of(3)

    tamper(f"UPDATE invoices SET renewal_id = 999 WHERE id = {invoice.pk}")

    assert f"Period {invoice.renewal_id} (activation, 25.00): it has no invoice." in findings()
    assert any("it is for period 999 (none, subscriber none, reseller none)" in each for each in findings())


def test_an_invoice_that_is_credited_by_nothing_is_named(amal: Subscriber) -> None:
    invoice = of(3)

    tamper(f"UPDATE invoices SET credited = 3 WHERE id = {invoice.pk}")

    assert findings() == [f"Invoice {invoice.pk}: 3.00 of it is credited, and its credit notes come to 0.00."]


def test_a_credit_note_of_another_amount_is_named(amal: Subscriber) -> None:
    note = CreditNote.objects.latest("pk")

    tamper(f"UPDATE credit_notes SET amount = 8 WHERE id = {note.pk}")

    assert findings() == [
        f"Invoice {note.invoice_id}: 7.50 of it is credited, and its credit notes come to 8.00.",
        f"Period {note.renewal_id}: it counts as −7.50, and its credit notes come to 8.00.",
    ]


def test_a_credit_note_of_another_issuer_is_named(amal: Subscriber, north: Reseller) -> None:
    note = CreditNote.objects.latest("pk")

    tamper(f"UPDATE credit_notes SET issuer_id = {north.pk} WHERE id = {note.pk}")

    assert f"Credit note {note.pk}: its invoice {note.invoice_id} is missing, or another issuer's." in findings()


def test_a_refund_whose_invoice_stands_is_named(amal: Subscriber) -> None:
    invoice = of(2)

    tamper(
        f"DELETE FROM credit_notes WHERE invoice_id = {invoice.pk};"
        "UPDATE credit_notes SET number = 1; UPDATE paper_series SET last_number = 1 WHERE kind = 'credit_note';"
        f"UPDATE invoices SET credited = 0, status = 'pending' WHERE id = {invoice.pk}"
    )

    assert findings() == [
        f"Invoice {invoice.pk} of 25.00: its period {invoice.renewal_id} is refunded, and 0.00 of it is credited."
    ]


def test_a_credit_note_of_another_refund_is_named(amal: Subscriber) -> None:
    note = CreditNote.objects.earliest("pk")

    tamper(f"UPDATE credit_notes SET refund_id = 1 WHERE id = {note.pk}")

    assert findings() == [
        (
            f"Credit note {note.pk}: it is for transfer 1, and the refund of its period {note.renewal_id} is"
            f" {note.refund_id}."
        )
    ]


def test_a_credit_note_of_a_change_on_an_invoice_that_it_did_not_give_up_is_named(amal: Subscriber) -> None:
    note, other = CreditNote.objects.latest("pk"), of(3)

    tamper(
        f"UPDATE invoices SET credited = 0 WHERE id = {note.invoice_id};"
        f"UPDATE invoices SET credited = {note.amount} WHERE id = {other.pk};"
        f"UPDATE credit_notes SET invoice_id = {other.pk} WHERE id = {note.pk}"
    )

    assert findings() == [
        (
            f"Credit note {note.pk}: its invoice {other.pk} is for no period that the change of plan"
            f" {note.renewal_id} gave up."
        )
    ]


def test_a_credit_note_of_a_refund_on_another_invoice_is_named(amal: Subscriber) -> None:
    note, other = CreditNote.objects.earliest("pk"), of(3)

    tamper(f"UPDATE credit_notes SET invoice_id = {other.pk} WHERE id = {note.pk}")

    assert (
        f"Credit note {note.pk}: its invoice {other.pk} is for period {other.renewal_id}, and the refund is of"
        f" {note.renewal_id}."
    ) in findings()


def test_a_change_that_is_refunded_while_its_credit_note_stands_is_named(amal: Subscriber) -> None:
    note = CreditNote.objects.latest("pk")

    tamper(
        "ALTER TABLE renewals DROP CONSTRAINT refunded_period_has_its_refund;"
        f"UPDATE renewals SET refunded_at = now() WHERE id = {note.renewal_id}"
    )
    try:
        found = findings()
    finally:
        tamper(f"UPDATE renewals SET refunded_at = NULL WHERE refund_id IS NULL; {REFUNDED_HAS_ITS_REFUND}")

    assert f"Credit note {note.pk} of 7.50: it stands, and its change of plan {note.renewal_id} is refunded." in found


def test_the_credit_notes_of_a_change_that_are_gone_are_named(amal: Subscriber) -> None:
    note = CreditNote.objects.latest("pk")

    tamper(
        f"DELETE FROM credit_notes WHERE id = {note.pk};"
        f"UPDATE invoices SET credited = 0 WHERE id = {note.invoice_id};"
        "UPDATE paper_series SET last_number = 1 WHERE kind = 'credit_note'"
    )

    assert findings() == [
        (
            f"Period {note.renewal_id}: it counts as −7.50, and its credit notes come to 0.00, though the invoices for"
            " what it gave up stand."
        )
    ]


def test_so_is_what_is_missing_of_one_behind_a_change(amal: Subscriber) -> None:
    first = CreditNote.objects.latest("pk")
    change(User.objects.get(username="asha"), amal, make_plan("Free", "0.00"), now=LATER)
    note = CreditNote.objects.latest("pk")
    assert (note.invoice_id, note.amount) == (first.invoice_id, 5)

    tamper(
        f"UPDATE credit_notes SET amount = 3 WHERE id = {note.pk};"
        f"UPDATE invoices SET credited = 10.50 WHERE id = {note.invoice_id}"
    )

    assert findings() == [
        (
            f"Period {note.renewal_id}: it counts as −5.00, and its credit notes come to 3.00, though the invoices for"
            " what it gave up stand."
        )
    ]


def test_what_came_from_before_there_were_invoices_or_from_a_cancelled_one_is_not_missed(
    committing: None, asha: User, north: Reseller, home: Plan
) -> None:
    fund(north.wallet, "1000", actor=asha)
    badr, carla = add(asha, north, home, "badr"), add(asha, north, home, "carla")
    tamper("TRUNCATE invoices, credit_notes, invoice_links, paper_series")
    for line in (badr, carla):
        renew(asha, line)
    cancelled = Invoice.objects.get(subscriber=carla)
    cancel_invoice(actor=seat_of(asha), invoice_id=cancelled.pk, reason="Given away", now=NOW)

    for line in (badr, carla):
        change(asha, line, make_plan(f"Free {line}", "0.00"), now=LATER)

    # 37.50 came back of each: 25.00 have an invoice, and of Carla's nobody owes it.
    assert [(str(note.invoice.subscriber), note.amount) for note in CreditNote.objects.all()] == [("badr", 25)]
    assert findings() == []


def test_a_refund_of_what_a_change_had_credited_is_named(amal: Subscriber) -> None:
    note = CreditNote.objects.latest("pk")

    tamper(
        "ALTER TABLE renewals DROP CONSTRAINT refunded_period_has_its_refund;"
        f"UPDATE renewals SET refunded_at = now() WHERE id = {note.invoice.renewal_id}"
    )
    try:
        found = findings()
    finally:
        tamper(f"UPDATE renewals SET refunded_at = NULL WHERE refund_id IS NULL; {REFUNDED_HAS_ITS_REFUND}")

    assert (
        f"Credit note {note.pk} of 7.50: a change of plan took it off invoice {note.invoice_id}, and the period"
        f" {note.invoice.renewal_id} of that is refunded in full."
    ) in found
