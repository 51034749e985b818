"""Renewing many subscribers of one reseller in one call."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction

from accounts.models import User
from audit.models import AuditEntry
from ispanel.refusals import Forbidden
from plans.models import Plan
from resellers.models import Reseller
from subscribers.models import Renewal, RenewalBatch, Subscriber
from subscribers.operations import PriceChanged, SubscriberTerminated, renew_subscribers
from tests.cast import NOW, fund, make_plan, new_key, seat_of
from tests.failing import FailsAt
from tests.subscribers.lines import add, balance_of, everything, renew
from tests.threads import at_once
from wallet.ledger import ActKey, FormAlreadyUsed, InsufficientFunds
from wallet.models import Entry, LedgerAccount, Transfer

LATER = NOW + timedelta(days=10)
MONTH = timedelta(days=30)


def renew_all(
    actor: User,
    reseller: Reseller,
    lines: Sequence[Subscriber | int],
    *,
    key: ActKey | None = None,
    agreed_total: str | None = None,
) -> RenewalBatch:
    """Renew through the operation, in this order."""
    return renew_subscribers(
        actor=seat_of(actor),
        reseller_id=reseller.pk,
        subscriber_ids=[line if isinstance(line, int) else line.pk for line in lines],
        agreed_total=None if agreed_total is None else Decimal(agreed_total),
        key=key or new_key("renew_subscribers"),
        now=LATER,
    )


def reasons(batch: RenewalBatch) -> list[str]:
    """Return the reasons in order; a dash is a renewal."""
    return ["–" if result.renewal_id else result.reason for result in batch.results]


@pytest.fixture
def plans(db: None) -> dict[str, Plan]:
    """Return plans of several prices and durations."""
    return {
        "home": make_plan(),
        "cents": make_plan("Cents", "7.35"),
        "monthly": make_plan("Monthly", "12.50", duration=1, duration_unit="months"),
        "free": make_plan("Free", "0"),
    }


@pytest.fixture
def lines(asha: User, north: Reseller, plans: dict[str, Plan]) -> list[Subscriber]:
    """Return North's lines, mixed: paid ahead, expired, never paid, free, of months; not in the order of their ids."""
    fund(north.wallet, "100", actor=asha)
    made = [
        add(asha, north, plans["home"], "paid"),
        add(asha, north, plans["cents"], "expired", now=NOW - MONTH),
        add(asha, north, plans["monthly"], "monthly", activate=False),
        add(asha, north, plans["free"], "free"),
        add(asha, north, plans["cents"], "never", activate=False),
        add(asha, north, plans["home"], "last", activate=False),
    ]
    return [made[2], made[0], made[3], made[5], made[1], made[4]]


@pytest.fixture
def three(asha: User, north: Reseller, home: Plan) -> list[Subscriber]:
    """Return three of North's lines that were never paid; a period is 25.00."""
    return [add(asha, north, home, name, activate=False) for name in ("amal", "badr", "carla")]


# --- it works ---------------------------------------------------------------------------------------------------------


def picture() -> dict[str, list[Any]]:
    """Return what there is to see of money, periods and the trail, without the numbers of the rows."""
    told = ("at", "action", "grade", "actor_id", "actor_name", "actor_type", "object_type", "object_id", "object_name")
    more = ("reseller_id", "detail", "changes", "address", "user_agent", "request_id")
    moved = ("kind", "amount", "note", "created_at", "actor_id", "actor_name", "undoes")
    period = ("subscriber", "reseller", "plan", "kind", "starts_at", "ends_at", "price", "retail_price", "created_at")
    return {
        "audit": list(AuditEntry.objects.order_by("id").values_list(*told, *more)),
        "transfers": list(Transfer.objects.order_by("id").values_list(*moved, "audit_entry__object_id")),
        "entries": list(
            Entry.objects.order_by("id").values_list(
                "account", "direction", "amount", "balance_after", "transfer__renewal__subscriber"
            )
        ),
        "periods": list(
            Renewal.objects.order_by("id").values_list(*period, "transfer__amount", "transfer__note", "refund")
        ),
        "lines": list(Subscriber.objects.order_by("id").values_list("id", "expires_at", "updated_at")),
        "wallets": list(LedgerAccount.objects.order_by("id").values_list("id", "balance")),
    }


def one_by_one(actor: User, lines: Sequence[Subscriber]) -> None:
    """Renew as a person would, who stops when the money is at an end."""
    for line in lines:
        try:
            with transaction.atomic():
                renew(actor, line, now=LATER)
        except SubscriberTerminated:
            continue
        except InsufficientFunds:
            break


