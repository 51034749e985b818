"""Changing the plan: what is left of the old one counts, and the arithmetic is an accountant's."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.db.models import F, Sum

from accounts.models import User
from audit.actions import Action
from audit.models import AuditEntry
from billing.models import Invoice
from ispanel.operations import change_general_settings
from ispanel.refusals import Forbidden
from network.models import CoaKind, CoaRequest
from plans.models import DataPack, Level, LevelName, Plan
from resellers.models import Reseller, RetailPrice
from resellers.operations import withdraw_from_reseller
from resellers.terms import NoServiceGroups, PlanNotOnSale, PlanOutOfReach, terms_of
from subscribers.models import PeriodKind, Renewal, Subscriber
from subscribers.operations import (
    DataTakenOver,
    GivenBackInPart,
    LaterPeriod,
    PayerClosed,
    PlanChange,
    PriceChanged,
    SamePlan,
    SubscriberTerminated,
    change_plan,
    move_subscribers,
    plan_change_of,
    record_usage,
    refund_charge,
    sell_data,
    terminate_subscriber,
)
from subscribers.usage import usage_of
from tests.cast import NOW, fund, make_plan, new_key, seat_of
from tests.failing import FailsAt
from tests.subscribers.lines import add, balance_of, everything, findings, renew
from wallet.ledger import FormAlreadyUsed, InsufficientFunds
from wallet.models import TransferKind

DAY = timedelta(days=1)
#: 18 of the 30 days are over, and 12 are left.
LATER = NOW + 18 * DAY


def change(actor: User, subscriber: Subscriber, plan: Plan, *, now: datetime = LATER, **details: Any) -> Subscriber:
    return change_plan(actor=seat_of(actor), subscriber_id=subscriber.pk, plan=plan, now=now, **details)


def preview(subscriber: Subscriber, plan: Plan, at: datetime = LATER) -> PlanChange:
    subscriber = Subscriber.objects.get(pk=subscriber.pk)
    return plan_change_of(subscriber, plan, terms_of(subscriber.reseller), at)


def sheet(change: PlanChange) -> tuple[Decimal, Decimal, Decimal]:
    """Return the three figures at the foot of the page: credit, charge, due."""
    return change.credit, change.charge, change.due


def money(*amounts: str) -> tuple[Decimal, ...]:
    return tuple(map(Decimal, amounts))


def period_of(subscriber: Subscriber) -> Renewal:
    """Return the period that stands."""
    return Renewal.objects.kept().periods().get(subscriber=subscriber)


@pytest.fixture
def old(db: None) -> Plan:
    """Return the plan of before: 30.00 for 30 days, without a quota."""
    return make_plan("Old", "30.00")


@pytest.fixture
def new(db: None) -> Plan:
    """Return the plan of afterwards: 45.00 for 30 days."""
    return make_plan("New", "45.00")


@pytest.fixture
def amal(asha: User, north: Reseller, old: Plan) -> Subscriber:
    """Return North's subscriber, whose 30 days on Old began at NOW; 70.00 are left in the wallet."""
    fund(north.wallet, "100", actor=asha)
    return add(asha, north, old)


# --- the accountant's page --------------------------------------------------------------------------------------------


def test_up_to_a_dearer_plan(asha: User, north: Reseller, amal: Subscriber, new: Plan) -> None:
    # Paid: 30.00 for 30 days. Left: 12 days.   Credit: 12/30 × 30.00 = 12.00
    # The new plan: 45.00 for 30 days.          Charge: 12/30 × 45.00 = 18.00
    #                                           Due:                     6.00
    assert sheet(preview(amal, new)) == money("12.00", "18.00", "6.00")

    change(asha, amal, new)

    amal.refresh_from_db()
    assert (amal.plan, amal.expires_at) == (new, NOW + 30 * DAY)
    assert balance_of(north) == Decimal("64.00")
    charge = Renewal.objects.latest("id").transfer
    assert charge
    assert (charge.kind, charge.amount) == (TransferKind.PLAN_CHANGE, Decimal("6.00"))
    assert charge.note == "amal · Old → New"
    assert findings() == []


