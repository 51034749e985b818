"""Verifying what was sold: a change of plan and data that do not agree with the money are named."""

from datetime import timedelta
from decimal import Decimal

import pytest

from accounts.models import User
from plans.models import DataPack
from resellers.models import Reseller
from subscribers.models import Renewal, Subscriber
from subscribers.operations import change_plan, sell_data
from tests.audit.tampering import as_superuser
from tests.cast import NOW, fund, make_plan, new_key, seat_of
from tests.subscribers.lines import add, findings
from wallet.models import IdempotencyKey

LATER = NOW + timedelta(days=18)


def tamper(statement: str) -> None:
    with as_superuser() as cursor:
        cursor.execute(statement)


@pytest.fixture
def amal(committing: None, asha: User, north: Reseller) -> Subscriber:
    """Return a line that went from 30.00 to 45.00, and from there to 10.00, and bought data."""
    fund(north.wallet, "100", actor=asha)
    old, new, cheap = make_plan("Old", "30.00"), make_plan("New", "45.00"), make_plan("Cheap", "10.00")
    amal = add(asha, north, old)
    seat = seat_of(asha)
    for plan in (new, cheap):
        change_plan(actor=seat, subscriber_id=amal.pk, plan=plan, key=new_key("change_plan", plan=plan), now=LATER)
    pack = DataPack.objects.create(plan=cheap, megabytes=1_000, price=Decimal("2.00"))
    sell_data(actor=seat, subscriber_id=amal.pk, pack=pack, key=new_key("sell_data", pack=pack), now=LATER)
    return amal


def test_changes_and_data_are_in_order(amal: Subscriber) -> None:
    assert findings() == []


def test_a_change_that_counts_for_more_than_was_paid_is_named(amal: Subscriber) -> None:
    change = Renewal.objects.get(plan__name="New")

    tamper(f"UPDATE renewals SET worth = 99 WHERE id = {change.pk}")

    assert findings() == [f"Period {change.pk}: it counts for 99.00, and the charges that paid for it come to 18.00."]


def test_a_change_without_its_refunds_is_named(amal: Subscriber) -> None:
    change = Renewal.objects.get(plan__name="Cheap", kind="plan_change")
    refunds = list(change.change_refunds.order_by("transfer").values_list("transfer_id", "transfer__amount"))

    tamper(f"DELETE FROM change_refunds WHERE period_id = {change.pk}")

    named = [f"Transfer {pk} (refund, {amount:.2f}): it is the refund of no period." for pk, amount in refunds]
    assert findings() == [
        *named,
        f"Period {change.pk}: it counts as -14.00, and its change of plan refunded 0.00.".replace("-", "−"),
    ]


def test_a_refund_that_two_changes_share_is_named(amal: Subscriber) -> None:
    first, second = Renewal.objects.filter(kind="plan_change").order_by("pk")
    [refund, _other] = second.change_refunds.order_by("transfer").values_list("transfer_id", flat=True)
    tamper("ALTER TABLE change_refunds DROP CONSTRAINT change_refunds_transfer_id_key")
    try:
        tamper(f"INSERT INTO change_refunds (period_id, transfer_id) VALUES ({first.pk}, {refund})")
        found = findings()
    finally:
        tamper(f"DELETE FROM change_refunds WHERE period_id = {first.pk}")
        tamper("ALTER TABLE change_refunds ADD CONSTRAINT change_refunds_transfer_id_key UNIQUE (transfer_id)")

    assert f"Transfer {refund}: it is the refund of more than one period: {first.pk}, {second.pk}." in found


def test_data_at_another_price_than_its_charge_is_named(amal: Subscriber) -> None:
    sold = Renewal.objects.get(kind="data_top_up")

    tamper(f"UPDATE renewals SET price = 1 WHERE id = {sold.pk}")

    [found] = findings()
    assert found.startswith(f"Period {sold.pk} (data_top_up, 1.00, wallet ")


@pytest.mark.parametrize(("act", "table"), [("change_plan", "audit_entries"), ("sell_data", "renewals")])
def test_a_key_without_its_result_is_named(amal: Subscriber, act: str, table: str) -> None:
    key = IdempotencyKey.objects.filter(act=act).latest("pk")

    tamper(f"UPDATE idempotency_keys SET result_id = 999999 WHERE id = {key.pk}")

    assert findings() == [f"Idempotency key {key.pk} ({act}): its result, row 999999 of {table}, is missing."]