@pytest.mark.parametrize("credit_limit", ["0", "5.15", "1000"])
def test_it_does_the_same_as_one_by_one(
    asha: User, nadia: User, north: Reseller, lines: list[Subscriber], credit_limit: str
) -> None:
    LedgerAccount.objects.filter(pk=north.wallet_id).update(credit_limit=Decimal(credit_limit))
    Subscriber.objects.filter(username="expired").update(terminated_at=NOW)
    undo = transaction.savepoint()
    one_by_one(nadia, lines)
    expected = picture()
    transaction.savepoint_rollback(undo)
    before = picture()

    renew_all(nadia, north, lines)

    assert before != expected
    assert picture() == expected


def test_each_gets_its_outcome_in_the_order_asked(nadia: User, north: Reseller, lines: list[Subscriber]) -> None:
    batch = renew_all(nadia, north, lines)

    assert [result.subscriber_id for result in batch.results] == [line.pk for line in lines]
    assert reasons(batch)[:3] == ["–"] * 3
    periods = Renewal.objects.in_bulk([result.renewal_id for result in batch.results if result.renewal_id])
    assert all(
        periods[result.renewal_id].subscriber_id == result.subscriber_id
        for result in batch.results
        if result.renewal_id
    )
    assert list(RenewalBatch.objects.get().results) == batch.results


def test_balances_fall_in_the_order_asked_and_the_ids_follow(
    asha: User, nadia: User, north: Reseller, lines: list[Subscriber]
) -> None:
    fund(north.wallet, "1000", actor=asha)
    asked = list(reversed(lines))
    newest = Transfer.objects.latest("pk").pk

    renew_all(nadia, north, asked)

    transfers = Transfer.objects.filter(pk__gt=newest).order_by("pk")
    assert [transfer.renewal.subscriber for transfer in transfers] == [
        line for line in asked if line.username != "free"
    ]
    entries = Entry.objects.filter(transfer__in=transfers).order_by("pk")
    assert [entry.transfer_id for entry in entries] == [transfer.pk for transfer in transfers for _side in range(2)]
    balances = [entry.balance_after for entry in entries if entry.account_id == north.wallet_id]
    assert balances == sorted(balances, reverse=True)
    assert balances[-1] == balance_of(north)


@pytest.mark.parametrize("who", ["admin", "parent"])
def test_the_reseller_pays_whoever_presses(
    asha: User, nadia: User, north: Reseller, northeast: Reseller, home: Plan, who: str
) -> None:
    fund(northeast.wallet, "100", actor=asha)
    line = add(asha, northeast, home, activate=False)

    batch = renew_all({"admin": asha, "parent": nadia}[who], northeast, [line])

    assert reasons(batch) == ["–"]
    assert (balance_of(northeast), balance_of(north)) == (75, 0)


def test_an_empty_list_renews_nobody(nadia: User, north: Reseller) -> None:
    assert renew_all(nadia, north, []).results == []


def test_a_list_that_costs_nothing_moves_nothing(nadia: User, asha: User, north: Reseller) -> None:
    line = add(asha, north, make_plan("Free", "0"), activate=False)

    batch = renew_all(nadia, north, [line])

    assert reasons(batch) == ["–"]
    assert Renewal.objects.get().transfer is None
    assert AuditEntry.objects.latest("id").object_name == "amal"
    assert balance_of(north) == 0


# --- where the money ends ---------------------------------------------------------------------------------------------

MISSING = "{} USD is missing: 25.00 USD is needed and {} USD is available."
NOT_REACHED = "Not reached: the wallet ran out at {}."


@pytest.mark.parametrize(
    ("balance", "credit_limit", "expected"),
    [
        ("75", "0", ["–", "–", "–"]),
        ("74.99", "0", ["–", "–", MISSING.format("0.01", "24.99")]),
        ("50", "0", ["–", "–", MISSING.format("25.00", "0.00")]),
        ("49.99", "0", ["–", MISSING.format("0.01", "24.99"), NOT_REACHED.format("badr")]),
        ("0", "0", [MISSING.format("25.00", "0.00"), NOT_REACHED.format("amal"), NOT_REACHED.format("amal")]),
        ("40", "34.99", ["–", "–", MISSING.format("0.01", "24.99")]),
        ("40", "35", ["–", "–", "–"]),
    ],
)
def test_it_stops_at_the_limit_to_the_cent(
    asha: User,
    nadia: User,
    north: Reseller,
    three: list[Subscriber],
    balance: str,
    credit_limit: str,
    expected: list[str],
) -> None:
    LedgerAccount.objects.filter(pk=north.wallet_id).update(credit_limit=Decimal(credit_limit))
    if Decimal(balance):
        fund(north.wallet, balance, actor=asha)

    batch = renew_all(nadia, north, three)

    assert reasons(batch) == expected
    renewed = expected.count("–")
    assert balance_of(north) == Decimal(balance) - 25 * renewed
    assert Renewal.objects.count() == renewed
    assert list(Subscriber.objects.filter(expires_at__isnull=False).order_by("pk")) == three[:renewed]


