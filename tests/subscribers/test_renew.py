"""Buying a subscriber's next period."""

import re
from datetime import timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction
from django.utils import timezone

from accounts.models import User
from audit.actions import Action
from audit.models import AuditEntry
from ispanel.refusals import Forbidden
from plans.models import Plan
from resellers.models import Reseller
from subscribers.models import PeriodKind, Renewal, Status, Subscriber
from subscribers.operations import PaidTooFarAhead, SubscriberTerminated
from tests.cast import NOW, fund, group, make_plan, make_staff, new_key, signed_in
from tests.failing import FailsAt
from tests.pages import body, filled, send
from tests.subscribers.lines import add, balance_of, everything, renew
from tests.threads import at_once
from wallet.ledger import InsufficientFunds
from wallet.models import TransferKind

MONTH = timedelta(days=30)


def renewals_of(subscriber: Subscriber) -> str:
    return f"/subscribers/{subscriber.pk}/renewals/"


@pytest.fixture
def amal(asha: User, north: Reseller, home: Plan) -> Subscriber:
    """Return North's subscriber, paid until 30 days from now; 975.00 are left."""
    fund(north.wallet, "1000", actor=asha)
    return add(asha, north, home, now=timezone.now())


@pytest.fixture
def unpaid(asha: User, north: Reseller, home: Plan) -> Subscriber:
    """Return North's subscriber that never had a period; the wallet is empty."""
    return add(asha, north, home, activate=False)


# --- it works ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("after_expiry", "begins_after_expiry"),
    [(-MONTH, timedelta(0)), (-timedelta(microseconds=1), timedelta(0)), (timedelta(0), timedelta(0)), (MONTH, MONTH)],
    ids=["long before", "just before", "at the moment", "long after"],
)
def test_the_period_begins_at_the_later_of_now_and_the_expiry(
    asha: User, amal: Subscriber, after_expiry: timedelta, begins_after_expiry: timedelta
) -> None:
    assert amal.expires_at

    period = renew(asha, amal, now=amal.expires_at + after_expiry)

    assert period.starts_at == amal.expires_at + begins_after_expiry
    assert period.ends_at == period.starts_at + MONTH
    amal.refresh_from_db()
    assert amal.expires_at == period.ends_at


def test_a_line_that_was_never_paid_starts_now(asha: User, north: Reseller, unpaid: Subscriber) -> None:
    fund(north.wallet, "25", actor=asha)

    period = renew(asha, unpaid, now=NOW)

    unpaid.refresh_from_db()
    assert (period.starts_at, unpaid.expires_at) == (NOW, NOW + MONTH)
    assert unpaid.status_at(NOW) == Status.ACTIVE


def test_renewing_charges_the_wallet(nadia: User, north: Reseller, amal: Subscriber) -> None:
    response = send(signed_in(nadia), renewals_of(amal))

    period = Renewal.objects.select_related("transfer").latest("id")
    assert (response.status_code, response.url) == (303, f"/subscribers/{amal.pk}/")
    assert balance_of(north) == 950
    assert (period.kind, period.price, period.retail_price) == (PeriodKind.RENEWAL, 25, 25)
    assert period.transfer
    assert (period.transfer.kind, period.transfer.amount, period.transfer.note) == (
        TransferKind.RENEWAL,
        25,
        "amal · Home",
    )


def test_it_is_said_and_audited_with_old_and_new_expiry(nadia: User, north: Reseller, amal: Subscriber) -> None:
    client = signed_in(nadia)

    response = send(client, renewals_of(amal))

    entry, period = AuditEntry.objects.latest("id"), Renewal.objects.latest("id")
    assert f"amal is renewed until {period.ends_at:%-d %b %Y}." in body(client.get(response.url))
    assert (entry.action, entry.actor_name, entry.object_name) == (Action.SUBSCRIBER_RENEWED, "nadia", "amal")
    assert entry.changes == {
        "expires_at": [period.starts_at.isoformat(), period.ends_at.isoformat()],
        "charged": [None, "25"],
    }
    assert entry.reseller_id == north.pk


def test_the_dialog_says_what_it_costs_and_whom(nadia: User, amal: Subscriber) -> None:
    response: Any = signed_in(nadia).get(renewals_of(amal), headers={"HX-Request": "true", "HX-Target": "dialog-slot"})

    assert response.content.decode().lstrip().startswith("<dialog")
    assert "paid by the wallet of North Net" in body(response)
    assert "975.00 → 950.00" in body(response)
    assert "Renew for 25.00 USD" in body(response)


