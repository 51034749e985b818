"""A real Chromium before a real server, on this worker's test database.

`page` is a signed-out page at desktop width in light colours. Besides it there are `themed_page` (each test twice, in
light and in dark), `narrow_page` (360 px) and `page_without_scripts`; `new_context(...)` makes any other. Every one of
them fails its test on console errors and uncaught exceptions. Wait with `expect(locator)`: predicates given as text
need `eval`, which the Content-Security-Policy refuses.
"""

import os
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import BrowserContext, ConsoleMessage, Page

from tests import chromium
from tests.resellers.name_server import NameServer, serving
from tests.resetting import Shipped
from tests.serving import served

# Playwright's loop runs in the thread of the tests, where Django would refuse every query for fear of blocking it.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # The domains of resellers: they are at this machine.
    "--host-resolver-rules=MAP *.test 127.0.0.1",
)
#: What a context is unless a test asks for something else.
DEFAULTS = {"viewport": {"width": 1280, "height": 800}, "color_scheme": "light", "reduced_motion": "reduce"}
PHONE = {"width": 360, "height": 740}
#: Over plain HTTP a browser trusts this machine's own names alone, and says so of a reseller's domain.
UNTRUSTED = "The Cross-Origin-Opener-Policy header has been ignored"
#: A page that answers 4xx is logged as an error by Chromium, but is an answer like others. Files have to be there.
ANSWERED_4XX = re.compile(r"Failed to load resource: the server responded with a status of 4\d\d")

collect_ignore_glob = [] if chromium.find() or chromium.is_required() else ["test_*.py"]
NewContext = Callable[..., BrowserContext]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(os.path.dirname(__file__)):
            item.add_marker("browser")


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    path = chromium.find()
    if path is None:
        pytest.fail("The browser tests need Chromium: install it, or set CHROMIUM to its path.")
    return browser_type_launch_args | {"executable_path": path, "args": list(FLAGS)}


@pytest.fixture(scope="session")
def name_server() -> Iterator[NameServer]:
    """Return the name server that the panel asks."""
    with serving() as server:
        yield server


@pytest.fixture
def dns(name_server: NameServer) -> NameServer:
    """Return the name server, which knows no name unless it is told."""
    name_server.records = {}
    return name_server


@pytest.fixture(scope="session")
def panel_server(shipped: Shipped, name_server: NameServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run the server as `make run` does, and return its address."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DNS_RESOLVER", f"127.0.0.1:{name_server.port}")
        with served(tmp_path_factory.mktemp("server")) as address:
            yield address


@pytest.fixture(scope="session")
def base_url(panel_server: str) -> str:
    """Let `page.goto("/resellers/")` mean our server."""
    return panel_server


@pytest.fixture(autouse=True)
def _reset(committing: None) -> None:
    """Put the database back after every test, once its pages are closed."""


@pytest.fixture
def complaints() -> list[str]:
    """Return what the browser has complained of; what is left in it at the end fails the test."""
    return []


@pytest.fixture
def new_context(new_context: NewContext, complaints: list[str]) -> Iterator[NewContext]:
    """Make contexts whose pages must not complain."""
    contexts: list[BrowserContext] = []

    def watched(**arguments: Any) -> BrowserContext:
        context = new_context(**DEFAULTS | arguments)
        context.on("console", lambda message: complaints.extend(complaints_in(message)))
        context.on("weberror", lambda error: complaints.append(str(error.error)))
        contexts.append(context)
        return context

    yield watched
    for page in (page for context in contexts for page in context.pages):
        page.title()  # Whatever the page said before this has arrived when it answers.
    assert not complaints, "The browser complained:\n" + "\n".join(complaints)


def complaints_in(message: ConsoleMessage) -> list[str]:
    if message.type != "error" or message.text.startswith(UNTRUSTED):
        return []
    url = message.location["url"]
    is_file = urlsplit(url).path.startswith("/static/")
    return [] if ANSWERED_4XX.match(message.text) and not is_file else [f"{message.text} ({url})"]


@pytest.fixture(params=["light", "dark"])
def themed_page(request: pytest.FixtureRequest, new_context: NewContext) -> Page:
    """Return a page in light colours, then in dark ones."""
    return new_context(color_scheme=request.param).new_page()


@pytest.fixture
def narrow_page(new_context: NewContext) -> Page:
    """Return a page as wide as a small phone: 360 px."""
    return new_context(viewport=PHONE, has_touch=True).new_page()


@pytest.fixture
def page_without_scripts(new_context: NewContext) -> Page:
    """Return a page in a browser with JavaScript switched off."""
    return new_context(java_script_enabled=False).new_page()