def test_a_cheaper_one_after_the_stop_is_not_reached(
    asha: User, nadia: User, north: Reseller, three: list[Subscriber]
) -> None:
    fund(north.wallet, "10", actor=asha)
    cheap = add(asha, north, make_plan("Cheap", "1"), "cheap", activate=False)
    free = add(asha, north, make_plan("Free", "0"), "free", activate=False)

    batch = renew_all(nadia, north, [three[0], cheap, free])

    assert reasons(batch)[1:] == [NOT_REACHED.format("amal")] * 2
    assert not Renewal.objects.exists()


def test_what_is_free_is_renewed_in_a_wallet_over_its_limit(
    asha: User, nadia: User, north: Reseller, three: list[Subscriber]
) -> None:
    LedgerAccount.objects.filter(pk=north.wallet_id).update(credit_limit=30)
    renew(asha, three[0])
    LedgerAccount.objects.filter(pk=north.wallet_id).update(credit_limit=10)
    free = add(asha, north, make_plan("Free", "0"), "free", activate=False)

    batch = renew_all(nadia, north, [free, three[1]])

    over = "40.00 USD is missing: 25.00 USD is needed and the wallet is over its credit limit."
    assert reasons(batch) == ["–", over]


# --- who is left out --------------------------------------------------------------------------------------------------


def test_who_cannot_be_renewed_is_left_out_and_the_others_are_renewed(
    asha: User, nadia: User, north: Reseller, south: Reseller, three: list[Subscriber], home: Plan
) -> None:
    fund(north.wallet, "50", actor=asha)
    amal, badr, carla = three
    Subscriber.objects.filter(pk=badr.pk).update(terminated_at=NOW)
    Subscriber.objects.filter(pk=carla.pk).update(expires_at=LATER + timedelta(days=3654))
    dana = add(asha, north, home, "dana", activate=False)
    foreign = add(asha, south, home, "foreign", activate=False)

    batch = renew_all(nadia, north, [badr, amal, carla, amal, foreign, 987_654, dana])

    assert reasons(batch) == [
        "This subscriber is terminated: that is for ever.",
        "–",
        "This line is paid for more than ten years ahead. Renew it later.",
        "This subscriber is in the list more than once, and counts once.",
        "This subscriber is not one of North Net.",
        "This subscriber is not one of North Net.",
        "–",
    ]
    assert balance_of(north) == 0
    assert Renewal.objects.filter(subscriber=amal).count() == 1


def test_a_subscriber_of_a_sub_is_not_its_parents(
    asha: User, nadia: User, north: Reseller, northeast: Reseller, home: Plan
) -> None:
    fund(north.wallet, "50", actor=asha)
    line = add(asha, northeast, home, activate=False)

    assert reasons(renew_all(nadia, north, [line])) == ["This subscriber is not one of North Net."]


def test_south_and_the_partner_cannot(
    nadia: User, sami: User, noor: User, north: Reseller, three: list[Subscriber]
) -> None:
    for stranger in (sami, noor):
        with pytest.raises(Forbidden):
            renew_all(stranger, north, three)


def test_a_reseller_that_is_not_there_is_refused(asha: User, north: Reseller) -> None:
    north.pk = 987_654

    with pytest.raises(Forbidden):
        renew_all(asha, north, [])


def test_another_total_than_was_shown_is_refused(
    asha: User, nadia: User, north: Reseller, three: list[Subscriber]
) -> None:
    fund(north.wallet, "100", actor=asha)
    before = everything()

    with pytest.raises(PriceChanged, match=r"The price has changed to 75\.00 USD"):
        renew_all(nadia, north, three, agreed_total="74.99")

    assert everything() == before
    assert reasons(renew_all(nadia, north, three, agreed_total="75")) == ["–"] * 3


# --- once -------------------------------------------------------------------------------------------------------------


