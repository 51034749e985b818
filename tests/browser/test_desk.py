"""The support desk in a real browser: what a helper does all day, and whether everybody can."""

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.models import PermissionGroup, User
from accounts.permissions import DESK_CODES
from plans.models import Plan
from resellers.models import Reseller
from subscribers import operations
from subscribers.models import Subscriber
from tests.browser.looks import axe, no_sideways_scroll, sign_in_as
from tests.cast import PASSWORD, make_support, seat_of


@pytest.fixture
def line(asha: User, north: Reseller, home: Plan) -> Subscriber:
    return operations.add_subscriber(
        actor=seat_of(asha),
        reseller=north,
        plan=home,
        username="elif",
        password="line-password",
        activate=False,
        full_name="Elif Aydın",
        phone="0700 900 001",
        now=timezone.now(),
    )


@pytest.fixture
def helper(asha: User) -> User:
    """Return a member of the support staff who may do all there is at the desk."""
    group = PermissionGroup.objects.create(name="Helpers", codes=sorted(DESK_CODES))
    return make_support(asha, permission_group=group)


def paths(line: Subscriber) -> tuple[str, ...]:
    """Return the desk's pages."""
    return (
        "/admin/",
        "/admin/resellers/",
        "/admin/subscribers/subscriber/",
        "/admin/subscribers/subscriber/?q=nobody",
        f"/admin/subscribers/subscriber/{line.pk}/change/",
        "/admin/resellers/reseller/",
        f"/admin/resellers/reseller/{line.reseller_id}/change/",
        "/admin/accounts/session/",
        "/admin/audit/auditentry/",
        "/admin/audit/auditentry/1/change/",
    )


def test_a_helper_signs_in_finds_a_subscriber_and_corrects_the_phone(
    page: Page, helper: User, line: Subscriber
) -> None:
    page.goto("/sign-in/")
    page.get_by_label("Username or email").fill("petra")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Support desk")).to_be_visible()

    page.get_by_role("main").get_by_role("link", name="Subscribers").last.click()
    page.get_by_role("textbox", name="Search").fill("0700 900")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name="elif").click()
    page.get_by_label("Phone").fill("0700 900 222")
    page.get_by_role("button", name="Save", exact=True).click()

    expect(page.get_by_text("The changes are saved.")).to_be_visible()
    expect(page.get_by_role("cell", name="0700 900 222")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()


def test_the_desk_is_accessible_in_light_and_dark(themed_page: Page, helper: User, line: Subscriber) -> None:
    sign_in_as(themed_page, helper)

    for path in paths(line):
        themed_page.goto(path)
        axe(themed_page)


def test_an_error_at_the_desk_is_accessible(themed_page: Page, helper: User, line: Subscriber) -> None:
    sign_in_as(themed_page, helper)
    themed_page.goto(f"/admin/subscribers/subscriber/{line.pk}/change/")
    themed_page.get_by_label("Email").fill("not-an-email")

    themed_page.get_by_role("button", name="Save", exact=True).click()

    expect(themed_page.get_by_text("Enter a valid email address.")).to_be_visible()
    axe(themed_page)


def test_the_desk_does_not_scroll_sideways_on_a_small_phone(narrow_page: Page, helper: User, line: Subscriber) -> None:
    sign_in_as(narrow_page, helper)

    for path in paths(line):
        narrow_page.goto(path)
        no_sideways_scroll(narrow_page)


def test_the_desk_follows_the_theme_that_was_chosen_in_the_panel(page: Page, helper: User) -> None:
    sign_in_as(page, helper)
    page.goto("/account/")
    page.get_by_role("button", name="Switch between light and dark").click()

    page.goto("/admin/")

    expect(page.locator("html")).to_have_css("color-scheme", "dark")
