"""The table of a run, on the terminal and in docs/benchmarks.md."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import psutil

PAGE = Path(__file__).parent.parent.parent / "docs" / "benchmarks.md"
HEAD = ("What", "Figure", "Ratio", "to", "Rounds", "At least", "Aim")


@dataclass
class Line:
    """One measure: its figure, and its ratio to what it is held against, of every round."""

    what: str
    to: str
    least: float | None = None
    most: float | None = None
    aim: float | None = None
    unit: str = "/s"
    figures: list[float] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        return median(self.ratios)

    @property
    def is_met(self) -> bool:
        if self.most is not None:
            return self.ratio <= self.most
        return self.least is None or self.ratio >= self.least

    def cells(self) -> Sequence[str]:
        least = "" if self.least is None else f"{self.least:g}"
        wanted = least if self.most is None else f"at most {self.most:g}"
        if not self.is_met:
            wanted += " (missed)"
        low_to_high = f"{min(self.ratios):.2f} to {max(self.ratios):.2f}" if self.ratios else ""
        return (
            self.what,
            f"{median(self.figures):,.{0 if median(self.figures) >= 100 else 3}f} {self.unit}",
            f"{self.ratio:.2f}" if self.ratios else "",
            self.to,
            low_to_high,
            wanted,
            "" if self.aim is None else f"{self.aim:g}",
        )


def as_text(lines: Iterable[Line]) -> str:
    """Return the table for a terminal."""
    rows = [HEAD, *(line.cells() for line in lines)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def machine() -> str:
    """Return what the figures were measured on."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    memory = psutil.virtual_memory().total / 2**30
    return f"{os.cpu_count()} × {model}, {memory:.0f} GiB, {platform.system()}, Python {platform.python_version()}"


def write_page(lines: Sequence[Line], *, rounds: int, seconds: int, postgres: str) -> None:
    """Put this run's table and machine into the page, between its marks; the rest of the page stays."""
    table = [f"| {' | '.join(HEAD)} |", "|---" * len(HEAD) + "|"]
    table += [f"| {' | '.join(line.cells())} |" for line in lines]
    facts = (
        f"Measured on {datetime.now(UTC):%-d %B %Y} in {rounds} rounds of {seconds} seconds a measure.\n\n"
        f"Machine: {machine()}, {postgres}.\n\n"
    )
    text = PAGE.read_text(encoding="utf-8")
    before, mark, rest = text.partition("<!-- figures -->\n")
    _, end, after = rest.partition("<!-- end of figures -->")
    PAGE.write_text(f"{before}{mark}\n{facts}{chr(10).join(table)}\n\n{end}{after}", encoding="utf-8")
