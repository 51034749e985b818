"""What time brings about: lines renew themselves when they expire, or are turned off."""

from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from accounts.models import User
from audit.actions import Action
from audit.models import AuditEntry
from network.models import CoaKind, CoaRequest, CoaStatus
from plans.models import Plan
from resellers.models import Reseller
from resellers.operations import suspend_reseller
from subscribers import tasks
from subscribers.models import Renewal, Status, Subscriber
from subscribers.operations import (
    Round,
    change_plan,
    due_resellers,
    expire_due,
    expired_resellers,
    refund_charge,
    renew_due,
    resume_subscriber,
    suspend_subscriber,
    terminate_subscriber,
)
from tests.campaign.auto_renewing import run_auto_renewals
from tests.cast import NOW, fund, make_plan, seat_of
from tests.failing import FailsAt
from tests.jobs import enqueued, run_inline, run_jobs, waiting
from tests.subscribers.lines import add, balance_of, everything, findings, renew
from tests.threads import at_once

DAY = timedelta(days=1)
MONTH = timedelta(days=30)
DUE = NOW + MONTH


def subscribe(actor: User, reseller: Reseller, plan: Plan, *usernames: str, **details: Any) -> list[Subscriber]:
    """Add lines that renew themselves, whose period began at NOW."""
    return [add(actor, reseller, plan, name, auto_renew=True, **details) for name in usernames]


def renew_those_due(reseller: Reseller, now: datetime = DUE, **details: Any) -> Round:
    return renew_due(reseller_id=reseller.pk, now=now, **details)


def failure_of(subscriber: Subscriber) -> str:
    subscriber.refresh_from_db()
    return subscriber.renewal_failure


@pytest.fixture
def amal(asha: User, north: Reseller, home: Plan) -> Subscriber:
    """Return North's line, which is due a month from NOW; 75.00 are left in the wallet."""
    fund(north.wallet, "100", actor=asha)
    [line] = subscribe(asha, north, home, "amal")
    return line


# --- who is due -------------------------------------------------------------------------------------------------------


def test_a_line_renews_itself_the_moment_it_expires(north: Reseller, amal: Subscriber) -> None:
    assert renew_those_due(north, DUE - timedelta(microseconds=1)) == Round()

    assert renew_those_due(north) == Round(renewed=1)

    amal.refresh_from_db()
    assert amal.expires_at == DUE + MONTH
    assert balance_of(north) == 50
    assert findings() == []


def test_the_period_begins_when_it_is_paid(north: Reseller, amal: Subscriber) -> None:
    renew_those_due(north, DUE + 2 * DAY)

    assert Renewal.objects.latest("id").starts_at == DUE + 2 * DAY


def test_a_line_without_auto_renew_is_not_renewed(asha: User, north: Reseller, home: Plan) -> None:
    fund(north.wallet, "100", actor=asha)
    add(asha, north, home)

    assert due_resellers(DUE) == []
    assert renew_those_due(north) == Round()


def test_a_line_that_never_began_is_not_renewed(asha: User, north: Reseller, home: Plan) -> None:
    fund(north.wallet, "100", actor=asha)
    subscribe(asha, north, home, "amal", activate=False)

    assert due_resellers(DUE) == []


def test_a_suspended_line_is_passed_over_and_its_clock_goes_on(asha: User, north: Reseller, amal: Subscriber) -> None:
    suspend_subscriber(actor=seat_of(asha), subscriber_id=amal.pk, now=NOW)
    assert renew_those_due(north) == Round()

    resume_subscriber(actor=seat_of(asha), subscriber_id=amal.pk, now=DUE + DAY)

    amal.refresh_from_db()
    assert amal.status_at(DUE + DAY) == Status.EXPIRED
    assert renew_those_due(north, DUE + DAY) == Round(renewed=1)


def test_a_terminated_line_is_not_renewed(asha: User, north: Reseller, amal: Subscriber) -> None:
    terminate_subscriber(actor=seat_of(asha), subscriber_id=amal.pk, now=NOW)

    assert due_resellers(DUE) == []


