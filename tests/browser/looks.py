"""What every page must be, and a short way onto it."""

from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from playwright.sync_api import Page

from accounts.models import User
from ispanel.web_server import HOST
from tests.cast import signed_in

WCAG_2_2_AA = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
STICKS_OUT = """() => [...document.querySelectorAll("body *")]
    .filter(element => element.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
    .map(element => element.outerHTML.slice(0, 120))"""
WIDTHS = "() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]"


def sign_in_as(page: Page, user: User) -> Page:
    """Give the page a session of the person, without the way through the sign-in form."""
    cookie = signed_in(user).cookies[settings.SESSION_COOKIE_NAME]
    page.context.add_cookies([{"name": cookie.key, "value": cookie.value, "domain": HOST, "path": "/"}])
    return page


def axe(page: Page) -> None:
    """Check what can be checked by machine of WCAG 2.2 AA, and name what fails."""
    # Not asked for, axe copies imported style sheets into the page, which the Content-Security-Policy refuses it.
    options = {"runOnly": WCAG_2_2_AA, "resultTypes": ["violations"], "preload": False}
    results = Axe().run(page, options=options)
    found = [
        f"{violation['id']}: {violation['help']}\n    {node['html']}\n    {node['failureSummary']}"
        for violation in results.response["violations"]
        for node in violation["nodes"]
    ]
    assert not found, f"{page.url} is not accessible:\n" + "\n".join(found)


def no_sideways_scroll(page: Page) -> None:
    """Check that the page is no wider than the window, and name what sticks out."""
    needed, there = page.evaluate(WIDTHS)
    assert needed <= there, f"{page.url} is {needed} px wide in {there}:\n" + "\n".join(page.evaluate(STICKS_OUT))