def test_down_to_a_cheaper_plan_gives_the_rest_back(asha: User, north: Reseller, amal: Subscriber) -> None:
    # Credit: 12/30 × 30.00 = 12.00    Charge: 12/30 × 10.00 = 4.00    Back: 8.00
    cheap = make_plan("Cheap", "10.00")
    paid = period_of(amal).transfer

    change(asha, amal, cheap)

    assert sheet_of(amal) == money("-8.00", "4.00")
    assert balance_of(north) == Decimal("78.00")
    refund = Renewal.objects.latest("id").change_refunds.get().transfer
    assert (refund.kind, refund.amount, refund.undoes) == (TransferKind.REFUND, Decimal("8.00"), paid)
    assert findings() == []


def sheet_of(subscriber: Subscriber) -> tuple[Decimal, Decimal]:
    """Return what the standing period cost, and what it counts for."""
    period = period_of(subscriber)
    return period.price, period.worth


def test_to_a_plan_of_the_same_price_moves_nothing(asha: User, north: Reseller, amal: Subscriber) -> None:
    change(asha, amal, make_plan("Twin", "30.00"))

    assert balance_of(north) == Decimal("70.00")
    assert sheet_of(amal) == money("0.00", "12.00")
    assert findings() == []


def test_up_and_down_again_within_the_second_costs_nothing(
    asha: User, north: Reseller, amal: Subscriber, old: Plan, new: Plan
) -> None:
    change(asha, amal, new)
    change(asha, amal, old)

    # Credit: all of 18.00    Charge: 12.00    Back: 6.00, of the charge of 6.00
    assert balance_of(north) == Decimal("70.00")
    [refund] = Renewal.objects.latest("id").change_refunds.all()
    assert refund.transfer.undoes
    assert refund.transfer.undoes.kind == TransferKind.PLAN_CHANGE
    assert findings() == []


def test_a_cheaper_plan_gives_back_from_the_latest_charge_first(
    asha: User, north: Reseller, amal: Subscriber, new: Plan
) -> None:
    change(asha, amal, new)  # worth 18.00: 12.00 of the activation and 6.00 of the change

    change(asha, amal, make_plan("Cheap", "10.00"))  # charge 4.00, back 14.00

    back = [
        (each.transfer.undoes.kind, each.transfer.amount)
        for each in Renewal.objects.latest("id").change_refunds.order_by("transfer")
        if each.transfer.undoes
    ]
    assert back == [(TransferKind.PLAN_CHANGE, Decimal("6.00")), (TransferKind.ACTIVATION, Decimal("8.00"))]
    assert balance_of(north) == Decimal("78.00")
    assert findings() == []


def test_paid_periods_to_come_count_whole(asha: User, north: Reseller, amal: Subscriber, new: Plan) -> None:
    renew(asha, amal)
    # Credit: 12/30 × 30.00 + 30.00 = 42.00    Charge: 42/30 × 45.00 = 63.00    Due: 21.00
    assert sheet(preview(amal, new)) == money("42.00", "63.00", "21.00")

    change(asha, amal, new)

    amal.refresh_from_db()
    assert amal.expires_at == NOW + 60 * DAY
    assert balance_of(north) == Decimal("19.00")
    assert Renewal.objects.kept().count() == 1
    assert findings() == []


@pytest.mark.parametrize(
    ("used_mb", "credit"),
    [
        (0, "12.00"),  # all of the quota is unused: time decides, 12/30
        (60_000, "12.00"),  # 40 % unused: as much as the time
        (60_001, "12.00"),  # 39.999 % unused: 11.9997, rounded
        (75_000, "7.50"),  # 25 % unused
        (99_999, "0.00"),  # 0.001 % unused: 0.0003, rounded
        (100_000, "0.00"),
        (250_000, "0.00"),  # more than the quota leaves nothing, and no debt
    ],
)
def test_the_credit_is_no_more_than_the_unused_quota(
    asha: User, north: Reseller, new: Plan, used_mb: int, credit: str
) -> None:
    fund(north.wallet, "100", actor=asha)
    amal = add(asha, north, make_plan("Metered", "30.00", quota_mb=100_000))
    Renewal.objects.update(used_mb=used_mb)

    assert preview(amal, new).credit == Decimal(credit)


