"""Refunding a period: the money goes back to the wallet that paid, and the period ends."""

from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from accounts.models import User
from audit.actions import Action
from audit.models import AuditEntry
from ispanel.refusals import Forbidden
from plans.models import Plan
from resellers.models import Reseller
from resellers.operations import withdraw_from_reseller
from subscribers.models import Renewal, Status, Subscriber
from subscribers.operations import LaterPeriod, NothingToRefund, refund_charge
from tests.cast import fund, make_plan, new_key, seat_of, signed_in
from tests.failing import FailsAt
from tests.pages import body, error_at, filled, links_of, rows_of, send
from tests.subscribers.lines import add, balance_of, everything, renew
from tests.threads import at_once
from wallet.ledger import AlreadyUndone, WalletClosed
from wallet.models import LedgerAccount, TransferKind

DAY = timedelta(days=1)
MONTH = timedelta(days=30)
IN_DIALOG = {"HX-Request": "true", "HX-Target": "dialog-slot"}


def refund_url(period: Renewal) -> str:
    return f"/transfers/{period.transfer_id}/refund/"


def refund(actor: User, period: Renewal, *, now: datetime | None = None, **details: Any) -> Renewal:
    wanted = {"reason": "Never installed", "now": now or timezone.now()} | details
    return refund_charge(actor=seat_of(actor), renewal_id=period.pk, **wanted)


def latest(subscriber: Subscriber) -> Renewal:
    return Renewal.objects.filter(subscriber=subscriber).latest("id")


def expiry_of(subscriber: Subscriber) -> datetime:
    subscriber.refresh_from_db()
    assert subscriber.expires_at
    return subscriber.expires_at


@pytest.fixture
def amal(asha: User, north: Reseller, home: Plan) -> Subscriber:
    """Return North's subscriber, paid for 30 days since yesterday; 975.00 are left."""
    fund(north.wallet, "1000", actor=asha)
    return add(asha, north, home, now=timezone.now() - DAY)


# --- it works ---------------------------------------------------------------------------------------------------------


def test_the_money_goes_back_and_the_running_period_ends_now(asha: User, north: Reseller, amal: Subscriber) -> None:
    period = latest(amal)
    client = signed_in(asha)

    response = send(client, refund_url(period), reason="Never installed")

    period.refresh_from_db()
    assert (response.status_code, response.url) == (303, f"/subscribers/{amal.pk}/")
    assert "25.00 USD is refunded." in body(client.get(response.url))
    assert balance_of(north) == 1000
    assert period.refund
    assert (period.refund.kind, period.refund.undoes_id) == (TransferKind.REFUND, period.transfer_id)
    assert period.refund.note == "Never installed"
    assert expiry_of(amal) == period.refunded_at
    assert amal.status == Status.EXPIRED


def test_a_period_to_come_is_taken_away(asha: User, north: Reseller, amal: Subscriber) -> None:
    first = latest(amal)

    refund(asha, renew(asha, amal, now=timezone.now()))

    assert (expiry_of(amal), balance_of(north)) == (first.ends_at, 975)
    assert amal.status == Status.ACTIVE


def test_a_period_that_is_over_leaves_the_expiry_as_it_is(asha: User, north: Reseller, amal: Subscriber) -> None:
    period = latest(amal)

    refund(asha, period, now=period.ends_at + DAY)

    assert (expiry_of(amal), balance_of(north)) == (period.ends_at, 1000)


def test_the_line_is_renewed_as_any_other_afterwards(asha: User, north: Reseller, amal: Subscriber) -> None:
    refund(asha, latest(amal))
    later = timezone.now()

    assert renew(asha, amal, now=later).starts_at == later
    assert balance_of(north) == 975


def test_the_wallet_that_paid_gets_it_at_the_price_paid_whoever_owns_the_line_now(
    asha: User, north: Reseller, south: Reseller, home: Plan, amal: Subscriber
) -> None:
    Subscriber.objects.update(reseller=south)
    Plan.objects.update(price=Decimal(90))

    refund(asha, latest(amal))

    assert (balance_of(north), balance_of(south)) == (1000, 0)
    assert AuditEntry.objects.latest("id").reseller_id == north.pk


