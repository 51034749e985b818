"""One shape for every error, and limits on every request."""

import json
import logging
from typing import Any

import pytest
from django.core.exceptions import SuspiciousOperation
from django.db import OperationalError
from django.test import RequestFactory
from graphql import get_introspection_query
from psycopg.errors import LockNotAvailable

from accounts.models import User
from api import limits, views
from api.schema import onboarding
from audit.models import AuditEntry
from ispanel.views import bad_request
from resellers.models import Reseller
from tests.api.asking import CREATE, PARTNER, Caller, caller
from tests.pages import counts

LIST = "{ resellers { total } }"
SECRET = "SecurePass123!"


@pytest.fixture
def shop(asha: User) -> Caller:
    """Return a system with an admin token."""
    return caller(asha)


# --- who asks ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Bearer isp_unknown", "Basic YXNoYTpwYXNz", "Token x", "Bearer é", "Bearer x y"],
)
def test_without_a_token_that_counts_nothing_is_told(asha: User, header: str) -> None:
    answer = Caller(None).post({"query": "{ __schema { types { name } } }"}, Authorization=header)

    assert (answer.status, answer.code, answer.error["path"]) == (401, "UNAUTHENTICATED", [])
    assert answer.http["WWW-Authenticate"].startswith("Bearer")


def test_strangers_learn_nothing_of_fields_limits_or_syntax(asha: User) -> None:
    stranger = Caller(None)
    bodies = ["{ resell }", "{", "{ a" * 500, "x" * 70_000, LIST]

    answers = {stranger.post({"query": query}).http.content for query in bodies}

    assert len(answers) == 1


def test_a_session_of_the_panel_counts_for_nothing(asha: User) -> None:
    caller_without_token = Caller(None)
    caller_without_token.client.force_login(asha)

    assert caller_without_token.ask(LIST).status == 401


def test_a_token_from_elsewhere_than_its_list_allows_is_forbidden(north: Reseller) -> None:
    north.allowed_ips = "203.0.113.7"
    north.save(update_fields=["allowed_ips"])

    answer = caller(north.user, "reseller").ask(LIST)

    assert (answer.status, answer.code) == (403, "FORBIDDEN")
    assert answer.error["message"] == "Access denied from this IP address."


def test_a_refusal_is_in_the_trail_with_what_was_tried(north: Reseller) -> None:
    answer = caller(north.user, "reseller").ask(CREATE, reseller=PARTNER)

    entry = AuditEntry.objects.latest("id")
    assert (answer.status, answer.code) == (403, "FORBIDDEN")
    assert (entry.action, entry.actor_name) == ("refused", "nadia")
    assert "POST /graphql createReseller: This needs an admin token." in entry.detail


def test_a_token_that_asks_too_often_is_told_when_to_come_back(shop: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "within_rate", lambda _token: 12.3)

    answer = shop.ask(LIST)

    assert (answer.status, answer.code, answer.http["Retry-After"]) == (429, "RATE_LIMITED", "13")


# --- how it is asked --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["get", "put", "delete", "patch", "options"])
def test_nothing_but_post_is_answered(shop: Caller, method: str) -> None:
    headers = {"Authorization": f"Bearer {shop.bearer}"}

    response = getattr(shop.client, method)(f"/graphql?query={LIST}", headers=headers)

    assert (response.status_code, response["Allow"]) == (405, "POST")
    assert response.json()["errors"][0]["extensions"]["code"] == "METHOD_NOT_ALLOWED"


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/graphql", ""],
)
def test_nothing_but_json_is_read(shop: Caller, content_type: str) -> None:
    answer = shop.post(json.dumps({"query": LIST}), content_type=content_type)

    assert (answer.status, answer.code) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert "Content-Type: application/json" in answer.error["message"]


@pytest.mark.parametrize(
    "body",
    [
        " ",
        "{",
        "null",
        "[]",
        '[{"query": "{ resellers { total } }"}]',
        "{}",
        '{"query": ""}',
        '{"query": 1}',
        '{"query": "{ x }", "variables": []}',
        '{"query": "{ x }", "variables": "{}"}',
        '{"query": "{ x }", "operationName": 1}',
        '{"query": "{ x }", "variables": {"a": NaN}}',
        '{"query": "\\ud800"}',
        "[" * 60_000,
        "1" * 6_000,
        b'{"query": "\xff"}',
        '{"query": "query a { x } query b { x }"}',
        '{"query": "{ resellers { total } }", "operationName": "other"}',
        '{"query": "fragment f on Query { totalResellersCredit }"}',
        '{"query": "subscription { x }"}',
        '{"query": "{ resellers { total } } subscription s { x }", "operationName": "s"}',
    ],
)
def test_what_cannot_be_carried_out_is_refused_with_a_sentence(shop: Caller, body: str | bytes) -> None:
    answer = shop.post(body)

    assert (answer.status, answer.data) == (400, None)
    assert {error["extensions"]["code"] for error in answer.body["errors"]} == {"VALIDATION_ERROR"}