def test_an_unpaid_period_is_worth_nothing(asha: User, north: Reseller, new: Plan) -> None:
    fund(north.wallet, "100", actor=asha)
    amal = add(asha, north, make_plan("Free", "0.00"))
    # Credit: 12/30 × 0.00 = 0.00    Charge: 18.00    Due: 18.00
    change(asha, amal, new)

    assert balance_of(north) == Decimal("82.00")


def test_time_that_no_period_covers_is_worth_nothing(asha: User, north: Reseller, old: Plan, new: Plan) -> None:
    fund(north.wallet, "100", actor=asha)
    amal = add(asha, north, old, activate=False)
    Subscriber.objects.update(expires_at=LATER + 12 * DAY)

    assert sheet(preview(amal, new)) == money("0.00", "18.00", "18.00")


def test_to_a_plan_without_a_price_all_comes_back(asha: User, north: Reseller, amal: Subscriber) -> None:
    change(asha, amal, make_plan("Free", "0.00"))

    assert balance_of(north) == Decimal("82.00")
    assert sheet_of(amal) == money("-12.00", "0.00")
    assert findings() == []


def test_an_expired_line_changes_its_plan_for_nothing(asha: User, north: Reseller, amal: Subscriber, new: Plan) -> None:
    over = NOW + 31 * DAY

    change(asha, amal, new, now=over)

    amal.refresh_from_db()
    assert (amal.plan, balance_of(north)) == (new, Decimal("70.00"))
    assert Renewal.objects.count() == 1
    assert renew(asha, amal, now=over).price == Decimal("45.00")


def test_the_discount_of_the_level_counts_for_the_charge_and_the_credit_is_what_was_paid(
    asha: User, north: Reseller, amal: Subscriber, new: Plan
) -> None:
    north.level = Level.objects.get(name=LevelName.GOLD)
    north.save(update_fields=["level"])

    # 45.00 less 10 % = 40.50    Charge: 12/30 × 40.50 = 16.20    Credit: 12.00    Due: 4.20
    assert sheet(preview(amal, new)) == money("12.00", "16.20", "4.20")


def test_retail_follows_the_resellers_own_prices(asha: User, north: Reseller, amal: Subscriber, new: Plan) -> None:
    RetailPrice.objects.create(reseller=north, plan=new, price=Decimal("60.00"))
    Subscriber.objects.update(retail_price=Decimal("33.00"))
    amal.refresh_from_db()
    renew(asha, amal)  # 30.00, at 33.00

    told = preview(amal, new)
    change(asha, amal, new)

    # Credit: 12/30 × 30.00 + 33.00 = 45.00    Charge: 42/30 × 60.00 = 84.00
    assert (told.retail_credit, told.retail_charge) == money("45.00", "84.00")
    assert period_of(amal).retail_price == Decimal("39.00")
    amal.refresh_from_db()
    assert amal.retail_price is None  # it went with the old plan


@pytest.mark.parametrize(
    ("started", "at", "seconds_left", "seconds"),
    [
        # January has 31 days: on the 11th, 21 are left; a month from the 11th has 31 days.
        ((2026, 1, 1), (2026, 1, 11), 21 * 86_400, 31 * 86_400),
        # A month from 31 January ends on 28 February; one from the 14th of February has 28 days.
        ((2026, 1, 31), (2026, 2, 14), 14 * 86_400, 28 * 86_400),
        # A leap year: it ends on the 29th.
        ((2028, 1, 31), (2028, 2, 14), 15 * 86_400, 29 * 86_400),
        # Leap day itself.
        ((2028, 2, 29), (2028, 3, 1), 28 * 86_400, 31 * 86_400),
    ],
)
def test_months_have_the_days_that_they_have(
    asha: User,
    north: Reseller,
    started: tuple[int, int, int],
    at: tuple[int, int, int],
    seconds_left: int,
    seconds: int,
) -> None:
    fund(north.wallet, "100", actor=asha)
    monthly = make_plan("Monthly", "31.00", duration=1, duration_unit="months")
    other = make_plan("Other", "62.00", duration=1, duration_unit="months")
    amal = add(asha, north, monthly, now=datetime(*started, tzinfo=UTC))

    told = preview(amal, other, datetime(*at, tzinfo=UTC))

    assert (told.seconds_left, told.seconds) == (seconds_left, seconds)


