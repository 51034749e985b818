"""The other mutations: what each does, and each reason to refuse it."""

from decimal import Decimal
from functools import partial

import pytest

from accounts.models import User
from audit.models import AuditEntry
from plans.models import Level, ServiceGroup
from resellers import operations
from resellers.models import Reseller
from tests.api.asking import CREATE, PARTNER, Caller, caller
from tests.cast import NOW, fund, make_plan, seat_of
from tests.pages import counts
from tests.subscribers.lines import add
from tests.threads import at_once
from wallet.models import Transfer, TransferKind

NOBODY = 2**31 - 1
FIELDS = "{ id email username firstName lastName phone credit level serviceGroups { id name } }"
EDIT = f"mutation ($id: Int!, $reseller: ResellerEdit!) {{ editReseller(id: $id, reseller: $reseller) {FIELDS} }}"
DELETE = f"mutation ($id: Int!) {{ deleteReseller(id: $id) {FIELDS} }}"
LEVEL = (
    f"mutation ($id: Int!, $level: ResellerLevelName!) {{ setResellerLevel(resellerId: $id, level: $level) {FIELDS} }}"
)
ADD = (
    "mutation ($id: Int!, $credit: String!, $note: String, $key: String)"
    f" {{ addResellerCredit(resellerId: $id, credit: $credit, note: $note, idempotencyKey: $key) {FIELDS} }}"
)
DEDUCT = ADD.replace("addReseller", "deductReseller")
GIVE = (
    "mutation ($id: Int!, $group: Int!)"
    f" {{ addResellerServiceGroup(resellerId: $id, serviceGroupId: $group) {FIELDS} }}"
)
TAKE = GIVE.replace("addReseller", "removeReseller")


@pytest.fixture
def shop(asha: User) -> Caller:
    """Return a system with an admin token."""
    return caller(asha)


@pytest.fixture
def partner_id(shop: Caller) -> int:
    """Return the id of a reseller made over the API, with 1000 in its wallet."""
    return int(shop.ask(CREATE, reseller=PARTNER).data["createReseller"]["id"])


def balance(pk: int) -> Decimal | None:
    return Reseller.objects.select_related("wallet").get(pk=pk).wallet.balance


# --- editReseller -----------------------------------------------------------------------------------------------------


def test_an_edit_changes_what_was_sent_and_nothing_else(shop: Caller, partner_id: int) -> None:
    edited = shop.ask(EDIT, id=partner_id, reseller={"lastName": "Müller", "phone": "+49 1"}).data["editReseller"]

    assert (edited["firstName"], edited["lastName"], edited["phone"]) == ("John", "Müller", "+49 1")
    assert edited["email"] == "partner@company.com"
    assert Reseller.objects.get(pk=partner_id).company_name == "John Partner"


def test_a_username_that_is_the_email_follows_it(shop: Caller, partner_id: int) -> None:
    edited = shop.ask(EDIT, id=partner_id, reseller={"email": "new@company.com"}).data["editReseller"]

    assert (edited["email"], edited["username"]) == ("new@company.com", "new@company.com")


def test_null_empties_a_phone_and_a_name(shop: Caller, partner_id: int) -> None:
    edited = shop.ask(EDIT, id=partner_id, reseller={"phone": None, "firstName": None}).data["editReseller"]

    assert (edited["phone"], edited["firstName"], edited["lastName"]) == (None, None, "Partner")


def test_an_email_of_somebody_else_is_refused(shop: Caller, partner_id: int, asha: User) -> None:
    shop.ask(CREATE, reseller=PARTNER | {"email": "other@company.com"})

    answer = shop.ask(EDIT, id=partner_id, reseller={"email": "other@company.com"})

    assert (answer.status, answer.code) == (400, "EMAIL_EXISTS")
    assert answer.error["path"] == ["editReseller"]


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"email": None}, "email"),
        ({"email": "nobody"}, "email"),
        ({"phone": "1" * 41}, "phone"),
        ({"lastName": "n" * 150}, "lastName"),
    ],
)
def test_an_edit_that_cannot_be_used_names_its_field(
    shop: Caller, partner_id: int, sent: dict[str, str | None], field: str
) -> None:
    before = counts()

    answer = shop.ask(EDIT, id=partner_id, reseller=sent)

    assert answer.error["extensions"] == {"code": "VALIDATION_ERROR", "field": field}
    assert counts() == before


