"""The API, asked in ways nobody thought of: whatever is sent, it answers in its one shape and gives nothing away."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings as django_settings
from django.db import connection
from django.test import override_settings
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis_graphql import Mode, mutations, queries

from accounts.models import User
from api.schema import schema
from plans.models import ServiceGroup
from resellers.models import Reseller
from tests.api.asking import Answer, Caller, caller
from tests.api.test_access import MUTATIONS, QUERIES, RESELLER
from tests.campaign.findings import Outcome
from tests.cast import PASSWORD, group, make_reseller
from tests.pages import TABLES

SDL = schema.as_str()
KINDS = ("admin token", "reseller token", "no token")
CODES = {
    "UNAUTHENTICATED", "FORBIDDEN", "NOT_FOUND", "VALIDATION_ERROR", "EMAIL_EXISTS", "WEAK_PASSWORD", "INVALID_AMOUNT",
    "HAS_ACTIVE_USERS", "HAS_SUB_RESELLERS", "HAS_BALANCE", "LEVEL_NOT_FOUND", "INSUFFICIENT_FUNDS",
    "ALREADY_ASSIGNED", "NOT_ASSIGNED", "IDEMPOTENCY_KEY_REUSED", "MAX_DEPTH", "MAX_TOKENS", "MAX_ALIASES", "MAX_COST",
    "BODY_TOO_LARGE", "UNSUPPORTED_MEDIA_TYPE",
}  # fmt: skip
#: What only the inner parts of the panel say.
TRACES = ("Traceback", 'File "', "psycopg", "django", "SELECT ", "strawberry", "site-packages", "$2b$", "bcrypt_sha256")
#: What a refused call must leave as it was, but for the trail's row of the refusal.
KEPT = [table for table in (*TABLES, "reseller_service_groups") if table != "audit_entries"]

FEW = 8

# --- what is sent -----------------------------------------------------------------------------------------------------

#: Of these, the small ones stand for what is there; see `with_real_ids`.
IDS = st.one_of(
    st.integers(1, FEW),
    st.integers(1, FEW),
    st.integers(-(2**31), 2**31 - 1),
    st.integers(),
    st.text(max_size=4),
    st.none(),
)
TEXTS = st.one_of(st.text(max_size=60), st.sampled_from(["John", "O’Neill", " ", "x" * 400, "a\0b", "\u202e"]))
EMAILS = st.one_of(*[st.builds("r{}@isp.example".format, st.integers(1, 400))] * 4, TEXTS)
AMOUNTS = st.one_of(
    st.decimals(min_value=0, max_value=500, places=2).map(str),
    st.sampled_from(["0", "-1", "1e3", "NaN", "", "1" * 21, "0.001", "٣", "1,000"]),
    TEXTS,
)
PASSWORDS = st.one_of(*[st.just("SecurePass123!")] * 4, TEXTS)
LEVELS = st.one_of(st.sampled_from(["BRONZE", "SILVER", "GOLD", "PLATINUM"]), TEXTS, st.none())
NAMES = st.one_of(st.sampled_from(["John", "O’Neill", "+1 555"]), TEXTS, st.none())
NEW = st.fixed_dictionaries(
    {"email": EMAILS, "password": PASSWORDS},
    optional={"credit": AMOUNTS, "level": LEVELS, "phone": NAMES, "firstName": NAMES, "lastName": NAMES, "x": TEXTS},
)
EDITED = st.fixed_dictionaries({}, optional={"email": EMAILS, "phone": NAMES, "firstName": NAMES, "lastName": NAMES})
MONEY = "($id: Int!, $credit: String!, $note: String, $key: String)"
MOVED = "resellerId: $id, credit: $credit, note: $note, idempotencyKey: $key"
GROUP = "($id: Int!, $group: Int!)"
LEVEL = "($id: Int!, $level: ResellerLevelName!)"
#: Calls that get far: their shape is right, and much of what they hold.
CALLS = {
    f"mutation ($reseller: ResellerCreate!) {{ createReseller(reseller: $reseller) {RESELLER} }}": {"reseller": NEW},
    f"mutation {MUTATIONS['editReseller'][0]} {RESELLER} }}": {"id": IDS, "reseller": EDITED},
    f"mutation {MUTATIONS['deleteReseller'][0]} {RESELLER} }}": {"id": IDS},
    f"mutation {LEVEL} {{ setResellerLevel(resellerId: $id, level: $level) {RESELLER} }}": {"id": IDS, "level": LEVELS},
    **{
        f"mutation {MONEY} {{ {act}ResellerCredit({MOVED}) {RESELLER} }}": {
            "id": IDS,
            "credit": AMOUNTS,
            "note": NAMES,
            "key": st.one_of(st.sampled_from(["a", "b"]), NAMES),
        }
        for act in ("add", "deduct")
    },
    **{
        f"mutation {GROUP} {{ {act}ResellerServiceGroup(resellerId: $id, serviceGroupId: $group) {RESELLER} }}": {
            "id": IDS,
            "group": IDS,
        }
        for act in ("add", "remove")
    },
    **{query: {"id": IDS} if "$id" in query else {} for query, _code in QUERIES.values()},
}


def call(query: str, variables: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries({"query": st.just(query), "variables": st.fixed_dictionaries(variables)})


def made_up(make: Callable[..., st.SearchStrategy[Any]], names: dict[str, Any]) -> list[st.SearchStrategy[Any]]:
    """Return queries that a generator makes up from the schema: valid ones for each field, and invalid ones."""
    valid = [make(SDL, fields=[name]) for name in names]
    found = [*valid, make(SDL), make(SDL, mode=Mode.NEGATIVE)]
    return [st.fixed_dictionaries({"query": each}) for each in found]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda it: st.lists(it) | st.dictionaries(st.text(), it),
)
BODIES = st.one_of(
    st.one_of([call(query, variables) for query, variables in CALLS.items()]),
    st.one_of([*made_up(queries, QUERIES), *made_up(mutations, MUTATIONS)]),
    st.fixed_dictionaries({"query": st.text(), "variables": JSON, "operationName": JSON}),
    JSON,
    st.binary(max_size=200),
)


def with_real_ids(body: Any) -> Any:
    """Return the body with an id of something that is there in the place of each small number."""
    variables = body.get("variables") if isinstance(body, dict) else None
    if not isinstance(variables, dict):
        return body
    real = dict(variables)
    for name, model in (("id", Reseller), ("group", ServiceGroup)):
        number = real.get(name)
        if isinstance(number, int) and 1 <= number <= FEW:
            ids = list(model._default_manager.order_by("-pk").values_list("pk", flat=True)[:FEW])
            real[name] = ids[number % len(ids)]
    return {**body, "variables": real}


# --- what comes back --------------------------------------------------------------------------------------------------


@dataclass
class Watch:
    """Looks at every answer, and at what is in the database after it."""

    outcome: Outcome
    secrets: list[str]
    kept: tuple[Any, ...] = ()
    told: int = 0
    seen: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.kept, self.told = fingerprint()

    def look_at(self, body: object, answer: Answer) -> None:
        for finding in self.findings(answer):
            if finding not in self.seen:
                self.seen.add(finding)
                self.outcome.findings.append(f"{finding}: {body!r:.400} was answered {answer.body!r:.400}")

    def findings(self, answer: Answer) -> list[str]:
        kept, told = fingerprint()
        rows_stayed, refusals = kept == self.kept, told - self.told
        self.kept, self.told = kept, told
        found = [
            f"gives {secret!r} away" for secret in (*self.secrets, *TRACES) if secret in answer.http.content.decode()
        ]
        if answer.status == 200:
            well_formed = set(answer.body) == {"data"} and answer.data is not None
            self.outcome.count("answered with data")
        else:
            well_formed = set(answer.body) == {"data", "errors"} and answer.data is None
            well_formed = well_formed and bool(answer.body["errors"]) and all(map(is_error, answer.body["errors"]))
            self.outcome.count(f"refused with {answer.status}")
            if not rows_stayed:
                found.append("a refused call wrote something")
            if refusals > (answer.status == 403):
                found.append("a refused call wrote into the trail")
        if not well_formed:
            found.append("is not in the one shape")
        if answer.status >= 500:
            found.append(f"is a fault ({answer.status})")
        return found


def is_error(error: dict[str, Any]) -> bool:
    """Say whether the error is in the one shape, with a code that is documented."""
    extensions = error.get("extensions", {})
    return (
        set(error) == {"message", "path", "extensions"}
        and isinstance(error["message"], str)
        and bool(error["message"].strip())
        and isinstance(error["path"], list)
        and set(extensions) <= {"code", "field"}
        and extensions["code"] in CODES
    )


def fingerprint() -> tuple[tuple[Any, ...], int]:
    """Return what tells the present rows from any others, and how many rows the trail has."""
    sums = ", ".join(f"(SELECT coalesce(sum(hashtextextended(t::text, 0)), 0) FROM {table} t)" for table in KEPT)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT (SELECT count(*) FROM audit_entries), {sums}")
        told, *kept = cursor.fetchone()
    return tuple(kept), told


def secrets_of(*callers: Caller) -> list[str]:
    given = [django_settings.SECRET_KEY, PASSWORD, *(one.bearer for one in callers if one.bearer)]
    return [*given, *django_settings.DATABASES["default"].get("PASSWORD", "").split()]


def run_api(*, admin: User, kind: str, cases: int, number: int) -> Outcome:
    """Ask so many times with one kind of token.

    :param number: the seed.
    """
    outcome = Outcome(f"API, {kind}")
    with override_settings(API_REQUESTS_PER_MINUTE=10**9):
        name = f"asked.{KINDS.index(kind)}"
        own = make_reseller(admin, f"{name}.own", "Own Net")
        make_reseller(admin, f"{name}.sub", "Sub Net", parent=own, permission_group=group("SALES"))
        make_reseller(admin, f"{name}.other", "Other Net")
        there = Reseller.objects.count()
        one = {"admin token": lambda: caller(admin), "reseller token": lambda: caller(own.user, "reseller")}
        asking = one.get(kind, lambda: Caller(None))()
        watch = Watch(outcome, secrets_of(asking))

        @seed(number)
        @settings(
            max_examples=cases,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(BODIES)
        def ask(body: Any) -> None:
            body = with_real_ids(body)
            watch.look_at(body, asking.post(body if isinstance(body, bytes) else json.dumps(body)))

        ask()
    outcome.count("requests", cases)
    outcome.count("resellers made", Reseller.objects.count() - there)
    return outcome
