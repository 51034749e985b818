"""A key that is sent again has one effect, and gets the first answer."""

from decimal import Decimal

import pytest

from accounts.models import User
from resellers.models import Reseller
from tests.api.asking import PARTNER, Answer, Caller, bearer_for, caller
from tests.api.test_acts import ADD, DEDUCT
from tests.cast import make_admin
from tests.threads import at_once
from wallet.models import Transfer

CREATE = """
mutation ($reseller: ResellerCreate!, $key: String) {
  createReseller(reseller: $reseller, idempotencyKey: $key) { id email credit createdAt }
}
"""


@pytest.fixture
def shop(asha: User) -> Caller:
    """Return a system with an admin token."""
    return caller(asha)


def test_sixteen_retries_at_once_move_money_once_and_get_equal_answers(
    committing: None, shop: Caller, north: Reseller
) -> None:
    def ask() -> Answer:
        return Caller(shop.bearer).ask(ADD, id=north.pk, credit="100", note="May", key="order 4711")

    answers = at_once(*[ask] * 16)

    north.wallet.refresh_from_db()
    assert [getattr(answer, "status", answer) for answer in answers] == [200] * 16
    assert len({answer.http.content for answer in answers}) == 1
    assert north.wallet.balance == 100
    assert Transfer.objects.count() == 1


def test_sixteen_creations_at_once_make_one_reseller(committing: None, shop: Caller) -> None:
    def ask() -> Answer:
        return Caller(shop.bearer).ask(CREATE, reseller=PARTNER, key="partner 1")

    answers = at_once(*[ask] * 16)

    assert [getattr(answer, "status", answer) for answer in answers] == [200] * 16
    assert len({answer.http.content for answer in answers}) == 1
    assert Reseller.objects.count() == Transfer.objects.count() == 1


def test_the_same_key_with_other_contents_is_refused(shop: Caller, north: Reseller, south: Reseller) -> None:
    first = {"id": north.pk, "credit": "10", "note": "May", "key": "k"}
    shop.ask(ADD, **first)

    answers = [shop.ask(ADD, **first | changed) for changed in ({"credit": "11"}, {"note": "June"}, {"id": south.pk})]

    assert {(answer.status, answer.code) for answer in answers} == {(400, "IDEMPOTENCY_KEY_REUSED")}
    assert {answer.error["message"] for answer in answers} == {
        "This form was already used. Open it again to make another change."
    }
    assert Transfer.objects.count() == 1


def test_the_same_amount_written_otherwise_is_the_same(shop: Caller, north: Reseller) -> None:
    answers = [shop.ask(ADD, id=north.pk, credit=credit, key="k") for credit in ("10", "10.00", " 10.0")]

    assert [answer.data["addResellerCredit"]["credit"] for answer in answers] == ["10", "10", "10"]


def test_a_key_is_of_one_act_and_one_owner(shop: Caller, north: Reseller) -> None:
    other = caller(make_admin("boris"))

    shop.ask(ADD, id=north.pk, credit="10", key="k")
    other.ask(ADD, id=north.pk, credit="10", key="k")
    shop.ask(DEDUCT, id=north.pk, credit="10", key="k")

    assert Transfer.objects.count() == 3


def test_a_key_holds_for_all_tokens_of_its_owner(shop: Caller, asha: User, north: Reseller) -> None:
    shop.ask(ADD, id=north.pk, credit="10", key="k")
    Caller(bearer_for(asha)).ask(ADD, id=north.pk, credit="10", key="k")

    assert Transfer.objects.count() == 1


def test_only_success_uses_a_key_up(shop: Caller, north: Reseller) -> None:
    refused = shop.ask(DEDUCT, id=north.pk, credit="10", key="k")
    shop.ask(ADD, id=north.pk, credit="10")
    answer = shop.ask(DEDUCT, id=north.pk, credit="10", key="k")

    assert refused.code == "INSUFFICIENT_FUNDS"
    assert answer.data["deductResellerCredit"]["credit"] == "0"


def test_a_creation_that_is_sent_again_finds_its_reseller(shop: Caller) -> None:
    first = shop.ask(CREATE, reseller=PARTNER, key="k")
    again = shop.ask(CREATE, reseller=PARTNER, key="k")
    other = shop.ask(CREATE, reseller=PARTNER | {"credit": "5"}, key="k")
    without = shop.ask(CREATE, reseller=PARTNER)

    assert first.body == again.body
    assert (other.code, without.code) == ("IDEMPOTENCY_KEY_REUSED", "EMAIL_EXISTS")
    assert Transfer.objects.get().amount == Decimal(1000)


@pytest.mark.parametrize("key", ["", "k" * 201])
def test_a_key_has_a_length(shop: Caller, north: Reseller, key: str) -> None:
    answer = shop.ask(ADD, id=north.pk, credit="10", key=key)

    assert answer.error["extensions"] == {"code": "VALIDATION_ERROR", "field": "idempotencyKey"}
