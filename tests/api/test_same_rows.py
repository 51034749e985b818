"""The page and the API leave the same rows: they are two doors to one operation."""

import json
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction
from django.http import HttpResponse
from django.test import Client

from accounts.models import User
from plans.models import Level, ServiceGroup
from resellers.models import Reseller
from tests.api.asking import CREATE, PARTNER, Caller, caller
from tests.api.test_acts import ADD, DEDUCT, DELETE, EDIT, GIVE, LEVEL, TAKE
from tests.cast import fund, signed_in
from tests.pages import filled, send

#: Where a request as such leaves something, whatever it asks for.
OF_REQUESTS = {"api_tokens", "failure_counts", "sessions", "known_addresses"}
#: What is another each time: where it came from, what it is encrypted and hashed with, the client's own key.
EACH_ITS_OWN = {"address", "user_agent", "request_id", "password", "ciphertext", "digest", "key"}
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[\d.]*(\+00:00)?")
THROUGH = re.compile(r"API token A shop \(isp_\w+…\)( · )?")


def tables() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
        return [name for (name,) in cursor.fetchall() if name not in OF_REQUESTS and "procrastinate" not in name]


def rows() -> Counter[str]:
    """Return every row of the database in words, how often it is there, ids and moments apart."""
    found: Counter[str] = Counter()
    for table in tables():
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT to_jsonb(t) FROM {table} t")
            found.update(f"{table} {in_words(json.loads(row))}" for (row,) in cursor.fetchall())
    return found


def in_words(row: dict[str, Any]) -> str:
    told = {name: value for name, value in row.items() if name not in EACH_ITS_OWN}
    ids = {name: value and "an id" for name, value in told.items() if name == "id" or name.endswith("_id")}
    return MOMENT.sub("a moment", THROUGH.sub("", json.dumps(told | ids, sort_keys=True, ensure_ascii=False)))


def left_by(act: Callable[[], object]) -> tuple[Counter[str], Counter[str]]:
    """Return the rows that are there after the act and were not before, and those that went, and undo it."""
    with transaction.atomic():
        before = rows()
        act()
        after = rows()
        transaction.set_rollback(True)
    return after - before, before - after


@pytest.fixture
def browser(asha: User) -> Client:
    """Return the admin's browser."""
    return signed_in(asha)


@pytest.fixture
def shop(asha: User) -> Caller:
    """Return a system with the same admin's token."""
    return caller(asha)


def both_leave_the_same(by_page: Callable[[], HttpResponse], by_api: Callable[[], Any]) -> Counter[str]:
    """Check it, and return the rows."""

    def press() -> None:
        assert by_page().status_code == 303

    def ask() -> None:
        answer = by_api()
        assert answer.status == 200, answer.body

    page, api = left_by(press), left_by(ask)
    assert page == api
    return page[0]


def test_creating_a_reseller(browser: Client, shop: Caller) -> None:
    gold = Level.objects.get(name="GOLD")
    typed = {
        "username": PARTNER["email"],
        "password": PARTNER["password"],
        "email": PARTNER["email"],
        "phone": PARTNER["phone"],
        "full_name": "John Partner",
        "company_name": "John Partner",
        "starting_balance": PARTNER["credit"],
        "level": gold.pk,
        "permission_group": gold.default_permission_group_id,
        "credit_limit": "",
        "service_groups": None,
    }
    ask = 'mutation ($reseller: ResellerCreate!) { createReseller(reseller: $reseller, idempotencyKey: "k") { id } }'

    made = both_leave_the_same(
        lambda: send(browser, "/resellers/new", **typed), lambda: shop.ask(ask, reseller=PARTNER)
    )

    tables = {row.split(" ")[0] for row in made}
    assert tables == {
        "users", "login_names", "initial_passwords", "resellers", "ledger_accounts", "transfers", "entries",
        "audit_entries", "idempotency_keys",
    }  # fmt: skip


def test_editing_a_reseller(browser: Client, shop: Caller, north: Reseller) -> None:
    contact = {"email": "new@north.example", "phone": "+1 555"}
    typed = contact | {"full_name": "Nadia North", "credit_limit": "0"}
    names = {"firstName": "Nadia", "lastName": "North"}

    both_leave_the_same(
        lambda: send(browser, f"/resellers/{north.pk}/edit/", **typed),
        lambda: shop.ask(EDIT, id=north.pk, reseller=contact | names),
    )


def test_deleting_a_reseller(browser: Client, shop: Caller, north: Reseller) -> None:
    both_leave_the_same(
        lambda: send(browser, f"/resellers/{north.pk}/deletion/"), lambda: shop.ask(DELETE, id=north.pk)
    )


def test_changing_a_level(browser: Client, shop: Caller, north: Reseller) -> None:
    north.wallet.credit_limit = 100_000
    north.wallet.save(update_fields=["credit_limit"])
    bronze = Level.objects.get(name="BRONZE")

    both_leave_the_same(
        lambda: send(browser, f"/resellers/{north.pk}/level/", level=bronze.pk),
        lambda: shop.ask(LEVEL, id=north.pk, level="BRONZE"),
    )


def test_transferring_and_withdrawing(browser: Client, shop: Caller, asha: User, north: Reseller) -> None:
    fund(north.wallet, "500", actor=asha)

    for address, query in (("transfers", ADD), ("withdrawals", DEDUCT)):
        both_leave_the_same(
            lambda address=address: send(  # type: ignore[misc]
                browser, f"/resellers/{north.pk}/{address}/", amount="20.5", note="May"
            ),
            lambda query=query: shop.ask(query, id=north.pk, credit="20.5", note="May", key="k"),  # type: ignore[misc]
        )


def test_giving_and_taking_a_service_group(browser: Client, shop: Caller, north: Reseller, northeast: Reseller) -> None:
    every, special = ServiceGroup.objects.get(), ServiceGroup.objects.create(name="Special")
    address = f"/resellers/{north.pk}/scope/"

    both_leave_the_same(
        lambda: send(browser, address, service_groups=[every.pk, special.pk]),
        lambda: shop.ask(GIVE, id=north.pk, group=special.pk),
    )
    both_leave_the_same(lambda: taken(browser, address), lambda: shop.ask(TAKE, id=north.pk, group=every.pk))


def taken(browser: Client, address: str) -> HttpResponse:
    """Take all service groups on the page, which first shows what that takes from whom, and then does it."""
    shown = send(browser, address, service_groups=None)
    digest = shown.context["form"].taking.digest
    return browser.post(address, filled(shown, service_groups=None, shown=digest))


def test_a_create_that_is_refused_leaves_what_the_page_leaves(browser: Client, shop: Caller) -> None:
    weak = PARTNER | {"password": "short"}

    api = left_by(lambda: shop.ask(CREATE, reseller=weak))

    assert api == (Counter(), Counter())
