"""Funding a reseller."""

from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from accounts.models import User
from audit.actions import Action
from audit.models import AuditEntry
from ispanel.refusals import Refusal
from resellers.models import Reseller
from resellers.operations import transfer_to_reseller
from tests.cast import NOW, fund, group, new_key, seat_of, signed_in
from tests.pages import body, counts, error_at, filled, rows_of, send
from tests.threads import at_once
from wallet.ledger import InsufficientFunds
from wallet.models import Transfer, TransferKind

NOTE = "Monthly settlement May 2026"


def transfers_to(reseller: Reseller) -> str:
    return f"/resellers/{reseller.pk}/transfers/"


def balance_of(reseller: Reseller) -> Decimal:
    reseller.wallet.refresh_from_db()
    assert reseller.wallet.balance is not None
    return reseller.wallet.balance


def test_an_admin_funds_a_reseller_from_the_platform(asha: User, north: Reseller) -> None:
    response = send(signed_in(asha), transfers_to(north), amount="1000", note=NOTE)

    transfer = Transfer.objects.get()
    assert (response.status_code, response.url) == (303, f"/resellers/{north.pk}/transactions/")
    assert balance_of(north) == 1000
    assert (transfer.kind, transfer.amount, transfer.note) == (TransferKind.TRANSFER, 1000, NOTE)
    assert set(transfer.entries.values_list("account__kind", "direction")) == {
        ("platform", "debit"),
        ("wallet", "credit"),
    }
    connection.check_constraints()


def test_it_is_said_and_audited_with_amount_and_note(asha: User, north: Reseller) -> None:
    client = signed_in(asha)

    response = send(client, transfers_to(north), amount="1000", note=NOTE)

    entry = AuditEntry.objects.latest("id")
    assert "1,000.00 USD transferred to North Net." in body(client.get(response.url))
    assert (entry.action, entry.actor_name, entry.reseller_id) == (Action.FUNDS_TRANSFERRED, "asha", north.pk)
    assert entry.detail == f"1,000.00 USD · {NOTE}"


def test_a_reseller_funds_its_sub_from_its_own_wallet(
    asha: User, nadia: User, north: Reseller, northeast: Reseller
) -> None:
    fund(north.wallet, "1000", actor=asha)

    send(signed_in(nadia), transfers_to(northeast), amount="300", note=NOTE)

    assert (balance_of(north), balance_of(northeast)) == (700, 300)


def test_both_transactions_tabs_show_it_with_balance_and_note(
    asha: User, nadia: User, noora: User, north: Reseller, northeast: Reseller
) -> None:
    fund(north.wallet, "1000", actor=asha)
    send(signed_in(nadia), transfers_to(northeast), amount="300", note=NOTE)

    out = rows_of(signed_in(nadia).get(f"/resellers/{north.pk}/transactions/"))[0]
    into = rows_of(signed_in(noora).get(f"/resellers/{northeast.pk}/transactions/"))[0]

    assert out[1:] == ["Transfer", "Northeast Net", NOTE, "nadia", "−300.00", "700.00"]
    assert into[1:] == ["Transfer", "North Net", NOTE, "nadia", "300.00", "300.00"]


def test_the_sides_are_linked_for_those_who_see_both(
    asha: User, nadia: User, noora: User, north: Reseller, northeast: Reseller
) -> None:
    fund(north.wallet, "1000", actor=asha)
    send(signed_in(nadia), transfers_to(northeast), amount="300")

    link = f'href="/resellers/{{}}/transactions/">{north.wallet.name}</a>'.format(north.pk)
    assert link in signed_in(nadia).get(f"/resellers/{northeast.pk}/transactions/").content.decode()
    assert link not in signed_in(noora).get(f"/resellers/{northeast.pk}/transactions/").content.decode()


def test_in_a_borrowed_seat_the_money_is_the_resellers_and_both_names_stand_there(
    asha: User, north: Reseller, northeast: Reseller
) -> None:
    fund(north.wallet, "1000", actor=asha)
    client = signed_in(asha)
    send(client, f"/resellers/{north.pk}/seats/", reason="to help")

    send(client, transfers_to(northeast), amount="300")

    assert (balance_of(north), balance_of(northeast)) == (700, 300)
    transfer = Transfer.objects.latest("id")
    assert (transfer.actor_name, transfer.on_behalf_of_name) == ("asha", "nadia")