def test_a_full_name_edited_on_the_page_keeps_a_last_name_that_it_ends_in(shop: Caller, asha: User) -> None:
    names = {"firstName": "Jan", "lastName": "van der Berg"}
    pk = int(shop.ask(CREATE, reseller=PARTNER | names).data["createReseller"]["id"])

    found = []
    for full_name in ("Piet van der Berg", "Piet Smith", "Cher"):
        operations.edit_reseller(actor=seat_of(asha), reseller_id=pk, full_name=full_name, now=NOW)
        told = shop.ask("query ($id: Int!) { reseller(id: $id) { firstName lastName } }", id=pk).data["reseller"]
        found.append((told["firstName"], told["lastName"]))

    assert found == [("Piet", "van der Berg"), ("Piet", "Smith"), ("Cher", None)]


# --- deleteReseller ---------------------------------------------------------------------------------------------------


def test_an_empty_reseller_is_deleted_and_told_a_last_time(shop: Caller, partner_id: int) -> None:
    shop.ask(DEDUCT, id=partner_id, credit="1000")

    answer = shop.ask(DELETE, id=partner_id)

    assert answer.data["deleteReseller"]["email"] == "partner@company.com"
    assert Reseller.objects.get(pk=partner_id).is_deleted
    assert shop.ask(DELETE, id=partner_id).code == "NOT_FOUND"


def test_what_keeps_a_reseller_is_said(shop: Caller, asha: User, north: Reseller, northeast: Reseller) -> None:
    fund(north.wallet, "30", actor=asha)
    line = add(asha, north, make_plan(), activate=False)
    found = []

    found.append(shop.ask(DELETE, id=north.pk))
    line.terminated_at = NOW
    line.save(update_fields=["terminated_at"])
    found.append(shop.ask(DELETE, id=north.pk))
    shop.ask(DELETE, id=northeast.pk)
    found.append(shop.ask(DELETE, id=north.pk))

    assert [answer.code for answer in found] == ["HAS_ACTIVE_USERS", "HAS_SUB_RESELLERS", "HAS_BALANCE"]
    assert {answer.status for answer in found} == {400}
    assert "It has one sub-reseller. Delete it first." in found[0].error["message"]


# --- setResellerLevel -------------------------------------------------------------------------------------------------


def test_a_level_changes_the_terms_and_clips_the_limit(shop: Caller, partner_id: int) -> None:
    bronze = Level.objects.get(name="BRONZE")

    told = shop.ask(LEVEL, id=partner_id, level="BRONZE").data["setResellerLevel"]

    reseller = Reseller.objects.select_related("wallet", "level").get(pk=partner_id)
    assert (told["level"], reseller.level) == ("BRONZE", bronze)
    assert reseller.wallet.credit_limit == bronze.highest_credit_limit
    assert AuditEntry.objects.filter(action="reseller.level_changed", object_id=partner_id).exists()


def test_a_level_that_is_not_there_is_not_found(shop: Caller, partner_id: int) -> None:
    answer = shop.ask(LEVEL, id=partner_id, level="DIAMOND")

    assert (answer.status, answer.code) == (400, "LEVEL_NOT_FOUND")


# --- money ------------------------------------------------------------------------------------------------------------


def test_money_is_added_and_deducted_with_its_note(shop: Caller, partner_id: int) -> None:
    added = shop.ask(ADD, id=partner_id, credit="250.5", note="Settlement May").data["addResellerCredit"]
    deducted = shop.ask(DEDUCT, id=partner_id, credit="1250.50").data["deductResellerCredit"]

    assert (added["credit"], deducted["credit"]) == ("1250.50", "0")
    moved = Transfer.objects.order_by("-id").values_list("kind", "amount", "note")[:2]
    assert list(moved) == [
        (TransferKind.WITHDRAWAL, Decimal("1250.5"), ""),
        (TransferKind.TRANSFER, Decimal("250.5"), "Settlement May"),
    ]


