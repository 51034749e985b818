"""Taking a transfer back."""

from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from django.db import OperationalError, connection

from accounts.models import User
from audit.actions import Action
from audit.models import AuditEntry
from ispanel.refusals import Forbidden
from plans.models import Plan
from resellers.models import Reseller
from resellers.operations import delete_reseller, transfer_to_reseller, withdraw_from_reseller
from tests.cast import NOW, make_reseller, new_key, seat_of, signed_in
from tests.failing import FailsAt
from tests.pages import body, counts, error_at, filled, links_of, rows_of, send
from tests.subscribers.lines import add, balance_of
from tests.threads import at_once
from wallet.ledger import AlreadyUndone, CannotBeUndone, InsufficientFunds, WalletClosed, platform_account, post
from wallet.models import Transfer, TransferKind
from wallet.operations import NotReversible, reverse_transfer

IN_DIALOG = {"HX-Request": "true", "HX-Target": "dialog-slot"}


def reversal_of(transfer: Transfer) -> str:
    return f"/transfers/{transfer.pk}/reversal/"


def give(actor: User, reseller: Reseller, amount: str) -> Transfer:
    return transfer_to_reseller(
        actor=seat_of(actor), reseller_id=reseller.pk, amount=Decimal(amount), note="Settlement", now=NOW
    )


def take(actor: User, reseller: Reseller, amount: str) -> Transfer:
    return withdraw_from_reseller(
        actor=seat_of(actor), reseller_id=reseller.pk, amount=Decimal(amount), note="Unused", now=NOW
    )


def reverse(actor: User, transfer: Transfer, **details: Any) -> Transfer:
    wanted = {"reason": "Paid twice", "now": NOW} | details
    return reverse_transfer(actor=seat_of(actor), transfer_id=transfer.pk, **wanted)


# --- it works ---------------------------------------------------------------------------------------------------------


def test_a_transfer_is_taken_back_to_the_platform(asha: User, north: Reseller) -> None:
    transfer = give(asha, north, "400")
    client = signed_in(asha)

    response = send(client, reversal_of(transfer), reason="Paid twice")

    reversal = Transfer.objects.latest("id")
    assert (response.status_code, response.url) == (303, f"/resellers/{north.pk}/transactions/")
    assert "400.00 USD is moved back." in body(client.get(response.url))
    assert (reversal.kind, reversal.note, reversal.undoes) == (TransferKind.REVERSAL, "Paid twice", transfer)
    assert balance_of(north) == 0
    assert rows_of(client.get(response.url))[0][1:] == [
        "Reversal", platform_account().name, "Paid twice", "asha", "−400.00", "0.00",
    ]  # fmt: skip


def test_a_starting_balance_is_taken_back(asha: User) -> None:
    west = make_reseller(asha, "wael", "West Net", starting_balance=Decimal(80))

    reverse(asha, Transfer.objects.get())

    assert balance_of(west) == 0


def test_a_withdrawal_is_given_back(asha: User, north: Reseller) -> None:
    give(asha, north, "100")
    withdrawal = take(asha, north, "60")

    reverse(asha, withdrawal)

    assert balance_of(north) == 100


def test_what_a_parent_moved_goes_back_to_the_parent(
    asha: User, nadia: User, north: Reseller, northeast: Reseller
) -> None:
    give(asha, north, "100")

    reverse(asha, give(nadia, northeast, "70"))

    assert (balance_of(north), balance_of(northeast)) == (100, 0)


def test_it_is_audited_in_the_resellers_trail_with_amount_and_reason(asha: User, north: Reseller) -> None:
    transfer = give(asha, north, "400")

    send(signed_in(asha), reversal_of(transfer), reason="Paid twice")

    entry = AuditEntry.objects.latest("id")
    assert (entry.action, entry.actor_name, entry.object_name) == (Action.TRANSFER_REVERSED, "asha", "North Net")
    assert (entry.reseller_id, entry.detail) == (north.pk, "400.00 USD · Paid twice")
    assert entry.changes == {
        "transfer": [None, transfer.pk],
        "kind": [None, "Transfer"],
        "moved_at": [None, NOW.isoformat()],
        "amount": [None, "400"],
        "reason": [None, "Paid twice"],
    }


