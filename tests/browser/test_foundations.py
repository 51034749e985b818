"""The tools of the browser tests find what they are there to find."""

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from tests.browser.looks import axe, no_sideways_scroll

HEAD = '<!doctype html><html lang="en"><head><title>A page</title></head>'
CSP = {"Content-Security-Policy": "default-src 'self'"}


def serve(context: BrowserContext, body: str) -> Page:
    """Open a page of our own making, under the policy that the panel has."""

    def answer(route: Route) -> None:
        route.fulfill(body=HEAD + body, content_type="text/html", headers=CSP)

    context.route("**/made-up", answer)
    page = context.new_page()
    page.goto("/made-up")
    return page


def test_the_server_is_ready_on_the_migrated_database(page: Page) -> None:
    page.goto("/health/ready")

    expect(page.locator("body")).to_have_text("ready")


def test_axe_runs_under_the_content_security_policy(context: BrowserContext) -> None:
    axe(serve(context, "<body><main><h1>Fine</h1></main></body>"))


def test_axe_names_a_link_without_words(context: BrowserContext) -> None:
    page = serve(context, '<body><main><h1>Fine</h1><a href="/"></a></main></body>')

    with pytest.raises(AssertionError, match="link-name"):
        axe(page)


def test_what_is_wider_than_a_phone_is_named(narrow_page: Page) -> None:
    page = serve(narrow_page.context, '<body><table id="wide" width="900"><tr><td>wide</table></body>')

    with pytest.raises(AssertionError, match='id="wide"'):
        no_sideways_scroll(page)


def test_what_the_policy_refuses_is_a_complaint(context: BrowserContext, complaints: list[str]) -> None:
    serve(context, "<body><script>alert(1)</script></body>").title()

    assert "Content Security Policy" in complaints.pop()


def test_an_uncaught_exception_is_a_complaint(page: Page, complaints: list[str]) -> None:
    page.goto("/health/live")
    page.evaluate("() => { setTimeout(() => { throw new Error('lost') }) }")
    page.title()

    assert "lost" in complaints.pop()


def test_a_missing_file_is_a_complaint_and_a_refused_page_is_none(page: Page, complaints: list[str]) -> None:
    page.goto("/no-such-page/")
    page.goto("/static/no-such-file.css")

    assert "/static/no-such-file.css" in complaints.pop()
    assert not complaints