def test_a_day_of_23_hours_counts_as_23(asha: User, north: Reseller) -> None:
    # Berlin puts its clocks forward on 29 March 2026; a day from noon to noon across it has 23 hours.
    change_general_settings(actor=seat_of(asha), now=NOW, time_zone="Europe/Berlin")
    fund(north.wallet, "100", actor=asha)
    daily, other = make_plan("Daily", "24.00", duration=1), make_plan("Other", "48.00", duration=1)
    amal = add(asha, north, daily, now=datetime(2026, 3, 28, 11, tzinfo=UTC))  # noon in Berlin

    told = preview(amal, other, datetime(2026, 3, 28, 11, tzinfo=UTC))

    assert (told.seconds_left, told.seconds) == (23 * 3600, 23 * 3600)
    assert sheet(told) == money("24.00", "48.00", "24.00")


def test_half_a_cent_goes_up(asha: User, north: Reseller) -> None:
    fund(north.wallet, "100", actor=asha)
    amal = add(asha, north, make_plan("Odd", "0.05"))

    # Credit: 15/30 × 0.05 = 0.025 → 0.03    Charge: 15/30 × 0.01 = 0.005 → 0.01    Back: 0.02
    told = preview(amal, make_plan("Penny", "0.01"), NOW + 15 * DAY)

    assert sheet(told) == money("0.03", "0.01", "-0.02")


def test_the_new_period_brings_its_share_of_the_quota(asha: User, north: Reseller, amal: Subscriber) -> None:
    change(asha, amal, make_plan("Metered", "45.00", quota_mb=100_000))

    assert period_of(amal).quota_mb == 40_000


def test_seconds_that_passed_while_somebody_looked_change_nothing(
    asha: User, north: Reseller, amal: Subscriber, new: Plan
) -> None:
    change(asha, amal, new, now=LATER + timedelta(minutes=14), shown_at=LATER, agreed_due=Decimal("6.00"))

    assert balance_of(north) == Decimal("64.00")
    assert period_of(amal).starts_at == LATER


def test_what_was_shown_too_long_ago_is_worked_out_anew(
    asha: User, north: Reseller, amal: Subscriber, new: Plan
) -> None:
    with pytest.raises(PriceChanged, match=r"The price has changed to 5\.75 USD"):
        change(asha, amal, new, now=LATER + timedelta(hours=12), shown_at=LATER, agreed_due=Decimal("6.00"))

    assert balance_of(north) == Decimal("70.00")


def test_the_access_server_is_asked_for_the_new_speed(asha: User, amal: Subscriber) -> None:
    change(asha, amal, make_plan("Fast", "45.00", download_kbps=100_000, upload_kbps=20_000))

    asked = CoaRequest.objects.get(subscriber=amal)
    assert (asked.kind, asked.download_kbps, asked.upload_kbps) == (CoaKind.SPEED, 100_000, 20_000)


def test_it_is_told_in_the_trail(asha: User, nadia: User, north: Reseller, amal: Subscriber, new: Plan) -> None:
    change(nadia, amal, new)

    told = AuditEntry.objects.get(action=Action.SUBSCRIBER_PLAN_CHANGED)
    assert (told.actor_name, told.object_name, told.reseller_id) == ("nadia", "amal", north.pk)
    assert told.changes == {
        "plan": ["Old", "New"],
        "credit": [None, "12"],
        "charge": [None, "18"],
        "due": [None, "6"],
    }


# --- refused ----------------------------------------------------------------------------------------------------------