EXAMPLE = "Enter digits with a point for decimals, for example 25.00."
AMOUNTS = {
    "": "Enter an amount, for example 25.00.",
    "   ": "Enter an amount, for example 25.00.",
    "0": "Enter an amount above zero.",
    "0.00": "Enter an amount above zero.",
    "-5": "Enter an amount above zero, without a minus sign.",
    "−5": "Enter an amount above zero, without a minus sign.",
    "0.001": "USD has 2 decimals; enter no more than that.",
    "1e3": EXAMPLE,
    "NaN": EXAMPLE,
    "Infinity": EXAMPLE,
    "١٢٣": EXAMPLE,
    "1,000": EXAMPLE,
    "+5": EXAMPLE,
    "5.": EXAMPLE,
    "five": EXAMPLE,
    "1" + "0" * 20: "The highest amount is 999,999,999,999.00.",
}


@pytest.mark.parametrize("act", ["transfers", "withdrawals"])
@pytest.mark.parametrize(("amount", "message"), AMOUNTS.items(), ids=map(repr, AMOUNTS))
def test_an_amount_is_refused_at_its_field(asha: User, north: Reseller, act: str, amount: str, message: str) -> None:
    fund(north.wallet, "1000", actor=asha)
    client = signed_in(asha)
    before = counts()

    response = send(client, f"/resellers/{north.pk}/{act}/", amount=amount)

    assert response.status_code == 422
    assert error_at(response, "amount") == message
    assert counts() == before
    assert balance_of(north) == 1000


def test_the_highest_amount_passes(asha: User, north: Reseller) -> None:
    send(signed_in(asha), transfers_to(north), amount="999999999999.00")

    assert balance_of(north) == 999_999_999_999


def test_a_note_of_201_characters_is_refused(asha: User, north: Reseller) -> None:
    response = send(signed_in(asha), transfers_to(north), amount="5", note="n" * 201)

    assert response.status_code == 422
    assert error_at(response, "note")
    assert not Transfer.objects.exists()


@pytest.mark.parametrize("credit_limit", ["0", "500"])
def test_a_reseller_transfers_what_it_has_and_never_its_credit(
    asha: User, nadia: User, north: Reseller, northeast: Reseller, credit_limit: str
) -> None:
    fund(north.wallet, "100", actor=asha)
    send(signed_in(asha), f"/resellers/{north.pk}/edit/", credit_limit=credit_limit)
    client = signed_in(nadia)
    before = counts()

    response = send(client, transfers_to(northeast), amount="100.01")

    assert response.status_code == 422
    words = "0.01 USD is missing: the wallet holds 100.00 USD, and the credit limit does not count."
    assert error_at(response, "amount") == words
    assert counts() == before
    assert send(client, transfers_to(northeast), amount="100").status_code == 303
    assert (balance_of(north), balance_of(northeast)) == (0, 100)


def test_the_same_form_twice_moves_money_once(asha: User, north: Reseller) -> None:
    client = signed_in(asha)
    contents = filled(client.get(transfers_to(north)), amount="100", note=NOTE)

    first, second = client.post(transfers_to(north), contents), client.post(transfers_to(north), contents)

    assert (second.status_code, second.url) == (first.status_code, first.url)
    assert balance_of(north) == 100
    assert Transfer.objects.count() == 1
    assert AuditEntry.objects.filter(action=Action.FUNDS_TRANSFERRED).count() == 1


@pytest.mark.parametrize("other", [{"amount": "200"}, {"note": "Other"}])
def test_other_contents_under_the_key_are_refused(asha: User, north: Reseller, other: dict[str, str]) -> None:
    client = signed_in(asha)
    contents = filled(client.get(transfers_to(north)), amount="100", note=NOTE)
    client.post(transfers_to(north), contents)
    before = counts()

    response = client.post(transfers_to(north), contents | other)

    assert response.status_code == 422
    assert "This form was already used. Open it again to make another change." in body(response)
    assert counts() == before


def test_a_form_for_one_reseller_is_none_for_another(asha: User, north: Reseller, south: Reseller) -> None:
    client = signed_in(asha)
    contents = filled(client.get(transfers_to(north)), amount="100")
    client.post(transfers_to(north), contents)

    assert "This form was already used." in body(client.post(transfers_to(south), contents))
    assert balance_of(south) == 0


