"""createReseller: the request of a shop, what it is answered, and what it leaves."""

import re
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from accounts.full_names import joined
from accounts.models import InitialPassword, User
from audit.models import AuditEntry
from plans.models import Level
from resellers.models import Reseller
from tests.api.asking import CREATE, PARTNER, Caller, caller
from tests.cast import HANDLER, group, make_reseller
from tests.pages import counts
from wallet.models import AccountKind, Transfer, TransferKind

MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
#: What is left out comes back as null.
LEAST = {"email": "partner@company.com", "password": "SecurePass123!"}


@pytest.fixture
def shop(asha: User) -> Caller:
    """Return a system with an admin token."""
    return caller(asha)


def test_this_request_gets_this_answer(shop: Caller) -> None:
    answer = shop.ask(CREATE, reseller=PARTNER)

    created = answer.data["createReseller"]
    assert (answer.status, answer.http["Content-Type"]) == (200, "application/json")
    assert created.pop("id") == str(Reseller.objects.get().pk)
    assert MOMENT.fullmatch(created.pop("createdAt"))
    assert answer.body == {
        "data": {
            "createReseller": {
                "email": "partner@company.com",
                "firstName": "John",
                "lastName": "Partner",
                "credit": "1000",
                "level": "GOLD",
                "phone": "+1234567890",
            }
        }
    }


def test_sent_again_it_is_refused_in_the_one_shape(shop: Caller) -> None:
    shop.ask(CREATE, reseller=PARTNER)

    again = shop.ask(CREATE, reseller=PARTNER | {"email": "Partner@Company.com"})

    assert again.status == 400
    assert again.body == {
        "data": None,
        "errors": [
            {
                "message": "A reseller with this email already exists",
                "path": ["createReseller"],
                "extensions": {"code": "EMAIL_EXISTS", "field": "email"},
            }
        ],
    }


def test_it_leaves_the_reseller_its_opening_its_terms_and_its_row_in_the_trail(shop: Caller, asha: User) -> None:
    shop.ask(CREATE, reseller=PARTNER)

    reseller = Reseller.objects.select_related("user", "wallet", "level").get()
    gold = Level.objects.get(name="GOLD")
    opening = Transfer.objects.get()
    entry = AuditEntry.objects.get(action="reseller.created")
    assert (reseller.user.username, reseller.company_name) == ("partner@company.com", "John Partner")
    assert (reseller.level, reseller.permission_group) == (gold, gold.default_permission_group)
    assert reseller.wallet.credit_limit == gold.default_credit_limit
    assert not reseller.service_groups.exists()
    assert (opening.kind, opening.amount) == (TransferKind.OPENING, Decimal(1000))
    assert (opening.sent_by.kind, opening.received_by) == (AccountKind.PLATFORM, reseller.wallet)
    assert (entry.actor_name, entry.object_id, opening.audit_entry_id) == ("asha", reseller.pk, entry.pk)
    assert "A shop" in entry.detail


def test_the_login_works_in_the_panel(shop: Caller) -> None:
    shop.ask(CREATE, reseller=PARTNER)
    browser = Client()
    browser.handler = HANDLER

    answer = browser.post(reverse("accounts:sign_in"), {"login": "partner@company.com", "password": "SecurePass123!"})

    assert answer.status_code == 302
    assert browser.get("/", follow=True).redirect_chain[-1][0] == reverse("accounts:password")


def test_what_is_left_out_comes_back_as_null(shop: Caller) -> None:
    query = CREATE.replace("createdAt", "username serviceGroups { name }")

    created = shop.ask(query, reseller=LEAST).data["createReseller"]

    assert created.pop("id")
    assert created == {
        "email": "partner@company.com",
        "username": "partner@company.com",
        "firstName": None,
        "lastName": None,
        "credit": "0",
        "level": None,
        "phone": None,
        "serviceGroups": [],
    }
    reseller = Reseller.objects.get()
    assert (reseller.company_name, reseller.permission_group) == ("partner@company.com", group("SALES"))
    assert not Transfer.objects.exists()


def test_null_is_as_good_as_left_out(shop: Caller) -> None:
    nothing = dict.fromkeys(("credit", "level", "phone", "firstName", "lastName"))

    answer = shop.ask(CREATE, reseller=LEAST | nothing)

    assert answer.data["createReseller"]["credit"] == "0"