def test_without_funds_nothing_changes_and_the_missing_amount_is_named(
    asha: User, north: Reseller, old: Plan, new: Plan
) -> None:
    fund(north.wallet, "33.50", actor=asha)
    amal = add(asha, north, old)
    before = everything()

    with pytest.raises(InsufficientFunds, match=r"2\.50 USD is missing: 6\.00 USD is needed and 3\.50 USD"):
        change(asha, amal, new)

    amal.refresh_from_db()
    assert (amal.plan, balance_of(north), everything()) == (old, Decimal("3.50"), before)


def test_a_plan_outside_the_service_groups_is_refused(asha: User, north: Reseller, amal: Subscriber, new: Plan) -> None:
    only_old = north.service_groups.create(name="Only old")
    only_old.plans.add(amal.plan)
    north.service_groups.set([only_old])

    with pytest.raises(PlanOutOfReach, match="The plan New is in none of the service groups of North Net"):
        change(asha, amal, new)


def test_a_reseller_without_service_groups_changes_nothing(
    asha: User, north: Reseller, amal: Subscriber, new: Plan
) -> None:
    north.service_groups.clear()

    with pytest.raises(NoServiceGroups, match="Ask the administrator for one"):
        change(asha, amal, new)


def test_to_a_plan_that_is_no_longer_sold_is_refused(asha: User, amal: Subscriber) -> None:
    with pytest.raises(PlanNotOnSale):
        change(asha, amal, make_plan("Gone", is_on_sale=False))


def test_to_the_same_plan_is_refused(asha: User, amal: Subscriber, old: Plan) -> None:
    with pytest.raises(SamePlan, match="The subscriber has the plan Old already"):
        change(asha, amal, old)


def test_of_a_terminated_line_is_refused(asha: User, amal: Subscriber, new: Plan) -> None:
    terminate_subscriber(actor=seat_of(asha), subscriber_id=amal.pk, now=LATER)

    with pytest.raises(SubscriberTerminated):
        change(asha, amal, new)


def test_a_stranger_changes_nothing(sami: User, amal: Subscriber, new: Plan) -> None:
    with pytest.raises(Forbidden):
        change(sami, amal, new)


def test_the_same_form_twice_changes_it_once(
    asha: User, north: Reseller, amal: Subscriber, old: Plan, new: Plan
) -> None:
    key = new_key("change_plan", plan=new)
    change(asha, amal, new, key=key)
    change(asha, amal, new, key=key)

    assert balance_of(north) == Decimal("64.00")
    with pytest.raises(FormAlreadyUsed):
        change_plan(
            actor=seat_of(asha),
            subscriber_id=amal.pk,
            plan=old,
            key=type(key)(key.act, key.key, {"plan": old}),
            now=LATER,
        )


def test_a_failure_at_any_statement_leaves_nothing(asha: User, north: Reseller, amal: Subscriber, new: Plan) -> None:
    before, at = everything(), 0
    while True:
        at += 1
        try:
            with connection.execute_wrapper(FailsAt(at)):
                change(asha, amal, new, key=new_key("change_plan"))
        except OperationalError:
            amal.refresh_from_db()
            assert (everything(), amal.plan.name, balance_of(north)) == (before, "Old", Decimal("70.00")), at
        else:
            break

    assert at > 10
    assert balance_of(north) == Decimal("64.00")


# --- what was paid stays what it was ----------------------------------------------------------------------------------


def test_a_charge_that_was_given_back_in_part_is_not_refunded_whole(asha: User, amal: Subscriber) -> None:
    paid = period_of(amal)
    change(asha, amal, make_plan("Cheap", "10.00"))

    with pytest.raises(GivenBackInPart, match="A change of plan gave a part of this back already"):
        refund_charge(actor=seat_of(asha), renewal_id=paid.pk, reason="Twice", now=LATER)