def test_after_the_rights_are_taken_away_the_form_does_not_answer_again(
    asha: User, nadia: User, north: Reseller, northeast: Reseller
) -> None:
    fund(north.wallet, "100", actor=asha)
    client = signed_in(nadia)
    contents = filled(client.get(transfers_to(northeast)), amount="50")
    client.post(transfers_to(northeast), contents)

    north.permission_group = group("SUPPORT")
    north.save(update_fields=["permission_group"])

    assert client.post(transfers_to(northeast), contents).status_code in (403, 404)


def test_two_at_once_spend_the_last_hundred_only_once(
    committing: None, asha: User, nadia: User, north: Reseller, northeast: Reseller
) -> None:
    fund(north.wallet, "100", actor=asha)

    def spend() -> Transfer:
        return transfer_to_reseller(
            actor=seat_of(nadia), reseller_id=northeast.pk, amount=Decimal(100), note="", now=NOW
        )

    results = at_once(spend, spend)

    assert sorted(type(result) for result in results if isinstance(result, Refusal)) == [InsufficientFunds]
    assert (balance_of(north), balance_of(northeast)) == (0, 100)
    assert AuditEntry.objects.filter(action=Action.FUNDS_TRANSFERRED, actor_name="nadia").count() == 1


def test_one_form_pressed_twice_at_once_moves_money_once(
    committing: None, asha: User, nadia: User, north: Reseller, northeast: Reseller
) -> None:
    fund(north.wallet, "100", actor=asha)
    key = new_key("transfer", amount="40")

    def press() -> Transfer:
        return transfer_to_reseller(
            actor=seat_of(nadia), reseller_id=northeast.pk, amount=Decimal(40), note="", key=key, now=NOW
        )

    first, second = at_once(press, press)

    assert first == second
    assert (balance_of(north), balance_of(northeast)) == (60, 40)
    assert AuditEntry.objects.filter(action=Action.FUNDS_TRANSFERRED, actor_name="nadia").count() == 1


@pytest.mark.parametrize("act", ["transfers", "withdrawals"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_south_cannot(asha: User, sami: User, north: Reseller, northeast: Reseller, act: str, method: str) -> None:
    fund(north.wallet, "100", actor=asha)
    client = signed_in(sami)
    before = counts()

    for reseller in (north, northeast):
        response = getattr(client, method)(f"/resellers/{reseller.pk}/{act}/", {"amount": "5"})
        assert response.status_code == 404

    assert counts() == before


@pytest.mark.parametrize("act", ["transfers", "withdrawals"])
def test_a_reseller_has_no_such_acts_on_itself(nadia: User, north: Reseller, act: str) -> None:
    assert signed_in(nadia).get(f"/resellers/{north.pk}/{act}/").status_code == 403


def test_the_dialog_shows_both_balances_and_the_last_transfers(asha: User, north: Reseller) -> None:
    for amount in ("1", "2", "3", "4"):
        send(signed_in(asha), transfers_to(north), amount=amount, note=f"Number {amount}")

    response: Any = signed_in(asha).get(transfers_to(north), headers={"HX-Request": "true", "HX-Target": "dialog-slot"})

    page = body(response)
    assert response.content.decode().lstrip().startswith("<dialog")
    assert "10.00" in page
    assert [f"Number {amount}" in page for amount in "1234"] == [False, True, True, True]


def test_while_typing_the_preview_shows_what_will_be(asha: User, north: Reseller) -> None:
    fund(north.wallet, "100", actor=asha)

    response: Any = signed_in(asha).get(
        transfers_to(north), {"amount": "900"}, headers={"HX-Request": "true", "HX-Target": "preview"}
    )

    page = body(response)
    assert response.status_code == 200
    assert "−1,000.00" in page
    assert "1,000.00" in page.replace("−1,000.00", "")
    assert "900.00 USD" in page


@pytest.mark.parametrize("amount", ["abc", "", "-5", "9" * 40])
def test_the_preview_stands_garbage(asha: User, north: Reseller, amount: str) -> None:
    response: Any = signed_in(asha).get(
        transfers_to(north), {"amount": amount}, headers={"HX-Request": "true", "HX-Target": "preview"}
    )

    assert response.status_code == 200
    assert "→" not in body(response)


def test_htmx_is_led_on_by_a_header(asha: User, north: Reseller) -> None:
    client = signed_in(asha)
    contents = filled(client.get(transfers_to(north)), amount="5")

    response = client.post(transfers_to(north), contents, headers={"HX-Request": "true", "HX-Target": "dialog-slot"})

    assert response.headers["HX-Redirect"] == f"/resellers/{north.pk}/transactions/"
