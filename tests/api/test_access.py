"""Every field of the query and the mutation, asked with every kind of token, about objects of its own and of others.

A new field needs a row in `QUERIES` or `MUTATIONS`. Whatever is known of a reseller carries a mark of its own, so that
an answer tells whose it is made of.
"""

import itertools
import re
from dataclasses import dataclass
from typing import Any

import pytest

from accounts.models import PermissionGroup, User
from api.schema import schema
from api.schema.access import Needs
from audit.models import AuditEntry
from plans.models import Level, ServiceGroup
from resellers.models import Reseller
from tests.api.asking import Caller, caller
from tests.cast import fund, group, make_admin, make_reseller
from tests.pages import counts

RESELLER = "{ id email username firstName lastName phone credit level createdAt updatedAt serviceGroups { id name } }"
LEVELS = "{ name discount defaultCreditLimit highestCreditLimit prioritySupport resellers }"

#: Each query as it is asked about a reseller or a service group with this id, and the right that it takes.
QUERIES = {
    "reseller": (f"query ($id: Int!) {{ reseller(id: $id) {RESELLER} }}", "resellers.view"),
    "resellers": (f"{{ resellers(size: 100) {{ items {RESELLER} total }} }}", "resellers.view"),
    "getResellersCredits": (
        "{ getResellersCredits { id username credit creditLimit available } }",
        "transactions.view",
    ),
    "totalResellersCredit": ("{ totalResellersCredit }", "transactions.view"),
    "getResellersLevels": (f"{{ getResellersLevels {LEVELS} }}", "resellers.view"),
    "serviceGroups": ("{ serviceGroups { id name } }", "plans.view"),
    "serviceGroup": ("query ($id: Int!) { serviceGroup(id: $id) { id name } }", "plans.view"),
}
NEW = {"email": "new@isp.example", "password": "SecurePass123!"}
MUTATIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "createReseller": ("($reseller: ResellerCreate!) { createReseller(reseller: $reseller)", {"reseller": NEW}),
    "editReseller": (
        "($id: Int!, $reseller: ResellerEdit!) { editReseller(id: $id, reseller: $reseller)",
        {"reseller": {"phone": "1"}},
    ),
    "deleteReseller": ("($id: Int!) { deleteReseller(id: $id)", {}),
    "setResellerLevel": ("($id: Int!) { setResellerLevel(resellerId: $id, level: GOLD)", {}),
    "addResellerCredit": ('($id: Int!) { addResellerCredit(resellerId: $id, credit: "1")', {}),
    "deductResellerCredit": ('($id: Int!) { deductResellerCredit(resellerId: $id, credit: "1")', {}),
    "addResellerServiceGroup": ("($id: Int!) { addResellerServiceGroup(resellerId: $id, serviceGroupId: 1)", {}),
    "removeResellerServiceGroup": ("($id: Int!) { removeResellerServiceGroup(resellerId: $id, serviceGroupId: 1)", {}),
}

NORTH, SUB, PARTNER, SUPPORT, BARE = "top level", "sub-reseller", "PARTNER", "SUPPORT", "only the dashboard"
KINDS = (NORTH, SUB, PARTNER, SUPPORT, BARE)


@dataclass
class World:
    """Resellers, each with marks and a service group and a level of its own."""

    resellers: dict[str, Reseller]
    marks: dict[str, set[str]]

    def in_tree_of(self, kind: str) -> set[str]:
        return {kind, SUB, "deleted child"} if kind == NORTH else {kind}


def marked(asha: User, name: str, level: str, **details: Any) -> tuple[Reseller, set[str]]:
    """Return a reseller whose every word tells that it is its own, and those words."""
    word = re.sub("[^a-z]", "", name.lower())
    special = ServiceGroup.objects.create(name=f"group-of-{word}")
    parent = details.get("parent")
    if parent:
        parent.service_groups.add(special)
    reseller = make_reseller(
        asha,
        f"{word}@isp.example",
        f"company-of-{word}",
        email=f"{word}@isp.example",
        phone=f"phone-of-{word}",
        full_name=f"first-of-{word} last-of-{word}",
        service_groups=[special],
        level=Level.objects.get(name=level),
        **details,
    )
    return reseller, {word, special.name}


@pytest.fixture
def world(asha: User) -> World:
    """Return one reseller of each kind, strangers and a deleted one."""
    bare = PermissionGroup.objects.create(name="BARE", codes=["dashboard.view"])
    wanted: dict[str, tuple[str, dict[str, Any]]] = {
        NORTH: ("GOLD", {}),
        PARTNER: ("SILVER", {"permission_group": group("PARTNER")}),
        SUPPORT: ("SILVER", {"permission_group": group("SUPPORT")}),
        BARE: ("SILVER", {"permission_group": bare}),
        "stranger": ("PLATINUM", {}),
    }
    made = {name: marked(asha, name, level, **details) for name, (level, details) in wanted.items()}
    sales = {"permission_group": group("SALES")}
    made[SUB] = marked(asha, SUB, "BRONZE", parent=made[NORTH][0], **sales)
    made["child of a stranger"] = marked(asha, "child of a stranger", "BRONZE", parent=made["stranger"][0], **sales)
    for number, (reseller, marks) in enumerate(made.values(), 1):
        amount = 1111 * 2**number
        fund(reseller.wallet, str(amount), actor=asha)
        marks.add(f'"{amount}"')
    return World({name: row for name, (row, _) in made.items()}, {name: marks for name, (_, marks) in made.items()})


