"""The web server of `make run`: granian as a child process that Ctrl-C in the terminal does not reach."""

import contextlib
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import psutil

from ispanel import leftovers
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
        """Start it, and note its process for a later run, in case this one is killed."""
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
        leftovers.note(psutil.Process(self.process.pid), note)

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
    process = leftovers.find(note)
    if process:
        with contextlib.suppress(psutil.Error):
            process.terminate()
            process.wait(STOP_WITHIN)
        _kill_group(process.pid)
    note.unlink(missing_ok=True)


def _kill_group(leader: int) -> None:
    """Kill what is left of a process group, its workers included."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)
