"""The panel as `make run` serves it, and its worker, on this test run's database."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.db import connection

from ispanel.web_server import WebServer


@contextmanager
def served(folder: Path, **variables: str) -> Iterator[str]:
    """Serve the panel for the length of the block, with these variables besides, and yield its address."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DATABASE_URL", url_of_test_database())
        for name, value in variables.items():
            environment.setenv(name, value)
        server = WebServer(free_port(), folder / "web.pid")
    try:
        server.wait_until_ready()
        yield server.address.rstrip("/")
    finally:
        server.stop()


@contextmanager
def worked(log: Path) -> Iterator[None]:
    """Run `manage.py work` for the length of the block, with a log of what it says."""
    with log.open("w") as said:
        worker = subprocess.Popen(
            [sys.executable, "manage.py", "work"],
            cwd=settings.BASE_DIR,
            env=os.environ | {"DATABASE_URL": url_of_test_database()},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield
    finally:
        worker.terminate()
        try:
            worker.wait(15)
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait()


def url_of_test_database() -> str:
    """Return DATABASE_URL with the name that the test run gave to this worker's database."""
    return urlsplit(settings.DATABASE_URL)._replace(path=f"/{connection.settings_dict['NAME']}").geturl()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