def test_the_dialog_shows_both_balances_before_and_after(asha: User, north: Reseller) -> None:
    transfer = give(asha, north, "400")

    response: Any = signed_in(asha).get(reversal_of(transfer), headers=IN_DIALOG)

    assert response.content.decode().lstrip().startswith("<dialog")
    assert "North Net 400.00 → 0.00" in body(response)
    assert f"{platform_account().name} −400.00 → 0.00" in body(response)
    assert "Reverse 400.00 USD" in body(response)


# --- refused ----------------------------------------------------------------------------------------------------------


def test_it_needs_a_reason(asha: User, north: Reseller) -> None:
    transfer = give(asha, north, "400")
    before = counts()

    response = send(signed_in(asha), reversal_of(transfer), reason="  ")

    assert (response.status_code, error_at(response, "reason")) == (422, "This field is required.")
    assert counts() == before


def test_it_is_done_once(asha: User, north: Reseller) -> None:
    transfer = give(asha, north, "400")
    client = signed_in(asha)
    contents = filled(client.get(reversal_of(transfer)), reason="Again")
    reverse(asha, transfer)
    give(asha, north, "400")
    before = counts()

    response = client.post(reversal_of(transfer), contents)

    assert response.status_code == 422
    assert "asha reversed this before: Paid twice" in body(response)
    assert "This was taken back before." in body(response)
    assert (counts(), balance_of(north)) == (before, 400)


@pytest.mark.parametrize("credit_limit", ["0", "1000"])
def test_where_the_money_is_gone_withdraw_of_what_is_there_is_offered(
    asha: User, north: Reseller, home: Plan, credit_limit: str
) -> None:
    transfer = give(asha, north, "400")
    client = signed_in(asha)
    contents = filled(client.get(reversal_of(transfer)), reason="Paid twice")
    send(client, f"/resellers/{north.pk}/edit/", credit_limit=credit_limit)
    add(asha, north, home)
    before = counts()

    response = client.post(reversal_of(transfer), contents)

    offered = f"/resellers/{north.pk}/withdrawals/?amount=375.00"
    assert response.status_code == 422
    assert "25.00 USD is missing: the wallet holds 375.00 USD, and the credit limit does not count." in body(response)
    assert "Withdraw 375.00 USD" in body(response)
    assert offered in links_of(response)
    assert "Reverse 400.00 USD" not in body(response)
    assert (counts(), balance_of(north)) == (before, 375)
    assert send(client, offered).status_code == 303
    assert balance_of(north) == 0


def test_withdraw_is_not_offered_where_it_would_lead_elsewhere(
    asha: User, nadia: User, north: Reseller, northeast: Reseller, home: Plan
) -> None:
    give(asha, north, "100")
    transfer = give(nadia, northeast, "70")
    add(asha, northeast, home)

    response: Any = signed_in(asha).get(reversal_of(transfer))

    assert "Northeast Net has this left to move: 45.00 USD" in body(response)
    assert "what is left is moved back from the panel of North Net" in body(response)
    assert not any("withdrawals" in link for link in links_of(response))


def test_a_withdrawal_that_the_parent_spent_is_moved_back_from_the_parents_panel(
    asha: User, nadia: User, north: Reseller, northeast: Reseller
) -> None:
    give(asha, northeast, "70")
    withdrawal = take(nadia, northeast, "70")
    take(asha, north, "30")

    response: Any = signed_in(asha).get(reversal_of(withdrawal))

    assert "North Net has this left to move: 40.00 USD" in body(response)
    assert "what is left is moved back from the panel of North Net" in body(response)


def test_an_empty_wallet_offers_nothing(asha: User, north: Reseller) -> None:
    transfer = give(asha, north, "100")
    take(asha, north, "100")

    response: Any = signed_in(asha).get(reversal_of(transfer))

    assert "has this left to move: 0.00 USD" in body(response)
    assert not any("withdrawals" in link for link in links_of(response))


def test_a_closed_wallet_is_left_alone(asha: User, north: Reseller) -> None:
    withdrawal = give(asha, north, "100") and take(asha, north, "100")
    delete_reseller(actor=seat_of(asha), reseller_id=north.pk, now=NOW)
    before = counts()

    with pytest.raises(WalletClosed):
        reverse(asha, withdrawal)

    assert counts() == before
    assert "A wallet of this transfer is closed" in body(signed_in(asha).get(reversal_of(withdrawal)))


