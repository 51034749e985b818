"""Every act of money, failing after each of its statements: nothing of it stays, and the same key then works once."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from django.db import OperationalError, connection

from accounts.models import User
from plans.models import Plan
from resellers import operations as resellers
from resellers.models import Reseller
from subscribers.models import Subscriber
from subscribers.operations import add_subscriber, refund_charge, renew_subscriber
from tests.cast import NOW, PASSWORD, fund, group, new_key, seat_of
from tests.failing import FailsAfter, FailsAt
from tests.subscribers.lines import LINE_PASSWORD, add, everything
from wallet.ledger import ActKey
from wallet.models import LedgerAccount
from wallet.operations import reverse_transfer

pytestmark = pytest.mark.usefixtures("committing")

#: What could change in place: nothing of an act that failed.
STATE = """
    SELECT (SELECT json_agg(row_to_json(one) ORDER BY id) FROM ledger_accounts one)::text,
           (SELECT json_agg(row_to_json(one) ORDER BY id) FROM resellers one)::text,
           (SELECT json_agg(row_to_json(one) ORDER BY id) FROM subscribers one)::text,
           (SELECT json_agg(row_to_json(one) ORDER BY id) FROM invoices one)::text,
           (SELECT json_agg(row_to_json(one) ORDER BY id) FROM paper_series one)::text
"""


def state() -> tuple[Any, ...]:
    """Return all rows that an act of money changes in place, and how many there are of those that it adds."""
    with connection.cursor() as cursor:
        cursor.execute(STATE)
        return (*cursor.fetchone(), everything())


@dataclass
class Place:
    """Whom the acts are done by and to: North has 1,000.00, its sub 100.00, its subscriber is paid."""

    asha: User
    nadia: User
    north: Reseller
    northeast: Reseller
    home: Plan
    amal: Subscriber
    key: ActKey = field(default_factory=lambda: new_key("act"))


@pytest.fixture
def place(asha: User, nadia: User, north: Reseller, northeast: Reseller, home: Plan) -> Place:
    fund(north.wallet, "500", actor=asha)
    fund(north.wallet, "500", actor=asha)
    fund(northeast.wallet, "100", actor=asha)
    return Place(asha, nadia, north, northeast, home, add(asha, north, home, "amal"))


def move(act: Callable[..., Any], actor: User, reseller: Reseller, key: ActKey) -> Any:
    return act(actor=seat_of(actor), reseller_id=reseller.pk, amount=Decimal(50), note="x", key=key, now=NOW).pk


def create(place: Place) -> Any:
    return resellers.create_reseller(
        actor=seat_of(place.asha),
        username="alnoor",
        password=PASSWORD,
        company_name="Al-Noor Net",
        starting_balance=Decimal(50),
        permission_group=group("SALES"),
        key=place.key,
        now=NOW,
    ).pk


def buy(place: Place, *, activate: bool) -> Any:
    return add_subscriber(
        actor=seat_of(place.nadia),
        reseller=place.north,
        plan=place.home,
        username="badr",
        password=LINE_PASSWORD,
        activate=activate,
        key=place.key,
        now=NOW,
    ).pk


def change_limit(place: Place) -> Any:
    return resellers.edit_reseller(
        actor=seat_of(place.asha), reseller_id=place.north.pk, credit_limit=Decimal(300), now=NOW
    ).pk


#: Each act, by what it leaves; those without a key are safe to send again.
ACTS: dict[str, Callable[[Place], Any]] = {
    "transfer from the platform": lambda at: move(resellers.transfer_to_reseller, at.asha, at.north, at.key),
    "transfer from the own wallet": lambda at: move(resellers.transfer_to_reseller, at.nadia, at.northeast, at.key),
    "withdraw to the platform": lambda at: move(resellers.withdraw_from_reseller, at.asha, at.north, at.key),
    "withdraw to the own wallet": lambda at: move(resellers.withdraw_from_reseller, at.nadia, at.northeast, at.key),
    "create with a starting balance": create,
    "add a subscriber and activate": lambda at: buy(at, activate=True),
    "add a subscriber unpaid": lambda at: buy(at, activate=False),
    "renew": lambda at: renew_subscriber(actor=seat_of(at.nadia), subscriber_id=at.amal.pk, key=at.key, now=NOW).pk,
    "reverse a transfer": lambda at: (
        reverse_transfer(
            actor=seat_of(at.asha),
            transfer_id=at.north.wallet.entries.earliest("id").transfer_id,
            reason="x",
            key=at.key,
            now=NOW,
        ).pk
    ),
    "refund a period": lambda at: (
        refund_charge(actor=seat_of(at.asha), renewal_id=at.amal.renewals.get().pk, reason="x", key=at.key, now=NOW).pk
    ),
    "change the credit limit": change_limit,
}


#: Those whose one statement that writes is a transaction by itself: where only its answer is lost, they are done.
ONE_STATEMENT = [name for name in ACTS if name.startswith(("transfer", "withdraw"))]


def failures(how: type[FailsAt], act: Callable[[Place], Any], place: Place) -> Iterator[FailsAt]:
    """Do the act with a failure at its first statement, its second and so on, until it goes through."""
    for number in count(1):
        failing = how(number)
        try:
            with connection.execute_wrapper(failing):
                act(place)
            return
        except OperationalError:
            yield failing


@pytest.mark.parametrize("how", [FailsAt, FailsAfter], ids=["before", "after"])
@pytest.mark.parametrize("name", ACTS)
def test_nothing_stays_of_an_act_that_failed_and_its_key_then_works_once(
    place: Place, name: str, how: type[FailsAt]
) -> None:
    act, before = ACTS[name], state()

    tried, done = 0, before
    for failing in failures(how, act, place):
        tried += 1
        if how is FailsAfter and name in ONE_STATEMENT and done == before and "post_transfer" in failing.seen[-1]:
            done = state()
        assert state() == done, f"failing {how.__name__} statement {failing.number} left something: {failing.seen}"

    once = state()
    assert tried > 1
    assert done in (before, once), "sent again after its answer was lost, it was done twice"
    assert once != before
    if name != "change the credit limit":
        act(place)
        assert state() == once


def test_limits_of_all_wallets_are_looked_at(place: Place) -> None:
    before = state()

    LedgerAccount.objects.filter(pk=place.north.wallet_id).update(credit_limit=1)

    assert state() != before