def test_nor_once_what_was_built_on_it_is_gone(asha: User, amal: Subscriber, new: Plan) -> None:
    paid = period_of(amal)
    change(asha, amal, make_plan("Cheap", "10.00"))  # gives back a part of what was paid
    change(asha, amal, new)
    refund_charge(actor=seat_of(asha), renewal_id=period_of(amal).pk, reason="Once", now=LATER)
    Renewal.objects.filter(plan__name="Cheap").update(replaced_at=LATER)

    with pytest.raises(GivenBackInPart, match="A change of plan gave a part of this back already"):
        refund_charge(actor=seat_of(asha), renewal_id=paid.pk, reason="Twice", now=LATER)


def test_what_is_left_of_bought_data_goes_on_and_not_a_second_time(asha: User, north: Reseller) -> None:
    fund(north.wallet, "500", actor=asha)
    first, second = make_plan("First", "30.00", quota_mb=100_000), make_plan("Second", "30.00", quota_mb=100_000)
    pack = DataPack.objects.create(plan=first, megabytes=50_000, price=Decimal("5.00"))
    amal = add(asha, north, first)
    sell_data(actor=seat_of(asha), subscriber_id=amal.pk, pack=pack, now=NOW)
    record_usage(used={"amal": 120_000}, now=LATER)  # all of the quota, and 20 GB of the pack

    change(asha, amal, second)

    usage = usage_of(amal.pk, LATER)
    assert usage
    assert (usage.period.quota_mb, usage.extra_mb) == (40_000, 30_000)
    sold = Renewal.objects.get(kind=PeriodKind.DATA_TOP_UP, transfer__isnull=False)
    with pytest.raises(DataTakenOver):
        refund_charge(actor=seat_of(asha), renewal_id=sold.pk, reason="Again", now=LATER)
    assert findings() == []


def test_what_comes_back_is_told_to_whoever_had_paid(
    asha: User, nadia: User, noora: User, north: Reseller, northeast: Reseller, amal: Subscriber
) -> None:
    move_subscribers(actor=seat_of(nadia), subscriber_ids=[amal.pk], to=northeast, now=LATER)

    change(noora, amal, make_plan("Cheap", "10.00"))

    assert AuditEntry.objects.get(action=Action.SUBSCRIBER_REFUNDED).reseller_id == north.pk
    assert period_of(amal).retail_price == Decimal("4.00")  # what North asked is none of Northeast's revenue


def test_a_wallet_that_is_closed_gets_nothing_back_and_the_person_reads_why(
    asha: User, noora: User, north: Reseller, northeast: Reseller, amal: Subscriber
) -> None:
    move_subscribers(actor=seat_of(asha), subscriber_ids=[amal.pk], to=northeast, now=LATER)
    type(north.wallet).objects.filter(pk=north.wallet_id).update(closed_at=LATER)

    with pytest.raises(PayerClosed, match="the wallet that paid, which is closed"):
        change(noora, amal, make_plan("Cheap", "10.00"))


def test_a_change_is_refunded_before_what_it_was_built_on(
    asha: User, north: Reseller, amal: Subscriber, new: Plan
) -> None:
    first = period_of(amal)
    change(asha, amal, new)

    with pytest.raises(LaterPeriod, match="Refund the later period first"):
        refund_charge(actor=seat_of(asha), renewal_id=first.pk, reason="Never", now=LATER)
    refund_charge(actor=seat_of(asha), renewal_id=period_of(amal).pk, reason="Never", now=LATER)
    refund_charge(actor=seat_of(asha), renewal_id=first.pk, reason="Never", now=LATER)

    amal.refresh_from_db()
    assert (balance_of(north), amal.expires_at) == (Decimal("100.00"), LATER)
    assert findings() == []


def test_nor_while_what_was_built_on_it_was_itself_given_up(
    asha: User, north: Reseller, amal: Subscriber, new: Plan
) -> None:
    first = period_of(amal)
    change(asha, amal, new)
    second = period_of(amal)
    change(asha, amal, make_plan("Dear", "90.00"))
    refund_charge(actor=seat_of(asha), renewal_id=period_of(amal).pk, reason="Never", now=LATER)
    before = everything()

    with pytest.raises(LaterPeriod, match="Refund the later period first"):
        refund_charge(actor=seat_of(asha), renewal_id=first.pk, reason="Never", now=LATER)

    assert everything() == before
    for period in (second, first):
        refund_charge(actor=seat_of(asha), renewal_id=period.pk, reason="Never", now=LATER)
    assert balance_of(north) == Decimal("100.00")
    assert Invoice.objects.aggregate(left=Sum(F("amount") - F("credited")))["left"] == 0
    assert findings() == []


