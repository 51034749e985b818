"""Settings → Levels: what each level gives, changed, refused and audited."""

from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.http import HttpResponse
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from audit.actions import Action
from audit.models import AuditEntry
from plans.models import Level
from resellers.models import Reseller
from tests.cast import NOW, group, make_reseller, signed_in
from tests.pages import body, counts, error_at, filled, links_of, rows_of, send
from tests.resellers.scopes import level
from wallet.models import LedgerAccount

LIST = "/settings/levels/"


def edit_of(of: Level) -> str:
    return f"{LIST}{of.pk}/edit/"


def edited(user: User, of: Level, **typed: Any) -> HttpResponse:
    """Open the page, change what is typed, send it, and read the level afresh."""
    response = send(signed_in(user), edit_of(of), **typed)
    of.refresh_from_db()
    return response


@pytest.fixture
def gold(db: None) -> Level:
    return level("GOLD")


def test_four_levels_are_shipped_from_the_lowest_to_the_highest(asha: User) -> None:
    assert [row[:7] for row in rows_of(signed_in(asha).get(LIST))] == [
        ["BRONZE", "0%", "0.00", "500.00", "SALES", "—", "0"],
        ["SILVER", "5%", "500.00", "2,000.00", "SALES", "—", "0"],
        ["GOLD", "10%", "2,000.00", "10,000.00", "SALES", "Priority", "0"],
        ["PLATINUM", "15%", "5,000.00", "None", "SALES", "Priority", "0"],
    ]


def test_a_level_counts_its_resellers_without_the_deleted_ones(asha: User, gold: Level) -> None:
    _kept, gone = (make_reseller(asha, name, name, level=gold) for name in ("kept", "gone"))
    Reseller.objects.filter(pk=gone.pk).update(deleted_at=NOW)

    assert [row[6] for row in rows_of(signed_in(asha).get(LIST))] == ["0", "0", "1", "0"]


def test_an_admin_changes_what_a_level_gives(asha: User, gold: Level) -> None:
    response = edited(
        asha,
        gold,
        default_permission_group=group("SUPPORT").pk,
        default_credit_limit="-250",
        highest_credit_limit="750",
        discount="12.5",
        has_priority_support=None,
    )

    assert (response.status_code, response.url) == (303, edit_of(gold))
    assert (gold.default_permission_group, gold.has_priority_support) == (group("SUPPORT"), False)
    assert (gold.default_credit_limit, gold.highest_credit_limit, gold.discount) == (250, 750, Decimal("12.5"))


def test_without_a_highest_credit_limit_any_is_allowed(asha: User, gold: Level) -> None:
    edited(asha, gold, highest_credit_limit="")

    assert gold.highest_credit_limit is None
    assert gold.allows(Decimal(10**9))


def test_it_is_audited_with_old_and_new_and_the_page_shows_it(asha: User, gold: Level) -> None:
    client = signed_in(asha)
    send(client, edit_of(gold), discount="12.50")

    entry = AuditEntry.objects.latest("id")
    assert (entry.action, entry.actor_name, entry.object_name) == (Action.LEVEL_EDITED, "asha", "GOLD")
    assert entry.changes == {"discount": ["10", "12.5"]}
    assert "Edited level GOLD" in body(client.get(edit_of(gold)))
    assert edit_of(gold) in links_of(client.get(f"/audit/{entry.pk}/"))


def test_saving_what_was_there_leaves_no_trace(asha: User, gold: Level) -> None:
    before = counts()

    assert edited(asha, gold).status_code == 303

    assert counts() == before


@pytest.mark.parametrize(
    ("field", "typed", "message"),
    [
        ("discount", "100.01", "Ensure this value is less than or equal to 100."),
        ("discount", "-1", "Ensure this value is greater than or equal to 0."),
        ("discount", "5.005", "Ensure that there are no more than 2 decimal places."),
        ("discount", "", "This field is required."),
        ("discount", "NaN", "Enter a number."),
        ("default_credit_limit", "", "Enter an amount, for example 25.00."),
        ("default_credit_limit", "1e3", "Enter digits with a point for decimals, for example 25.00."),
        (
            "default_credit_limit",
            "10000.01",
            "The default is above the highest credit limit, 10,000.00 USD. Enter that much or less.",
        ),
        ("highest_credit_limit", "0.001", "USD has 2 decimals; enter no more than that."),
        (
            "default_permission_group",
            "987654",
            "Select a valid choice. That choice is not one of the available choices.",
        ),
    ],
)
def test_editing_is_refused_at_the_field(asha: User, gold: Level, field: str, typed: str, message: str) -> None:
    before = counts()

    response = edited(asha, gold, **{"has_priority_support": None, field: typed})

    assert response.status_code == 422
    assert error_at(response, field) == message
    assert (counts(), gold.has_priority_support) == (before, True)


def test_a_lowered_highest_touches_nobody_and_says_who_is_above_it(asha: User, gold: Level) -> None:
    for name, limit in (("high", "9000"), ("higher", "9500"), ("low", "100")):
        make_reseller(asha, name, f"{name.title()} Net", level=gold, credit_limit=Decimal(limit))
    client = signed_in(asha)

    send(client, edit_of(gold), highest_credit_limit="5000")
    page = client.get(edit_of(gold))

    assert "2 resellers have a higher credit limit, and keep it." in body(page)
    assert "Higher Net 9,500.00 High Net 9,000.00" in body(page)
    assert "Low Net" not in body(page)
    assert Reseller.objects.get(company_name="Higher Net").wallet.credit_limit == 9500


def test_a_stale_form_is_refused(asha: User, gold: Level) -> None:
    client = signed_in(asha)
    stale = filled(client.get(edit_of(gold)), discount="50")
    send(client, edit_of(gold), discount="11")

    response = client.post(edit_of(gold), stale)

    gold.refresh_from_db()
    assert "Somebody changed this level meanwhile." in body(response)
    assert gold.discount == 11


@pytest.mark.parametrize("method", ["get", "post"])
def test_nobody_but_an_admin_sees_or_changes_levels(
    nadia: User, sami: User, noor: User, petra: User, gold: Level, method: str
) -> None:
    for user in (nadia, sami, noor, petra):
        assert getattr(signed_in(user), method)(edit_of(gold), {"discount": "100"}).status_code == 403, user
        assert signed_in(user).get(LIST).status_code == 403, user

    gold.refresh_from_db()
    assert gold.discount == 10


def test_the_number_of_queries_does_not_grow(asha: User, gold: Level) -> None:
    client, costs = signed_in(asha), {}

    for more in (1, 6):
        for number in range(more):
            above = make_reseller(asha, f"res{more}{number}", "A Net", level=gold)
            LedgerAccount.objects.filter(pk=above.wallet_id).update(credit_limit=20_000)
        for url in (LIST, edit_of(gold)):
            with CaptureQueriesContext(connection) as captured:
                client.get(url)
            costs.setdefault(url, set()).add(len(captured))

    assert all(len(each) == 1 and max(each) <= 10 for each in costs.values()), costs


@pytest.mark.parametrize(
    "wrong",
    [
        "discount = 100.01",
        "discount = -0.01",
        "default_credit_limit = -1",
        "highest_credit_limit = default_credit_limit - 1",
        "name = 'DIAMOND'",
    ],
)
def test_the_database_refuses_what_is_no_level(gold: Level, wrong: str) -> None:
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE levels SET {wrong} WHERE name = 'GOLD'")
