"""`manage.py seal_audit`: bring the hash chain over the audit trail up to date, once or every so often."""

from __future__ import annotations

import logging
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from audit.sealing import seal
from ispanel.rounds import go_on

log = logging.getLogger(__name__)


class Command(BaseCommand):
    help = "Seal the audit rows that are not sealed yet, and log the head of the chain."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--every", type=float, metavar="SECONDS", help="go on until SIGTERM")

    def handle(self, *_args: Any, every: float | None = None, **_options: Any) -> None:
        if every is None:
            self.seal()
        else:
            go_on(self.seal, every=every, log=log, name="audit sealing")

    def seal(self) -> None:
        sealed = seal(timezone.now())
        if sealed.rows:
            log.info("audit sealed", extra={"rows": sealed.rows, "head": str(sealed.head)})