def test_it_is_audited_in_the_payers_trail_with_expiry_and_amount(
    asha: User, north: Reseller, amal: Subscriber
) -> None:
    period = latest(amal)

    refund(asha, period)

    entry = AuditEntry.objects.latest("id")
    assert (entry.action, entry.object_name, entry.reseller_id) == (Action.SUBSCRIBER_REFUNDED, "amal", north.pk)
    assert entry.detail == "Home · 25.00 USD · Never installed"
    assert entry.changes == {
        "expires_at": [period.ends_at.isoformat(), expiry_of(amal).isoformat()],
        "refunded": [None, "25"],
        "reason": [None, "Never installed"],
    }


def test_the_dialog_says_who_gets_what_and_until_when_the_line_runs(asha: User, amal: Subscriber) -> None:
    response: Any = signed_in(asha).get(refund_url(latest(amal)), headers=IN_DIALOG)

    assert response.content.decode().lstrip().startswith("<dialog")
    for words in ("Refund amal", "Plan Home", "Amount 25.00 USD", "North Net 975.00 → 1,000.00", "Refund 25.00 USD"):
        assert words in body(response), words
    now = timezone.localtime()
    assert f"{expiry_of(amal):%-d %b %Y, %H:%M} → {now:%-d %b %Y}" in body(response)


def test_the_subscribers_page_offers_it_to_admins_and_says_what_was_refunded(
    asha: User, nadia: User, amal: Subscriber
) -> None:
    period, page = latest(amal), f"/subscribers/{amal.pk}/"
    assert refund_url(period) in links_of(signed_in(asha).get(page))
    assert refund_url(period) not in links_of(signed_in(nadia).get(page))
    assert rows_of(signed_in(nadia).get(page))[0][1] == "Activation"

    refund(asha, period)

    assert refund_url(period) not in links_of(signed_in(asha).get(page))
    assert rows_of(signed_in(nadia).get(page))[0][1] == "Activation Refunded"


# --- refused ----------------------------------------------------------------------------------------------------------


def test_it_needs_a_reason(asha: User, amal: Subscriber) -> None:
    before = everything()

    response = send(signed_in(asha), refund_url(latest(amal)), reason="")

    assert (response.status_code, error_at(response, "reason")) == (422, "This field is required.")
    assert everything() == before


def test_it_is_done_once(asha: User, north: Reseller, amal: Subscriber) -> None:
    period, client = latest(amal), signed_in(asha)
    contents = filled(client.get(refund_url(period)), reason="Again")
    refund(asha, period)
    before = everything()

    response = client.post(refund_url(period), contents)

    assert response.status_code == 422
    assert "This was taken back before." in body(response)
    assert "Refunded by asha: Never installed" in body(response)
    assert (everything(), balance_of(north)) == (before, 1000)


def test_the_later_period_comes_first(asha: User, north: Reseller, amal: Subscriber) -> None:
    first, client = latest(amal), signed_in(asha)
    contents = filled(client.get(refund_url(first)), reason="All of it")
    second = renew(asha, amal, now=timezone.now())
    before = everything()

    response = client.post(refund_url(first), contents)

    assert response.status_code == 422
    assert "Refund the later period first." in body(response)
    assert everything() == before
    refund(asha, second)
    refund(asha, first)
    assert balance_of(north) == 1000


def test_before_a_free_period_there_is_no_way_back(asha: User, amal: Subscriber) -> None:
    first = latest(amal)
    Plan.objects.update(price=0)
    renew(asha, amal, now=timezone.now())

    with pytest.raises(LaterPeriod, match="A period without a charge follows this one"):
        refund(asha, first)


def test_a_free_period_has_nothing_to_refund(asha: User, north: Reseller) -> None:
    staff = add(asha, north, make_plan("Staff", "0"), "staff")

    with pytest.raises(NothingToRefund, match="there is nothing to refund"):
        refund(asha, latest(staff))
    assert not any("refund" in link for link in links_of(signed_in(asha).get(f"/subscribers/{staff.pk}/")))