def test_a_suspended_resellers_lines_go_on_unless_its_renewals_were_stopped_too(
    asha: User, north: Reseller, northeast: Reseller, home: Plan, amal: Subscriber
) -> None:
    fund(northeast.wallet, "100", actor=asha)
    subscribe(asha, northeast, home, "badr")
    suspend = {"actor": seat_of(asha), "reseller_id": north.pk, "reason": "Unpaid", "now": NOW}
    suspend_reseller(**suspend, stops_renewals=False)
    assert set(due_resellers(DUE)) == {north.pk, northeast.pk}

    Reseller.objects.filter(pk=north.pk).update(stops_renewals=True)

    assert due_resellers(DUE) == []
    assert (renew_those_due(north), renew_those_due(northeast)) == (Round(), Round())


def test_it_is_told_as_the_systems_own_doing(north: Reseller, amal: Subscriber) -> None:
    renew_those_due(north)

    told = AuditEntry.objects.get(action=Action.SUBSCRIBER_RENEWED)
    assert (told.actor_id, told.actor_name, told.object_name, told.reseller_id) == (None, "system", "amal", north.pk)


# --- where the wallet does not suffice --------------------------------------------------------------------------------


def test_who_cannot_be_paid_says_how_much_is_missing(asha: User, north: Reseller, home: Plan) -> None:
    fund(north.wallet, "115", actor=asha)
    amal, badr, carla = subscribe(asha, north, home, "amal", "badr", "carla")  # 40.00 are left

    assert renew_those_due(north) == Round(renewed=1, failed=2)

    assert failure_of(amal) == ""
    assert failure_of(badr) == "10.00 USD is missing: 25.00 USD is needed and 15.00 USD is available."
    assert failure_of(carla) == failure_of(badr)
    assert balance_of(north) == 15
    told = AuditEntry.objects.filter(action=Action.SUBSCRIBER_RENEWAL_FAILED).order_by("pk")
    assert [(each.object_name, each.detail) for each in told] == [
        ("badr", failure_of(badr)),
        ("carla", failure_of(carla)),
    ]


def test_who_is_still_not_paid_an_hour_later_is_no_news_however_much_is_missing(
    asha: User, north: Reseller, home: Plan
) -> None:
    fund(north.wallet, "75", actor=asha)
    lines = subscribe(asha, north, home, "amal", "badr", "carla")

    for hour in range(4):
        assert renew_those_due(north, DUE + timedelta(hours=hour)) == Round(failed=3)
        fund(north.wallet, "1", actor=asha)

    assert [failure_of(line)[:20] for line in lines] == ["22.00 USD is missing"] * 3
    told = AuditEntry.objects.filter(action=Action.SUBSCRIBER_RENEWAL_FAILED)
    assert sorted(told.values_list("object_name", flat=True)) == ["amal", "badr", "carla"]


def test_another_reason_is_news_and_so_is_the_next_expiry(asha: User, north: Reseller, home: Plan) -> None:
    fund(north.wallet, "25", actor=asha)
    [amal] = subscribe(asha, north, home, "amal")
    groups = list(north.service_groups.all())

    def told_at(hour: int) -> list[str]:
        renew_those_due(north, DUE + timedelta(hours=hour))
        rows = AuditEntry.objects.filter(action=Action.SUBSCRIBER_RENEWAL_FAILED).order_by("pk")
        return [detail[:20] for detail in rows.values_list("detail", flat=True)]

    money, scope = "25.00 USD is missing", "North Net has no ser"
    assert told_at(0) == [money]
    north.service_groups.clear()
    assert told_at(1) == told_at(2) == [money, scope]
    north.service_groups.set(groups)
    assert told_at(3) == told_at(4) == [money, scope, money]
    fund(north.wallet, "25", actor=asha)
    renew(asha, amal, now=DUE)
    assert told_at(5 + 24 * 30) == [money, scope, money, money]


def test_they_are_left_alone_until_the_money_is_there(asha: User, north: Reseller, home: Plan) -> None:
    fund(north.wallet, "50", actor=asha)
    amal, badr = subscribe(asha, north, home, "amal", "badr")
    renew_those_due(north)
    soon = DUE + timedelta(minutes=10)
    assert due_resellers(soon) == []

    fund(north.wallet, "24.99", actor=asha)
    assert due_resellers(soon) == []
    fund(north.wallet, "0.01", actor=asha)
    assert due_resellers(soon) == [north.pk]

    assert renew_those_due(north, soon) == Round(renewed=1, failed=1)
    assert (failure_of(amal), failure_of(badr)[:24]) == ("", "25.00 USD is missing: 25")
    assert AuditEntry.objects.filter(action=Action.SUBSCRIBER_RENEWAL_FAILED).count() == 2  # one of each


