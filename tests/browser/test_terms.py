"""Levels, scope and prices in a real browser."""

import pytest
from playwright.sync_api import Page, expect

from accounts.models import User
from plans.models import Plan, ServiceGroup
from resellers.models import Reseller
from tests.browser.looks import axe, no_sideways_scroll, sign_in_as
from tests.cast import make_plan
from tests.resellers.scopes import groups_of, line_of, make_service_group

GOLD = "GOLD: 10% off, credit limit up to 10,000.00 USD"


@pytest.fixture
def fibre(asha: User, home: Plan) -> ServiceGroup:
    return make_service_group(asha, "Fibre", home)


def test_a_level_fills_in_the_form_and_says_so(page: Page, asha: User) -> None:
    sign_in_as(page, asha)
    page.goto("/resellers/new")

    page.get_by_label("Level").select_option(label=GOLD)

    expect(page.get_by_text("GOLD fills in its default credit limit and the permission group SALES")).to_be_visible()
    expect(page.get_by_label("Credit limit")).to_have_value("2000.00")
    expect(page.get_by_text("The balance may go down to −2,000.00 USD.")).to_be_visible()
    expect(page.get_by_label("SALES", exact=False)).to_be_checked()
    axe(page)


def test_what_is_taken_is_shown_once_and_then_done(
    themed_page: Page, asha: User, north: Reseller, northeast: Reseller, fibre: ServiceGroup
) -> None:
    night = make_plan("Night", "6")
    for number in range(25):
        line_of(north, night, f"a-line-with-quite-a-long-name-{number:02}")
    page = sign_in_as(themed_page, asha)
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(f"/resellers/{north.pk}/scope/")

    page.get_by_label("All plans").uncheck()
    page.get_by_label("Fibre").check()
    page.get_by_role("button", name="Save changes").click()

    expect(page.get_by_role("alert")).to_contain_text("This takes from 25 subscribers what they use.")
    expect(page.get_by_text("Northeast Net loses All plans.")).to_be_visible()
    axe(page)
    no_sideways_scroll(page)
    page.get_by_label("These may keep renewing").check()
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_text("The changes are saved.")).to_be_visible()
    assert (groups_of(north), groups_of(northeast)) == (["Fibre"], [])
    assert north.subscribers.filter(may_keep_renewing=True).count() == 25


def test_a_dialog_shows_what_is_taken_too(
    page: Page, asha: User, north: Reseller, home: Plan, fibre: ServiceGroup
) -> None:
    north.service_groups.set([fibre])
    line_of(north, home, "amal")
    sign_in_as(page, asha)
    page.goto(f"/plans/{home.pk}/edit/")
    page.get_by_role("link", name="Change service groups").click()

    page.get_by_role("dialog").get_by_label("Fibre").uncheck()
    page.get_by_role("dialog").get_by_role("button", name="Save changes").click()

    expect(page.get_by_role("dialog")).to_contain_text("North Net Home 1")
    axe(page)
    page.get_by_role("dialog").get_by_role("button", name="Save changes").click()
    expect(page.get_by_text("The changes are saved.")).to_be_visible()
    assert not fibre.plans.exists()


def test_a_level_is_changed_from_the_menu_of_a_reseller(themed_page: Page, asha: User, north: Reseller) -> None:
    page = sign_in_as(themed_page, asha)
    page.goto(f"/resellers/{north.pk}/")
    page.get_by_role("button", name="Actions: North Net").click()
    page.get_by_role("link", name="Change level").click()
    expect(page.get_by_role("dialog")).to_contain_text("Discount 0% → 10%.")
    axe(page)

    page.get_by_role("dialog").get_by_label("GOLD").check()
    page.get_by_role("dialog").get_by_role("button", name="Change level").click()

    expect(page.get_by_text("North Net is GOLD.")).to_be_visible()
    expect(page.get_by_text("Priority support")).to_be_visible()


def test_the_margin_follows_what_one_types(page: Page, nadia: User, home: Plan) -> None:
    sign_in_as(page, nadia)
    page.goto("/plans/")
    page.get_by_role("button", name="Actions: Home").click()
    page.get_by_role("link", name="Set price").click()

    page.get_by_label("You ask").press_sequentially("31.5")

    expect(page.get_by_role("definition").filter(has_text="6.50 USD")).to_be_visible()
    page.get_by_role("button", name="Set price").click()
    expect(page.get_by_role("row", name="Home")).to_contain_text("31.50")


def test_without_scripts_a_plan_is_sold_with_fair_use_and_packs(page_without_scripts: Page, asha: User) -> None:
    page = sign_in_as(page_without_scripts, asha)
    page.goto("/plans/new")
    typed = {
        "Name": "Night", "Price": "6", "Download": "10", "Upload": "2", "Quota": "100",
        "Fair-use threshold": "80", "Throttled download": "1", "Throttled upload": "1",
        "Data of pack 1": "5", "Price of pack 1": "2.50",
    }  # fmt: skip
    for label, value in typed.items():
        page.get_by_role("textbox", name=label, exact=False).or_(
            page.get_by_role("spinbutton", name=label, exact=False)
        ).first.fill(value)

    page.get_by_role("button", name="Create plan").click()

    expect(page.get_by_text("The plan Night is created.")).to_be_visible()
    expect(page.get_by_role("row", name="Night")).to_contain_text("+ 5 GB 2.50")