def test_a_charge_is_not_reversed(asha: User, north: Reseller, home: Plan) -> None:
    give(asha, north, "100")
    add(asha, north, home)
    charge = Transfer.objects.get(kind=TransferKind.ACTIVATION)

    with pytest.raises(NotReversible, match="undone by a refund"):
        reverse(asha, charge)
    assert signed_in(asha).get(reversal_of(charge)).status_code == 404


def test_a_reversal_is_not_reversed(asha: User, north: Reseller) -> None:
    reversal = reverse(asha, give(asha, north, "100"))

    with pytest.raises(NotReversible, match="Make a new transfer instead"):
        reverse(asha, reversal)
    assert signed_in(asha).get(reversal_of(reversal)).status_code == 404


def test_the_ledger_refuses_what_is_not_the_same_money_the_other_way(asha: User, north: Reseller) -> None:
    transfer = give(asha, north, "100")
    before = counts()

    with pytest.raises(CannotBeUndone, match="cannot be taken back in this way"):
        post(
            actor=seat_of(asha),
            kind=TransferKind.REVERSAL,
            debit=north.wallet,
            credit=platform_account(),
            amount=Decimal(99),
            undoes=transfer,
            trail=AuditEntry(at=NOW, action=Action.TRANSFER_REVERSED, actor_name="asha", actor_type="Admin"),
            now=NOW,
        )

    assert counts() == before


def test_nobody_but_an_admin_in_their_own_seat_reverses(
    asha: User, nadia: User, sami: User, noor: User, petra: User, north: Reseller, northeast: Reseller
) -> None:
    give(asha, north, "100")
    transfer = give(nadia, northeast, "10")
    borrowed = signed_in(asha)
    send(borrowed, f"/resellers/{north.pk}/seats/", reason="To help")

    for client in (*map(signed_in, (nadia, sami, noor, petra)), borrowed):
        for method in ("get", "post"):
            assert getattr(client, method)(reversal_of(transfer)).status_code == 403
    with pytest.raises(Forbidden):
        reverse(nadia, transfer)
    assert balance_of(northeast) == 10


# --- pressed twice, at once, and failing ------------------------------------------------------------------------------


def test_the_same_form_twice_moves_money_once(asha: User, north: Reseller) -> None:
    transfer = give(asha, north, "40")
    give(asha, north, "40")
    client = signed_in(asha)
    contents = filled(client.get(reversal_of(transfer)), reason="Paid twice")

    first, second = (client.post(reversal_of(transfer), contents) for _ in range(2))

    assert (second.status_code, second.url) == (first.status_code, first.url) == (303, first.url)
    assert balance_of(north) == 40


def test_other_contents_under_the_same_key_are_refused(asha: User, north: Reseller) -> None:
    transfer = give(asha, north, "40")
    client = signed_in(asha)
    contents = filled(client.get(reversal_of(transfer)), reason="Paid twice")
    client.post(reversal_of(transfer), contents)

    response = client.post(reversal_of(transfer), contents | {"reason": "Another one"})

    assert response.status_code == 422
    assert "This form was already used." in body(response)


def test_two_at_once_reverse_it_once(committing: None, asha: User, north: Reseller) -> None:
    transfer = give(asha, north, "100")
    give(asha, north, "100")

    results = at_once(lambda: reverse(asha, transfer), lambda: reverse(asha, transfer, reason="Me too"))

    assert sorted(type(result).__name__ for result in results) == [AlreadyUndone.__name__, Transfer.__name__]
    assert balance_of(north) == 100


def test_a_reversal_and_a_withdrawal_at_once_share_what_is_there(committing: None, asha: User, north: Reseller) -> None:
    transfer = give(asha, north, "100")

    results = at_once(lambda: reverse(asha, transfer), lambda: take(asha, north, "100"))

    assert sorted(type(result).__name__ for result in results) == [InsufficientFunds.__name__, Transfer.__name__]
    assert balance_of(north) == 0


def test_a_reversal_leaves_nothing_behind_wherever_it_fails(committing: None, asha: User, north: Reseller) -> None:
    transfer = give(asha, north, "100")
    before = counts()

    for number in count(1):
        failing = FailsAt(number)
        try:
            with connection.execute_wrapper(failing):
                reverse(asha, transfer, key=new_key("reversal"))
            break
        except OperationalError:
            assert (counts(), balance_of(north)) == (before, 100), failing.seen

    left = {name: now - before[name] for name, now in counts().items() if now != before[name]}
    assert left == {"transfers": 1, "entries": 2, "audit_entries": 1, "idempotency_keys": 1}
    assert balance_of(north) == 0