def test_a_retry_gets_the_same_outcomes_and_renews_nobody(
    asha: User, nadia: User, north: Reseller, three: list[Subscriber]
) -> None:
    fund(north.wallet, "60", actor=asha)
    key = new_key("renew_subscribers", subscribers=[line.pk for line in three])
    first = renew_all(nadia, north, three, key=key)
    fund(north.wallet, "100", actor=asha)
    before = everything()

    again = renew_all(nadia, north, three, key=key)

    assert again == first
    assert again.results == first.results
    assert everything() == before


def test_a_retry_gets_no_answer_once_the_reseller_is_out_of_reach(
    asha: User, nadia: User, northeast: Reseller, home: Plan
) -> None:
    line, key = add(asha, northeast, home, activate=False), new_key("renew_subscribers")
    renew_all(nadia, northeast, [line], key=key)
    Reseller.objects.filter(pk=northeast.pk).update(parent=None)

    with pytest.raises(Forbidden):
        renew_all(nadia, northeast, [line], key=key)


def test_the_key_of_another_list_is_refused(nadia: User, north: Reseller, three: list[Subscriber]) -> None:
    key = new_key("renew_subscribers", subscribers=[1])
    renew_all(nadia, north, three, key=key)

    with pytest.raises(FormAlreadyUsed):
        renew_all(nadia, north, three, key=ActKey("renew_subscribers", key.key, {"subscribers": [2]}))


def test_one_form_pressed_twice_at_once_renews_once(
    committing: None, asha: User, nadia: User, north: Reseller, three: list[Subscriber]
) -> None:
    fund(north.wallet, "1000", actor=asha)
    key = new_key("renew_subscribers")

    first, second = at_once(*[lambda: renew_all(nadia, north, three, key=key)] * 2)

    assert first == second
    assert balance_of(north) == 925


# --- meanwhile --------------------------------------------------------------------------------------------------------


def test_two_batches_of_the_same_lines_at_once_buy_two_periods_each(
    committing: None, asha: User, nadia: User, north: Reseller, three: list[Subscriber]
) -> None:
    fund(north.wallet, "1000", actor=asha)

    batches = at_once(lambda: renew_all(nadia, north, three), lambda: renew_all(asha, north, list(reversed(three))))

    assert [reasons(batch) for batch in batches] == [["–"] * 3] * 2
    assert balance_of(north) == 850
    assert set(Subscriber.objects.values_list("expires_at", flat=True)) == {LATER + 2 * MONTH}


def test_two_batches_at_once_with_money_for_one_share_it_to_the_cent(
    committing: None, asha: User, nadia: User, north: Reseller, three: list[Subscriber]
) -> None:
    fund(north.wallet, "100", actor=asha)

    batches = at_once(lambda: renew_all(nadia, north, three), lambda: renew_all(asha, north, three))

    assert sorted(reasons(batch).count("–") for batch in batches) == [1, 3]
    assert balance_of(north) == 0


def test_a_batch_and_single_renewals_at_once_wait_for_each_other(
    committing: None, asha: User, nadia: User, north: Reseller, three: list[Subscriber]
) -> None:
    fund(north.wallet, "1000", actor=asha)

    batch, *periods = at_once(
        lambda: renew_all(nadia, north, three),
        *[lambda line=line: renew(asha, line, now=LATER) for line in reversed(three)],
    )

    assert reasons(batch) == ["–"] * 3
    assert {type(period) for period in periods} == {Renewal}
    assert balance_of(north) == 850
    assert set(Subscriber.objects.values_list("expires_at", flat=True)) == {LATER + 2 * MONTH}


def test_a_failure_at_any_statement_leaves_nothing(
    asha: User, nadia: User, north: Reseller, three: list[Subscriber]
) -> None:
    fund(north.wallet, "1000", actor=asha)
    before, seen = everything(), picture()
    for number in count(1):
        fails = FailsAt(number)
        try:
            with connection.execute_wrapper(fails), transaction.atomic():
                renew_all(nadia, north, three)
        except OperationalError:
            assert everything() == before
            assert picture() == seen
        else:
            break

    assert len(fails.seen) > 10
    assert balance_of(north) == 925


def test_the_number_of_statements_does_not_grow_with_the_list(
    asha: User, nadia: User, north: Reseller, home: Plan
) -> None:
    fund(north.wallet, "10000", actor=asha)
    lines = [add(asha, north, home, f"line-{number}", activate=False) for number in range(40)]
    few = FailsAt(0)
    with connection.execute_wrapper(few):
        renew_all(nadia, north, lines[:1])

    many = FailsAt(0)
    with connection.execute_wrapper(many):
        renew_all(nadia, north, lines)

    assert len(many.seen) == len(few.seen)
