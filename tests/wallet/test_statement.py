"""The statement of a wallet: its arithmetic, its days, its page and its CSV file."""

import csv
import io
import itertools
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pypdf import PdfReader

from accounts.models import PermissionGroup, User
from audit.actions import Action
from audit.models import AuditEntry
from ispanel.models import PanelSettings
from resellers.models import Reseller
from tests.cast import fund, group, make_staff, make_wallet, seat_of, signed_in, told_of
from tests.pages import body, error_at, links_of, rows_of
from wallet import ledger
from wallet.models import Entry, LedgerAccount, TransferKind
from wallet.statements import Period, Statement, last_month, statement_of, this_month, this_year

MAY = Period(date(2026, 5, 1), date(2026, 5, 31))


def at(day: int, hour: int = 12, minute: int = 0, month: int = 5) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


def charge(actor: User, wallet: LedgerAccount, amount: str, now: datetime) -> None:
    ledger.post(
        actor=seat_of(actor),
        kind=TransferKind.RENEWAL,
        debit=wallet,
        credit=ledger.income_account(),
        amount=Decimal(amount),
        trail=told_of(wallet, actor=actor, now=now),
        note="amal",
        now=now,
    )


@pytest.fixture
def wallet(asha: User, north: Reseller) -> LedgerAccount:
    """Return North's wallet after money of April, May and June."""
    fund(north.wallet, "1000", actor=asha, now=at(20, month=4))
    charge(asha, north.wallet, "25", at(28, month=4))
    fund(north.wallet, "200.50", actor=asha, now=at(1, 0))
    charge(asha, north.wallet, "30", at(14))
    charge(asha, north.wallet, "45", at(31, 23, 59))
    charge(asha, north.wallet, "7", at(1, 0, month=6))
    return north.wallet


def amounts_of(statement: Statement) -> list[Decimal]:
    return [line.amount for line in statement.lines]


# --- arithmetic -------------------------------------------------------------------------------------------------------


def test_it_opens_with_what_was_there_and_closes_with_what_is_left(wallet: LedgerAccount) -> None:
    statement = statement_of(wallet, MAY)

    assert statement.opening == 975
    assert amounts_of(statement) == [Decimal("200.50"), -30, -45]
    assert [line.balance for line in statement.lines] == [Decimal("1175.50"), Decimal("1145.50"), Decimal("1100.50")]
    assert (statement.money_in, statement.money_out) == (Decimal("200.50"), 75)
    assert statement.closing == Decimal("1100.50")


def test_its_balances_are_those_of_the_books(wallet: LedgerAccount) -> None:
    lines = statement_of(wallet, Period(date(2026, 1, 1), date(2026, 12, 31))).lines

    entries = Entry.objects.filter(account=wallet).order_by("id")
    assert [(line.transfer_id, line.balance) for line in lines] == [(e.transfer_id, e.balance_after) for e in entries]
    wallet.refresh_from_db()
    assert lines[-1].balance == wallet.balance


def test_the_kinds_add_up_to_it(wallet: LedgerAccount) -> None:
    statement = statement_of(wallet, MAY)

    assert [(total.kind, total.count, total.money_in, total.money_out) for total in statement.totals] == [
        (TransferKind.TRANSFER, 1, Decimal("200.50"), 0),
        (TransferKind.RENEWAL, 2, 0, 75),
    ]


def test_a_period_closes_with_what_the_next_one_opens_with(wallet: LedgerAccount) -> None:
    days = [date(2026, 4, 15) + timedelta(days=number) for number in range(60)]
    statements = [statement_of(wallet, Period(day, day)) for day in days]

    for before, after in itertools.pairwise(statements):
        assert before.closing == after.opening, after.period
    assert sum(len(statement.lines) for statement in statements) == Entry.objects.filter(account=wallet).count()


def test_a_period_without_lines_holds_the_same_all_through(wallet: LedgerAccount) -> None:
    statement = statement_of(wallet, Period(date(2026, 5, 2), date(2026, 5, 13)))

    assert (statement.opening, statement.closing) == (Decimal("1175.50"), Decimal("1175.50"))
    assert (statement.lines, statement.totals, statement.money_in, statement.money_out) == ([], [], 0, 0)