def test_one_of_several_operations_is_chosen_by_name(shop: Caller) -> None:
    query = "query a { resellers { total } } query b { totalResellersCredit }"

    answer = shop.post({"query": query, "operationName": "b", "variables": None, "extensions": {}})

    assert answer.body == {"data": {"totalResellersCredit": "0"}}


@pytest.mark.parametrize(
    ("query", "variables", "words"),
    [
        ("{ resellers { totals } }", {}, "Cannot query field 'totals' on type 'ResellerPage'."),
        ("{ reseller(pk: 1, id: 1) { id } }", {}, "Unknown argument 'pk'"),
        (CREATE, {"reseller": PARTNER | {"admin": True}}, "not to include unknown field 'admin'"),
        (CREATE, {"reseller": {"password": SECRET}}, "to include required field 'email'"),
        (CREATE, {"reseller": PARTNER | {"phone": [SECRET]}}, "at .phone: String cannot represent a non string value."),
        (CREATE, {"reseller": SECRET}, "Expected value of type 'ResellerCreate' to be an object."),
        (CREATE, {"reseller": PARTNER | {"level": SECRET}}, "There is no such level."),
        ('{ reseller(id: "SecurePass123!") { id } }', {}, "Int cannot represent non-integer value."),
        ('{ reseller(id: 1 "SecurePass123!") { id } }', {}, "Syntax Error: Expected Name (line 1, column 18)."),
        ("query ($id: Int!) { reseller(id: $id) { id } }", {"id": SECRET}, "Int cannot represent non-integer value."),
        ("query ($id: Int!) { reseller(id: $id) { id } }", {"id": 2**31}, "32-bit"),
        ("query ($id: Int! = null) { reseller(id: $id) { id } }", {"id": 1}, "not to be None"),
    ],
)
def test_what_is_unknown_is_named_and_what_was_sent_is_not_repeated(
    shop: Caller, query: str, variables: dict[str, Any], words: str
) -> None:
    answer = shop.ask(query, **variables)

    said = " ".join(error["message"] for error in answer.body["errors"])
    assert answer.status == 400
    assert words in said
    assert SECRET not in answer.http.content.decode()


def test_the_field_that_cannot_be_used_is_told_apart(shop: Caller) -> None:
    found = [
        shop.ask(CREATE, reseller=PARTNER | {"admin": 1}).error["extensions"],
        shop.ask(CREATE, reseller={"email": "a@b.example"}).error["extensions"],
        shop.ask(CREATE, reseller=PARTNER | {"phone": 1}).error["extensions"],
        shop.ask("{ resellers(page: 0) { total } }").error["extensions"],
        shop.ask("{ resellers(size: 101) { total } }").error["extensions"],
    ]

    assert [extensions["field"] for extensions in found] == ["admin", "password", "phone", "page", "size"]
    assert {extensions["code"] for extensions in found} == {"VALIDATION_ERROR"}


# --- one act at a time ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "selections",
    [
        'a: addResellerCredit(resellerId: 1, credit: "1") { id } b: deleteReseller(id: 1) { id }',
        "deleteReseller(id: 1) { id } deleteReseller(id: 1) { email }",
        '...f addResellerCredit(resellerId: 1, credit: "1") { id }',
        "...f ... on Mutation { ...g }",
        'deleteReseller(id: 1) @skip(if: true) { id } addResellerCredit(resellerId: 1, credit: "1") { id }',
    ],
)
def test_several_mutations_in_a_request_are_refused_as_a_whole(shop: Caller, north: Reseller, selections: str) -> None:
    f, g = (f"fragment {name} on Mutation {{ {name}: deleteReseller(id: 1) {{ id }} }}" for name in "fg")
    before = counts()

    answer = shop.ask(
        f"mutation {{ {selections} }} {f if '...f' in selections else ''} {g if '...g' in selections else ''}"
    )

    assert (answer.status, answer.code) == (400, "VALIDATION_ERROR")
    assert "Send one mutation at a time" in answer.error["message"]
    assert counts() == before


def test_an_error_in_one_field_of_a_query_leaves_no_data(shop: Caller, north: Reseller) -> None:
    answer = shop.ask(f"{{ found: reseller(id: {north.pk}) {{ id }} lost: reseller(id: 999999) {{ id }} }}")

    assert (answer.status, answer.code, answer.error["path"]) == (404, "NOT_FOUND", ["lost"])


# --- how much ---------------------------------------------------------------------------------------------------------


def nested(levels: int) -> str:
    return "{ a " * levels + "}" * levels


def spreading(times: int) -> str:
    """Return a query whose fragments double each other's size."""
    parts = [f"fragment f{n} on Query {{ ...f{n + 1} ...f{n + 1} }}" for n in range(times)]
    last = f"fragment f{times} on Query {{ x: totalResellersCredit }}"
    return " ".join(["{ ...f0 }", *parts, last])


