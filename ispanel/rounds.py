"""Commands that go on beside the web server, one round every so often."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from logging import Logger

from django.db import InterfaceError, OperationalError, connection


def go_on(act: Callable[[], object], *, every: float, log: Logger, name: str) -> None:
    """Do it every so many seconds until SIGTERM; a round that fails is logged, and the next one comes all the same."""
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    while not stopped.is_set():
        try:
            act()
        except (OperationalError, InterfaceError) as outage:
            log.warning("%s waits for the database", name, extra={"reason": str(outage).strip()})
        except Exception as problem:
            # A row that cannot be read, say; `verify_audit` names those of the trail. Whatever it is, ending here would
            # end the whole of `make run`.
            log.exception("%s failed", name, extra={"reason": str(problem).strip()})
        finally:
            connection.close()
        stopped.wait(every)
