"""A sign-in that ends while its page is open."""

from datetime import timedelta

from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.models import Session, User
from tests.browser.looks import axe, sign_in_as


def test_whoever_types_on_after_a_time_out_is_told_on_the_sign_in_page(page: Page, nadia: User) -> None:
    sign_in_as(page, nadia)
    page.goto("/subscribers/?q=abc")
    Session.objects.update(last_seen_at=timezone.now() - timedelta(hours=2))

    page.get_by_role("searchbox").first.fill("abcd")

    expect(page.get_by_text("You were signed out after 2 hours without activity.")).to_be_visible()
    assert page.url.endswith("/sign-in/?next=/subscribers/%3Fq%3Dabc")
    axe(page)
