"""The currency and the first transfer at the same moment, and decimals that amounts in use do not fit."""

import threading
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts.models import User
from ispanel.models import PanelSettings
from ispanel.operations import CurrencyLocked, DecimalsTooFew, change_general_settings
from plans.models import Plan
from resellers.models import Reseller
from resellers.operations import ask_for_top_up, cancel_top_up, set_low_balance_threshold
from tests.cast import NOW, make_wallet, seat_of, told_of
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


def test_decimals_that_a_price_does_not_fit_are_refused_by_name(asha: User, home: Plan) -> None:
    Plan.objects.update(price=Decimal("25.50"))

    with pytest.raises(DecimalsTooFew, match=r"The price of Home is 25\.5\."):
        change_general_settings(actor=seat_of(asha), currency_decimals=0, now=timezone.now())


def test_decimals_that_a_credit_limit_does_not_fit_are_refused_by_name(asha: User) -> None:
    make_wallet("North Net", credit_limit="0.75", actor=asha)

    with pytest.raises(DecimalsTooFew, match=r"The credit limit of North Net is 0\.75\."):
        change_general_settings(actor=seat_of(asha), currency_decimals=1, now=timezone.now())


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