def test_before_its_first_line_a_wallet_held_nothing(wallet: LedgerAccount) -> None:
    statement = statement_of(wallet, Period(date(2025, 1, 1), date(2025, 12, 31)))

    assert (statement.opening, statement.closing) == (0, 0)


def test_what_was_posted_the_other_way_round_about_midnight_is_each_on_its_own_day(asha: User, north: Reseller) -> None:
    fund(north.wallet, "100", actor=asha, now=at(13))
    charge(asha, north.wallet, "1", at(15, 0))
    charge(asha, north.wallet, "10", at(14, 23, 59))

    before, after = (statement_of(north.wallet, Period(date(2026, 5, day), date(2026, 5, day))) for day in (14, 15))

    assert (before.opening, amounts_of(before), before.closing) == (100, [-10], 90)
    assert (after.opening, amounts_of(after), after.closing) == (90, [-1], 89)


def test_an_account_of_the_house_has_one_too(asha: User, wallet: LedgerAccount) -> None:
    statement = statement_of(ledger.income_account(), MAY)

    assert (statement.opening, amounts_of(statement), statement.closing) == (25, [30, 45], 100)
    assert [line.other for line in statement.lines] == ["North Net", "North Net"]


# --- days -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "amounts"),
    [
        ("UTC", [Decimal("200.50"), Decimal(-30), Decimal(-45)]),
        ("Asia/Beirut", [Decimal("200.50"), Decimal(-30)]),  # three hours ahead: the last one is of 1 June
        ("America/New_York", [Decimal(-30), Decimal(-45), Decimal(-7)]),  # four behind: the first one is of 30 April
    ],
)
def test_days_begin_at_midnight_of_the_installation(wallet: LedgerAccount, zone: str, amounts: list[Decimal]) -> None:
    PanelSettings.objects.update(time_zone=zone)

    assert amounts_of(statement_of(wallet, MAY)) == amounts


def test_a_day_of_23_hours_is_a_day(asha: User, db: None) -> None:
    PanelSettings.objects.update(time_zone="Europe/Berlin")
    wallet = make_wallet(actor=asha)
    for hour in (28 * 24 + 22, 28 * 24 + 23, 29 * 24 + 21, 29 * 24 + 22):  # clocks go forward on 29 March
        fund(wallet, "1", actor=asha, now=datetime(2026, 2, 28, tzinfo=UTC) + timedelta(hours=hour))

    counts = [len(statement_of(wallet, Period(day, day)).lines) for day in (date(2026, 3, 28), date(2026, 3, 29))]

    assert counts == [1, 2]


@pytest.mark.parametrize(
    ("zone", "now", "month", "year"),
    [
        ("UTC", at(14), (MAY.start, date(2026, 5, 14)), date(2026, 1, 1)),
        ("Asia/Dhaka", at(30, 20, month=4), (MAY.start, MAY.start), date(2026, 1, 1)),
        ("America/New_York", datetime(2026, 1, 1, 2, tzinfo=UTC), (date(2025, 12, 1), date(2025, 12, 31)), None),
    ],
)
def test_the_periods_at_hand_are_of_the_installations_day(
    db: None, zone: str, now: datetime, month: tuple[date, date], year: date | None
) -> None:
    PanelSettings.objects.update(time_zone=zone)

    assert this_month(now) == Period(*month)
    assert last_month(now).end == month[0] - timedelta(days=1)
    assert last_month(now).start.day == 1
    assert this_year(now).start == (year or date(2025, 1, 1))


# --- the page ---------------------------------------------------------------------------------------------------------


def url_of(wallet: LedgerAccount, query: str = "start=2026-05-01&end=2026-05-31", file: str = "") -> str:
    return f"/wallets/{wallet.pk}/statement/{file}?{query}"


def test_the_page_shows_it(wallet: LedgerAccount, nadia: User) -> None:
    response = signed_in(nadia).get(url_of(wallet))

    page = body(response)
    for text in ("Opening balance 975.00 USD", "In 200.50 USD", "Out 75.00 USD", "Closing balance 1,100.50 USD"):
        assert text in page, text
    assert [row[1:] for row in rows_of(response)] == [
        ["Transfer", "Platform", "—", "200.50", "1,175.50"],
        ["Renewal", "Income", "amal", "−30.00", "1,145.50"],
        ["Renewal", "Income", "amal", "−45.00", "1,100.50"],
    ]
    assert "Renewal 2 0.00 75.00" in page


