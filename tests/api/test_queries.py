"""What is read over the API: each query, and what it costs the database."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from plans.models import Level, ServiceGroup
from resellers.models import Reseller
from tests.api.asking import Caller, caller
from tests.cast import fund, make_reseller
from tests.wallet.moves import charge

ALL_OF_IT = """
query ($page: Int, $size: Int, $search: String, $level: ResellerLevelName) {
  resellers(page: $page, size: $size, search: $search, level: $level) {
    items {
      id email username firstName lastName phone credit level createdAt updatedAt serviceGroups { id name }
    }
    total page size
  }
}
"""


@pytest.fixture
def shop(asha: User) -> Caller:
    """Return a system with an admin token."""
    return caller(asha)


def test_a_reseller_is_told_in_full(shop: Caller, asha: User) -> None:
    details = {"email": "owner@north.example", "phone": "+1 555", "full_name": "Nadia North"}
    gold, group = Level.objects.get(name="GOLD"), ServiceGroup.objects.get()
    north = make_reseller(asha, "nadia", "North Net", level=gold, service_groups=[group], **details)
    fund(north.wallet, "12.5", actor=asha)

    told = shop.ask(
        "query ($id: Int!) { reseller(id: $id) { id email username firstName lastName phone credit level createdAt"
        " updatedAt serviceGroups { id name } } }",
        id=north.pk,
    )

    assert told.data["reseller"] == {
        "id": str(north.pk),
        "email": "owner@north.example",
        "username": "nadia",
        "firstName": "Nadia",
        "lastName": "North",
        "phone": "+1 555",
        "credit": "12.50",
        "level": "GOLD",
        "createdAt": "2026-05-14T09:30:00.000Z",
        "updatedAt": "2026-05-14T09:30:00.000Z",
        "serviceGroups": [{"id": str(group.pk), "name": "All plans"}],
    }


def test_debt_has_a_minus_sign_that_machines_read(shop: Caller, asha: User, north: Reseller) -> None:
    north.wallet.credit_limit = Decimal(100)
    north.wallet.save(update_fields=["credit_limit"])
    charge(asha, north.wallet, "35.5")

    assert shop.ask("{ totalResellersCredit }").data == {"totalResellersCredit": "-35.50"}


def test_pages_are_in_the_order_of_making_and_say_how_many_there_are(shop: Caller, asha: User) -> None:
    for number in range(5):
        make_reseller(asha, f"r{number}", f"Company {number}")

    pages = [shop.ask(ALL_OF_IT, page=page, size=2).data["resellers"] for page in (1, 2, 3, 4)]

    assert [[item["username"] for item in page["items"]] for page in pages] == [["r0", "r1"], ["r2", "r3"], ["r4"], []]
    assert {(page["total"], page["size"]) for page in pages} == {(5, 2)}
    assert [page["page"] for page in pages] == [1, 2, 3, 4]


def test_without_arguments_the_first_fifty_are_told(shop: Caller, north: Reseller) -> None:
    page = shop.ask("{ resellers { page size total } }").data["resellers"]

    assert page == {"page": 1, "size": 50, "total": 1}


@pytest.mark.parametrize("arguments", ["page: 0", "page: -1", "size: 0", "size: 101", 'search: "\\u0000"'])
def test_a_page_that_cannot_be_is_refused(shop: Caller, arguments: str) -> None:
    assert shop.ask(f"{{ resellers({arguments}) {{ total }} }}").code == "VALIDATION_ERROR"


def test_resellers_are_found_by_text_and_by_level(shop: Caller, asha: User, north: Reseller, south: Reseller) -> None:
    north.level = Level.objects.get(name="GOLD")
    north.save(update_fields=["level"])

    found = [
        shop.ask(ALL_OF_IT, search="sami").data["resellers"],
        shop.ask(ALL_OF_IT, level="GOLD").data["resellers"],
        shop.ask(ALL_OF_IT, level="GOLD", search="sami").data["resellers"],
    ]

    assert [[item["username"] for item in page["items"]] for page in found] == [["sami"], ["nadia"], []]


def test_deleted_resellers_are_not_there(shop: Caller, north: Reseller, south: Reseller) -> None:
    shop.ask("mutation ($id: Int!) { deleteReseller(id: $id) { id } }", id=south.pk)

    assert shop.ask("query ($id: Int!) { reseller(id: $id) { id } }", id=south.pk).code == "NOT_FOUND"
    assert shop.ask(ALL_OF_IT).data["resellers"]["total"] == 1
    assert [row["id"] for row in shop.ask("{ getResellersCredits { id } }").data["getResellersCredits"]] == [
        str(north.pk)
    ]


def test_credits_are_told_one_by_one_and_together(shop: Caller, asha: User, north: Reseller, south: Reseller) -> None:
    fund(north.wallet, "100", actor=asha)
    fund(south.wallet, "0.25", actor=asha)
    north.wallet.credit_limit = Decimal(50)
    north.wallet.save(update_fields=["credit_limit"])

    told = shop.ask("{ getResellersCredits { id username credit creditLimit available } totalResellersCredit }").data

    assert told == {
        "getResellersCredits": [
            {"id": str(north.pk), "username": "nadia", "credit": "100", "creditLimit": "50", "available": "150"},
            {"id": str(south.pk), "username": "sami", "credit": "0.25", "creditLimit": "0", "available": "0.25"},
        ],
        "totalResellersCredit": "100.25",
    }


def test_levels_are_told_with_their_terms(shop: Caller, north: Reseller) -> None:
    gold = Level.objects.get(name="GOLD")
    north.level = gold
    north.save(update_fields=["level"])

    told = shop.ask(
        "{ getResellersLevels { name discount defaultCreditLimit highestCreditLimit prioritySupport resellers } }"
    ).data["getResellersLevels"]

    assert [level["name"] for level in told] == ["BRONZE", "SILVER", "GOLD", "PLATINUM"]
    assert [level["resellers"] for level in told] == [0, 0, 1, 0]
    assert told[3]["highestCreditLimit"] is None
    assert told[2]["discount"] == f"{gold.discount.normalize():f}"
    assert Decimal(told[2]["highestCreditLimit"]) == gold.highest_credit_limit


def test_service_groups_are_told(shop: Caller) -> None:
    special = ServiceGroup.objects.create(name="Special")

    told = shop.ask(
        "query ($id: Int!) { serviceGroups { name } serviceGroup(id: $id) { id name } lost: serviceGroups { id } }",
        id=special.pk,
    ).data

    assert [group["name"] for group in told["serviceGroups"]] == ["All plans", "Special"]
    assert told["serviceGroup"] == {"id": str(special.pk), "name": "Special"}
    assert shop.ask("{ serviceGroup(id: 0) { id } }").code == "NOT_FOUND"


def queries_for(shop: Caller, size: int) -> int:
    with CaptureQueriesContext(
        connection,
    ) as asked:
        page = shop.ask(ALL_OF_IT, size=size).data["resellers"]
    assert len(page["items"]) == size
    return len(asked)


def test_a_page_of_a_hundred_with_their_groups_costs_as_many_queries_as_one_of_one(shop: Caller, asha: User) -> None:
    groups = [ServiceGroup.objects.create(name=f"Group {number}") for number in range(3)]
    for number in range(100):
        make_reseller(asha, f"r{number}", f"Company {number}", service_groups=groups)
    shop.ask("{ totalResellersCredit }")

    assert queries_for(shop, 100) == queries_for(shop, 1) <= 10
