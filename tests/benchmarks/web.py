"""The panel over HTTP: as `make run` serves it, pressed by people on connections that stay open."""

from __future__ import annotations

import os
import random
import re
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor

from ispanel.web_server import HOST, WebServer
from resellers.models import Reseller
from tests.campaign.web import HIDDEN, Person, free_port

CLIENTS = 8
LENGTH = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)
Request = Callable[[], bytes]


@contextmanager
def served(folder: Path) -> Iterator[WebServer]:
    """Serve the panel, with the page that does nothing, for the length of the block."""
    before = os.environ["DJANGO_SETTINGS_MODULE"]
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.benchmarks.web_settings"
    try:
        server = WebServer(free_port(), folder / "bench-web.pid")
    finally:
        os.environ["DJANGO_SETTINGS_MODULE"] = before
    try:
        server.wait_until_ready()
        yield server
    finally:
        server.stop()


class Visitor:
    """An admin who is signed in, and what her browser would send."""

    def __init__(self, server: WebServer, resellers: list[Reseller]) -> None:
        self.port = int(server.address.rstrip("/").rpartition(":")[2])
        self.resellers = resellers
        person = Person(server.address, "asha", resellers, "bench")
        _, page = person.insist(f"/resellers/{resellers[0].pk}/transfers/")
        self.token = dict(HIDDEN.findall(page))["csrfmiddlewaretoken"]
        self.cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in jar_of(person))

    def hello(self) -> bytes:
        """Return a request for the page that does nothing."""
        return self._head("GET", "/hello/") + b"\r\n"

    def transfer(self) -> bytes:
        """Return the Transfer form, filled in anew."""
        reseller = random.choice(self.resellers)
        body = urlencode(
            {
                "csrfmiddlewaretoken": self.token,
                "idempotency_key": uuid.uuid4(),
                "amount": "1.00",
                "note": "Monthly settlement May 2026",
            }
        ).encode()
        head = self._head("POST", f"/resellers/{reseller.pk}/transfers/")
        form = f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
        return head + form.encode() + body

    def _head(self, method: str, path: str) -> bytes:
        return f"{method} {path} HTTP/1.1\r\nHost: {HOST}:{self.port}\r\nCookie: {self.cookies}\r\n".encode()

    def rate(self, request: Request, status: int, seconds: int) -> float:
        """Send requests on eight connections for so long; return how many a second were answered with the status."""
        counts, problems = [0] * CLIENTS, []
        end = time.perf_counter() + seconds

        def ask(number: int) -> None:
            try:
                with socket.create_connection((HOST, self.port), timeout=30) as connection:
                    while time.perf_counter() < end:
                        connection.sendall(request())
                        answer = read_answer(connection)
                        if not answer.startswith(f"HTTP/1.1 {status} ".encode()):
                            raise RuntimeError(f"answered {answer[:200]!r}")
                        counts[number] += 1
            except Exception as problem:
                problems.append(problem)

        threads = [threading.Thread(target=ask, args=[number]) for number in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if problems:
            raise problems[0]
        return sum(counts) / seconds


def jar_of(person: Person) -> CookieJar:
    return next(each.cookiejar for each in person.browser.handlers if isinstance(each, HTTPCookieProcessor))


def read_answer(connection: socket.socket) -> bytes:
    """Return the head of an answer, once its body is read too."""
    held = b""
    while b"\r\n\r\n" not in held:
        block = connection.recv(65536)
        if not block:
            raise ConnectionError("the connection was closed")
        held += block
    head, _, body = held.partition(b"\r\n\r\n")
    found = LENGTH.search(head)
    missing = int(found[1] if found else 0) - len(body)
    while missing > 0:
        missing -= len(connection.recv(65536))
    return head