def test_it_leads_back_to_the_wallet_for_those_who_may_open_it(
    wallet: LedgerAccount, nadia: User, north: Reseller, south: Reseller
) -> None:
    codes = ["transactions.view", "transactions.view_all"]
    south.permission_group = PermissionGroup.objects.create(name="BOOKS", codes=codes)
    south.save(update_fields=["permission_group"])
    back = f"/resellers/{north.pk}/transactions/"

    own, read = (signed_in(user).get(f"/wallets/{wallet.pk}/statement/") for user in (nadia, south.user))

    assert back in links_of(own)
    assert read.status_code == 200
    assert back not in links_of(read)


def test_it_is_last_months_unless_the_address_says_otherwise(wallet: LedgerAccount, nadia: User) -> None:
    response: Any = signed_in(nadia).get(f"/wallets/{wallet.pk}/statement/")

    assert response.context["statement"].period == last_month(timezone.now())
    assert "Nothing came or went" in body(response) or rows_of(response)


BAD_PERIODS = {
    "ends before it begins": (
        "start=2026-05-02&end=2026-05-01", "end", "The period ends before it begins. Choose this day or a later one.",
    ),
    "no end": ("start=2026-05-02", "end", "This field is required."),
    "no day": ("start=2026-02-30&end=2026-05-01", "start", "Enter a valid date."),
    "no start": ("start=&end=2026-05-01", "start", "This field is required."),
}  # fmt: skip


@pytest.mark.parametrize("file", ["", "csv", "pdf"])
@pytest.mark.parametrize(("query", "field", "message"), BAD_PERIODS.values(), ids=BAD_PERIODS)
def test_a_period_that_is_none_is_refused_at_its_field(
    wallet: LedgerAccount, nadia: User, query: str, field: str, message: str, file: str
) -> None:
    before = AuditEntry.objects.count()

    response = signed_in(nadia).get(url_of(wallet, query, file))

    assert response.status_code == 422
    assert error_at(response, field) == message
    assert "Opening balance" not in body(response)
    assert AuditEntry.objects.count() == before


@pytest.mark.parametrize("query", ["start=0001-01-01&end=9999-12-31", "start=2026-05-01&end=2026-05-31&page=999"])
def test_the_widest_period_is_one_too(wallet: LedgerAccount, nadia: User, query: str) -> None:
    assert signed_in(nadia).get(url_of(wallet, query)).status_code == 200


def test_a_long_one_has_pages_and_one_balance_through_them(wallet: LedgerAccount, asha: User) -> None:
    for number in range(60):
        charge(asha, wallet, "1", at(20, minute=number % 60))

    first, second = (signed_in(asha).get(url_of(wallet) + page) for page in ("", "&page=2"))

    assert (len(rows_of(first)), len(rows_of(second))) == (50, 13)
    assert rows_of(second)[-1][5] == "1,040.50"
    assert "Closing balance 1,040.50 USD" in body(first)
    assert "?start=2026-05-01&end=2026-05-31&page=2" in links_of(first)


def test_the_page_costs_the_same_for_any_number_of_lines(wallet: LedgerAccount, asha: User, nadia: User) -> None:
    client = signed_in(nadia)
    with CaptureQueriesContext(connection) as few:
        client.get(url_of(wallet))
    for number in range(10):
        charge(asha, wallet, "1", at(20, minute=number))

    with CaptureQueriesContext(connection) as many:
        client.get(url_of(wallet))

    assert len(many) == len(few) <= 10


# --- whose it is ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", ["", "csv", "pdf"])
def test_south_cannot_nor_may_those_without_the_permission(
    wallet: LedgerAccount, asha: User, north: Reseller, sami: User, noora: User, file: str
) -> None:
    clerk = make_staff(asha, north, "clerk", group("SUPPORT"))

    for user, status in ((sami, 404), (noora, 404), (clerk, 403)):
        assert signed_in(user).get(url_of(wallet, file=file)).status_code == status, user
    house = url_of(ledger.platform_account(), file=file)
    assert [signed_in(user).get(house).status_code for user in (north.user, asha)] == [404, 200]


