"""What somebody else did meanwhile, or one did oneself from another seat, is never undone or mistaken."""

from decimal import Decimal

import pytest
from django.utils import timezone

from accounts.models import User
from accounts.seats import Seat
from ispanel.refusals import Refusal
from resellers import operations
from resellers.models import Reseller
from tests.cast import NOW, fund, make_reseller, new_key, seat_of, signed_in
from tests.pages import filled
from wallet.ledger import FormAlreadyUsed


def test_a_stale_form_never_undoes_what_a_colleague_changed(asha: User, north: Reseller) -> None:
    client = signed_in(asha)
    url = f"/resellers/{north.pk}/edit/"
    stale = filled(client.get(url), phone="+961 1 555 001")
    operations.edit_reseller(actor=seat_of(asha), reseller_id=north.pk, credit_limit=Decimal(700), now=timezone.now())

    response = client.post(url, stale)

    north.wallet.refresh_from_db()
    assert response.status_code == 422
    assert "Somebody changed this reseller meanwhile." in response.content.decode()
    assert north.wallet.credit_limit == 700


def test_a_borrowed_seat_changes_neither_email_nor_phone(asha: User, north: Reseller, northeast: Reseller) -> None:
    client = signed_in(asha)
    client.post(f"/resellers/{north.pk}/seats/", {"reason": "to help"})
    form = filled(client.get(f"/resellers/{northeast.pk}/edit/"), email="somebody@else.example", phone="1")

    client.post(f"/resellers/{northeast.pk}/edit/", form)

    northeast.user.refresh_from_db()
    assert (northeast.user.email, northeast.user.phone) == (None, "")


def test_one_form_sent_from_two_seats_is_refused_the_second_time(
    asha: User, north: Reseller, northeast: Reseller
) -> None:
    fund(north.wallet, "500", actor=asha)
    key = new_key("transfer", amount=10)
    own, borrowed = seat_of(asha), Seat(asha, seat_of(north.user).user)
    send = {"reseller_id": northeast.pk, "amount": Decimal(10), "note": "", "key": key, "now": NOW}
    operations.transfer_to_reseller(actor=own, **send)

    with pytest.raises(FormAlreadyUsed):
        operations.transfer_to_reseller(actor=borrowed, **send)

    north.wallet.refresh_from_db()
    assert north.wallet.balance == 500


def test_an_email_that_only_the_database_finds_taken_is_refused_at_its_field(asha: User) -> None:
    make_reseller(asha, "first", "First Net", email="a@İx.example")

    with pytest.raises(Refusal) as refusal:
        make_reseller(asha, "second", "Second Net", email="a@İx.example")

    assert refusal.value.field == "email"
