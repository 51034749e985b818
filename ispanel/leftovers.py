"""Processes that a killed `make run` left behind, known again by number and time of birth."""

from pathlib import Path

import psutil


def note(process: psutil.Process, file: Path) -> None:
    """Write down which process is ours."""
    file.write_text(f"{process.pid} {process.create_time()}")


def find(file: Path) -> psutil.Process | None:
    """Return the process written down, if it still runs; another one may have its number by now."""
    try:
        pid, born = file.read_text().split()
        process = psutil.Process(int(pid))
        return process if process.create_time() == float(born) else None
    except (FileNotFoundError, ValueError, psutil.Error):
        return None