def test_a_higher_credit_limit_is_money_too(asha: User, north: Reseller, home: Plan) -> None:
    fund(north.wallet, "25", actor=asha)
    subscribe(asha, north, home, "amal")
    renew_those_due(north)

    north.wallet.refresh_from_db()
    north.wallet.credit_limit = Decimal(25)
    north.wallet.save(update_fields=["credit_limit"])

    assert renew_those_due(north, DUE + DAY) == Round(renewed=1)
    assert balance_of(north) == -25


def test_a_cheaper_line_is_not_kept_waiting_by_a_dear_one(asha: User, north: Reseller, home: Plan) -> None:
    fund(north.wallet, "135", actor=asha)
    dear = make_plan("Dear", "90.00")
    subscribe(asha, north, dear, "amal")
    [badr] = subscribe(asha, north, make_plan("Cheap", "5.00"), "badr", now=NOW + DAY)  # 40.00 are left

    assert renew_those_due(north, DUE + DAY) == Round(failed=1)
    assert not expire_due(reseller_id=north.pk, now=DUE + DAY)
    assert renew_those_due(north, DUE + DAY) == Round(renewed=1)

    assert failure_of(badr) == ""
    assert due_resellers(DUE + DAY) == []
    told = AuditEntry.objects.filter(action__in=[Action.SUBSCRIBER_RENEWAL_FAILED, Action.SUBSCRIBER_EXPIRED])
    assert set(told.values_list("object_name", flat=True)) == {"amal"}


def test_what_is_cheaper_by_now_is_tried_again_within_the_hour(asha: User, north: Reseller, home: Plan) -> None:
    fund(north.wallet, "35", actor=asha)
    subscribe(asha, north, home, "amal")
    renew_those_due(north)  # 25.00 are needed, and 10.00 are there
    Plan.objects.update(price=Decimal(10))

    assert due_resellers(DUE + timedelta(minutes=59)) == []
    assert renew_those_due(north, DUE + timedelta(hours=1)) == Round(renewed=1)


def test_a_cheaper_plan_is_tried_at_once(asha: User, north: Reseller, home: Plan) -> None:
    fund(north.wallet, "35", actor=asha)
    [amal] = subscribe(asha, north, home, "amal")
    renew_those_due(north)
    cheap = make_plan("Cheap", "10.00")

    change_plan(actor=seat_of(asha), subscriber_id=amal.pk, plan=cheap, now=DUE)

    assert renew_those_due(north) == Round(renewed=1)


def test_a_line_that_was_refunded_does_not_pay_again_by_itself(asha: User, north: Reseller, amal: Subscriber) -> None:
    period = Renewal.objects.get()

    refund_charge(actor=seat_of(asha), renewal_id=period.pk, reason="Never installed", now=NOW + DAY)

    amal.refresh_from_db()
    assert not amal.auto_renew
    assert renew_those_due(north) == Round()
    assert balance_of(north) == 100
    told = AuditEntry.objects.get(action=Action.SUBSCRIBER_REFUNDED)
    assert told.changes["auto_renew"] == [True, False]


def test_renewing_by_hand_clears_the_failure(asha: User, north: Reseller, home: Plan) -> None:
    fund(north.wallet, "25", actor=asha)
    [amal] = subscribe(asha, north, home, "amal")
    renew_those_due(north)
    fund(north.wallet, "25", actor=asha)

    renew(asha, amal, now=DUE + DAY)

    amal.refresh_from_db()
    assert (amal.renewal_failed_at, amal.renewal_failure, amal.renewal_needs) == (None, "", None)


# --- where the plan was taken away ------------------------------------------------------------------------------------


def test_a_plan_that_was_taken_from_the_reseller_is_not_renewed(north: Reseller, amal: Subscriber) -> None:
    north.service_groups.clear()

    assert renew_those_due(north) == Round(failed=1)

    assert failure_of(amal) == "North Net has no service group, so it can sell nothing. Ask the administrator for one."
    assert due_resellers(DUE + timedelta(minutes=59)) == []


