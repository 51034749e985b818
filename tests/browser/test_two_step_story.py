"""Somebody turns on two-step sign-in, keeps the recovery codes, and signs in with the app."""

from collections.abc import Callable

from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.models import User, UserType
from ispanel.models import PanelSettings
from tests.browser.looks import axe, no_sideways_scroll, sign_in_as
from tests.cast import PASSWORD
from tests.phone import STEP, Phone, with_two_step


def set_up(page: Page, look: Callable[[Page], None] = lambda page: None) -> None:
    """Go from the account page to the recovery codes, with a look at every page on the way."""
    page.goto("/account/")
    page.get_by_role("link", name="Set up").click()
    look(page)
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Set up two-step sign-in").click()
    expect(page.get_by_role("img", name="QR code")).to_be_visible()
    look(page)
    phone = Phone(page.locator("code").inner_text().replace(" ", ""))
    page.get_by_label("Code from your authenticator app").fill(phone.code_at(timezone.now()))
    page.get_by_role("button", name="Turn on two-step sign-in").click()
    expect(page.get_by_role("heading", name="Your recovery codes")).to_be_visible()
    look(page)


def test_it_is_set_up_and_looks_right_in_light_and_dark(themed_page: Page, nadia: User) -> None:
    sign_in_as(themed_page, nadia)

    set_up(themed_page, look=axe)

    expect(themed_page.get_by_role("button", name="Copy all")).to_be_visible()
    themed_page.goto("/account/two-step/")
    axe(themed_page)
    themed_page.get_by_role("link", name="Turn off").click()
    expect(themed_page.get_by_role("dialog")).to_be_visible()
    axe(themed_page)


def test_it_fits_a_small_phone(narrow_page: Page, nadia: User) -> None:
    sign_in_as(narrow_page, nadia)

    set_up(narrow_page, look=no_sideways_scroll)

    for path in ("/account/two-step/", "/account/two-step/off/", "/account/two-step/codes/", "/account/"):
        narrow_page.goto(path)
        no_sideways_scroll(narrow_page)


def test_it_works_without_scripts(page_without_scripts: Page, nadia: User) -> None:
    sign_in_as(page_without_scripts, nadia)

    set_up(page_without_scripts)

    expect(page_without_scripts.locator("#recovery-codes")).to_contain_text("-")


def test_signing_in_asks_for_the_code(themed_page: Page, nadia: User) -> None:
    phone = with_two_step(nadia, timezone.now())
    themed_page.goto("/sign-in/")
    themed_page.get_by_label("Username or email").fill("nadia")
    themed_page.get_by_label("Password").fill(PASSWORD)
    themed_page.get_by_role("button", name="Sign in").click()
    code = themed_page.get_by_label("Code from your authenticator app")
    expect(code).to_be_focused()
    axe(themed_page)

    code.fill(phone.code_at(timezone.now() - 9 * STEP))
    themed_page.get_by_role("button", name="Sign in").click()
    expect(themed_page.get_by_text("This code is wrong").first).to_be_visible()
    axe(themed_page)
    themed_page.get_by_role("link", name="Use a recovery code").click()
    themed_page.get_by_label("Recovery code").fill(phone.recovery_codes[0])
    themed_page.get_by_role("button", name="Sign in").click()

    expect(themed_page.get_by_role("heading", name="Dashboard")).to_be_visible()


def test_who_needs_it_is_led_to_a_page_without_the_rest(themed_page: Page, nadia: User) -> None:
    PanelSettings.objects.update(two_step_for=[UserType.RESELLER])
    sign_in_as(themed_page, nadia)

    themed_page.goto("/subscribers/")

    expect(themed_page.get_by_text("is required for your kind of login")).to_be_visible()
    expect(themed_page.get_by_role("navigation", name="Pages of the panel")).to_have_count(0)
    axe(themed_page)