def test_a_closed_wallet_gets_nothing(asha: User, north: Reseller, amal: Subscriber) -> None:
    period = latest(amal)
    withdraw_from_reseller(actor=seat_of(asha), reseller_id=north.pk, amount=Decimal(975), note="", now=timezone.now())
    LedgerAccount.objects.filter(pk=north.wallet_id).update(closed_at=timezone.now())
    before = everything()

    with pytest.raises(WalletClosed):
        refund(asha, period)

    assert everything() == before
    assert "The wallet that paid is closed" in body(signed_in(asha).get(refund_url(period)))


def test_what_is_no_charge_of_a_period_is_not_there(asha: User, amal: Subscriber) -> None:
    funding = amal.reseller.wallet.entries.earliest("id").transfer_id

    for pk in (funding, 987654):
        assert signed_in(asha).get(f"/transfers/{pk}/refund/").status_code == 404


def test_nobody_but_an_admin_in_their_own_seat_refunds(
    asha: User, nadia: User, sami: User, noor: User, petra: User, north: Reseller, amal: Subscriber
) -> None:
    period, borrowed = latest(amal), signed_in(asha)
    send(borrowed, f"/resellers/{north.pk}/seats/", reason="To help")

    for client in (*map(signed_in, (nadia, sami, noor, petra)), borrowed):
        for method in ("get", "post"):
            assert getattr(client, method)(refund_url(period)).status_code == 403
    with pytest.raises(Forbidden):
        refund(nadia, period)
    assert balance_of(north) == 975


# --- pressed twice, at once, and failing ------------------------------------------------------------------------------


def test_the_same_form_twice_moves_money_once(asha: User, north: Reseller, amal: Subscriber) -> None:
    period, client = latest(amal), signed_in(asha)
    contents = filled(client.get(refund_url(period)), reason="Never installed")

    first, second = (client.post(refund_url(period), contents) for _ in range(2))

    assert (second.status_code, second.url) == (first.status_code, first.url) == (303, first.url)
    assert balance_of(north) == 1000


def test_two_at_once_refund_it_once(committing: None, asha: User, north: Reseller, amal: Subscriber) -> None:
    period = latest(amal)

    results = at_once(lambda: refund(asha, period), lambda: refund(asha, period, reason="Me too"))

    assert sorted(type(result).__name__ for result in results) == [AlreadyUndone.__name__, Renewal.__name__]
    assert balance_of(north) == 1000


def test_a_refund_and_a_renewal_at_once_leave_a_sound_line(
    committing: None, asha: User, north: Reseller, amal: Subscriber
) -> None:
    period = latest(amal)

    refunded, renewed = at_once(lambda: refund(asha, period), lambda: renew(asha, amal, now=timezone.now()))

    assert isinstance(renewed, Renewal)
    assert isinstance(refunded, Renewal | LaterPeriod)
    assert expiry_of(amal) == renewed.ends_at
    assert balance_of(north) == (975 if isinstance(refunded, Renewal) else 950)


def test_a_refund_leaves_nothing_behind_wherever_it_fails(
    committing: None, asha: User, north: Reseller, amal: Subscriber
) -> None:
    period, before, expires_at = latest(amal), everything(), expiry_of(amal)

    for number in count(1):
        failing = FailsAt(number)
        try:
            with connection.execute_wrapper(failing):
                refund(asha, period, key=new_key("refund"))
            break
        except OperationalError:
            assert (everything(), expiry_of(amal), balance_of(north)) == (before, expires_at, 975), failing.seen
            assert latest(amal).refunded_at is None

    left = {name: now - before[name] for name, now in everything().items() if now != before[name]}
    assert left == {
        "transfers": 1, "entries": 2, "audit_entries": 1, "idempotency_keys": 1, "credit_notes": 1, "numbers": 1
    }  # fmt: skip
    assert balance_of(north) == 1000
