"""What a part of the campaign counted, and what it found wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import median

#: So many of a kind are named; the rest is counted.
NAMED = 10


@dataclass
class Outcome:
    """The counts of one part and its findings: sentences that name the rows; with none of them the part is sound."""

    part: str
    counts: Counter[str] = field(default_factory=Counter)
    #: Seconds, by what was waited for.
    waits: dict[str, list[float]] = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)

    def count(self, what: str, number: int = 1) -> None:
        self.counts[what] += number

    def waited(self, what: str, seconds: float, limit: float) -> None:
        """Note how long something took; longer than the limit is a finding."""
        self.waits.setdefault(what, []).append(seconds)
        if seconds > limit:
            self.findings.append(f"{what} took {seconds:.2f} s; {limit:g} s are allowed")

    def found(self, what: str, rows: Iterable[object]) -> None:
        """Take down that rows are wrong; no rows are no finding."""
        listed = list(rows)
        if listed:
            named = ", ".join(map(str, listed[:NAMED]))
            more = f" and {len(listed) - NAMED} more" if len(listed) > NAMED else ""
            self.findings.append(f"{what}: {named}{more}")

    def expect(self, what: str, got: object, wanted: object) -> None:
        if got != wanted:
            self.findings.append(f"{what}: {got} instead of {wanted}")

    @property
    def is_sound(self) -> bool:
        return not self.findings

    def lines(self) -> list[str]:
        """Return the part as the lines of a table."""
        rows = [(what, f"{number:,}") for what, number in sorted(self.counts.items())]
        rows += [
            (what, f"slowest {max(taken):.2f} s, median {median(taken):.2f} s, of {len(taken)}")
            for what, taken in sorted(self.waits.items())
        ]
        verdict = "sound" if self.is_sound else "NOT SOUND"
        return [f"{self.part}: {verdict}", *(f"  {what:<44} {value:>14}" for what, value in rows)] + [
            f"  ! {finding}" for finding in self.findings
        ]
