"""Many who sell at the same moment, and what is left when one of them is killed."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from functools import partial
from threading import Event
from time import sleep
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction

from accounts.models import User
from billing.models import Invoice
from billing.operations import InvoiceRefunded, cancel_invoice
from ispanel.refusals import Busy, is_busy
from plans.models import Plan
from resellers.models import Reseller
from subscribers.models import Renewal, Subscriber
from subscribers.operations import change_plan_of_many, move_subscribers, refund_charge, renew_due, renew_many
from tests.billing.papers import change, invoices, numbers_of, resellers_issue, series
from tests.cast import NOW, fund, make_plan, make_reseller, new_key, seat_of
from tests.failing import FailsAt, end_connection
from tests.subscribers.lines import add, balance_of, everything, findings, renew
from tests.threads import at_once
from wallet.ledger import InsufficientFunds

pytestmark = pytest.mark.usefixtures("committing")

LATER = NOW + timedelta(days=15)


@pytest.fixture
def crowd() -> Iterator[None]:
    """Let 64 threads have a connection each."""
    pool = connection.settings_dict["OPTIONS"]["pool"]
    most = pool["max_size"]

    def allow(count: int) -> None:
        connection.close()
        connection.close_pool()
        pool["max_size"] = count

    allow(66)
    yield
    allow(most)


def until_it_is_free(act: Any) -> Any:
    """Press the button again, as people do who are told that somebody else is at it."""
    while True:
        try:
            return act()
        except Busy:
            continue
        except OperationalError as problem:
            if not is_busy(problem):
                raise


class SecondThoughts(Exception):
    """Somebody gives up what is done already but for the commit."""


def renew_and_give_up(asha: User, line: Subscriber) -> None:
    with transaction.atomic():
        renew(asha, line)
        raise SecondThoughts


def test_64_charges_at_once_have_the_numbers_1_to_64_and_what_fails_leaves_no_gap(
    asha: User, home: Plan, crowd: None
) -> None:
    sellers = [make_reseller(asha, f"seller-{each}", f"Seller {each}") for each in range(8)]
    for seller in sellers:
        fund(seller.wallet, "200", actor=asha)
    poor = add(asha, make_reseller(asha, "poor", "Poor Net"), home, "poor", activate=False)
    lines = [add(asha, sellers[each % 8], home, f"line-{each}", activate=False) for each in range(64)]

    def press(each: int) -> Renewal:
        if each % 4 == 0:
            with pytest.raises(InsufficientFunds):
                until_it_is_free(partial(renew, asha, poor))
        if each % 4 == 1:
            with pytest.raises(SecondThoughts):
                until_it_is_free(partial(renew_and_give_up, asha, lines[each]))
        sold: Renewal = until_it_is_free(partial(renew, asha, lines[each]))
        return sold

    sold = at_once(*[partial(press, each) for each in range(64)])

    assert [each for each in sold if not isinstance(each, Renewal)] == []
    assert numbers_of() == list(range(1, 65))
    assert series() == {(None, "invoice"): 64}
    assert [balance_of(seller) for seller in sellers] == [0] * 8
    assert findings() == []


def test_resellers_who_issue_themselves_do_not_disturb_each_other(
    asha: User, north: Reseller, south: Reseller, home: Plan
) -> None:
    resellers_issue()
    for reseller in (north, south):
        fund(reseller.wallet, "1000", actor=asha)
    lines = [add(asha, (north, south)[each % 2], home, f"line-{each}", activate=False) for each in range(6)]

    at_once(*[partial(renew, asha, line) for line in lines])

    assert (numbers_of(north), numbers_of(south)) == ([1, 2, 3], [1, 2, 3])
    assert findings() == []


def test_rounds_of_the_worker_and_bulk_acts_at_once_leave_no_gap_and_no_deadlock(
    asha: User, north: Reseller, south: Reseller, home: Plan
) -> None:
    owners = {"amal": north, "badr": north, "salma": south, "sarah": south}
    for reseller in (north, south):
        fund(reseller.wallet, "1000", actor=asha)
    lines = [add(asha, owner, home, name, auto_renew=True) for name, owner in owners.items()]
    ids = [line.pk for line in lines]

    results = at_once(
        lambda: renew_due(reseller_id=north.pk, now=NOW + timedelta(days=30)),
        lambda: renew_due(reseller_id=south.pk, now=NOW + timedelta(days=30)),
        lambda: renew_many(actor=seat_of(asha), subscriber_ids=ids, key=new_key("renew_many"), now=NOW),
        lambda: renew_many(actor=seat_of(asha), subscriber_ids=ids[::-1], key=new_key("renew_many"), now=NOW),
    )

    assert [each for each in results if isinstance(each, Exception)] == []
    assert numbers_of() == list(range(1, Renewal.objects.count() + 1))
    assert findings() == []


def test_changes_up_and_down_refunds_and_bulk_changes_at_once_do_not_wait_for_each_other_for_ever(
    asha: User, north: Reseller, south: Reseller, home: Plan
) -> None:
    for reseller in (north, south):
        fund(reseller.wallet, "1000", actor=asha)
    cheap, dear = make_plan("Cheap", "10.00"), make_plan("Dear", "45.00")
    owners = [north, south] * 3
    lines = [add(asha, owner, home, f"line-{each}") for each, owner in enumerate(owners)]
    # What North paid for these comes back to it although South owns them now.
    move_subscribers(actor=seat_of(asha), subscriber_ids=[lines[4].pk], to=south, now=NOW)
    up, down, back, both, moved, other = [Subscriber.objects.get(pk=line.pk) for line in lines]

    def many(plan: Plan, *wanted: Subscriber) -> Any:
        ids = [line.pk for line in wanted]
        return change_plan_of_many(
            actor=seat_of(asha), subscriber_ids=ids, plan=plan, key=new_key("x"), shown_at=LATER, now=LATER
        )

    results = at_once(
        lambda: change(asha, up, dear, now=LATER),
        lambda: change(asha, down, cheap, now=LATER),
        lambda: refund_charge(actor=seat_of(asha), renewal_id=back.renewals.get().pk, reason="Mistaken", now=LATER),
        lambda: many(cheap, moved, both, other),
        lambda: many(dear, other, both),
        lambda: renew(asha, moved, now=LATER),
    )

    deadlocks = [each for each in results if isinstance(each, Exception)]
    assert deadlocks == []
    for issued, kind in ((Invoice, "invoice"), (Invoice.credit_notes.rel.related_model, "credit_note")):
        numbers = sorted(issued.objects.values_list("number", flat=True))
        assert numbers == list(range(1, len(numbers) + 1))
        assert series()[None, kind] == len(numbers)
    assert findings() == []


class PausesBefore(FailsAt):
    """Says that it has come as far as this text, and gives others the time to come as far as they can."""

    def __init__(self, text: str) -> None:
        super().__init__(0)
        self.text, self.is_there = text, Event()

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if self.text in sql:
            self.is_there.set()
            sleep(1)
        return execute(sql, params, many, context)


@pytest.mark.parametrize("act", ["renewal", "plan change"])
def test_a_bulk_act_holds_no_numbers_while_it_waits_for_a_wallet(
    asha: User, north: Reseller, south: Reseller, home: Plan, act: str
) -> None:
    east = make_reseller(asha, "esra", "East Net")
    for reseller in (north, south, east):
        fund(reseller.wallet, "1000", actor=asha)
    lines = [add(asha, owner, home, name) for owner, name in ((north, "amal"), (south, "salma"))]
    # What South paid for it comes back to South's wallet, and East asks for the rest of the time: an invoice.
    moved = add(asha, south, home, "moved")
    move_subscribers(actor=seat_of(asha), subscriber_ids=[moved.pk], to=east, now=NOW)
    cheap, dear, pauses = make_plan("Cheap", "10.00"), make_plan("Dear", "45.00"), PausesBefore('INTO "invoices"')

    def hold_the_wallet_of_south() -> None:
        with connection.execute_wrapper(pauses):
            change(asha, moved, cheap, now=LATER)

    def many() -> Any:
        assert pauses.is_there.wait(10)
        shared: dict[str, Any] = {"actor": seat_of(asha), "subscriber_ids": [line.pk for line in lines]}
        if act == "renewal":
            return renew_many(**shared, key=new_key("x"), now=LATER)
        return change_plan_of_many(**shared, plan=dear, key=new_key("x"), shown_at=LATER, now=LATER)

    results = at_once(hold_the_wallet_of_south, many)

    assert [each for each in results if isinstance(each, Exception)] == []
    assert [each.is_done for each in results[1].results] == [True, True]
    assert Invoice.objects.get(number=4).subscriber == moved
    assert findings() == []


def test_an_invoice_that_is_being_credited_is_not_cancelled_meanwhile(asha: User, north: Reseller, home: Plan) -> None:
    fund(north.wallet, "100", actor=asha)
    add(asha, north, home)
    sold, pauses = Renewal.objects.get(), PausesBefore('INTO "credit_notes"')

    def refund() -> None:
        with connection.execute_wrapper(pauses):
            refund_charge(actor=seat_of(asha), renewal_id=sold.pk, reason="Mistaken", now=NOW)

    def cancel() -> Any:
        assert pauses.is_there.wait(10)
        return cancel_invoice(actor=seat_of(asha), invoice_id=sold.invoice.pk, reason="Given away", now=NOW)

    refunded, cancelled = at_once(refund, cancel)

    assert refunded is None
    assert isinstance(cancelled, InvoiceRefunded)
    assert invoices() == [("INV-000001", "refunded", 25)]


# --- killed in between ------------------------------------------------------------------------------------------------


class DiesAfter(FailsAt):
    """Ends the connection, from outside, once the statement that holds this text is carried out."""

    def __init__(self, text: str) -> None:
        super().__init__(0)
        self.text = text

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        result = execute(sql, params, many, context)
        if self.text in sql:
            end_connection()
        return result


@pytest.mark.parametrize("text", ["post_transfer", 'INTO "renewals"', 'INTO "invoices"'])
def test_a_charge_that_is_killed_before_its_commit_leaves_neither_money_nor_paper(
    asha: User, north: Reseller, home: Plan, text: str
) -> None:
    fund(north.wallet, "100", actor=asha)
    amal = add(asha, north, home)
    before = everything()

    with pytest.raises(OperationalError), connection.execute_wrapper(DiesAfter(text)):
        renew(asha, amal)
    connection.close()

    assert (everything(), balance_of(north)) == (before, 75)
    renew(asha, amal)
    assert invoices() == [("INV-000001", "pending", 25), ("INV-000002", "pending", 25)]
    assert findings() == []


@pytest.mark.parametrize("text", ["post_transfer", 'UPDATE "subscribers"', 'INTO "credit_notes"'])
def test_a_refund_that_is_killed_before_its_commit_leaves_neither_money_nor_paper(
    asha: User, north: Reseller, home: Plan, text: str
) -> None:
    fund(north.wallet, "100", actor=asha)
    add(asha, north, home)
    before, sold = everything(), Renewal.objects.get()

    with pytest.raises(OperationalError), connection.execute_wrapper(DiesAfter(text)):
        refund_charge(actor=seat_of(asha), renewal_id=sold.pk, reason="Mistaken", now=NOW)
    connection.close()

    assert (everything(), balance_of(north)) == (before, Decimal(75))
    refund_charge(actor=seat_of(asha), renewal_id=sold.pk, reason="Mistaken", now=NOW)
    assert invoices() == [("INV-000001", "refunded", 25)]
    assert findings() == []