def root_fields(root: str) -> dict[str, Any]:
    names = schema.config.name_converter
    return {names.get_graphql_name(field): field for field in schema.get_type_by_name(root).fields}  # type: ignore[union-attr]


def test_every_field_has_its_row_and_says_who_may_ask_for_it() -> None:
    queries, mutations = root_fields("Query"), root_fields("Mutation")

    assert set(queries) == set(QUERIES)
    assert set(mutations) == set(MUTATIONS)
    assert {name: needed(field) for name, field in queries.items()} == {name: row[1] for name, row in QUERIES.items()}
    assert {needed(field) for field in mutations.values()} == {"admin"}


def needed(field: Any) -> str:
    [needs] = [extension for extension in field.extensions if isinstance(extension, Needs)]
    return needs.code


def ids_of(world: World) -> list[int]:
    """Return an id of everything there is, and of nothing."""
    resellers = Reseller.objects.values_list("pk", flat=True)
    return sorted({*resellers, *ServiceGroup.objects.values_list("pk", flat=True), 0, -1, 2**31 - 1})


@pytest.mark.parametrize("kind", KINDS)
def test_a_reseller_token_reads_its_own_tree_and_nothing_of_others(world: World, kind: str) -> None:
    shop = caller(world.resellers[kind].user, "reseller")
    rights = world.resellers[kind].user.rights
    foreign = set().union(*(marks for name, marks in world.marks.items() if name not in world.in_tree_of(kind)))
    wrong = []

    for name, (query, code) in QUERIES.items():
        for pk in ids_of(world) if "$id" in query else [0]:
            answer = shop.ask(query, **({"id": pk} if "$id" in query else {}))
            text = answer.http.content.decode()
            wrong += [f"{name} {pk} tells {mark}" for mark in foreign if mark in text]
            may = code in rights
            expected = {200, 404} if may else {403}
            if answer.status not in expected:
                wrong.append(f"{name} {pk} is answered {answer.status}")

    assert not wrong


def test_a_top_level_token_reads_its_sub_and_a_subs_token_not_its_parent(world: World) -> None:
    north, sub, stranger = (world.resellers[name].pk for name in (NORTH, SUB, "stranger"))
    found = {}

    for kind, pk in itertools.product((NORTH, SUB), (north, sub, stranger)):
        found[kind, pk] = caller(world.resellers[kind].user, "reseller").ask(QUERIES["reseller"][0], id=pk).status

    assert found == {
        (NORTH, north): 200, (NORTH, sub): 200, (NORTH, stranger): 404,
        (SUB, north): 404, (SUB, sub): 200, (SUB, stranger): 404,
    }  # fmt: skip


def test_a_view_all_opens_nothing_to_a_token(world: World) -> None:
    shop = caller(world.resellers[PARTNER].user, "reseller")

    assert shop.ask("{ resellers { total } }").data["resellers"]["total"] == 1


def test_what_is_foreign_is_answered_as_what_is_absent(world: World) -> None:
    shop = caller(world.resellers[NORTH].user, "reseller")

    foreign = shop.ask(QUERIES["reseller"][0], id=world.resellers["stranger"].pk)
    absent = shop.ask(QUERIES["reseller"][0], id=987654)

    assert foreign.error["message"].replace(str(world.resellers["stranger"].pk), "987654") == absent.error["message"]


def test_levels_that_others_have_are_not_told(world: World) -> None:
    told = caller(world.resellers[NORTH].user, "reseller").ask(QUERIES["getResellersLevels"][0]).data

    assert [(level["name"], level["resellers"]) for level in told["getResellersLevels"]] == [("BRONZE", 1), ("GOLD", 1)]


@pytest.mark.parametrize("kind", KINDS)
def test_no_reseller_token_changes_anything(world: World, kind: str) -> None:
    shop, ids = caller(world.resellers[kind].user, "reseller"), ids_of(world)
    before, answers = counts(), set()

    for (call, variables), pk in itertools.product(MUTATIONS.values(), ids):
        answer = shop.ask(f"mutation {call} {RESELLER} }}", **({"id": pk} if "$id" in call else {}), **variables)
        answers.add((answer.status, answer.code, answer.error["message"]))

    refusals = AuditEntry.objects.filter(action="refused", actor_id=world.resellers[kind].user_id).count()
    assert answers == {(403, "FORBIDDEN", "This needs an admin token.")}
    assert refusals == len(MUTATIONS) * len(ids)
    assert counts() == before | {"audit_entries": before["audit_entries"] + refusals}


def test_without_a_token_every_field_is_out_of_reach(north: Reseller) -> None:
    mutations = [f"mutation {call} {RESELLER} }}" for call, _variables in MUTATIONS.values()]
    before = counts()

    for query in [*(query for query, _code in QUERIES.values()), *mutations]:
        answer = Caller(None).ask(query, id=north.pk, reseller=NEW)
        assert (answer.status, answer.code) == (401, "UNAUTHENTICATED")

    assert counts() == before


def test_an_admin_who_is_none_any_more_does_nothing(asha: User, north: Reseller) -> None:
    boris = make_admin("boris")
    shop = caller(boris)
    boris.is_active = False
    boris.save(update_fields=["is_active"])

    assert shop.ask("{ totalResellersCredit }").status == 401


def test_a_suspension_acts_at_once(asha: User, north: Reseller) -> None:
    shop = caller(north.user, "reseller")
    assert shop.ask("{ totalResellersCredit }").status == 200

    Reseller.objects.filter(pk=north.pk).update(suspended_at=north.created_at)

    assert shop.ask("{ totalResellersCredit }").status == 401
