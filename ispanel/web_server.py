"""The web server of `make run`: granian as a child process."""

import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from ispanel.child import STOP_WITHIN, Child

HOST = "127.0.0.1"
THREADS = 4
READY_WITHIN = 60  # seconds


class NotReady(Exception):
    """Say in one sentence why the panel does not answer."""


class WebServer(Child):
    """A running granian."""

    def __init__(self, port: int, note: Path) -> None:
        self.address = f"http://{HOST}:{port}/"
        command = [
            *(sys.executable, "-m", "granian", "--interface", "wsgi", "--no-ws"),
            *("--host", HOST, "--port", str(port), "--log-level", "warning"),
            *("--workers", "1", "--blocking-threads", str(THREADS)),
            *("--workers-kill-timeout", str(STOP_WITHIN // 2), "ispanel.wsgi:application"),
        ]
        super().__init__(command, note)

    def wait_until_ready(self) -> None:
        """Return as soon as the panel answers.

        :raises NotReady: if it ends, or takes too long.
        """
        deadline, answer = time.monotonic() + READY_WITHIN, "no answer"
        while time.monotonic() < deadline:
            if not self.is_running():
                raise NotReady("The web server ended before it was ready; the reason is above.")
            try:
                urllib.request.urlopen(f"{self.address}health/ready", timeout=5).close()  # noqa: S310 - always http
                return
            except urllib.error.HTTPError as refusal:
                answer = refusal.read(200).decode(errors="replace").strip()
            except OSError as error:
                answer = str(error)
            time.sleep(0.05)
        raise NotReady(f"The panel was not ready within {READY_WITHIN} seconds: {answer}.")