@pytest.mark.parametrize("who", ["admin", "parent", "sub"])
def test_the_subscribers_own_reseller_pays_whoever_presses(
    asha: User, nadia: User, noora: User, north: Reseller, northeast: Reseller, home: Plan, who: str
) -> None:
    fund(northeast.wallet, "100", actor=asha)
    fund(north.wallet, "100", actor=asha)
    badr = add(asha, northeast, home, "badr", activate=False)

    send(signed_in({"admin": asha, "parent": nadia, "sub": noora}[who]), renewals_of(badr))

    assert (balance_of(northeast), balance_of(north)) == (75, 100)
    assert Renewal.objects.get().reseller == northeast


def test_a_plan_that_is_no_longer_sold_is_renewed(nadia: User, north: Reseller, amal: Subscriber) -> None:
    Plan.objects.update(is_on_sale=False)

    assert send(signed_in(nadia), renewals_of(amal)).status_code == 303
    assert balance_of(north) == 950


def test_the_price_of_today_is_charged_and_what_was_paid_keeps_its_own(
    asha: User, north: Reseller, amal: Subscriber
) -> None:
    Plan.objects.update(price=Decimal(30))

    renew(asha, amal, now=timezone.now())

    assert list(Renewal.objects.order_by("id").values_list("price", flat=True)) == [25, 30]
    assert balance_of(north) == 945


def test_a_price_of_nothing_makes_a_period_and_no_transfer(asha: User, north: Reseller) -> None:
    staff = add(asha, north, make_plan("Staff", "0"), "staff", activate=False)

    period = renew(asha, staff)

    assert (period.price, period.transfer) == (0, None)
    assert balance_of(north) == 0


def test_a_plan_of_months_ends_on_the_same_day_of_the_month(asha: User, north: Reseller) -> None:
    monthly = add(asha, north, make_plan("Monthly", "0", duration=1, duration_unit="months"), now=NOW)

    assert renew(asha, monthly, now=NOW).ends_at == NOW.replace(month=7)


# --- refused ----------------------------------------------------------------------------------------------------------


def test_without_funds_nothing_changes_and_the_message_says_what_is_missing(
    asha: User, nadia: User, north: Reseller, unpaid: Subscriber
) -> None:
    fund(north.wallet, "24.99", actor=asha)
    client = signed_in(nadia)
    before = everything()

    response = send(client, renewals_of(unpaid))

    assert response.status_code == 422
    assert "0.01 USD is missing: 25.00 USD is needed and 24.99 USD is available." in body(response)
    assert everything() == before
    unpaid.refresh_from_db()
    assert (unpaid.expires_at, balance_of(north)) == (None, Decimal("24.99"))


def test_another_price_than_the_one_that_was_shown_is_refused_and_shown(
    nadia: User, north: Reseller, amal: Subscriber
) -> None:
    client = signed_in(nadia)
    page = client.get(renewals_of(amal))
    shown = re.search(r'name="agreed_price" value="([^"]+)"', page.content.decode())
    assert shown
    Plan.objects.update(price=Decimal(30))
    before = everything()

    response = client.post(renewals_of(amal), filled(page, agreed_price=shown[1]))

    assert response.status_code == 422
    assert "The price has changed to 30.00 USD meanwhile." in body(response)
    assert "Renew for 30.00 USD" in body(response)
    assert everything() == before


def test_the_price_that_was_shown_is_charged(nadia: User, north: Reseller, amal: Subscriber) -> None:
    assert send(signed_in(nadia), renewals_of(amal), agreed_price="25.0").status_code == 303
    assert balance_of(north) == 950


def test_a_line_is_not_paid_for_more_than_ten_years_ahead(asha: User, north: Reseller) -> None:
    long = add(asha, north, make_plan("Long", "0", duration=3650), "long")
    renew(asha, long)

    with pytest.raises(PaidTooFarAhead, match="paid for more than ten years ahead"):
        renew(asha, long)

    assert Renewal.objects.count() == 2


