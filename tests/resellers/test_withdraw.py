"""Taking money back from a reseller. Amounts and strangers: see `test_transfer`."""

from decimal import Decimal

import pytest

from accounts.models import User
from audit.actions import Action
from audit.models import AuditEntry
from resellers.models import Reseller
from resellers.operations import withdraw_from_reseller
from tests.cast import NOW, fund, seat_of, signed_in
from tests.pages import body, counts, error_at, filled, rows_of, send
from tests.resellers.test_transfer import balance_of
from tests.threads import at_once
from wallet.ledger import InsufficientFunds
from wallet.models import Transfer, TransferKind


def withdrawals_from(reseller: Reseller) -> str:
    return f"/resellers/{reseller.pk}/withdrawals/"


def test_an_admin_withdraws_to_the_platform(asha: User, north: Reseller) -> None:
    fund(north.wallet, "1000", actor=asha)
    client = signed_in(asha)

    response = send(client, withdrawals_from(north), amount="400", note="Returned")

    transfer = Transfer.objects.latest("id")
    assert (response.status_code, response.url) == (303, f"/resellers/{north.pk}/transactions/")
    assert "400.00 USD withdrawn from North Net." in body(client.get(response.url))
    assert (transfer.kind, transfer.note, balance_of(north)) == (TransferKind.WITHDRAWAL, "Returned", 600)
    assert set(transfer.entries.values_list("account__kind", "direction")) == {
        ("wallet", "debit"),
        ("platform", "credit"),
    }


def test_it_is_audited(asha: User, north: Reseller) -> None:
    fund(north.wallet, "1000", actor=asha)

    send(signed_in(asha), withdrawals_from(north), amount="400", note="Returned")

    entry = AuditEntry.objects.latest("id")
    assert (entry.action, entry.detail, entry.reseller_id) == (
        Action.FUNDS_WITHDRAWN,
        "400.00 USD · Returned",
        north.pk,
    )


def test_a_reseller_pulls_money_back_from_its_sub(
    asha: User, nadia: User, noora: User, north: Reseller, northeast: Reseller
) -> None:
    fund(northeast.wallet, "300", actor=asha)

    send(signed_in(nadia), withdrawals_from(northeast), amount="120", note="Unused")

    assert (balance_of(north), balance_of(northeast)) == (120, 180)
    into = rows_of(signed_in(nadia).get(f"/resellers/{north.pk}/transactions/"))[0]
    out = rows_of(signed_in(noora).get(f"/resellers/{northeast.pk}/transactions/"))[0]
    assert into[1:] == ["Withdrawal", "Northeast Net", "Unused", "nadia", "120.00", "120.00"]
    assert out[1:] == ["Withdrawal", "North Net", "Unused", "nadia", "−120.00", "180.00"]


@pytest.mark.parametrize("credit_limit", ["0", "500"])
def test_a_withdrawal_never_takes_a_wallet_below_zero(asha: User, north: Reseller, credit_limit: str) -> None:
    fund(north.wallet, "100", actor=asha)
    client = signed_in(asha)
    send(client, f"/resellers/{north.pk}/edit/", credit_limit=credit_limit)
    before = counts()

    response = send(client, withdrawals_from(north), amount="100.01")

    assert response.status_code == 422
    words = "0.01 USD is missing: the wallet holds 100.00 USD, and the credit limit does not count."
    assert error_at(response, "amount") == words
    assert counts() == before
    assert send(client, withdrawals_from(north), amount="100").status_code == 303
    assert balance_of(north) == 0


def test_the_same_form_twice_moves_money_once(asha: User, north: Reseller) -> None:
    fund(north.wallet, "100", actor=asha)
    client = signed_in(asha)
    contents = filled(client.get(withdrawals_from(north)), amount="40")

    first, second = (client.post(withdrawals_from(north), contents) for _ in range(2))

    assert (second.status_code, second.url) == (first.status_code, first.url)
    assert balance_of(north) == 60


def test_two_at_once_withdraw_the_last_hundred_only_once(committing: None, asha: User, north: Reseller) -> None:
    fund(north.wallet, "100", actor=asha)

    def withdraw() -> Transfer:
        return withdraw_from_reseller(actor=seat_of(asha), reseller_id=north.pk, amount=Decimal(100), note="", now=NOW)

    results = at_once(withdraw, withdraw)

    assert sorted(type(result).__name__ for result in results) == sorted(
        [Transfer.__name__, InsufficientFunds.__name__]
    )
    assert balance_of(north) == 0


def test_a_sub_does_not_help_itself_from_its_parent(asha: User, noora: User, north: Reseller) -> None:
    fund(north.wallet, "100", actor=asha)

    response = signed_in(noora).post(withdrawals_from(north), {"amount": "5"})

    assert response.status_code == 404
    assert balance_of(north) == 100