def test_once_it_is_given_back_the_line_is_renewed_within_the_hour(north: Reseller, amal: Subscriber) -> None:
    groups = list(north.service_groups.all())
    north.service_groups.clear()
    renew_those_due(north)

    north.service_groups.set(groups)

    assert renew_those_due(north, DUE + timedelta(hours=1)) == Round(renewed=1)


def test_unless_the_admin_lets_it_keep_renewing(north: Reseller, amal: Subscriber) -> None:
    north.service_groups.clear()
    Subscriber.objects.update(may_keep_renewing=True)

    assert renew_those_due(north) == Round(renewed=1)


# --- twice, at once, and killed ---------------------------------------------------------------------------------------


def test_twice_in_a_row_charges_once(north: Reseller, amal: Subscriber) -> None:
    renew_those_due(north)

    assert renew_those_due(north) == Round()
    assert balance_of(north) == 50


def test_four_at_once_charge_each_line_once(committing: None, asha: User, north: Reseller, home: Plan) -> None:
    fund(north.wallet, "1000", actor=asha)
    names = [f"line-{number}" for number in range(12)]
    subscribe(asha, north, home, *names)

    at_once(*[lambda: renew_those_due(north, at_most=5)] * 4)

    assert balance_of(north) == 1000 - 24 * 25
    assert Renewal.objects.count() == 24
    assert findings() == []


def test_at_the_same_moment_as_by_hand_both_are_paid_or_one(
    committing: None, asha: User, north: Reseller, home: Plan
) -> None:
    fund(north.wallet, "1000", actor=asha)
    [amal] = subscribe(asha, north, home, "amal")

    at_once(lambda: renew_those_due(north), lambda: renew(asha, amal, now=DUE))

    periods = list(Renewal.objects.order_by("starts_at"))
    assert balance_of(north) == 1000 - 25 * len(periods)
    assert [period.starts_at for period in periods[1:]] == [period.ends_at for period in periods[:-1]]


def test_a_failure_at_any_statement_leaves_nothing_and_the_next_round_does_it_once(
    asha: User, north: Reseller, home: Plan
) -> None:
    fund(north.wallet, "110", actor=asha)
    subscribe(asha, north, home, "amal", "badr", "carla")
    before, at = everything(), 0
    while True:
        at += 1
        try:
            with connection.execute_wrapper(FailsAt(at)):
                renew_those_due(north)
        except OperationalError:
            assert (everything(), balance_of(north)) == (before, Decimal(35)), at
        else:
            break

    assert at > 8
    assert balance_of(north) == 10
    assert findings() == []


def test_rounds_are_small_and_the_next_one_goes_on(asha: User, north: Reseller, home: Plan) -> None:
    fund(north.wallet, "1000", actor=asha)
    subscribe(asha, north, home, "amal", "badr", "carla")

    assert renew_those_due(north, at_most=2) == Round(renewed=2, is_full=True)
    assert renew_those_due(north, at_most=2) == Round(renewed=1)


def test_the_number_of_statements_does_not_grow_with_the_lines(
    asha: User, north: Reseller, home: Plan, django_assert_num_queries: Any
) -> None:
    fund(north.wallet, "5000", actor=asha)
    subscribe(asha, north, home, "amal")
    with django_assert_num_queries(18):
        renew_those_due(north)
    subscribe(asha, north, home, *[f"line-{number}" for number in range(30)], now=NOW + DAY)

    with django_assert_num_queries(18):
        renew_those_due(north, DUE + DAY)


def test_nor_with_those_that_fail(asha: User, north: Reseller, home: Plan, django_assert_num_queries: Any) -> None:
    fund(north.wallet, "100", actor=asha)
    lines = [add(asha, north, home, f"line-{number}", activate=False, auto_renew=True) for number in range(30)]
    Subscriber.objects.update(expires_at=DUE)

    with django_assert_num_queries(22):
        assert renew_those_due(north) == Round(renewed=4, failed=len(lines) - 4)


# --- turning off ------------------------------------------------------------------------------------------------------


def test_a_line_that_expired_is_turned_off_once(asha: User, north: Reseller, home: Plan) -> None:
    fund(north.wallet, "100", actor=asha)
    amal = add(asha, north, home)
    assert expired_resellers(DUE) == [north.pk]

    expire_due(reseller_id=north.pk, now=DUE)
    expire_due(reseller_id=north.pk, now=DUE + DAY)

    amal.refresh_from_db()
    assert amal.expired_at == DUE
    request = CoaRequest.objects.get(subscriber=amal)
    assert (request.kind, request.reason, request.status) == (CoaKind.DISCONNECT, "Expired", CoaStatus.NO_NAS)
    assert AuditEntry.objects.get(action=Action.SUBSCRIBER_EXPIRED).object_name == "amal"
    assert expired_resellers(DUE + DAY) == []


