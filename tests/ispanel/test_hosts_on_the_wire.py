"""Hosts as they arrive over the wire, at the web server that the panel is served by."""

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.resetting import Shipped
from tests.serving import served

OURS, UNKNOWN = "panel.isp.test", "evil.test"
NOTHING = "Not found\n"


@pytest.fixture(scope="module")
def port(shipped: Shipped, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with served(tmp_path_factory.mktemp("server"), ALLOWED_HOSTS=OURS, HTTPS_ONLY="true") as address:
        yield urlsplit(address).port or 0


def send(port: int, *lines: str) -> tuple[int, dict[str, str], str]:
    """Send a request line and headers as they stand; return status, headers and body, 0 where nothing is answered."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall("\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1"))
        received = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = received.decode("latin-1").partition("\r\n\r\n")
    status, *headers = head.split("\r\n")
    pairs = (line.partition(": ") for line in headers)
    return int((status.split() or ["", "0"])[1]), {name.lower(): value for name, _, value in pairs}, body


def test_our_own_host_is_led_to_https(port: int, committing: None) -> None:
    status, headers, _body = send(port, "GET /sign-in/ HTTP/1.1", f"Host: {OURS}")

    assert (status, headers["location"]) == (301, f"https://{OURS}/sign-in/")


@pytest.mark.parametrize(
    "lines",
    [
        (f"Host: {UNKNOWN}",),
        (f"Host: {UNKNOWN}", f"Host: {OURS}"),
        (f"Host: {OURS}", f"Host: {UNKNOWN}"),
        (f"Host: {OURS}@{UNKNOWN}",),
        (f"Host: {OURS}, {UNKNOWN}",),
        (f"Host: {UNKNOWN}", f"X-Forwarded-Host: {OURS}"),
        (f"Host: {OURS}\t{UNKNOWN}",),
        (f"Host: {OURS}/{UNKNOWN}",),
        ("Host:",),
        (),
    ],
)
def test_a_host_that_is_not_ours_alone_is_never_repeated(port: int, committing: None, lines: tuple[str, ...]) -> None:
    status, headers, body = send(port, "GET /sign-in/ HTTP/1.1", *lines)

    assert status in (0, 400, 404) or headers.get("location") == f"https://{OURS}/sign-in/"
    assert UNKNOWN not in headers.get("location", "") + body
    assert "set-cookie" not in headers


@pytest.mark.parametrize(("named", "host"), [(UNKNOWN, OURS), (OURS, UNKNOWN), (UNKNOWN, UNKNOWN)])
def test_an_address_in_the_request_line_leads_nowhere_else(port: int, committing: None, named: str, host: str) -> None:
    status, headers, body = send(port, f"GET http://{named}/sign-in/ HTTP/1.1", f"Host: {host}")

    assert status in (0, 400, 404) or headers.get("location") == f"https://{OURS}/sign-in/"
    assert UNKNOWN not in headers.get("location", "") + body
    assert "set-cookie" not in headers


def test_what_is_nowhere_says_nothing_of_the_panel(port: int, committing: None) -> None:
    status, headers, body = send(port, "GET / HTTP/1.1", f"Host: {UNKNOWN}")

    assert status == 404
    assert NOTHING in body
    assert "ispanel" not in str(headers).lower()
