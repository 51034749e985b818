"""A process that `make run` starts beside itself, and that Ctrl-C in the terminal does not reach."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

import psutil

from ispanel import leftovers
from ispanel.local import BASE_DIR

STOP_WITHIN = 8  # seconds
#: What only the command that starts them needs.
KEPT_FROM_THEM = {"DATABASE_OWNER_URL", "ADMIN_PASSWORD"}


class Child:
    """A running process, which leads a session and so a process group of its own."""

    def __init__(self, command: Sequence[str], note: Path) -> None:
        """Start it, and note its process for a later run, in case this one is killed."""
        self.note = note
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            cwd=BASE_DIR,
            env={name: value for name, value in os.environ.items() if name not in KEPT_FROM_THEM},
        )
        leftovers.note(psutil.Process(self.process.pid), note)

    def is_running(self) -> bool:
        return self.process.poll() is None

    def stop(self) -> None:
        """Let it finish what is at hand, then end it."""
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(STOP_WITHIN)
        _kill_group(self.process.pid)
        self.process.wait()
        self.note.unlink(missing_ok=True)


def end_leftover(note: Path) -> None:
    """End the process of a run that was killed before it could do so itself."""
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