def test_of_periods_that_one_change_gave_up_the_latest_is_refunded_first(
    asha: User, north: Reseller, amal: Subscriber, new: Plan
) -> None:
    first, second = period_of(amal), renew(asha, amal, now=LATER)
    change(asha, amal, new)
    refund_charge(actor=seat_of(asha), renewal_id=period_of(amal).pk, reason="Never", now=LATER)

    with pytest.raises(LaterPeriod, match="Refund the later period first"):
        refund_charge(actor=seat_of(asha), renewal_id=first.pk, reason="Never", now=LATER)
    for period in (second, first):
        refund_charge(actor=seat_of(asha), renewal_id=period.pk, reason="Never", now=LATER)

    assert balance_of(north) == Decimal("100.00")
    assert findings() == []


def test_a_free_period_that_was_given_up_is_in_nobodys_way(
    asha: User, north: Reseller, amal: Subscriber, old: Plan, new: Plan
) -> None:
    first = period_of(amal)
    Plan.objects.filter(pk=old.pk).update(price=0)
    renew(asha, amal, now=first.ends_at)
    change(asha, amal, new, now=first.ends_at)
    refund_charge(actor=seat_of(asha), renewal_id=Renewal.objects.latest("pk").pk, reason="Never", now=first.ends_at)

    refund_charge(actor=seat_of(asha), renewal_id=first.pk, reason="Never", now=first.ends_at)

    assert balance_of(north) == Decimal("100.00")
    assert findings() == []


# --- the trick --------------------------------------------------------------------------------------------------------


def test_credit_never_becomes_cash(asha: User, nadia: User, noora: User, north: Reseller, northeast: Reseller) -> None:
    """Renew on credit, move to the own sub, change down, withdraw: what comes back goes to the wallet that owes."""
    north.wallet.credit_limit = Decimal(100)
    north.wallet.save(update_fields=["credit_limit"])
    dear, cheap = make_plan("Dear", "100.00"), make_plan("Cheap", "1.00")
    amal = add(nadia, north, dear)  # the debt: −100.00
    assert balance_of(north) == -100

    move_subscribers(actor=seat_of(nadia), subscriber_ids=[amal.pk], to=northeast, now=NOW)
    change(noora, amal, cheap, now=NOW)

    assert (balance_of(north), balance_of(northeast)) == (Decimal("-1.00"), Decimal("0.00"))
    with pytest.raises(InsufficientFunds):
        withdraw_from_reseller(
            actor=seat_of(nadia),
            reseller_id=northeast.pk,
            amount=Decimal("0.01"),
            note="",
            key=new_key("withdraw"),
            now=NOW,
        )
    assert findings() == []


def test_nor_by_renewing_further_with_the_subs_money(
    asha: User, nadia: User, noora: User, north: Reseller, northeast: Reseller
) -> None:
    """The sub's own charge comes back to the sub; the parent's, made on credit, to the parent."""
    north.wallet.credit_limit = Decimal(100)
    north.wallet.save(update_fields=["credit_limit"])
    fund(northeast.wallet, "100", actor=asha)
    dear, cheap = make_plan("Dear", "100.00"), make_plan("Cheap", "1.00")
    amal = add(nadia, north, dear)
    move_subscribers(actor=seat_of(nadia), subscriber_ids=[amal.pk], to=northeast, now=NOW)
    renew(noora, amal)  # 100.00 of the sub's own

    change(noora, amal, cheap, now=NOW)  # charge 2.00, credit 200.00: back 198.00

    assert (balance_of(north), balance_of(northeast)) == (Decimal("-2.00"), Decimal("100.00"))
    assert Renewal.objects.filter(kind=PeriodKind.PLAN_CHANGE).get().price == Decimal("-198.00")
    assert findings() == []