def test_a_terminated_line_is_not_renewed(nadia: User, north: Reseller, amal: Subscriber) -> None:
    Subscriber.objects.update(terminated_at=NOW)
    client = signed_in(nadia)
    before = everything()

    response = send(client, renewals_of(amal))

    assert response.status_code == 422
    assert "This subscriber is terminated: that is for ever." in body(response)
    assert everything() == before


def test_the_operation_says_so_too(asha: User, amal: Subscriber) -> None:
    Subscriber.objects.update(terminated_at=NOW)

    with pytest.raises(SubscriberTerminated):
        renew(asha, amal)


def test_renewing_leaves_nothing_behind_wherever_it_fails(
    committing: None, asha: User, north: Reseller, amal: Subscriber
) -> None:
    before = everything()

    for number in count(1):
        failing = FailsAt(number)
        try:
            with connection.execute_wrapper(failing):
                renew(asha, amal, key=new_key("renew_subscriber"))
            break
        except OperationalError:
            kept = Subscriber.objects.get(pk=amal.pk)
            assert (everything(), kept.expires_at, balance_of(north)) == (before, amal.expires_at, 975), failing.seen

    left = {name: now - before[name] for name, now in everything().items() if now != before[name]}
    assert left == {
        "renewals": 1, "transfers": 1, "entries": 2, "audit_entries": 1, "idempotency_keys": 1,
        "invoices": 1, "numbers": 1,
    }  # fmt: skip


@pytest.mark.parametrize("method", ["get", "post"])
def test_those_who_see_it_and_may_not_renew_are_told_so(
    asha: User, noor: User, north: Reseller, amal: Subscriber, method: str
) -> None:
    for user in (noor, make_staff(asha, north, "helper", group("SUPPORT"))):
        assert getattr(signed_in(user), method)(renewals_of(amal)).status_code == 403, user

    assert balance_of(north) == 975


@pytest.mark.parametrize("method", ["get", "post"])
def test_south_cannot(sami: User, petra: User, noora: User, north: Reseller, amal: Subscriber, method: str) -> None:
    for user in (sami, petra, noora):
        assert getattr(signed_in(user), method)(renewals_of(amal)).status_code == 404, user

    assert balance_of(north) == 975


def test_the_operation_refuses_strangers_and_onlookers_too(
    sami: User, noora: User, noor: User, petra: User, north: Reseller, amal: Subscriber
) -> None:
    for user in (sami, noora, noor, petra):
        with pytest.raises(Forbidden):
            renew(user, amal)

    assert balance_of(north) == 975


# --- once -------------------------------------------------------------------------------------------------------------


def test_the_same_form_twice_renews_once(nadia: User, north: Reseller, amal: Subscriber) -> None:
    client = signed_in(nadia)
    contents = filled(client.get(renewals_of(amal)))

    first, second = client.post(renewals_of(amal), contents), client.post(renewals_of(amal), contents)

    assert (second.status_code, second.url) == (first.status_code, first.url)
    assert Renewal.objects.count() == 2
    assert balance_of(north) == 950


def test_a_form_for_one_subscriber_is_none_for_another(
    asha: User, nadia: User, north: Reseller, amal: Subscriber, home: Plan
) -> None:
    badr = add(asha, north, home, "badr")
    client = signed_in(nadia)
    contents = filled(client.get(renewals_of(amal)))
    client.post(renewals_of(amal), contents)

    response = client.post(renewals_of(badr), contents)

    assert "This form was already used." in body(response)
    assert balance_of(north) == 925


def test_two_at_once_spend_the_last_money_only_once(
    committing: None, asha: User, nadia: User, north: Reseller, unpaid: Subscriber
) -> None:
    fund(north.wallet, "25", actor=asha)

    results = at_once(lambda: renew(asha, unpaid), lambda: renew(nadia, unpaid))

    assert {type(result) for result in results} == {Renewal, InsufficientFunds}
    assert Renewal.objects.count() == 1
    assert balance_of(north) == 0


def test_two_lines_at_once_spend_the_last_money_only_once(
    committing: None, asha: User, north: Reseller, unpaid: Subscriber, home: Plan
) -> None:
    badr = add(asha, north, home, "badr", activate=False)
    fund(north.wallet, "25", actor=asha)

    results = at_once(lambda: renew(asha, unpaid), lambda: renew(asha, badr))

    assert {type(result) for result in results} == {Renewal, InsufficientFunds}
    assert balance_of(north) == 0


