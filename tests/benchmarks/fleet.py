"""Eight processes that do one thing over and over, each with a connection of its own, for as long as they are told."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).parent.parent.parent
READY = "ready"


class Fleet:
    """The processes; between rounds they wait."""

    def __init__(self, module: str, environment: Mapping[str, str], number: int = 8) -> None:
        self.processes = [
            subprocess.Popen(
                [sys.executable, "-m", module, str(each)],
                cwd=ROOT,
                env={**os.environ, **environment},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for each in range(number)
        ]
        for process in self.processes:
            self._hear(process, READY)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, _: TracebackType | None
    ) -> None:
        for process in self.processes:
            assert process.stdin is not None
            process.stdin.close()
        for process in self.processes:
            process.wait()

    def rate(self, seconds: int) -> float:
        """Let all of them work for so long; return how often a second they did it, all together."""
        for process in self.processes:
            assert process.stdin is not None
            process.stdin.write(f"{seconds}\n")
            process.stdin.flush()
        return sum(float(self._hear(process)) for process in self.processes)

    @staticmethod
    def _hear(process: subprocess.Popen[str], expected: str = "") -> str:
        assert process.stdout is not None
        line = process.stdout.readline().strip()
        if not line or (expected and line != expected):
            raise RuntimeError(f"A process of {process.args} said {line!r} and not what was expected.")
        return line