@pytest.mark.parametrize(
    ("first", "last"),
    [("Mary Ann", None), (None, "Partner"), ("Jan", "van der Berg"), ("A B", "B"), ("Zoë", "O’Neill"), ("B", "B")],
)
def test_first_and_last_name_come_back_as_sent(shop: Caller, first: str | None, last: str | None) -> None:
    created = shop.ask(CREATE, reseller=LEAST | {"firstName": first, "lastName": last}).data["createReseller"]

    assert (created["firstName"], created["lastName"]) == (first, last)
    assert Reseller.objects.get().user.full_name == joined(first or "", last or "")


@pytest.mark.parametrize(
    ("sent", "comes_back"), [("1000.5", "1000.50"), ("1000.00", "1000"), ("0.01", "0.01"), ("0", "0"), (" 7 ", "7")]
)
def test_money_is_a_string_and_whole_amounts_have_no_decimals(shop: Caller, sent: str, comes_back: str) -> None:
    created = shop.ask(CREATE, reseller=LEAST | {"credit": sent}).data["createReseller"]

    assert created["credit"] == comes_back


@pytest.mark.parametrize(
    ("sent", "code", "field", "words"),
    [
        ({"credit": "-5"}, "INVALID_AMOUNT", "credit", "Enter an amount above zero, without a minus sign."),
        ({"credit": "1e3"}, "INVALID_AMOUNT", "credit", "Enter digits with a point"),
        ({"credit": "NaN"}, "INVALID_AMOUNT", "credit", "Enter digits with a point"),
        ({"credit": ""}, "INVALID_AMOUNT", "credit", "Enter an amount"),
        ({"credit": "1.005"}, "INVALID_AMOUNT", "credit", "USD has 2 decimals"),
        ({"credit": "1" + "0" * 20}, "INVALID_AMOUNT", "credit", "The highest amount is"),
        ({"password": "short"}, "WEAK_PASSWORD", "password", "at least 12 characters"),
        ({"password": ""}, "WEAK_PASSWORD", "password", "required"),
        ({"password": "x" * 129}, "WEAK_PASSWORD", "password", "128"),
        ({"password": "partner@company.com"}, "WEAK_PASSWORD", "password", "username"),
        ({"email": "nobody"}, "VALIDATION_ERROR", "email", "Enter a valid email address."),
        ({"email": ""}, "VALIDATION_ERROR", "email", "required"),
        ({"email": "o'brien@company.com"}, "VALIDATION_ERROR", "email", "Use only letters a to z"),
        ({"email": f"{'x' * 60}@{'y' * 60}.{'z' * 60}.com"}, "VALIDATION_ERROR", "email", "150 characters"),
        ({"phone": "1" * 41}, "VALIDATION_ERROR", "phone", "at most 40 characters"),
        ({"firstName": "n" * 151}, "VALIDATION_ERROR", "firstName", "at most 150 characters"),
        ({"firstName": "n" * 80, "lastName": "n" * 80}, "VALIDATION_ERROR", "lastName", "at most 150 characters"),
        ({"phone": "1\0"}, "VALIDATION_ERROR", "phone", "Null characters"),
    ],
)
def test_it_is_refused_with_the_field_and_its_message(
    shop: Caller, sent: dict[str, str], code: str, field: str, words: str
) -> None:
    before = counts()

    answer = shop.ask(CREATE, reseller=LEAST | sent)

    assert (answer.status, answer.error["path"]) == (400, ["createReseller"])
    assert answer.error["extensions"] == {"code": code, "field": field}
    assert words in answer.error["message"]
    assert counts() == before


def test_an_email_that_is_another_logins_username_exists(shop: Caller, asha: User) -> None:
    make_reseller(asha, "partner@company.com", "Other", email="partner@company.com")

    assert shop.ask(CREATE, reseller=PARTNER).code == "EMAIL_EXISTS"


def test_the_password_is_kept_as_an_initial_one_and_told_to_nobody(
    shop: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    answer = shop.ask(CREATE, reseller=PARTNER)

    assert InitialPassword.objects.count() == 1
    assert "SecurePass123!" not in answer.http.content.decode() + caplog.text


def test_a_level_that_is_not_there_is_said(shop: Caller) -> None:
    answer = shop.ask(CREATE, reseller=LEAST | {"level": "DIAMOND"})

    assert (answer.status, answer.code) == (400, "LEVEL_NOT_FOUND")
