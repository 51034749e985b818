"""Data: selling it on top of a quota, what accounting tells of its use, and fair use."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from accounts.models import User
from audit.actions import Action
from audit.models import AuditEntry
from ispanel.refusals import Forbidden
from network.models import CoaRequest
from plans.models import DataPack, Level, LevelName, Plan
from resellers.models import Reseller
from resellers.terms import PlanOutOfReach
from subscribers.models import Renewal, Subscriber
from subscribers.operations import (
    NotOnline,
    NotThrottled,
    PackNotOffered,
    PriceChanged,
    SubscriberTerminated,
    change_plan,
    record_usage,
    refund_charge,
    renew_subscriber,
    reset_fup,
    sell_data,
    suspend_subscriber,
    terminate_subscriber,
)
from subscribers.usage import Usage, usage_of
from tests.cast import NOW, fund, make_plan, new_key, seat_of
from tests.subscribers.lines import add, balance_of, everything, findings
from wallet.ledger import InsufficientFunds
from wallet.models import TransferKind

DAY = timedelta(days=1)


def sell(actor: User, subscriber: Subscriber, pack: DataPack, **details: Any) -> Renewal:
    wanted = {"now": NOW + DAY} | details
    return sell_data(actor=seat_of(actor), subscriber_id=subscriber.pk, pack=pack, **wanted)


def used(subscriber: Subscriber, megabytes: int) -> list[str]:
    return record_usage(used={subscriber.username: megabytes}, now=NOW + DAY)


def usage(subscriber: Subscriber) -> Usage:
    found = usage_of(subscriber.pk, NOW + DAY)
    assert found
    return found


def speeds_asked() -> list[tuple[str, int | None, int | None]]:
    return [
        (each.reason, each.download_kbps, each.upload_kbps)
        for each in CoaRequest.objects.filter(kind="speed").order_by("pk")
    ]


@pytest.fixture
def metered(db: None) -> Plan:
    """Return a plan of 30.00 with 100 GB, of which the last 20 are slow."""
    return make_plan(
        "Metered",
        "30.00",
        quota_mb=100_000,
        fup_threshold_mb=80_000,
        throttled_download_kbps=2_000,
        throttled_upload_kbps=1_000,
    )


@pytest.fixture
def pack(metered: Plan) -> DataPack:
    """Return 10 GB for 5.00."""
    return DataPack.objects.create(plan=metered, megabytes=10_000, price=Decimal("5.00"))


@pytest.fixture
def amal(asha: User, north: Reseller, metered: Plan) -> Subscriber:
    """Return North's line on the metered plan since NOW; 70.00 are left."""
    fund(north.wallet, "100", actor=asha)
    return add(asha, north, metered)


# --- data top-ups -----------------------------------------------------------------------------------------------------


def test_data_is_charged_and_adds_to_the_quota(nadia: User, north: Reseller, amal: Subscriber, pack: DataPack) -> None:
    used(amal, 60_000)

    sold = sell(nadia, amal, pack)

    assert balance_of(north) == Decimal("65.00")
    assert (usage(amal).quota_mb, usage(amal).left_mb) == (110_000, 50_000)
    assert sold.transfer
    assert (sold.transfer.kind, sold.transfer.note) == (TransferKind.DATA_TOP_UP, "amal · 10 GB")
    assert findings() == []


def test_it_ends_with_the_period_and_moves_no_expiry(nadia: User, amal: Subscriber, pack: DataPack) -> None:
    sold = sell(nadia, amal, pack)

    before = amal.expires_at
    amal.refresh_from_db()
    assert sold.ends_at == before == amal.expires_at
    assert renew_subscriber(actor=seat_of(nadia), subscriber_id=amal.pk, now=NOW + DAY).starts_at == before


def test_the_discount_of_the_level_counts(nadia: User, north: Reseller, amal: Subscriber, pack: DataPack) -> None:
    north.level = Level.objects.get(name=LevelName.GOLD)
    north.save(update_fields=["level"])

    sold = sell(nadia, amal, pack)

    assert (sold.price, sold.retail_price, sold.margin) == (Decimal("4.50"), Decimal("5.00"), Decimal("0.50"))


