"""The panel as `make run` serves it, on this worker's test database."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.db import connection

from ispanel.web_server import WebServer


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve the panel for the length of the block, and yield its address."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DATABASE_URL", url_of_test_database())
        server = WebServer(free_port(), folder / "web.pid")
    try:
        server.wait_until_ready()
        yield server.address.rstrip("/")
    finally:
        server.stop()


def url_of_test_database() -> str:
    """Return DATABASE_URL with the name that the test run gave to this worker's database."""
    return urlsplit(settings.DATABASE_URL)._replace(path=f"/{connection.settings_dict['NAME']}").geturl()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
