"""The main job from end to end, as people do it, in a real browser: once with JavaScript and once without."""

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from accounts.models import User
from plans.models import Plan
from tests.browser.conftest import NewContext
from tests.cast import PASSWORD

GIVEN = "given-by-the-admin"
CHOSEN = "quiet harbour 92 lamps"
NOTE = "Monthly settlement May 2026"


@pytest.fixture(params=[True, False], ids=["with scripts", "without scripts"])
def context(request: pytest.FixtureRequest, new_context: NewContext) -> BrowserContext:
    return new_context(java_script_enabled=request.param)


def test_a_reseller_is_onboarded_funded_sells_and_onboards_a_sub_reseller(
    context: BrowserContext, asha: User, home: Plan
) -> None:
    page = context.new_page()

    sign_in(page, "asha", PASSWORD)
    create_reseller(page, "alnoor", "Al-Noor Net", button="Add reseller")
    visit_and_come_back(page, "Al-Noor Net")
    transfer(page, "Al-Noor Net", "1000")
    expect_transaction(page, "Platform", "1,000.00", "1,000.00")
    sign_out(page)

    sign_in(page, "alnoor", GIVEN)
    choose_password(page, GIVEN, CHOSEN)
    expect_figures(page, balance="1,000.00", revenue="0.00", subscribers="0")
    expect(page.get_by_role("heading", name="First steps")).to_be_visible()
    add_subscriber(page, "line-001")
    page.goto("/")
    expect_figures(page, balance="975.00", revenue="25.00", subscribers="1")

    create_reseller(page, "noor-east", "Noor East", button="Add sub-reseller")
    transfer(page, "Noor East", "300")
    expect_transaction(page, "Al-Noor Net", "300.00", "300.00")
    page.get_by_role("link", name="Transactions", exact=True).first.click()
    expect_transaction(page, "Noor East", "−300.00", "675.00")
    sign_out(page)

    sign_in(page, "noor-east", GIVEN)
    choose_password(page, GIVEN, CHOSEN)
    page.goto("/resellers/new")
    expect(page.get_by_role("main")).to_contain_text("max depth reached")


def sign_in(page: Page, login: str, password: str) -> None:
    page.goto("/")
    page.get_by_label("Username or email").fill(login)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("button", name="Sign in")).to_have_count(0)


def sign_out(page: Page) -> None:
    page.get_by_role("button", name="Account menu").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()


def choose_password(page: Page, old: str, new: str) -> None:
    expect(page.get_by_role("heading", name="Choose a password")).to_be_visible()
    page.get_by_label("Present password").fill(old)
    page.get_by_label("New password", exact=True).fill(new)
    page.get_by_label("New password again").fill(new)
    page.get_by_role("button", name="Save password").click()
    expect(page.get_by_role("heading", name="Dashboard")).to_be_visible()


def create_reseller(page: Page, username: str, company: str, *, button: str) -> None:
    page.get_by_role("link", name="Resellers").first.click()
    page.get_by_role("link", name=button).first.click()
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password", exact=True).fill(GIVEN)
    page.get_by_label("Company name").fill(company)
    expect(page.get_by_role("radio", name="SALES")).to_be_checked()
    page.get_by_role("button", name=button.replace("Add", "Create")).click()
    expect(page.get_by_role("heading", name=f"Hand over to {company}")).to_be_visible()
    expect(page.get_by_role("row", name=company)).to_be_visible()


def open_menu(page: Page, company: str) -> None:
    page.get_by_role("link", name="Resellers").first.click()
    page.get_by_role("button", name=f"Actions: {company}").click()


def visit_and_come_back(page: Page, company: str) -> None:
    open_menu(page, company)
    page.get_by_role("link", name="Login as reseller").click()
    page.get_by_label("Reason").fill("First look together")
    page.get_by_role("button", name="Login as reseller").click()
    banner = page.get_by_role("region", name="You are in another panel")
    expect(banner).to_contain_text(company)
    page.get_by_role("button", name="Back to admin").click()
    expect(banner).to_have_count(0)


def transfer(page: Page, company: str, amount: str) -> None:
    open_menu(page, company)
    page.get_by_role("link", name="Transfer", exact=True).click()
    page.get_by_label("Amount").fill(amount)
    page.get_by_label("Note").fill(NOTE)
    page.get_by_role("button", name="Transfer").click()
    expect(page.get_by_role("heading", name=company)).to_be_visible()


def expect_transaction(page: Page, counterparty: str, amount: str, balance_after: str) -> None:
    row = page.get_by_role("row").filter(has_text=NOTE).first
    expect(row).to_contain_text(counterparty)
    expect(row.get_by_role("cell").nth(-2)).to_have_text(amount)
    expect(row.get_by_role("cell").last).to_have_text(balance_after)


def expect_figures(page: Page, *, balance: str, revenue: str, subscribers: str) -> None:
    expect(figure(page, "Subscribers")).to_have_text(subscribers)
    expect(figure(page, "Balance")).to_contain_text(balance)
    expect(figure(page, "Today's revenue")).to_contain_text(revenue)


def figure(page: Page, label: str):  # type: ignore[no-untyped-def]
    term = page.get_by_role("term").filter(has_text=label)
    return page.locator(".stats > div").filter(has=term).get_by_role("definition").first


def add_subscriber(page: Page, username: str) -> None:
    page.get_by_role("link", name="Subscribers").first.click()
    page.get_by_role("link", name="Add subscriber").first.click()
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password", exact=True).fill("line-password-1")
    page.get_by_label("Plan").select_option(label="Home")
    page.get_by_role("button", name="Add subscriber").click()
    expect(page.get_by_role("heading", name=username)).to_be_visible()
