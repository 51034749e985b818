"""What each process of a fleet does: read for how many seconds, work, write the rate."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from tests.benchmarks.fleet import READY

WARM_UP = 50


def serve(act: Callable[[], object]) -> None:
    """Do the act over and over whenever a number of seconds comes in, until nothing comes any more."""
    for _ in range(WARM_UP):
        act()
    print(READY, flush=True)
    for line in sys.stdin:
        began, count = time.perf_counter(), 0
        end = began + float(line)
        while time.perf_counter() < end:
            act()
            count += 1
        print(count / (time.perf_counter() - began), flush=True)
