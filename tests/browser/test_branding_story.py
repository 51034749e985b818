"""A reseller puts its own name on the door, in a real browser: once with JavaScript and once without."""

from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.models import User
from resellers.models import CustomDomain, Reseller
from tests.browser.conftest import NewContext
from tests.browser.looks import axe, no_sideways_scroll, sign_in_as
from tests.cast import PASSWORD, make_reseller
from tests.pictures import a_logo, a_picture
from tests.resellers.brands import brand as set_brand
from tests.resellers.brands import give_domain
from tests.resellers.name_server import NameServer

HOST = "panel.alnoor.test"
TINT = {"light": "rgb(247, 240, 218)", "dark": "rgb(52, 42, 9)"}
YELLOW, TEAL = "rgb(250, 204, 21)", "rgb(15, 118, 110)"
DARKENED = "We darkened links slightly so that they stay readable."


@pytest.fixture(params=[True, False], ids=["with scripts", "without scripts"])
def scripts(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def alnoor(asha: User) -> Reseller:
    return make_reseller(asha, "alnoor", "Al-Noor Net")


def test_a_reseller_puts_its_own_name_on_the_door(
    scripts: bool, new_context: NewContext, base_url: str, dns: NameServer, asha: User, alnoor: Reseller
) -> None:
    allow(sign_in_as(new_context(java_script_enabled=scripts).new_page(), asha))
    page = sign_in_as(new_context(java_script_enabled=scripts).new_page(), alnoor.user)
    brand(page, scripts)
    prove_domain(page, dns)

    door = f"http://{HOST}:{base_url.rpartition(':')[2]}"
    for scheme in ("light", "dark"):
        page = new_context(color_scheme=scheme).new_page()
        page.goto(f"{door}/")
        looks_like_alnoor(page, scheme)
        page.goto("/sign-in/")
        looks_like_the_panel(page)
    refused_at(new_context(java_script_enabled=scripts).new_page(), door, make_reseller(asha, "sami", "South Net").user)
    sign_in_at(new_context().new_page(), door)


def allow(page: Page) -> None:
    page.goto("/resellers/")
    page.get_by_role("link", name="Al-Noor Net", exact=True).click()
    page.get_by_role("main").get_by_role("link", name="Branding", exact=True).click()
    page.get_by_role("link", name="Allow branding").click()
    expect(page.get_by_role("heading", name="Allow branding for Al-Noor Net")).to_be_visible()
    page.get_by_role("button", name="Allow branding").click()
    expect(page.get_by_role("link", name="Take branding back")).to_be_visible()


def brand(page: Page, scripts: bool) -> None:
    page.goto("/")
    page.get_by_role("link", name="Branding", exact=True).click()
    page.get_by_label("Colour (optional)").fill("FACC15")
    if scripts:
        expect(page.get_by_label("Pick a colour")).to_have_value("#facc15")
    else:
        page.get_by_role("button", name="Preview").click()
    preview = page.locator("#preview")
    expect(preview).to_contain_text(DARKENED)
    for ground, link in (("light", "rgb(130, 105, 0)"), ("dark", YELLOW)):
        shown = preview.locator(f".{ground}")
        expect(shown.get_by_text("A button")).to_have_css("background-color", YELLOW)
        expect(shown.get_by_text("a link", exact=True)).to_have_css("color", link)
        expect(shown.get_by_text("A selected row")).to_have_css("background-color", TINT[ground])
    expect(page.get_by_role("button", name="Save branding")).to_have_css("background-color", TEAL)
    if scripts:
        axe(page)
    page.get_by_label("Logo on light ground").set_input_files(
        {"name": "logo.png", "mimeType": "image/png", "buffer": a_picture()}
    )
    page.get_by_label("Tagline").fill("Close to you")
    page.get_by_label("Footer").fill("Call 01 234 567")
    page.get_by_role("button", name="Save branding").click()
    expect(page.get_by_text("The branding is saved.").first).to_be_visible()
    expect(page.get_by_alt_text("The present logo on light ground")).to_be_visible()


def prove_domain(page: Page, dns: NameServer) -> None:
    page.get_by_role("link", name="Set up a domain").click()
    page.get_by_role("textbox", name="Domain").fill(HOST.upper())
    page.get_by_role("button", name="Set up the domain").click()
    card = page.locator("#domain")
    expect(card).to_contain_text("Not verified")
    card.get_by_role("button", name="Check now").click()
    expect(card).to_contain_text("There is no such record yet.")
    name, text = card.locator(".records").first.locator("code").all_inner_texts()
    assert name == f"_ispanel.{HOST}"
    dns.records[name] = [text]
    card.get_by_role("button", name="Check now").click()
    expect(card.get_by_text("Verified").first).to_be_visible()
    expect(card).not_to_contain_text("Not verified")


def looks_like_alnoor(page: Page, scheme: str) -> None:
    expect(page).to_have_title("Sign in · Al-Noor Net")
    expect(page.get_by_role("heading", name="Al-Noor Net")).to_be_visible()
    assert page.locator(".logo").evaluate("image => image.complete && image.naturalWidth") == 300
    expect(page.get_by_text("Close to you")).to_be_visible()
    expect(page.get_by_text("Call 01 234 567")).to_be_visible()
    expect(page.get_by_role("main")).to_have_css("background-color", TINT[scheme])
    expect(page.get_by_role("button", name="Sign in")).to_have_css("background-color", YELLOW)
    expect(page.locator("body")).not_to_contain_text("ISPanel")
    axe(page)
    no_sideways_scroll(page)


def looks_like_the_panel(page: Page) -> None:
    expect(page).to_have_title("Sign in · ISPanel")
    expect(page.locator("body")).not_to_contain_text("Al-Noor")
    expect(page.get_by_role("button", name="Sign in")).to_have_css("background-color", TEAL)
    expect(page.locator(".logo")).to_have_count(0)


def refused_at(page: Page, door: str, stranger: User) -> None:
    """Try a login of another reseller, whose password is right, and then one that is wrong."""
    answers = []
    for login, password in ((stranger.username, PASSWORD), ("alnoor", "not-the-password")):
        page.goto(f"{door}/sign-in/")
        knock(page, login, password)
        expect(page.get_by_role("alert")).to_contain_text("Username or password is wrong.")
        answers.append(page.get_by_role("main").inner_text())
    assert answers[0] == answers[1]
    page.goto(f"{door}/")
    expect(page).to_have_title("Sign in · Al-Noor Net")
    page.goto("/sign-in/")
    knock(page, stranger.username, PASSWORD)
    expect(page).to_have_title("Dashboard · ISPanel")


def knock(page: Page, login: str, password: str) -> None:
    page.get_by_label("Username or email").fill(login)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def sign_in_at(page: Page, door: str) -> None:
    page.goto(f"{door}/sign-in/")
    knock(page, "alnoor", PASSWORD)
    expect(page.locator(".side .mark")).to_contain_text("Al-Noor Net")
    logo = page.locator(".side .mark .logo")
    expect(logo).to_be_visible()
    assert logo.evaluate("image => image.complete && image.naturalWidth") == 300
    expect(page).to_have_title("Dashboard · Al-Noor Net")
    expect(page.locator(".brand-footer")).to_have_text("Call 01 234 567")
    axe(page)


@pytest.fixture
def branded(asha: User, alnoor: Reseller) -> Reseller:
    """Let Al-Noor have all there is, and a domain of which the record is missing."""
    domain = give_domain(asha, alnoor, f"panel.with-quite-a-long-name.{'x' * 60}.test")
    CustomDomain.objects.filter(pk=domain.pk).update(missing_since=timezone.now(), failure="There is no such record.")
    set_brand(asha, alnoor, "#111827", logo=a_logo(), dark_logo=a_logo(), tagline="Close to you", footer="x" * 300)
    return alnoor


def test_a_resellers_branding_page_is_accessible_in_light_and_dark(themed_page: Page, branded: Reseller) -> None:
    sign_in_as(themed_page, branded.user)

    for path in ("/settings/branding/", "/settings/branding/domain/release/", "/settings/branding/domain/"):
        themed_page.goto(path)
        axe(themed_page)


def test_50_mb_are_answered_with_a_reason_and_no_broken_connection(
    page: Page, branded: Reseller, tmp_path: Path
) -> None:
    huge = tmp_path / "logo.png"
    huge.write_bytes(a_picture() + bytes(50 * 1024 * 1024))
    sign_in_as(page, branded.user)
    page.goto("/settings/branding/")

    page.get_by_label("Logo on light ground").set_input_files(huge)
    page.get_by_role("button", name="Save branding").click()

    expect(page.get_by_role("alert")).to_contain_text("This file is larger than 2 MB. Upload a smaller one.")


def test_neither_it_nor_the_door_scrolls_sideways_on_a_small_phone(
    narrow_page: Page, branded: Reseller, base_url: str
) -> None:
    narrow_page.goto(f"http://{branded.custom_domain.name}:{base_url.rpartition(':')[2]}/sign-in/")
    no_sideways_scroll(narrow_page)

    sign_in_as(narrow_page, branded.user)
    narrow_page.goto("/settings/branding/")
    no_sideways_scroll(narrow_page)


def test_from_a_borrowed_seat_the_page_keeps_the_domain_out_of_reach(page: Page, branded: Reseller, asha: User) -> None:
    sign_in_as(page, asha)
    page.goto(f"/resellers/{branded.pk}/seats/")
    page.get_by_label("Reason").fill("to help")
    page.get_by_role("main").get_by_role("button", name="Login as reseller").click()

    expect(page.locator(".as-user")).to_be_visible()
    page.goto("/settings/branding/")
    expect(page.get_by_text("The domain is out of reach while you are logged in as somebody else.")).to_be_visible()
    axe(page)
