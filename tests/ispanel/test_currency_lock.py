"""The currency and the first transfer at the same moment, and decimals that amounts in use do not fit."""

import threading
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts.models import User
from ispanel.models import PanelSettings
from ispanel.operations import CurrencyLocked, DecimalsTooFew, change_general_settings
from plans.models import Level, Plan
from resellers.models import Reseller
from resellers.operations import ask_for_top_up, cancel_top_up, set_low_balance_threshold
from subscribers.models import Subscriber
from subscribers.operations import renew_subscriber
from tests.cast import NOW, make_wallet, seat_of, told_of
from tests.resellers.scopes import line_of
from wallet import ledger
from wallet.models import Transfer, TransferKind


def change_decimals(asha: User, seen: list[object]) -> None:
    try:
        change_general_settings(actor=seat_of(asha), currency_decimals=0, now=timezone.now())
        seen.append("changed")
    except (CurrencyLocked, IntegrityError) as refusal:
        seen.append(type(refusal))
    finally:
        connection.close()


def test_a_change_of_the_currency_waits_for_a_transfer_under_way(committing: None, asha: User) -> None:
    wallet, seen = make_wallet(actor=asha), list[object]()
    other = threading.Thread(target=change_decimals, args=(asha, seen))
    with transaction.atomic():
        ledger.post(
            actor=seat_of(asha), kind=TransferKind.TRANSFER, debit=ledger.platform_account(), credit=wallet,
            amount=Decimal("10.55"), trail=told_of(wallet, actor=asha), now=timezone.now(),
        )  # fmt: skip
        other.start()
        other.join(timeout=0.5)
        assert other.is_alive()

    other.join(timeout=10)

    assert seen
    assert seen != ["changed"]
    assert (Transfer.objects.get().amount, PanelSettings.objects.get().currency_decimals) == (Decimal("10.55"), 2)


def test_an_invoice_locks_the_currency_where_no_money_moved(asha: User, north: Reseller, home: Plan) -> None:
    Plan.objects.update(price=0)
    line = line_of(north, home, retail_price=Decimal("30.50"))
    renew_subscriber(actor=seat_of(asha), subscriber_id=line.pk, now=NOW)
    Subscriber.objects.update(retail_price=None)
    assert not Transfer.objects.exists()

    with pytest.raises(CurrencyLocked):
        change_general_settings(actor=seat_of(asha), currency_code="KWD", currency_decimals=0, now=NOW)
    with pytest.raises(IntegrityError, match="the currency is locked after the first invoice"), transaction.atomic():
        PanelSettings.objects.update(currency_code="KWD")


def test_decimals_that_a_price_does_not_fit_are_refused_by_name(asha: User, home: Plan) -> None:
    Plan.objects.update(price=Decimal("25.50"))

    with pytest.raises(DecimalsTooFew, match=r"The price of Home is 25\.5\."):
        change_general_settings(actor=seat_of(asha), currency_decimals=0, now=timezone.now())


def test_decimals_that_a_credit_limit_does_not_fit_are_refused_by_name(asha: User) -> None:
    make_wallet("North Net", credit_limit="0.75", actor=asha)

    with pytest.raises(DecimalsTooFew, match=r"The credit limit of North Net is 0\.75\."):
        change_general_settings(actor=seat_of(asha), currency_decimals=1, now=timezone.now())


def test_decimals_that_levels_packs_and_what_is_asked_do_not_fit_are_refused_by_name(
    asha: User, north: Reseller, home: Plan
) -> None:
    line = line_of(north, home, retail_price=Decimal("20.5"))
    home.data_packs.create(megabytes=1_000, price=Decimal("0.5"), is_on_sale=True)
    home.retail_prices.create(reseller=north, price=Decimal("26.5"))
    Level.objects.filter(name="SILVER").update(default_credit_limit=Decimal("0.5"))

    for sentence, put_right in (
        (r"Home has a retail price of 26\.5\.", lambda: home.retail_prices.all().delete()),
        (
            r"amal has a retail price of 20\.5\.",
            lambda: Subscriber.objects.filter(pk=line.pk).update(retail_price=None),
        ),
        (r"A data pack of Home costs 0\.5\.", lambda: home.data_packs.update(is_on_sale=False)),
        (r"The default credit limit of SILVER is 0\.5\.", lambda: Level.objects.update(default_credit_limit=0)),
    ):
        with pytest.raises(DecimalsTooFew, match=sentence):
            change_general_settings(actor=seat_of(asha), currency_decimals=0, now=NOW)
        put_right()

    change_general_settings(actor=seat_of(asha), currency_decimals=0, now=NOW)


def test_decimals_that_a_threshold_does_not_fit_are_refused_by_name(asha: User, north: Reseller) -> None:
    set_low_balance_threshold(actor=seat_of(asha), reseller_id=north.pk, threshold=Decimal("0.5"), now=NOW)

    with pytest.raises(DecimalsTooFew, match=r"The low-balance threshold of North Net is 0\.5\."):
        change_general_settings(actor=seat_of(asha), currency_decimals=0, now=NOW)


def test_decimals_that_an_open_request_does_not_fit_are_refused_by_name(
    asha: User, nadia: User, north: Reseller
) -> None:
    asked = ask_for_top_up(actor=seat_of(nadia), amount=Decimal("10.25"), note="", now=NOW)

    with pytest.raises(DecimalsTooFew, match=r"North Net asks for a top-up of 10\.25\."):
        change_general_settings(actor=seat_of(asha), currency_decimals=1, now=NOW)
    cancel_top_up(actor=seat_of(nadia), request_id=asked.pk, now=NOW)
    change_general_settings(actor=seat_of(asha), currency_decimals=1, now=NOW)

    assert PanelSettings.objects.get().currency_decimals == 1
