"""A forgotten password with everything real: Chromium, the web server, the worker, a mail server and an SMS gateway."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection
from playwright.sync_api import Page, expect

from accounts.models import User
from notifications.models import Message, Status
from resellers.models import Reseller
from tests.browser.conftest import NewContext
from tests.browser.looks import sign_in_as
from tests.cast import PASSWORD
from tests.notifications.peers import GatewayPeer, MailPeer, gateway, mail_server, until
from tests.resellers.brands import give_domain
from tests.resetting import Shipped
from tests.serving import served, worked

HOUSE, DOOR = "panel.isp.test", "panel.north.test"
MAIL, NEXT = "nadia@north.example", "a-garden-in-october"


@pytest.fixture(scope="module")
def port(shipped: Shipped, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Serve the panel under a name of its own, which its messages bear; return the port of `HOUSE` and `DOOR`."""
    hosts = {"ALLOWED_HOSTS": f"{HOUSE},127.0.0.1", "PANEL_URL": f"http://{HOUSE}"}
    with served(tmp_path_factory.mktemp("server"), **hosts) as address:
        yield int(address.rpartition(":")[2])


@pytest.fixture
def worker_log(tmp_path: Path, committing: None) -> Iterator[Path]:
    """Let the worker work, and return its log."""
    log = tmp_path / "worker.log"
    with worked(log):
        yield log


@pytest.fixture
def nadia(nadia: User) -> User:
    """Return Nadia, who is reached by both."""
    User.objects.filter(pk=nadia.pk).update(email=MAIL, phone="+961 1 234 567")
    nadia.refresh_from_db()
    return nadia


@pytest.fixture
def mails(new_context: NewContext, asha: User) -> Iterator[MailPeer]:
    """Return the mail server that an admin has set up."""
    with mail_server() as peer:
        page = sign_in_as(new_context().new_page(), asha)
        page.goto("/settings/notifications/email/")
        page.get_by_role("textbox", name="Server").fill("127.0.0.1")
        page.get_by_label("Port").fill(str(peer.port))
        page.get_by_role("radio", name="None").check()
        page.get_by_label("From address").fill("panel@isp.example")
        page.get_by_label("Send by email").check()
        page.get_by_role("button", name="Save channel").click()
        expect(page.get_by_text("The channel is saved.").first).to_be_visible()
        yield peer


@pytest.fixture
def texts(new_context: NewContext, asha: User) -> Iterator[GatewayPeer]:
    """Return the gateway that an admin has set up."""
    with gateway() as peer:
        page = sign_in_as(new_context().new_page(), asha)
        page.goto("/settings/notifications/sms/")
        page.get_by_label("URL", exact=True).fill(f"{peer.address}/send")
        page.get_by_role("textbox", name="Body").fill('{"to": "{{ to }}", "text": "{{ text }}"}')
        page.get_by_label("Send by SMS").check()
        page.get_by_role("button", name="Save channel").click()
        expect(page.get_by_text("The channel is saved.").first).to_be_visible()
        yield peer


def sign_in(page: Page, address: str, password: str) -> None:
    page.goto(f"{address}/sign-in/")
    page.get_by_label("Username or email").fill("nadia")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(f"{address}/")


def ask(page: Page, address: str) -> None:
    page.goto(f"{address}/sign-in/")
    page.get_by_role("link", name="Forgot your password?").click()
    page.get_by_label("Username or email").fill("nadia")
    page.get_by_role("button", name="Send the").click()
    expect(page.get_by_text("If there is such a login")).to_be_visible()


def choose(page: Page) -> None:
    expect(page.get_by_role("heading", name="Choose a password")).to_be_visible()
    page.get_by_label("New password").fill(NEXT)
    page.get_by_role("button", name="Save password").click()
    expect(page.get_by_text("Your password is changed. Sign in with it.")).to_be_visible()


def is_out(page: Page, address: str) -> None:
    page.goto(f"{address}/account/")
    expect(page).to_have_url(f"{address}/sign-in/?next=/account/")