def test_two_at_once_with_money_for_both_buy_two_periods_in_a_row(
    committing: None, asha: User, nadia: User, north: Reseller, unpaid: Subscriber
) -> None:
    fund(north.wallet, "50", actor=asha)

    periods = sorted(at_once(lambda: renew(asha, unpaid), lambda: renew(nadia, unpaid)), key=lambda p: p.starts_at)

    assert [period.starts_at for period in periods] == [NOW, NOW + MONTH]
    assert Subscriber.objects.get().expires_at == NOW + 2 * MONTH


def test_one_form_pressed_twice_at_once_renews_once(
    committing: None, nadia: User, north: Reseller, amal: Subscriber
) -> None:
    key = new_key("renew_subscriber", subscriber=amal.pk)

    first, second = at_once(*[lambda: renew(nadia, amal, key=key)] * 2)

    assert first == second
    assert balance_of(north) == 950


def test_a_repeated_form_gets_its_answer_though_the_line_is_terminated_meanwhile(nadia: User, amal: Subscriber) -> None:
    key = new_key("renew_subscriber", subscriber=amal.pk)
    first = renew(nadia, amal, key=key)
    Subscriber.objects.update(terminated_at=NOW)

    assert renew(nadia, amal, key=key) == first


def test_a_repeated_form_gets_no_answer_once_the_line_is_out_of_reach(
    nadia: User, south: Reseller, amal: Subscriber
) -> None:
    key = new_key("renew_subscriber", subscriber=amal.pk)
    renew(nadia, amal, key=key)
    Subscriber.objects.update(reseller=south)

    with pytest.raises(Forbidden):
        renew(nadia, amal, key=key)


# --- the database has the last word -----------------------------------------------------------------------------------


def period(subscriber: Subscriber, start: timedelta, end: timedelta, **columns: Any) -> Renewal:
    """Insert a period behind the operations' back."""
    wanted = {
        "reseller": subscriber.reseller,
        "plan": subscriber.plan,
        "kind": PeriodKind.RENEWAL,
        "price": Decimal(0),
        "retail_price": Decimal(0),
        "worth": Decimal(0),
        "retail_worth": Decimal(0),
        "created_at": NOW,
    }
    return Renewal.objects.create(subscriber=subscriber, starts_at=NOW + start, ends_at=NOW + end, **(wanted | columns))


@pytest.mark.parametrize(("start", "end"), [(0, 30), (29, 59), (-1, 1), (10, 20), (-5, 35)])
def test_the_database_refuses_periods_that_overlap(unpaid: Subscriber, start: int, end: int) -> None:
    period(unpaid, timedelta(0), MONTH)

    with pytest.raises(IntegrityError, match="periods_of_a_subscriber_do_not_overlap"), transaction.atomic():
        period(unpaid, timedelta(days=start), timedelta(days=end))


def test_periods_may_touch_and_lines_do_not_mind_each_other(
    asha: User, north: Reseller, unpaid: Subscriber, home: Plan
) -> None:
    period(unpaid, timedelta(0), MONTH)

    period(unpaid, MONTH, 2 * MONTH)
    period(unpaid, -MONTH, timedelta(0))
    period(add(asha, north, home, "badr", activate=False), timedelta(0), MONTH)

    assert Renewal.objects.count() == 4


@pytest.mark.parametrize("end", [timedelta(0), -MONTH])
def test_the_database_refuses_a_period_without_a_length(unpaid: Subscriber, end: timedelta) -> None:
    with pytest.raises((IntegrityError, connection.Database.DataError)), transaction.atomic():
        period(unpaid, timedelta(0), end)


def test_the_database_refuses_a_price_without_its_charge_and_a_charge_without_a_price(
    asha: User, north: Reseller, amal: Subscriber, home: Plan
) -> None:
    charge = Renewal.objects.select_related("transfer").get().transfer
    unpaid = add(asha, north, home, "badr", activate=False)

    with pytest.raises(IntegrityError, match="paid_period_has_its_charge"), transaction.atomic():
        period(unpaid, timedelta(0), MONTH, price=Decimal(25))
    with pytest.raises(IntegrityError, match="paid_period_has_its_charge"), transaction.atomic():
        period(unpaid, timedelta(0), MONTH, transfer=charge)
    with pytest.raises(IntegrityError, match="transfer"), transaction.atomic():
        period(unpaid, timedelta(0), MONTH, price=Decimal(25), transfer=charge)
