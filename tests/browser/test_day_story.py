"""A day of a reseller, as people do it, in a real browser: once with JavaScript and once without."""

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import BrowserContext, Page, expect

from accounts.models import User
from plans.models import Plan
from resellers.models import Reseller
from tests.browser.conftest import NewContext
from tests.browser.looks import sign_in_as
from tests.cast import fund, make_plan
from tests.subscribers.lines import add


@pytest.fixture(params=[True, False], ids=["with scripts", "without scripts"])
def context(request: pytest.FixtureRequest, new_context: NewContext) -> BrowserContext:
    return new_context(java_script_enabled=request.param)


@pytest.fixture
def lines(asha: User, north: Reseller) -> Plan:
    """North has 1,000.00, and three lines of 30.00 that expired; a fourth has 12 of its 30 days left."""
    fund(north.wallet, "1120", actor=asha)
    old, now = make_plan("Old", "30.00"), timezone.now()
    for name in ("amal", "badr", "carla"):
        add(asha, north, old, name, now=now - timedelta(days=31))
    return add(asha, north, old, "dana", now=now - timedelta(days=18) + timedelta(minutes=2)).plan


def test_a_reseller_renews_three_changes_a_plan_suspends_and_resumes(
    context: BrowserContext, north: Reseller, lines: Plan
) -> None:
    make_plan("New", "45.00")
    page = sign_in_as(context.new_page(), north.user)

    renew_all_expired(page)
    change_plan(page, "dana", "New")
    suspend_and_resume(page, "amal")

    page.goto("/")
    expect(page.locator(".stats").first).to_contain_text("904.00")


def renew_all_expired(page: Page) -> None:
    page.goto("/subscribers/")
    page.get_by_role("link", name="Expired 3").click()
    for name in ("amal", "badr", "carla"):
        page.get_by_role("checkbox", name=f"Pick {name}").check()
    page.get_by_role("button", name="Renew").click()
    expect(page.get_by_role("heading", name="Renew subscribers")).to_be_visible()
    expect(page.get_by_role("row", name="North Net")).to_contain_text("910.00")
    page.get_by_role("button", name="Renew for 90.00 USD").click()
    expect(page.get_by_role("heading", name="Renewal", exact=True)).to_be_visible()
    for name in ("amal", "badr", "carla"):
        expect(page.get_by_role("row", name=name)).to_contain_text("30.00 USD, until")
    page.reload()
    expect(page.get_by_role("row", name="amal")).to_be_visible()


def open_act(page: Page, username: str, act: str) -> None:
    page.goto("/subscribers/")
    page.get_by_role("link", name=username, exact=True).click()
    page.get_by_role("button", name=f"Actions: {username}").click()
    page.get_by_role("main").get_by_role("link", name=act, exact=True).click()


def change_plan(page: Page, username: str, plan: str) -> None:
    open_act(page, username, "Change plan")
    button = page.get_by_role("button", name="Change plan", exact=True)
    page.get_by_label("New plan").select_option(label=plan)
    arithmetic = page.get_by_role("table", name="What this costs, line by line")
    if not page.get_by_role("dialog").count():
        button.click()
    expect(arithmetic).to_contain_text("12 of 30 days left")
    expect(arithmetic).to_contain_text("seconds × 30.00")
    expect(arithmetic.get_by_role("row", name="Credit")).to_contain_text("12.00")
    expect(arithmetic.get_by_role("row", name="Due")).to_contain_text("6.00")
    button.click()
    expect(page.get_by_role("heading", name=username, exact=True)).to_be_visible()
    expect(page.get_by_role("row", name="Activation")).to_contain_text("Given up")


def suspend_and_resume(page: Page, username: str) -> None:
    open_act(page, username, "Suspend")
    page.get_by_label("Reason").fill("On holiday")
    page.get_by_role("button", name="Suspend", exact=True).click()
    expect(page.locator(".page-head")).to_contain_text("Suspended")
    open_act(page, username, "Resume")
    page.get_by_role("button", name="Resume", exact=True).click()
    expect(page.locator(".page-head")).to_contain_text("Active")