def is_kept_nowhere(secret: str, worker_log: Path) -> None:
    """Check that what opened the door is in no table, so in no job and no message, and not in the worker's log."""
    # Six digits may be a part of a digest, or of a moment.
    found = re.compile(rf"(?<![0-9a-f.]){secret}(?![0-9a-f])" if secret.isdigit() else re.escape(secret))
    with connection.cursor() as cursor:
        cursor.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
        for (table,) in cursor.fetchall():
            cursor.execute(f'SELECT t::text FROM "{table}" t')
            assert not [row for (row,) in cursor.fetchall() if found.search(row)], table
    assert not found.search(worker_log.read_text())


def is_in_the_log_without(secret: str, page: Page, recipient: str) -> None:
    """Check that an admin sees that it was sent, and not what it said."""
    until(lambda: Message.objects.get(event="password_reset").status == Status.SENT)
    message = Message.objects.get(event="password_reset")
    assert (message.body, message.secret_body, message.facts) == ("", None, {})
    page.goto("/settings/notifications/log/")
    row = page.get_by_role("row", name=recipient)
    expect(row.filter(has_text="Password reset")).to_contain_text("Sent")
    page.goto(f"/settings/notifications/log/{message.pk}/")
    assert secret not in page.content()


@pytest.mark.parametrize(
    ("host", "name", "other"), [(HOUSE, "ISPanel", "North Net"), (DOOR, "North Net", "ISPanel")], ids=["house", "door"]
)
def test_by_a_link_from_the_mail(
    new_context: NewContext,
    port: int,
    worker_log: Path,
    asha: User,
    nadia: User,
    north: Reseller,
    mails: MailPeer,
    host: str,
    name: str,
    other: str,
) -> None:
    give_domain(asha, north, DOOR)
    address = f"http://{host}:{port}"
    elsewhere, page = new_context().new_page(), new_context().new_page()
    sign_in(elsewhere, address, PASSWORD)

    ask(page, address)
    until(lambda: len(mails.mails) == 1)
    [mail] = mails.mails
    assert (str(mail["To"]), str(mail["Subject"])) == (MAIL, "Choose a new password")
    [sender] = mail["From"].addresses
    assert (sender.display_name, sender.addr_spec) == (name, "panel@isp.example")
    said = mail.get_content()
    assert name in said.partition("-- ")[2]
    assert other not in mail.as_string()
    [link] = re.findall(r"https?://\S+", said)
    token = link.removeprefix(f"http://{host}/password/new/?token=")
    assert re.fullmatch(r"[\w-]{43}", token), link

    page.goto(f"{address}/password/new/?token={token}")
    expect(page).to_have_url(f"{address}/password/new/")
    choose(page)

    is_out(elsewhere, address)
    sign_in(page, address, NEXT)
    is_in_the_log_without(token, sign_in_as(new_context().new_page(), asha), MAIL)
    is_kept_nowhere(token, worker_log)


def test_by_a_code_from_the_phone_where_only_that_is_set_up(
    new_context: NewContext, port: int, worker_log: Path, asha: User, nadia: User, texts: GatewayPeer
) -> None:
    address = f"http://{HOUSE}:{port}"
    elsewhere, page = new_context().new_page(), new_context().new_page()
    sign_in(elsewhere, address, PASSWORD)

    ask(page, address)
    until(lambda: len(texts.requests) == 1)
    sent = json.loads(texts.requests[0]["body"])
    assert sent["to"] == "+9611234567"
    found = re.match(r"(\d{6}) is your code for a new password, for 10 minutes\.", sent["text"])
    assert found, sent["text"]
    page.get_by_label("Code from the message").fill(found[1])
    page.get_by_role("button", name="Go on").click()
    choose(page)

    is_out(elsewhere, address)
    sign_in(page, address, NEXT)
    is_in_the_log_without(found[1], sign_in_as(new_context().new_page(), asha), "+9611234567")
    is_kept_nowhere(found[1], worker_log)