def test_data_without_a_price_moves_nothing(nadia: User, north: Reseller, amal: Subscriber, metered: Plan) -> None:
    gift = DataPack.objects.create(plan=metered, megabytes=1_000, price=Decimal(0))

    assert sell(nadia, amal, gift).transfer is None
    assert (balance_of(north), usage(amal).quota_mb) == (Decimal("70.00"), 101_000)
    assert findings() == []


def test_it_is_refunded_and_taken_away_and_the_period_stays(
    asha: User, north: Reseller, amal: Subscriber, pack: DataPack
) -> None:
    sold = sell(asha, amal, pack)

    refund_charge(actor=seat_of(asha), renewal_id=sold.pk, reason="By mistake", now=NOW + DAY)

    before = amal.expires_at
    amal.refresh_from_db()
    assert (balance_of(north), usage(amal).quota_mb, amal.expires_at) == (Decimal("70.00"), 100_000, before)
    assert findings() == []


def test_it_is_told_in_the_trail(nadia: User, north: Reseller, amal: Subscriber, pack: DataPack) -> None:
    sell(nadia, amal, pack)

    told = AuditEntry.objects.get(action=Action.SUBSCRIBER_TOPPED_UP)
    assert (told.actor_name, told.object_name, told.reseller_id, told.detail) == ("nadia", "amal", north.pk, "10 GB")
    assert told.changes == {"charged": [None, "5"], "data_mb": [None, 10_000]}


def test_the_same_form_twice_sells_it_once(nadia: User, north: Reseller, amal: Subscriber, pack: DataPack) -> None:
    key = new_key("sell_data", pack=pack)

    assert sell(nadia, amal, pack, key=key) == sell(nadia, amal, pack, key=key)
    assert balance_of(north) == Decimal("65.00")


def test_without_funds_nothing_is_sold(asha: User, nadia: User, north: Reseller, amal: Subscriber) -> None:
    dear = DataPack.objects.create(plan=amal.plan, megabytes=10_000, price=Decimal("70.01"))
    before = everything()

    with pytest.raises(InsufficientFunds, match=r"0\.01 USD is missing"):
        sell(nadia, amal, dear)

    assert everything() == before


def test_another_price_than_was_shown_is_refused(nadia: User, amal: Subscriber, pack: DataPack) -> None:
    with pytest.raises(PriceChanged, match=r"changed to 5\.00 USD"):
        sell(nadia, amal, pack, agreed_price=Decimal("4.00"))


def test_data_of_another_plan_is_refused(nadia: User, amal: Subscriber, home: Plan) -> None:
    other = DataPack.objects.create(plan=home, megabytes=10_000, price=Decimal("5.00"))

    with pytest.raises(PackNotOffered):
        sell(nadia, amal, other)


def test_data_that_is_no_longer_sold_is_refused(nadia: User, amal: Subscriber, pack: DataPack) -> None:
    pack.is_on_sale = False
    pack.save(update_fields=["is_on_sale"])

    with pytest.raises(PackNotOffered):
        sell(nadia, amal, pack)


def test_data_of_a_plan_outside_the_service_groups_is_refused(
    nadia: User, north: Reseller, amal: Subscriber, pack: DataPack
) -> None:
    north.service_groups.set([north.service_groups.create(name="Other")])

    with pytest.raises(PlanOutOfReach):
        sell(nadia, amal, pack)


def test_an_expired_a_suspended_and_a_terminated_line_buy_none(asha: User, amal: Subscriber, pack: DataPack) -> None:
    with pytest.raises(NotOnline):
        sell(asha, amal, pack, now=NOW + 31 * DAY)
    suspend_subscriber(actor=seat_of(asha), subscriber_id=amal.pk, now=NOW)
    with pytest.raises(NotOnline):
        sell(asha, amal, pack)
    terminate_subscriber(actor=seat_of(asha), subscriber_id=amal.pk, now=NOW)
    with pytest.raises(SubscriberTerminated):
        sell(asha, amal, pack)


