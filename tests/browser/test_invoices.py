"""A link to an invoice: made in the panel, copied, and opened by somebody who has no login."""

import pytest
from playwright.sync_api import Page, expect

from accounts.models import User
from billing.models import Invoice
from billing.operations import change_billing_settings, make_link
from plans.models import Plan
from resellers.models import Reseller
from tests.billing.sold import refund, sell
from tests.browser.conftest import NewContext
from tests.browser.looks import axe, no_sideways_scroll, sign_in_as
from tests.cast import NOW, seat_of
from tests.pictures import a_logo


@pytest.fixture
def invoice(committing: None, asha: User, north: Reseller, home: Plan) -> Invoice:
    details = {
        "company_name": "شركة النور",
        "company_address": "شارع 25 آب، بناية البركة، الطابق الثالث\nصور",
        "tax_line": "VAT LB 601 233",
    }
    change_billing_settings(actor=seat_of(asha), logo=a_logo(), **details, now=NOW)
    return sell(asha, north, home, "amal", full_name="Amal Haddad", address="5 Hill Road\nTyre")


def link_made_on(page: Page, invoice: Invoice) -> str:
    """Make a link on the invoice's page, and return the path of the address that is shown."""
    page.goto(f"/invoices/{invoice.pk}/")
    page.get_by_role("link", name="Make link").click()
    page.get_by_role("dialog").get_by_role("button", name="Make link").click()
    shown = page.locator("#invoice-link")
    expect(shown).to_contain_text("/i/")
    expect(page.get_by_role("button", name="Copy")).to_be_visible()
    axe(page)
    address = shown.inner_text()
    page.get_by_role("button", name="I have kept it").click()
    return "/i/" + address.partition("/i/")[2]


def test_the_subscriber_opens_what_the_reseller_made(
    page: Page, new_context: NewContext, nadia: User, asha: User, invoice: Invoice
) -> None:
    refund(asha, invoice)
    path = link_made_on(sign_in_as(page, nadia), invoice)
    expect(page.locator("#links")).to_contain_text("Made by nadia")

    for look in ({}, {"color_scheme": "dark"}, {"viewport": {"width": 360, "height": 740}}):
        reader = new_context(**look).new_page()
        reader.goto(path)
        expect(reader.get_by_role("heading", name=f"Invoice {invoice}")).to_be_visible()
        expect(reader.get_by_text("Amal Haddad")).to_be_visible()
        axe(reader)
        no_sideways_scroll(reader)
    with reader.expect_download() as download:
        reader.get_by_role("link", name="Download as PDF").click()
    assert download.value.suggested_filename == f"{invoice}.pdf"

    page.get_by_role("link", name="Revoke links").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke links").click()
    expect(page.get_by_text("1 link is revoked.")).to_be_visible()
    reader.goto(path)
    expect(reader.get_by_role("heading", name="This link does not work")).to_be_visible()
    axe(reader)
    no_sideways_scroll(reader)


#: How wide the address and the logo are, and how far from the left the lines begin.
HEAD = """header => {
    const [address, logo] = [...header.children].map(each => each.getBoundingClientRect());
    const starts = element => {
        const range = document.createRange();
        range.selectNodeContents(element);
        return Math.round(range.getBoundingClientRect().left - header.getBoundingClientRect().left);
    };
    return {address: address.width, logo: logo.width, starts: [...header.querySelectorAll("strong, p")].map(starts)};
}"""


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_the_head_of_the_paper_holds_together_beside_a_logo(
    new_context: NewContext, asha: User, invoice: Invoice, colours: str, width: int
) -> None:
    address = make_link(actor=seat_of(asha), invoice=invoice, now=NOW)
    reader = new_context(color_scheme=colours, viewport={"width": width, "height": 740}).new_page()

    reader.goto("/i/" + address.partition("/i/")[2])

    head = reader.locator(".paper > header").evaluate(HEAD)
    assert head["address"] >= 144, head
    assert 100 <= head["logo"] <= 192, head
    # Its name and address are Arabic, its tax line English, and the page is English.
    assert len(head["starts"]) == 3
    assert len(set(head["starts"])) == 1, head
