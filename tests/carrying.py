"""A carrier that keeps what it is given to carry, for tests of what is announced."""

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from ispanel import messages
from ispanel.messages import Event, Occurrence, Way


@dataclass
class Satchel:
    """Takes all there is, by the ways that it has."""

    by: Collection[Way] = frozenset(Way)
    taken: list[Occurrence] = field(default_factory=list)

    def take(self, occurrences: Iterable[Occurrence]) -> None:
        self.taken.extend(occurrences)

    def wants(self, event: Event) -> bool:
        return True

    def ways(self) -> Collection[Way]:
        return self.by

    def ways_to_subscriber(self, event: Event) -> Collection[Way]:
        return self.by

    def of(self, event: Event) -> list[Occurrence]:
        """Return what was taken of an event."""
        return [occurrence for occurrence in self.taken if occurrence.event == event]


@contextmanager
def carrying(*by: Way) -> Iterator[Satchel]:
    """Let messages be carried by these ways, into a satchel, for the length of the block."""
    before = list(messages._carriers)
    satchel = Satchel(frozenset(by))
    messages.carry_by(satchel)
    try:
        yield satchel
    finally:
        messages._carriers[:] = before
