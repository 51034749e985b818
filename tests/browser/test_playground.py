"""The API's playground: a token, a query, its answer, and what can be asked."""

import json

from playwright.sync_api import Page, expect

from accounts.models import User
from resellers.models import Reseller
from tests.api.asking import bearer_for
from tests.browser.looks import axe, no_sideways_scroll, sign_in_as


def opened(page: Page, user: User) -> None:
    sign_in_as(page, user)
    page.goto("/graphql/playground/")


def test_a_query_is_answered_and_the_schema_explains_itself(page: Page, asha: User, north: Reseller) -> None:
    opened(page, asha)
    page.get_by_label("API token").fill(bearer_for(asha))

    page.get_by_role("button", name="Send request").click()
    expect(page.get_by_role("region", name="Answer").locator("pre")).to_contain_text('"username": "nadia"')
    page.get_by_role("button", name="Read the schema").click()
    page.get_by_text("deductResellerCredit(").click()
    page.get_by_role("button", name="Put it into the request").locator("visible=true").click()

    assert "mutation deductResellerCredit($resellerId: Int!" in page.get_by_label("Query").input_value()
    assert json.loads(page.get_by_label("Variables").input_value()) == {"resellerId": 1, "credit": ""}


def test_a_wrong_token_and_malformed_variables_are_said(page: Page, asha: User) -> None:
    opened(page, asha)
    page.get_by_label("API token").fill("isp_nothing")

    page.get_by_role("button", name="Send request").click()
    expect(page.get_by_text("401")).to_be_visible()
    page.get_by_label("Variables").fill("{")
    page.get_by_role("button", name="Send request").click()

    field = page.get_by_label("Variables")
    assert field.evaluate("field => field.validationMessage") == "These variables are no JSON object."


def test_the_token_is_gone_with_the_page(page: Page, asha: User) -> None:
    opened(page, asha)
    page.get_by_label("API token").fill("isp_secret")

    page.reload()

    expect(page.get_by_label("API token")).to_have_value("")
    assert "isp_secret" not in page.evaluate("JSON.stringify([localStorage, sessionStorage])")


def test_it_looks_right_in_light_and_dark(themed_page: Page, asha: User, north: Reseller) -> None:
    opened(themed_page, asha)
    themed_page.get_by_label("API token").fill(bearer_for(asha))
    themed_page.get_by_role("button", name="Send request").click()
    themed_page.get_by_role("button", name="Read the schema").click()
    themed_page.get_by_text("addResellerCredit(").click()

    axe(themed_page)


def test_it_fits_a_phone(narrow_page: Page, asha: User, north: Reseller) -> None:
    opened(narrow_page, asha)
    narrow_page.get_by_label("API token").fill(bearer_for(asha))
    narrow_page.get_by_role("button", name="Send request").click()
    narrow_page.get_by_role("button", name="Read the schema").click()
    narrow_page.get_by_text("createReseller(").click()

    no_sideways_scroll(narrow_page)
