"""Somebody forgot their password, asks for a link or a code, and chooses another one.

The panel is served by the process of the test, in which a satchel takes the messages that would be sent.
"""

import threading
from collections.abc import Callable, Iterator
from socketserver import ThreadingMixIn
from urllib.parse import urlsplit
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest
from django.core.handlers.wsgi import WSGIHandler
from playwright.sync_api import Page, expect

from accounts.models import User
from ispanel.messages import Event, Way
from tests.browser.looks import axe, no_sideways_scroll
from tests.carrying import Satchel, carrying
from tests.jobs import run_jobs

NEXT = "a-garden-in-october"


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class Quiet(WSGIRequestHandler):
    def log_message(self, *args: object) -> None:
        """Keep the requests out of the test's output."""


@pytest.fixture(scope="module")
def address(shipped: object) -> Iterator[str]:
    """Serve the panel, and return its address."""
    with make_server("127.0.0.1", 0, WSGIHandler(), server_class=Server, handler_class=Quiet) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(params=[Way.EMAIL, Way.SMS])
def channel(request: pytest.FixtureRequest) -> Iterator[Satchel]:
    """Let messages go by email, then by SMS."""
    with carrying(request.param) as satchel:
        yield satchel


@pytest.fixture
def nadia(nadia: User) -> User:
    """Return Nadia, who is reached by both."""
    User.objects.filter(pk=nadia.pk).update(email="nadia@north.example", phone="+961 1 234 567")
    return nadia


def reset(page: Page, address: str, channel: Satchel, look: Callable[[Page], None] = lambda page: None) -> None:
    """Go from the sign-in page back to it, with a look at every page on the way."""
    page.goto(f"{address}/sign-in/")
    page.get_by_role("link", name="Forgot your password?").click()
    look(page)
    page.get_by_label("Username or email").fill("nadia")
    page.get_by_role("button", name="Send the").click()
    expect(page.get_by_text("If there is such a login")).to_be_visible()
    look(page)
    run_jobs()
    facts = channel.of(Event.PASSWORD_RESET)[-1].facts
    if facts["link"]:
        link = urlsplit(facts["link"])
        page.goto(f"{address}{link.path}?{link.query}")
    else:
        page.get_by_label("Code from the message").fill("000000" if facts["code"] != "000000" else "000001")
        page.get_by_role("button", name="Go on").click()
        expect(page.get_by_text("This code is wrong, or its time is over.").first).to_be_visible()
        look(page)
        page.get_by_label("Code from the message").fill(facts["code"])
        page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("heading", name="Choose a password")).to_be_visible()
    look(page)
    page.get_by_label("New password").fill("short")
    page.get_by_role("button", name="Save password").click()
    expect(page.get_by_label("New password")).to_have_attribute("aria-invalid", "true")
    look(page)
    page.get_by_label("New password").fill(NEXT)
    page.get_by_role("button", name="Save password").click()
    expect(page.get_by_text("Your password is changed. Sign in with it.")).to_be_visible()
    look(page)


def test_it_works_and_looks_right_in_light_and_dark(
    themed_page: Page, address: str, channel: Satchel, nadia: User
) -> None:
    reset(themed_page, address, channel, look=axe)

    themed_page.get_by_label("Username or email").fill("nadia")
    themed_page.get_by_label("Password").fill(NEXT)
    themed_page.get_by_role("button", name="Sign in").click()
    expect(themed_page).to_have_url(f"{address}/")


def test_it_fits_a_small_phone(narrow_page: Page, address: str, channel: Satchel, nadia: User) -> None:
    reset(narrow_page, address, channel, look=no_sideways_scroll)


def test_it_works_without_scripts(page_without_scripts: Page, address: str, channel: Satchel, nadia: User) -> None:
    reset(page_without_scripts, address, channel)

    assert User.objects.get(pk=nadia.pk).check_password(NEXT)


def test_the_new_password_can_be_looked_at(page: Page, address: str, nadia: User) -> None:
    with carrying(Way.EMAIL) as channel:
        page.goto(f"{address}/password/forgotten/")
        page.get_by_label("Username or email").fill("nadia")
        page.get_by_role("button", name="Send the link").click()
        expect(page.get_by_role("heading", name="Look into your mail")).to_be_visible()
        run_jobs()
        link = urlsplit(channel.of(Event.PASSWORD_RESET)[-1].facts["link"])
    page.goto(f"{address}{link.path}?{link.query}")
    page.get_by_label("New password").fill(NEXT)

    page.get_by_role("button", name="Show").click()

    expect(page.get_by_label("New password")).to_have_attribute("type", "text")