@pytest.mark.parametrize(
    ("query", "code"),
    [
        (nested(9), "MAX_DEPTH"),
        (nested(400), "MAX_DEPTH"),
        ("{ a(x: " + "[" * 400 + "]" * 400 + ") }", "MAX_DEPTH"),
        ("{ " + "totalResellersCredit " * 500 + "}", "MAX_TOKENS"),
        ("{ " + " ".join(f"a{n}: totalResellersCredit" for n in range(21)) + " }", "MAX_ALIASES"),
        (spreading(20), "MAX_ALIASES"),
        ("{ resellers(size: 100) { items { " + "id " * 101 + "} } }", "MAX_COST"),
        (spreading(20).replace("x: ", ""), "MAX_COST"),
    ],
)
def test_a_query_that_asks_for_too_much_is_refused(shop: Caller, query: str, code: str) -> None:
    answer = shop.ask(query)

    assert (answer.status, answer.code) == (400, code)


def test_the_size_of_a_page_counts_where_it_comes_by_variable_too(shop: Caller) -> None:
    fields = "id " * 100
    query = f"query ($size: Int) {{ resellers(size: $size) {{ items {{ {fields} }} }} }}"

    assert shop.ask(query, size=99).status == 200
    assert shop.ask(query, size=100).code == "MAX_COST"
    assert shop.ask(query, size=None).code == "MAX_COST"
    assert shop.ask(query.replace("size: $size", "page: $size")).status == 200


def test_a_full_page_with_all_fields_and_groups_is_within_the_limits(shop: Caller) -> None:
    fields = "id email username firstName lastName phone credit level createdAt updatedAt serviceGroups { id name }"

    assert shop.ask(f"{{ resellers(size: 100) {{ items {{ {fields} }} total page size }} }}").status == 200


def test_a_body_that_is_too_large_is_not_read(shop: Caller) -> None:
    answer = shop.post({"query": LIST, "variables": {"x": "y" * limits.MAX_BODY}})

    assert (answer.status, answer.code) == (413, "BODY_TOO_LARGE")


def test_a_fragment_within_itself_is_refused(shop: Caller) -> None:
    answer = shop.ask("{ ...f } fragment f on Query { ...f totalResellersCredit }")

    assert answer.status == 400
    assert "Cannot spread fragment 'f' within itself." in answer.error["message"]


def test_with_a_token_the_whole_schema_is_told(north: Reseller) -> None:
    query = get_introspection_query(input_value_deprecation=True, specified_by_url=True)

    answer = caller(north.user, "reseller").ask(query)

    names = {type_["name"] for type_ in answer.data["__schema"]["types"]}
    assert {"Reseller", "ResellerCreate", "ServiceGroup"} <= names


def test_an_introspection_without_end_is_refused(shop: Caller) -> None:
    answer = shop.ask("{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }")

    assert answer.status == 400
    assert "Maximum introspection depth exceeded" in answer.error["message"]


# --- what nobody foresaw ----------------------------------------------------------------------------------------------


def test_a_fault_of_ours_is_logged_in_full_and_told_in_a_sentence(
    shop: Caller, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(**_details: Any) -> None:
        raise RuntimeError("the inner parts")

    monkeypatch.setattr(onboarding.operations, "create_reseller", fail)
    answer = shop.ask(CREATE, reseller=PARTNER)

    assert (answer.status, answer.code, answer.error["path"]) == (500, "INTERNAL_ERROR", ["createReseller"])
    assert answer.http["X-Request-ID"] in answer.error["message"]
    assert "inner parts" not in answer.http.content.decode()
    [logged] = [record for record in caplog.records if record.levelno == logging.ERROR and record.exc_info]
    assert "the inner parts" in str(logged.exc_info)
    assert SECRET not in caplog.text


def test_a_fault_before_the_query_is_told_in_the_same_shape(shop: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_details: Any) -> None:
        raise RuntimeError("the inner parts")

    monkeypatch.setattr(views, "authenticate", fail)

    answer = shop.ask(LIST)

    assert (answer.status, answer.code) == (500, "INTERNAL_ERROR")


def test_what_fails_before_the_view_is_told_in_the_same_shape(shop: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise OperationalError("the inner parts")

    monkeypatch.setattr("ispanel.middleware.settings_in_force", fail)
    shop.client.raise_request_exception = False

    answer = shop.ask(LIST)

    assert (answer.status, answer.code) == (500, "INTERNAL_ERROR")
    assert answer.http["X-Request-ID"] in answer.error["message"]


def test_a_request_that_cannot_be_used_is_refused_in_the_same_shape() -> None:
    response = bad_request(RequestFactory().post("/graphql"), SuspiciousOperation())

    assert (response.status_code, json.loads(response.content)["errors"][0]["extensions"]["code"]) == (
        400,
        "VALIDATION_ERROR",
    )


def test_what_somebody_else_holds_is_to_be_tried_again(shop: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    def wait(**_details: Any) -> None:
        raise OperationalError from LockNotAvailable()

    monkeypatch.setattr(onboarding.operations, "create_reseller", wait)
    answer = shop.ask(CREATE, reseller=PARTNER)

    assert (answer.status, answer.code, answer.http["Retry-After"]) == (503, "BUSY", "1")


def test_answers_are_kept_by_no_cache(shop: Caller) -> None:
    assert shop.ask(LIST).http["Cache-Control"] == "no-store"
