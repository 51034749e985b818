"""The panel as it is really served, and people who press its real Transfer form over HTTP."""

from __future__ import annotations

import html
import http.client
import os
import random
import re
import socket
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from http.cookiejar import CookieJar
from pathlib import Path

import psutil

from ispanel.web_server import WebServer
from resellers.models import Reseller
from tests.cast import PASSWORD

HIDDEN = re.compile(r'name="(csrfmiddlewaretoken|idempotency_key)" value="([^"]+)"')
#: A person presses again for so long.
PATIENCE = 60


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Supervisor:
    """Keeps the web server running: whenever it ends, another one is started on the same port."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self.port, self.note, self.database_url = free_port(), folder / "web.pid", database_url
        self.done = threading.Event()
        self.server = self.start()
        self.server.wait_until_ready()
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()

    def start(self) -> WebServer:
        os.environ["DATABASE_URL"], before = self.database_url, os.environ["DATABASE_URL"]
        try:
            self.started_at = time.monotonic()
            return WebServer(self.port, self.note)
        finally:
            os.environ["DATABASE_URL"] = before

    def watch(self) -> None:
        while not self.done.is_set():
            if not self.server.is_running():
                self.server = self.start()
            time.sleep(0.02)

    def kill(self) -> None:
        """Kill every process of the web server at once, as losing the machine's power would."""
        kill_tree(psutil.Process(self.server.process.pid))

    def stop(self) -> None:
        self.done.set()
        self.thread.join()
        self.server.stop()


def kill_tree(process: psutil.Process) -> None:
    """Kill a process and all its children, the parent first so that it starts no others."""
    with suppress(psutil.NoSuchProcess):
        for each in [process, *process.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess):
                each.kill()


class NoRedirects(urllib.request.HTTPRedirectHandler):
    """An answer that leads on is the answer."""

    def redirect_request(self, *_arguments: object) -> None:
        return None


@dataclass
class Sent:
    """A form that was sent until there was an answer: 303 when the money moved, 422 when it was refused."""

    key: uuid.UUID
    reseller: Reseller
    kind: str
    amount: Decimal
    presses: int = 0
    status: int = 0
    answers: list[str] = field(default_factory=list)


class Person(threading.Thread):
    """An admin at a browser of her own: opens Transfer or Withdraw, fills it in, and presses until it is answered."""

    def __init__(self, address: str, username: str, resellers: list[Reseller], seed: str) -> None:
        super().__init__()
        self.address, self.username, self.resellers = address.rstrip("/"), username, resellers
        self.random = random.Random(seed)
        self.browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()), NoRedirects())
        self.sent: list[Sent] = []
        self.answered_at = 0.0
        self.presses_unanswered = 0
        self.problem: str = ""
        self.done = threading.Event()
        self.sign_in()

    def open(self, path: str, typed: dict[str, str] | None = None) -> tuple[int, str]:
        """Ask for a page, or send a form; return the status and the page, 0 where there was no answer."""
        data = urllib.parse.urlencode(typed).encode() if typed is not None else None
        try:
            with self.browser.open(f"{self.address}{path}", data, timeout=15) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as answer:
            with suppress(OSError, http.client.HTTPException):
                return answer.code, answer.read().decode()
        except (OSError, http.client.HTTPException):
            pass
        return 0, ""

    def insist(self, path: str, typed: dict[str, str] | None = None, sent: Sent | None = None) -> tuple[int, str]:
        """Ask until there is an answer that is not a fault of the server."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if sent:
                sent.presses += 1
            status, page = self.open(path, typed)
            if sent:
                sent.answers.append(str(status))
            if 0 < status < 500:
                return status, page
            time.sleep(0.05)
        raise TimeoutError(f"{path} was not answered within {PATIENCE} s")

    def sign_in(self) -> None:
        _, page = self.insist("/sign-in/")
        typed = dict(HIDDEN.findall(page)) | {"login": self.username, "password": PASSWORD}
        status, _ = self.insist("/sign-in/", typed)
        if status not in (302, 303):
            raise AssertionError(f"signing in was answered {status}")

    def run(self) -> None:
        try:
            while not self.done.is_set():
                self.press()
        except Exception as problem:
            self.problem = f"{type(problem).__name__}: {problem}"

    def press(self) -> None:
        reseller = self.random.choice(self.resellers)
        kind = self.random.choice(("transfer", "transfer", "withdrawal"))
        path = f"/resellers/{reseller.pk}/{kind}s/"
        status, page = self.insist(path)
        if status != 200:
            raise AssertionError(f"{path} was answered {status}")
        hidden = {name: html.unescape(value) for name, value in HIDDEN.findall(page)}
        amount = Decimal(self.random.randint(1, 5000)) / 100
        sent = Sent(uuid.UUID(hidden["idempotency_key"]), reseller, kind, amount)
        self.sent.append(sent)
        sent.status, _ = self.insist(path, hidden | {"amount": str(amount), "note": "campaign"}, sent)
        self.answered_at = time.monotonic()