def test_a_stranger_sells_none(sami: User, amal: Subscriber, pack: DataPack) -> None:
    with pytest.raises(Forbidden):
        sell(sami, amal, pack)


# --- usage and fair use -----------------------------------------------------------------------------------------------


def test_reaching_the_threshold_throttles_the_line_once(amal: Subscriber) -> None:
    used(amal, 79_999)
    assert not usage(amal).is_throttled

    used(amal, 80_000)
    used(amal, 90_000)

    assert usage(amal).is_throttled
    assert speeds_asked() == [("Fair use", 2_000, 1_000)]
    assert AuditEntry.objects.filter(action=Action.SUBSCRIBER_THROTTLED).count() == 1


def test_a_reset_gives_the_full_speed_back_and_counts_from_there(nadia: User, amal: Subscriber) -> None:
    used(amal, 85_000)

    reset_fup(actor=seat_of(nadia), subscriber_id=amal.pk, now=NOW + DAY)

    assert not usage(amal).is_throttled
    assert speeds_asked()[-1] == ("FUP reset", 50_000, 10_000)
    used(amal, 164_999)
    assert not usage(amal).is_throttled
    used(amal, 165_000)
    assert usage(amal).is_throttled


def test_a_line_at_full_speed_has_nothing_to_reset(nadia: User, amal: Subscriber) -> None:
    with pytest.raises(NotThrottled):
        reset_fup(actor=seat_of(nadia), subscriber_id=amal.pk, now=NOW + DAY)


def test_data_that_is_bought_moves_the_threshold(nadia: User, amal: Subscriber, pack: DataPack) -> None:
    used(amal, 85_000)

    sell(nadia, amal, pack)

    assert not usage(amal).is_throttled
    assert speeds_asked()[-1] == ("Data bought", 50_000, 10_000)


def test_the_next_period_begins_with_nothing_used(nadia: User, amal: Subscriber) -> None:
    used(amal, 85_000)
    renew_subscriber(actor=seat_of(nadia), subscriber_id=amal.pk, now=NOW + DAY)

    later = usage_of(amal.pk, NOW + 31 * DAY)

    assert later
    assert (later.used_mb, later.is_throttled) == (0, False)


def test_a_line_that_was_slow_when_its_period_ended_is_told_the_full_speed(nadia: User, amal: Subscriber) -> None:
    used(amal, 85_000)
    renew_subscriber(actor=seat_of(nadia), subscriber_id=amal.pk, now=NOW + DAY)

    record_usage(used={"amal": 10}, now=NOW + 31 * DAY)

    assert speeds_asked()[-1] == ("Fair use", 50_000, 10_000)


def test_data_that_is_refunded_slows_the_line_down_again(asha: User, amal: Subscriber, pack: DataPack) -> None:
    used(amal, 85_000)
    sold = sell(asha, amal, pack)
    refund_charge(actor=seat_of(asha), renewal_id=sold.pk, reason="By mistake", now=NOW + DAY)

    used(amal, 85_001)

    assert speeds_asked()[-1] == ("Fair use", 2_000, 1_000)


def test_a_change_of_plan_brings_its_share_of_the_threshold(asha: User, north: Reseller, metered: Plan) -> None:
    fund(north.wallet, "200", actor=asha)
    line = add(asha, north, make_plan("Before", "30.00"), "badr")
    change_plan(actor=seat_of(asha), subscriber_id=line.pk, plan=metered, now=NOW + 15 * DAY)

    record_usage(used={"badr": 39_999}, now=NOW + 16 * DAY)
    assert speeds_asked()[-1][0] == "Plan changed"
    record_usage(used={"badr": 40_000}, now=NOW + 16 * DAY)

    assert speeds_asked()[-1] == ("Fair use", 2_000, 1_000)


def test_lines_that_are_not_there_or_do_not_run_are_named(asha: User, north: Reseller, amal: Subscriber) -> None:
    add(asha, north, amal.plan, "badr", activate=False)

    assert record_usage(used={"amal": 1, "badr": 1, "nobody": 1}, now=NOW + DAY) == ["badr", "nobody"]
