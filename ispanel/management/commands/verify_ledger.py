"""`manage.py verify_ledger`: prove that money, periods and papers agree, or name what does not."""

from __future__ import annotations

import logging
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone
from django.utils.translation import gettext as _

from billing import verifying as billing
from ispanel.installation import settings_in_force
from ispanel.rounds import go_on
from resellers import verifying as resellers
from subscribers import verifying as subscribers
from wallet import verifying as wallet
from wallet.models import LedgerCheck
from wallet.verifying import Verdict, verify

log = logging.getLogger(__name__)

CHECKS = (*wallet.CHECKS, *resellers.CHECKS, *subscribers.CHECKS, *billing.CHECKS)


class Command(BaseCommand):
    help = "Verify the ledger in one snapshot and keep the result for the System page; exit with 1 on any finding."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--every", type=float, metavar="SECONDS", help="go on until SIGTERM, and log the results")

    def handle(self, *_args: Any, every: float | None = None, **_options: Any) -> None:
        if every is not None:
            go_on(self.check_and_log, every=every, log=log, name="ledger check")
            return
        verdict, check = self.look()
        for finding in verdict.findings:
            self.stderr.write(finding)
        if check.wrong > len(check.findings):
            self.stderr.write(_("… and %(count)d more.") % {"count": check.wrong - len(check.findings)})
        for wallet_over_limit in verdict.over_limit:
            self.stdout.write(wallet_over_limit)
        self.stdout.write(summary_of(check))
        if not check.is_clean:
            sys.exit(1)

    def look(self) -> tuple[Verdict, LedgerCheck]:
        """Look at everything, and keep what was found."""
        started_at = timezone.now()
        with settings_in_force():
            verdict = verify(CHECKS)
        check = LedgerCheck.objects.create(
            started_at=started_at,
            finished_at=timezone.now(),
            transfers=verdict.transfers,
            entries=verdict.entries,
            wallets=verdict.wallets,
            wrong=verdict.wrong,
            findings=verdict.findings,
        )
        return verdict, check

    def check_and_log(self) -> None:
        _verdict, check = self.look()
        told = {"transfers": check.transfers, "seconds": round(check.seconds, 1), "wrong": check.wrong}
        if check.is_clean:
            log.info("ledger in order", extra=told)
        else:
            log.error("ledger NOT in order", extra=told | {"first": check.findings[:10]})


def summary_of(check: LedgerCheck) -> str:
    """Return in one line how it went, what was looked at, and how long it took."""
    looked_at = {
        "transfers": check.transfers,
        "entries": check.entries,
        "wallets": check.wallets,
        "seconds": check.seconds,
        "wrong": check.wrong,
    }
    if check.is_clean:
        sentence = _(
            "The ledger is in order: %(transfers)d transfers, %(entries)d entries, %(wallets)d wallets,"
            " in %(seconds).1f s."
        )
    else:
        sentence = _(
            "NOT in order: %(wrong)d findings in %(transfers)d transfers, %(entries)d entries, %(wallets)d wallets,"
            " in %(seconds).1f s."
        )
    return sentence % looked_at