# --- the CSV file -----------------------------------------------------------------------------------------------------


def read(client: Client, url: str) -> list[list[str]]:
    response: Any = client.get(url)
    assert response.status_code == 200
    return list(csv.reader(io.StringIO(response.getvalue().decode().removeprefix("\ufeff"), newline="")))


def test_the_file_holds_the_lines_between_both_balances(wallet: LedgerAccount, nadia: User) -> None:
    PanelSettings.objects.update(time_zone="America/New_York")

    head, opening, *lines, closing = read(signed_in(nadia), url_of(wallet, file="csv"))

    assert head == [
        "Time", "Kind", "From or to", "Note", "Amount", "Balance", "Currency", "Transfer", "Issuer", "Tax line",
    ]  # fmt: skip
    assert opening == ["2026-05-01", "Opening balance", "", "", "", "1175.50", "USD", "", "ISPanel", ""]
    assert [line[:6] for line in lines] == [
        ["2026-05-14T08:00:00-04:00", "Renewal", "Income", "amal", "-30.00", "1145.50"],
        ["2026-05-31T19:59:00-04:00", "Renewal", "Income", "amal", "-45.00", "1100.50"],
        ["2026-05-31T20:00:00-04:00", "Renewal", "Income", "amal", "-7.00", "1093.50"],
    ]
    assert closing == ["2026-05-31", "Closing balance", "", "", "", "1093.50", "USD", "", "ISPanel", ""]


@pytest.mark.parametrize(
    ("reseller_issues", "issuer"),
    [
        (False, ["Al-Noor ISP", "1 Main Street", "VAT LB 601 233"]),
        (True, ["North Net", "2 North Road", "VAT NN 77"]),
    ],
)
def test_it_carries_the_issuer_that_the_setting_says(
    wallet: LedgerAccount, nadia: User, reseller_issues: bool, issuer: list[str]
) -> None:
    house = {"company_name": "Al-Noor ISP", "company_address": "1 Main Street", "tax_line": "VAT LB 601 233"}
    PanelSettings.objects.update(**house, reseller_is_issuer=reseller_issues)
    Reseller.objects.update(address="2 North Road", tax_line="VAT NN 77")
    client = signed_in(nadia)

    _head, *lines = read(client, url_of(wallet, file="csv"))
    [paper] = PdfReader(io.BytesIO(client.get(url_of(wallet, file="pdf")).content)).pages

    assert all(line[-2:] == [issuer[0], issuer[2]] for line in lines)
    assert " ".join(paper.extract_text().split()).startswith(" ".join([*issuer, "Statement"]))
    assert f"Issued by {issuer[0]}, {issuer[2]}" in body(client.get(url_of(wallet)))


def test_an_account_of_the_house_has_the_house_for_its_issuer(wallet: LedgerAccount, asha: User) -> None:
    PanelSettings.objects.update(company_name="Al-Noor ISP", reseller_is_issuer=True)

    page = signed_in(asha).get(url_of(ledger.platform_account()))

    assert "Issued by Al-Noor ISP" in body(page)


@pytest.mark.parametrize("file", ["csv", "pdf"])
def test_a_file_is_recorded_and_named(
    wallet: LedgerAccount, asha: User, nadia: User, north: Reseller, file: str
) -> None:
    for user in (nadia, asha):
        response = signed_in(user).get(url_of(wallet, file=file))

        entry = AuditEntry.objects.latest("id")
        assert (entry.action, entry.actor_name) == (Action.STATEMENT_EXPORTED, user.username)
        assert (entry.object_name, entry.reseller_id) == ("North Net", north.pk)
        assert entry.changes == {
            "file": [None, file.upper()],
            "start": [None, "2026-05-01"],
            "end": [None, "2026-05-31"],
            "rows": [None, 3],
        }
        name = f"statement-{wallet.pk}-2026-05-01-2026-05-31.{file}"
        assert response.headers["Content-Disposition"] == f'attachment; filename="{name}"'


def test_looking_is_not_recorded(wallet: LedgerAccount, nadia: User) -> None:
    before = AuditEntry.objects.count()

    signed_in(nadia).get(url_of(wallet))

    assert AuditEntry.objects.count() == before