@pytest.mark.parametrize("query", [ADD, DEDUCT])
@pytest.mark.parametrize("credit", ["0", "", "-1", "1.005", "x", "1" + "0" * 20])
def test_what_is_no_amount_moves_nothing(shop: Caller, partner_id: int, query: str, credit: str) -> None:
    before = counts()

    answer = shop.ask(query, id=partner_id, credit=credit)

    assert answer.error["extensions"] == {"code": "INVALID_AMOUNT", "field": "credit"}
    assert counts() == before


def test_more_than_there_is_is_not_deducted(shop: Caller, partner_id: int) -> None:
    answer = shop.ask(DEDUCT, id=partner_id, credit="1000.01")

    assert (answer.status, answer.code) == (400, "INSUFFICIENT_FUNDS")
    assert "0.01 USD is missing" in answer.error["message"]
    assert balance(partner_id) == 1000


def test_a_long_note_is_refused_as_the_form_refuses_it(shop: Caller, partner_id: int) -> None:
    answer = shop.ask(ADD, id=partner_id, credit="1", note="n" * 201)

    assert answer.error["extensions"] == {"code": "VALIDATION_ERROR", "field": "note"}


# --- service groups ---------------------------------------------------------------------------------------------------


def test_a_service_group_is_given_and_taken(shop: Caller, partner_id: int) -> None:
    group = ServiceGroup.objects.get(name="All plans")

    given = shop.ask(GIVE, id=partner_id, group=group.pk).data["addResellerServiceGroup"]
    again = shop.ask(GIVE, id=partner_id, group=group.pk)
    taken = shop.ask(TAKE, id=partner_id, group=group.pk).data["removeResellerServiceGroup"]
    once_more = shop.ask(TAKE, id=partner_id, group=group.pk)

    assert given["serviceGroups"] == [{"id": str(group.pk), "name": "All plans"}]
    assert taken["serviceGroups"] == []
    assert (again.code, once_more.code) == ("ALREADY_ASSIGNED", "NOT_ASSIGNED")


def test_groups_that_are_given_at_once_are_all_there(committing: None, shop: Caller, north: Reseller) -> None:
    groups = [ServiceGroup.objects.create(name=f"Group {number}") for number in range(6)]

    at_once(*(partial(Caller(shop.bearer).ask, GIVE, id=north.pk, group=group.pk) for group in groups))

    assert north.service_groups.count() == 1 + len(groups)


def test_a_sub_has_no_more_than_its_parent(shop: Caller, north: Reseller, northeast: Reseller) -> None:
    special = ServiceGroup.objects.create(name="Special")

    answer = shop.ask(GIVE, id=northeast.pk, group=special.pk)

    assert answer.error["extensions"] == {"code": "VALIDATION_ERROR", "field": "serviceGroupId"}
    assert "North Net does not have Special" in answer.error["message"]


def test_what_is_taken_from_a_parent_is_taken_from_its_subs(shop: Caller, north: Reseller, northeast: Reseller) -> None:
    group = north.service_groups.get()

    shop.ask(TAKE, id=north.pk, group=group.pk)

    assert not northeast.service_groups.exists()


# --- not found --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("id_", [NOBODY, 0, -1])
@pytest.mark.parametrize(
    ("query", "variables"),
    [
        (EDIT, {"reseller": {"phone": "1"}}),
        (DELETE, {}),
        (LEVEL, {"level": "GOLD"}),
        (ADD, {"credit": "1"}),
        (DEDUCT, {"credit": "1"}),
        (GIVE, {"group": 1}),
        (TAKE, {"group": 1}),
    ],
)
def test_a_reseller_that_is_not_there_is_not_found(
    shop: Caller, query: str, variables: dict[str, object], id_: int
) -> None:
    before = counts()

    answer = shop.ask(query, id=id_, **variables)

    assert (answer.status, answer.code) == (404, "NOT_FOUND")
    assert counts() == before


@pytest.mark.parametrize("query", [GIVE, TAKE])
def test_a_service_group_that_is_not_there_is_not_found(shop: Caller, partner_id: int, query: str) -> None:
    answer = shop.ask(query, id=partner_id, group=NOBODY)

    assert (answer.status, answer.code) == (404, "NOT_FOUND")