def test_a_line_that_is_about_to_renew_itself_stays_on(north: Reseller, amal: Subscriber) -> None:
    expire_due(reseller_id=north.pk, now=DUE)

    assert not CoaRequest.objects.exists()


def test_a_renewal_turns_it_on_again_for_the_next_expiry(asha: User, north: Reseller, home: Plan) -> None:
    fund(north.wallet, "100", actor=asha)
    amal = add(asha, north, home)
    expire_due(reseller_id=north.pk, now=DUE)

    renew(asha, amal, now=DUE + DAY)

    amal.refresh_from_db()
    assert amal.expired_at is None
    assert expired_resellers(DUE + DAY + MONTH) == [north.pk]


# --- by the worker ----------------------------------------------------------------------------------------------------


def test_each_reseller_has_a_lane_of_its_own(asha: User, north: Reseller, south: Reseller, home: Plan) -> None:
    for reseller, name in ((north, "amal"), (south, "badr")):
        fund(reseller.wallet, "100", actor=asha)
        subscribe(asha, reseller, home, name)

    tasks.look_for_due(now=DUE)
    tasks.look_for_due(now=DUE)

    assert {job.lock for job in waiting(tasks.keep_time)} == {f"reseller:{north.pk}", f"reseller:{south.pk}"}
    assert len(enqueued(tasks.keep_time)) == 2  # who waits there already waits once


def test_the_worker_renews_what_is_due_and_turns_off_what_is_not_paid(
    committing: None, asha: User, north: Reseller, home: Plan
) -> None:
    began = timezone.now() - MONTH
    fund(north.wallet, "75", actor=asha)
    amal, badr = subscribe(asha, north, home, "amal", "badr", now=began)
    tasks.look_for_due(now=timezone.now())

    run_jobs()

    amal.refresh_from_db()
    badr.refresh_from_db()
    assert (amal.status, badr.status) == (Status.ACTIVE, Status.EXPIRED)
    assert badr.expired_at
    assert balance_of(north) == 0


def test_a_full_round_leaves_the_rest_to_the_next_one(
    asha: User, north: Reseller, home: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    fund(north.wallet, "1000", actor=asha)
    subscribe(asha, north, home, "amal", "badr", "carla", now=timezone.now() - MONTH)
    monkeypatch.setattr("subscribers.operations.auto_renewals.AT_ONCE", 2)
    tasks.leave(north.pk)

    assert run_inline(tasks.keep_time) == 1
    assert Renewal.objects.filter(kind="renewal").count() == 2
    assert run_inline(tasks.keep_time) == 1
    assert Renewal.objects.filter(kind="renewal").count() == 3
    assert enqueued(tasks.keep_time) == []


def test_a_big_reseller_does_not_hold_up_a_small_one(
    asha: User, north: Reseller, south: Reseller, home: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("subscribers.operations.auto_renewals.AT_ONCE", 2)
    fund(north.wallet, "1000", actor=asha)
    fund(south.wallet, "1000", actor=asha)
    began = timezone.now() - MONTH
    subscribe(asha, north, home, *[f"big-{number}" for number in range(7)], now=began)
    [small] = subscribe(asha, south, home, "small", now=began)
    tasks.leave(north.pk)
    tasks.leave(south.pk)

    run_inline(tasks.keep_time)  # one round of each

    small.refresh_from_db()
    assert small.status == Status.ACTIVE
    assert Renewal.objects.filter(kind="renewal", reseller=north).count() == 2


def test_workers_that_are_killed_on_the_way_charge_nobody_twice(committing: None, asha: User, tmp_path: Path) -> None:
    outcome = run_auto_renewals(admin=asha, folder=tmp_path, resellers=6, lines=900, kills=1)

    assert outcome.is_sound, "\n".join(outcome.lines())
    assert outcome.counts["renewed"] + outcome.counts["not renewed, with a reason"] == 900
    assert outcome.counts["resellers without the funds"] == 1
