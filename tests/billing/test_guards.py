"""Papers stay as they were written: the database refuses everything else, also to the panel itself."""

from decimal import Decimal

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from psycopg.errors import InsufficientPrivilege

from accounts.models import User
from billing.models import CreditNote, Invoice
from billing.operations import mark_paid
from plans.models import Plan
from resellers.models import Reseller
from subscribers.models import Renewal
from subscribers.operations import refund_charge
from tests.billing.papers import numbers_of, series
from tests.cast import NOW, fund, seat_of
from tests.subscribers.lines import add, renew

#: What the serving role has no right to.
WITHOUT_RIGHT = [
    "UPDATE invoices SET amount = 1",
    "UPDATE invoices SET number = 7",
    "UPDATE invoices SET prefix = 'X'",
    "UPDATE invoices SET credited = 1",
    "UPDATE invoices SET issuer_id = NULL",
    "UPDATE invoices SET issuer_name = 'Somebody'",
    "UPDATE invoices SET renewal_id = renewal_id",
    "UPDATE credit_notes SET amount = 1",
    "UPDATE credit_notes SET number = 7",
    "UPDATE paper_series SET last_number = 7",
    "INSERT INTO paper_series (issuer_id, kind, last_number) VALUES (NULL, 'invoice', 7)",
    "DELETE FROM invoices",
    "DELETE FROM credit_notes",
    "DELETE FROM paper_series",
    "DELETE FROM invoice_links",
    "UPDATE invoice_links SET token_digest = 'x'",
    "TRUNCATE invoices CASCADE",
    "TRUNCATE credit_notes",
    "TRUNCATE paper_series",
    "ALTER TABLE invoices DISABLE TRIGGER keep_invoice",
    "SELECT number_paper()",
    "SELECT count_papers()",
]
#: What even the owner's triggers refuse.
TO_THE_OWNER = [
    ("UPDATE invoices SET amount = 1", "what an invoice says is never changed"),
    ("UPDATE invoices SET number = number + 7", "what an invoice says is never changed"),
    ("UPDATE invoices SET status = 'pending', credited = 0", "this invoice is closed"),
    ("UPDATE credit_notes SET amount = 1", "papers are never changed"),
    ("DELETE FROM invoices", "papers are never deleted"),
    ("DELETE FROM credit_notes", "papers are never changed"),
    ("TRUNCATE invoices CASCADE", "papers are never changed"),
    ("TRUNCATE credit_notes", "papers are never changed"),
]


@pytest.fixture
def papers(asha: User, north: Reseller, home: Plan) -> None:
    """Leave an invoice and its credit note."""
    fund(north.wallet, "100", actor=asha)
    add(asha, north, home)
    refund_charge(actor=seat_of(asha), renewal_id=Renewal.objects.get().pk, reason="Mistaken", now=NOW)


def carry_out(statement: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.parametrize("statement", WITHOUT_RIGHT)
def test_the_panel_has_no_right_to_change_papers_or_numbers(papers: None, statement: str) -> None:
    with pytest.raises(DatabaseError) as refused:
        carry_out(statement)

    assert isinstance(refused.value.__cause__, InsufficientPrivilege)
    assert (Invoice.objects.count(), CreditNote.objects.count()) == (1, 1)


@pytest.mark.parametrize(("statement", "words"), TO_THE_OWNER)
def test_even_the_owner_is_refused(papers: None, by_owner: None, statement: str, words: str) -> None:
    with pytest.raises(DatabaseError, match=words):
        carry_out(statement)


@pytest.mark.parametrize("status", ["pending", "paid", "cancelled"])
def test_a_closed_invoice_is_not_opened_again(papers: None, status: str) -> None:
    with pytest.raises(DatabaseError, match="this invoice is closed"):
        carry_out(f"UPDATE invoices SET status = '{status}'")


@pytest.fixture
def invoice(asha: User, north: Reseller, home: Plan) -> Invoice:
    """Return the second of two invoices of North's line."""
    fund(north.wallet, "100", actor=asha)
    renew(asha, add(asha, north, home))
    return Invoice.objects.latest("pk")


def test_a_paid_invoice_is_not_made_pending_again(asha: User, invoice: Invoice) -> None:
    mark_paid(actor=seat_of(asha), invoice_id=invoice.pk, now=NOW)

    with pytest.raises(DatabaseError, match="what was paid stays paid"):
        carry_out("UPDATE invoices SET status = 'pending', paid_at = NULL, paid_by = '' WHERE status = 'paid'")


def write_one_like(invoice: Invoice, number: int = 70) -> Invoice:
    """Write an invoice that asks for a number, for one more period of the line."""
    sold = invoice.renewal.subscriber.renewals.latest("pk")
    sold.pk, sold.price, sold.transfer_id = None, Decimal(0), None
    sold.starts_at, sold.ends_at = sold.ends_at, sold.ends_at + (sold.ends_at - sold.starts_at)
    sold.save(force_insert=True)
    values = {field.attname: getattr(invoice, field.attname) for field in Invoice._meta.concrete_fields}
    return Invoice.objects.create(**(values | {"id": None, "number": number, "renewal_id": sold.pk}))


def test_a_number_that_the_panel_asks_for_is_not_given(invoice: Invoice) -> None:
    assert write_one_like(invoice).number == 3

    assert numbers_of() == [1, 2, 3]


@pytest.mark.parametrize("forged", ["0", "1", "3", "70", "-5"])
def test_whoever_forges_what_numbers_follow_is_refused(invoice: Invoice, forged: str) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        carry_out(f"SELECT set_config('papers.invoice_0', '{forged}', true)")
        write_one_like(invoice)

    assert write_one_like(invoice).number == 3


def test_what_is_taken_back_within_a_transaction_leaves_no_gap(invoice: Invoice) -> None:
    with transaction.atomic():
        write_one_like(invoice)
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            write_one_like(invoice)
            raise ZeroDivisionError
        write_one_like(invoice)

    assert numbers_of() == [1, 2, 3, 4]
    assert series() == {(None, "invoice"): 4}
