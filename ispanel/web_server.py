"""The web server of `make run`: granian as a child process that Ctrl-C in the terminal does not reach."""

import contextlib
import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import psutil

from ispanel.local import BASE_DIR

HOST = "127.0.0.1"
THREADS = 4
READY_WITHIN = 60  # seconds
STOP_WITHIN = 8  # seconds


class NotReady(Exception):
    """Say in one sentence why the panel does not answer."""


class WebServer:
    """A running granian, which leads a session and so a process group of its own."""

    def __init__(self, port: int, note: Path) -> None:
        """Start it, and write its process number into `note` for `end_leftover`."""
        self.address = f"http://{HOST}:{port}/"
        self.note = note
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "granian", "--interface", "wsgi", "--no-ws"),
                *("--host", HOST, "--port", str(port), "--log-level", "warning"),
                *("--workers", "1", "--blocking-threads", str(THREADS)),
                *("--workers-kill-timeout", str(STOP_WITHIN // 2), "ispanel.wsgi:application"),
            ],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            cwd=BASE_DIR,
        )
        note.write_text(f"{self.process.pid} {psutil.Process(self.process.pid).create_time()}")

    def wait_until_ready(self) -> None:
        """Return as soon as the panel answers.

        :raises NotReady: if it ends, or takes too long.
        """
        deadline = time.monotonic() + READY_WITHIN
        while time.monotonic() < deadline:
            if not self.is_running():
                raise NotReady("The web server ended before it was ready; the reason is above.")
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{self.address}health/ready", timeout=5).close()  # noqa: S310 - always http
                return
            time.sleep(0.05)
        raise NotReady(f"The panel did not answer within {READY_WITHIN} seconds.")

    def is_running(self) -> bool:
        return self.process.poll() is None

    def stop(self) -> None:
        """Let the requests at hand finish, then end it."""
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(STOP_WITHIN)
        _kill_group(self.process.pid)
        self.process.wait()
        self.note.unlink(missing_ok=True)


def end_leftover(note: Path) -> None:
    """End the web server of a run that was killed before it could do so itself."""
    with contextlib.suppress(FileNotFoundError, ValueError, psutil.Error):
        pid, born = note.read_text().split()
        leftover = psutil.Process(int(pid))
        if leftover.create_time() == float(born):
            leftover.terminate()
            with contextlib.suppress(psutil.TimeoutExpired):
                leftover.wait(STOP_WITHIN)
            _kill_group(leftover.pid)
    note.unlink(missing_ok=True)


def _kill_group(leader: int) -> None:
    """Kill what is left of a process group, its workers included."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)
