"""`manage.py verify_audit`: prove that the audit trail is as it was sealed, or name what is not."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.translation import gettext as _

from audit.chain import Head
from audit.verifying import Walk
from ispanel.installation import settings_in_force

#: Findings that are named; what is more is counted.
NAMED = 100


class Command(BaseCommand):
    help = "Verify the hash chain over the audit trail; exit with 1 where anything is not as it was sealed."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--head", metavar="NUMBER:HEX", help="a head from a log line that was kept elsewhere")

    def handle(self, *_args: Any, head: str | None = None, **_options: Any) -> None:
        try:
            kept = Head.parse(head) if head else None
        except ValueError as problem:
            raise CommandError(str(problem)) from None
        walk = Walk(timezone.now(), kept)
        count = 0
        with settings_in_force():
            for count, finding in enumerate(walk.findings(), start=1):
                if count <= NAMED:
                    self.stderr.write(finding)
        if count > NAMED:
            self.stderr.write(_("… and %(count)d more.") % {"count": count - NAMED})
        self.stdout.write(_("Rows sealed: %(rows)d. Head: %(head)s") % {"rows": walk.rows, "head": walk.head})
        if count:
            self.stdout.write(_("NOT in order: %(count)d findings.") % {"count": count})
            sys.exit(1)
        self.stdout.write(_("The audit trail is in order."))
