"""Links with which a subscriber reads an invoice: unguessable, kept as digests alone, and revocable."""

import hashlib
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from accounts.models import User
from audit.actions import Action
from audit.models import AuditEntry
from billing.models import Invoice, InvoiceLink
from billing.operations import cancel_invoice, make_link, opened, revoke_links
from ispanel.refusals import Forbidden
from plans.models import Plan
from resellers.models import CustomDomain, Reseller
from tests.cast import NOW, fund, group, make_staff, seat_of
from tests.subscribers.lines import add

LATER = NOW + timedelta(hours=1)


@pytest.fixture
def invoice(asha: User, north: Reseller, home: Plan) -> Invoice:
    """Return the invoice of North's line."""
    fund(north.wallet, "100", actor=asha)
    add(asha, north, home)
    return Invoice.objects.get()


def link_to(actor: User, invoice: Invoice) -> str:
    return make_link(actor=seat_of(actor), invoice=invoice, now=NOW)


def token_of(address: str) -> str:
    return address.rpartition("/")[2]


def test_a_link_shows_its_invoice(settings: Any, nadia: User, north: Reseller, invoice: Invoice) -> None:
    settings.PANEL_URL = "https://panel.example.com"

    address = link_to(nadia, invoice)

    assert address.startswith("https://panel.example.com/i/")
    assert len(token_of(address)) == 43
    assert opened(token_of(address), LATER) == invoice
    told = AuditEntry.objects.get(action=Action.INVOICE_LINK_MADE)
    assert (told.actor_name, told.object_name, told.reseller_id) == ("nadia", "INV-000001", north.pk)


def test_a_link_stands_at_the_domain_of_the_reseller(nadia: User, north: Reseller, invoice: Invoice) -> None:
    Reseller.objects.filter(pk=north.pk).update(has_branding=True)
    CustomDomain.objects.create(
        reseller=north, name="panel.north.test", challenge="x", created_at=NOW, verified_at=NOW, checked_at=NOW
    )

    assert "://panel.north.test/i/" in link_to(nadia, invoice)


def test_the_table_holds_the_digest_and_the_token_is_nowhere(nadia: User, invoice: Invoice) -> None:
    token = token_of(link_to(nadia, invoice))

    link = InvoiceLink.objects.get()
    assert link.token_digest == hashlib.sha256(token.encode()).hexdigest()
    assert (link.created_by, link.created_at, link.revoked_at, link.opened_at) == ("nadia", NOW, None, None)
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(row_to_json(one)::text, '') FROM audit_entries one")
        assert token not in cursor.fetchone()[0]
    assert opened(link.token_digest, LATER) is None


def test_the_first_time_that_it_is_opened_is_noted(nadia: User, invoice: Invoice) -> None:
    token = token_of(link_to(nadia, invoice))

    opened(token, LATER)
    opened(token, LATER + timedelta(days=1))

    assert InvoiceLink.objects.get().opened_at == LATER


@pytest.mark.parametrize("token", ["", "x", "é", "A" * 43, "A" * 10_000, "\x00"])
def test_what_is_no_token_opens_nothing(nadia: User, invoice: Invoice, token: str) -> None:
    link_to(nadia, invoice)

    assert opened(token, LATER) is None


def test_revoking_closes_every_link_there_is_and_a_new_one_opens_again(
    nadia: User, north: Reseller, invoice: Invoice
) -> None:
    tokens = [token_of(link_to(nadia, invoice)) for _each in range(2)]

    assert revoke_links(actor=seat_of(nadia), invoice_id=invoice.pk, now=LATER) == 2

    assert [opened(token, LATER) for token in tokens] == [None, None]
    assert opened(token_of(link_to(nadia, invoice)), LATER) == invoice
    told = AuditEntry.objects.get(action=Action.INVOICE_LINKS_REVOKED)
    assert (told.actor_name, told.object_name, told.changes) == ("nadia", "INV-000001", {"links": [2, 0]})


def test_revoking_nothing_leaves_no_row_in_the_trail(nadia: User, invoice: Invoice) -> None:
    assert revoke_links(actor=seat_of(nadia), invoice_id=invoice.pk, now=LATER) == 0

    assert not AuditEntry.objects.filter(action=Action.INVOICE_LINKS_REVOKED).exists()


def test_a_link_to_a_cancelled_invoice_shows_that_it_is_cancelled(nadia: User, invoice: Invoice) -> None:
    token = token_of(link_to(nadia, invoice))
    cancel_invoice(actor=seat_of(nadia), invoice_id=invoice.pk, reason="Given away", now=NOW)

    shown = opened(token, LATER)

    assert shown is not None
    assert shown.status == "cancelled"


def test_south_and_those_who_see_everything_make_and_revoke_none(
    asha: User, nadia: User, sami: User, noora: User, noor: User, petra: User, north: Reseller, invoice: Invoice
) -> None:
    link_to(nadia, invoice)
    helper = make_staff(asha, north, "helper", group("SUPPORT"))

    for user in (sami, noora, noor, petra, helper):
        with pytest.raises(Forbidden):
            link_to(user, invoice)
        with pytest.raises(Forbidden):
            revoke_links(actor=seat_of(user), invoice_id=invoice.pk, now=LATER)

    assert InvoiceLink.objects.filter(revoked_at__isnull=True).count() == 1
