"""`manage.py seal_audit`: bring the hash chain over the audit trail up to date, once or every so often."""

from __future__ import annotations

import logging
import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError, InterfaceError, OperationalError, connection
from django.utils import timezone

from audit.sealing import seal

log = logging.getLogger(__name__)


class Command(BaseCommand):
    help = "Seal the audit rows that are not sealed yet, and log the head of the chain."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--every", type=float, metavar="SECONDS", help="go on until SIGTERM")

    def handle(self, *_args: Any, every: float | None = None, **_options: Any) -> None:
        if every is None:
            self.seal()
            return
        stopped = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopped.set())
        while not stopped.is_set():
            try:
                self.seal()
            except (OperationalError, InterfaceError) as outage:
                log.warning("audit sealing waits for the database", extra={"reason": str(outage).strip()})
            except (DatabaseError, ValueError, OverflowError) as problem:
                # A row that cannot be read, say; `verify_audit` names it.
                log.error("audit sealing failed", extra={"reason": str(problem).strip()})
            finally:
                connection.close()
            stopped.wait(every)

    def seal(self) -> None:
        sealed = seal(timezone.now())
        if sealed.rows:
            log.info("audit sealed", extra={"rows": sealed.rows, "head": str(sealed.head)})
