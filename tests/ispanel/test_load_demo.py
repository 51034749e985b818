"""`manage.py load_demo`: a small believable installation."""

import io
import time
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import F, Sum
from django.utils import timezone

from accounts.models import User
from audit.models import AuditEntry
from billing.models import Invoice, InvoiceStatus
from plans.models import Plan
from resellers.models import Reseller
from subscribers.models import Renewal, Status, Subscriber
from tests.cast import signed_in
from tests.pages import counts
from wallet.models import Direction, Entry, LedgerAccount, Transfer


def load() -> str:
    said = io.StringIO()
    call_command("load_demo", stdout=said)
    return said.getvalue()


def test_without_an_admin_it_says_what_is_missing(db: None) -> None:
    with pytest.raises(CommandError, match="The demo needs an admin"):
        load()

    assert not Reseller.objects.exists()


def test_where_there_is_a_reseller_it_does_nothing(asha: User, north: Reseller) -> None:
    before = counts()

    assert "There are resellers already" in load()

    assert counts() == before


def test_it_makes_a_business_whose_books_agree_once_and_quickly(asha: User) -> None:
    started = time.monotonic()

    said = load()

    assert time.monotonic() - started < 20
    assert f"{Reseller.objects.count()} resellers, {Subscriber.objects.count()} subscribers" in said
    before = counts()
    load()
    assert counts() == before
    assert_the_books_agree()
    assert_the_periods_agree()
    assert_the_invoices_agree()
    assert_it_reads_well(asha)


def assert_the_books_agree() -> None:
    connection.check_constraints()
    for wallet in LedgerAccount.objects.wallets():
        entries = Entry.objects.filter(account=wallet).order_by("id")
        running = Decimal(0)
        for entry in entries:
            running += entry.signed_amount
            assert entry.balance_after == running, (wallet, entry.pk)
        assert wallet.balance == running
        assert wallet.available >= 0
    sums = dict(Entry.objects.values_list("direction").annotate(Sum("amount")))
    assert sums[Direction.DEBIT] == sums[Direction.CREDIT] == Transfer.objects.aggregate(n=Sum("amount"))["n"]


def assert_the_periods_agree() -> None:
    assert not Renewal.objects.exclude(price=F("transfer__amount")).exists()
    assert not Renewal.objects.exclude(created_at=F("transfer__created_at")).exists()
    for subscriber in Subscriber.objects.all():
        assert subscriber.expires_at == subscriber.renewals.latest("ends_at").ends_at
    assert {subscriber.status for subscriber in Subscriber.objects.all()} >= {Status.ACTIVE, Status.EXPIRED}


def assert_the_invoices_agree() -> None:
    assert not Renewal.objects.filter(retail_price__gt=0, invoice__isnull=True).exists()
    assert not Invoice.objects.exclude(issuer_name="Cedar Broadband").exists()
    statuses = set(Invoice.objects.values_list("status", flat=True))
    assert statuses >= {InvoiceStatus.PENDING, InvoiceStatus.PAID, InvoiceStatus.CANCELLED}


def assert_it_reads_well(asha: User) -> None:
    times = list(Transfer.objects.order_by("id").values_list("created_at", flat=True))
    assert times == sorted(times)
    assert times[-1] <= timezone.now()
    assert Reseller.objects.sub_resellers().exists()
    assert Reseller.objects.suspended().count() == 1
    assert Plan.objects.count() >= 3
    assert AuditEntry.objects.exists()
    for url in ("/", "/resellers/", "/subscribers/", "/plans/", "/renewals/", "/invoices/", "/audit/"):
        assert signed_in(asha).get(url).status_code == 200, url
