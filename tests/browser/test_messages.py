"""Setting up messages as an admin does: a channel and its test, the words, a rule, and the log."""

from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.models import User
from notifications.models import Channel, Message
from resellers.models import Reseller
from tests.browser.looks import sign_in_as
from tests.jobs import run_jobs
from tests.notifications.peers import mail_server
from tests.notifications.test_sending import waiting_since


def test_an_admin_sets_up_mail_and_the_reseller_hears_of_its_transfer(page: Page, asha: User, north: Reseller) -> None:
    User.objects.filter(pk=north.user_id).update(email="nadia@north.example")
    with mail_server() as peer:
        sign_in_as(page, asha).goto("/settings/notifications/email/")
        page.get_by_role("textbox", name="Server").fill("127.0.0.1")
        page.get_by_label("Port").fill(str(peer.port))
        page.get_by_role("radio", name="None").check()
        page.get_by_label("From address").fill("panel@isp.example")
        page.get_by_label("Send by email").check()
        page.get_by_role("button", name="Save channel").click()

        page.get_by_role("link", name="Send a test").click()
        page.get_by_role("dialog").get_by_label("Email address").fill("asha@isp.example")
        page.get_by_role("button", name="Send test").click()
        expect(page.get_by_role("dialog")).to_contain_text("250 2.0.0 Taken as 4711")
        page.get_by_role("dialog").get_by_role("button", name="Close").first.click()

        page.get_by_role("link", name="Templates").click()
        page.get_by_role("link", name="Transfer received · Email").click()
        page.get_by_role("textbox", name="Subject").fill("{{ amount }} for {{ reseller }}")
        expect(page.locator("#preview")).to_contain_text("for North Net")
        page.get_by_role("textbox", name="Subject").fill("{{ amount }} for {{ nobody }}")
        expect(page.locator("#preview")).to_contain_text("There is no variable “nobody” here.")
        page.get_by_role("textbox", name="Subject").fill("{{ amount }} for {{ reseller }}")
        page.get_by_role("button", name="Save template").click()

        page.get_by_role("link", name="Rules").click()
        page.get_by_role("button", name="Turn on Transfer received · Email").click()
        expect(page.get_by_role("row", name="Transfer received").first).to_contain_text("On")

        page.goto(f"/resellers/{north.pk}/transfers/")
        page.get_by_label("Amount").fill("25")
        page.get_by_role("button", name="Transfer").click()
        expect(page.get_by_role("status").first).to_be_attached()
        page.wait_for_url(f"**/resellers/{north.pk}/**")
        run_jobs()

        page.goto("/settings/notifications/log/")
        expect(page.get_by_role("row", name="nadia@north.example")).to_contain_text("Sent")
        assert [str(mail["Subject"]) for mail in peer.mails] == ["Test from ISPanel", "25.00 USD for North Net"]


def test_the_preview_comes_by_its_button_without_javascript(page_without_scripts: Page, asha: User) -> None:
    page = sign_in_as(page_without_scripts, asha)
    page.goto("/settings/notifications/templates/")
    page.get_by_role("link", name="Expired · SMS").click()
    page.get_by_label("Text").fill("Over: {{ plan }}")

    page.get_by_role("button", name="Preview").click()

    expect(page.locator("#preview")).to_contain_text("Over: Home 50")
    expect(page.get_by_label("Text")).to_have_value("Over: {{ plan }}")
    assert not Message.objects.exists()
    assert not Channel.objects.filter(is_on=True).exists()


def test_turning_rules_on_and_off_keeps_the_place_and_the_focus(page: Page, asha: User) -> None:
    sign_in_as(page, asha).goto("/settings/notifications/rules/")
    switch = page.get_by_role("button", name="Login as used · SMS")
    switch.focus()
    place = page.evaluate("scrollY")
    assert place > 0

    page.keyboard.press("Enter")
    expect(switch).to_have_text("Turn off")
    expect(page.locator("[data-toasts]")).to_contain_text("Login as used · SMS is told from now on.")
    expect(switch).to_be_focused()
    page.keyboard.press("Enter")
    expect(switch).to_have_text("Turn on")

    expect(switch).to_be_focused()
    assert page.evaluate("scrollY") == place


def test_without_javascript_a_switch_leads_back_to_its_rule(page_without_scripts: Page, asha: User) -> None:
    page = sign_in_as(page_without_scripts, asha)
    page.goto("/settings/notifications/rules/")

    page.get_by_role("button", name="Turn on Login as used · SMS").click()

    expect(page.get_by_role("button", name="Turn off Login as used · SMS")).to_be_in_viewport()
    expect(page.get_by_role("link", name="Login as used · SMS", exact=True)).to_be_in_viewport()


def test_a_long_recipient_wraps_and_the_log_needs_no_sideways_scroll(page: Page, asha: User) -> None:
    message = waiting_since(timezone.now(), key="x")
    message.recipient = f"{'a' * 64}@mail.example"
    message.save()
    page.set_viewport_size({"width": 1280, "height": 800})

    sign_in_as(page, asha).goto("/settings/notifications/log/")

    expect(page.get_by_text(message.recipient)).to_be_visible()
    assert page.locator(".table-wrap").evaluate("box => box.scrollWidth - box.clientWidth") == 0


def test_forms_begin_without_a_line_and_errors_keep_their_distance(page: Page, asha: User) -> None:
    sign_in_as(page, asha).goto("/settings/notifications/email/")
    first = page.locator("form > .fieldset").first
    expect(first).to_have_css("border-top-width", "0px")

    page.get_by_role("button", name="Save channel").click()
    assert distance(page, "form > .fieldset") >= 16

    page.goto("/settings/notifications/templates/")
    page.get_by_role("link", name="Expired · Email").click()
    page.get_by_role("textbox", name="Subject").fill("")
    page.get_by_role("button", name="Save template").click()
    assert distance(page, "form > .fields") >= 16


def distance(page: Page, below: str) -> float:
    """Return how far below the box of errors something begins."""
    errors, other = page.locator(".errors").bounding_box(), page.locator(below).first.bounding_box()
    assert errors
    assert other
    return other["y"] - errors["y"] - errors["height"]
