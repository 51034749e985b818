"""Money that is asked for while somebody else holds the wallet, or while the connection breaks."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from itertools import count
from threading import Event, Thread
from typing import Any

import pytest
from django.db import OperationalError, close_old_connections, connection, transaction
from django.test import Client

from accounts.models import User
from resellers.models import Reseller
from resellers.operations import transfer_to_reseller
from subscribers.models import Renewal
from tests.cast import NOW, PASSWORD, fund, make_plan, new_key, seat_of, signed_in
from tests.failing import end_connection
from tests.pages import body, counts, filled
from tests.subscribers.lines import add, balance_of
from wallet.ledger import ActKey, WalletBusy
from wallet.models import LedgerAccount, Transfer

pytestmark = pytest.mark.usefixtures("committing")
BUSY = "Somebody else is moving money of this wallet. Nothing was moved; try again."


@contextmanager
def held(rows: Any) -> Iterator[None]:
    """Let somebody else hold the rows during the block; this connection waits for them a moment only."""
    holds, release = Event(), Event()

    def hold() -> None:
        with transaction.atomic():
            list(rows.select_for_update())
            holds.set()
            release.wait(30)
        connection.close()

    other = Thread(target=hold)
    other.start()
    assert holds.wait(30)
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '100ms'")
    try:
        yield
    finally:
        release.set()
        other.join()
        with connection.cursor() as cursor:
            cursor.execute("RESET lock_timeout")


def test_nobody_waits_longer_than_five_seconds_for_what_somebody_else_holds() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")

        assert cursor.fetchone() == ("5s",)


def test_a_held_wallet_keeps_the_typed_form_and_its_key_and_moves_nothing(asha: User, north: Reseller) -> None:
    client, url = signed_in(asha), f"/resellers/{north.pk}/transfers/"
    typed = filled(client.get(url), amount="1000", note="Monthly settlement May 2026")
    before = counts()

    with held(LedgerAccount.objects.filter(pk=north.wallet_id)):
        refused = client.post(url, typed)

    assert refused.status_code == 422
    assert BUSY in body(refused)
    assert {name: str(value) for name, value in filled(refused).items()} == typed | {
        "idempotency_key": str(typed["idempotency_key"])
    }
    assert counts() == before
    assert client.post(url, typed).status_code == 303
    assert balance_of(north) == 1000


def test_a_renewal_that_is_held_up_extends_and_charges_nothing(asha: User, north: Reseller) -> None:
    amal = add(asha, north, make_plan(), activate=False)
    fund(north.wallet, "100", actor=asha)
    client, url = signed_in(asha), f"/subscribers/{amal.pk}/renewals/"
    typed = filled(client.get(url))

    with held(LedgerAccount.objects.filter(pk=north.wallet_id)):
        refused = client.post(url, typed)

    assert (refused.status_code, BUSY in body(refused)) == (422, True)
    assert not Renewal.objects.exists()
    assert client.post(url, typed).status_code == 303
    assert (Renewal.objects.count(), balance_of(north)) == (1, 75)


def test_any_other_act_that_is_held_up_says_so_in_its_form(asha: User, north: Reseller) -> None:
    client, url = signed_in(asha), f"/resellers/{north.pk}/suspension/"
    typed = filled(client.get(url), reason="unpaid")

    with held(Reseller.objects.filter(pk=north.pk)):
        refused = client.post(url, typed)

    assert refused.status_code == 422
    assert "Somebody else is changing this right now. Nothing was done; try again." in body(refused)
    north.refresh_from_db()
    assert north.suspended_at is None


def test_what_is_held_up_without_a_form_is_answered_with_a_page(asha: User) -> None:
    client = Client()

    with held(User.objects.filter(pk=asha.pk)):
        refused = client.post("/sign-in/", {"login": "asha", "password": PASSWORD})

    assert refused.status_code == 503
    assert "Somebody else is changing this right now. Nothing was done; try again." in body(refused)


def test_the_operation_says_who_is_in_the_way(asha: User, north: Reseller) -> None:
    with held(LedgerAccount.objects.filter(pk=north.wallet_id)), pytest.raises(WalletBusy, match="moving money"):
        transfer(asha, north, new_key("transfer", amount="10"))

    assert not Transfer.objects.exists()


# --- connections that break -------------------------------------------------------------------------------------------


def transfer(asha: User, north: Reseller, key: ActKey) -> Transfer:
    return transfer_to_reseller(
        actor=seat_of(asha), reseller_id=north.pk, amount=Decimal(10), note="", key=key, now=NOW
    )


class BreaksAt:
    """Ends the connection right before one of its statements, as an administrator or a failing network does."""

    def __init__(self, number: int) -> None:
        self.number, self.seen = number, 0

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        self.seen += 1
        if self.seen == self.number:
            end_connection()
        return execute(sql, params, many, context)


def test_a_connection_that_breaks_in_mid_act_leaves_nothing_and_the_key_works_again(
    asha: User, north: Reseller
) -> None:
    key = new_key("transfer", amount="10")
    before = counts()

    for number in count(1):
        breaks = BreaksAt(number)
        try:
            with connection.execute_wrapper(breaks):
                first = transfer(asha, north, key)
            break
        except OperationalError:
            connection.close()
            assert counts() == before, f"statement {number} left something behind"

    assert number > 3
    assert transfer(asha, north, key) == first
    assert balance_of(north) == 10


def test_the_request_after_a_broken_connection_gets_a_new_one(asha: User, north: Reseller) -> None:
    client: Client = signed_in(asha)
    client.raise_request_exception = False
    url = f"/resellers/{north.pk}/transfers/"
    typed = filled(client.get(url), amount="10")
    end_connection()

    broken = client.post(url, typed)
    close_old_connections()  # as the server does between two requests
    answered = client.post(url, typed)

    assert (broken.status_code, answered.status_code) == (500, 303)
    assert balance_of(north) == 10
