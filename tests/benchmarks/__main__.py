"""`make bench`: seeds a scratch server, takes every measure once per round, prints the table and writes the page.

ROUNDS (5) and SECONDS (8) say how long it takes; with PAGE=0 docs/benchmarks.md stays as it is.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from statistics import median
from typing import TYPE_CHECKING

from ispanel import embedded_postgres
from ispanel.run import SERVING_ROLE
from tests.benchmarks.fleet import Fleet
from tests.benchmarks.pgbench import PgBench, Scripts
from tests.benchmarks.report import Line, as_text, write_page
from tests.campaign.scratch import Scratch, scratch_panel

if TYPE_CHECKING:
    from decimal import Decimal

    from accounts.models import User
    from wallet.models import LedgerAccount

HORDAK = "hordak"
CREATED = 50
AUTO_RENEWING, AUTO_RENEWED = 500, 100_000
MEMORY_MB = 300


def main() -> int:
    """Run all of it; return 1 where a ratio is missed."""
    rounds, seconds = int(os.environ.get("ROUNDS") or 5), int(os.environ.get("SECONDS") or 8)
    with scratch_panel() as scratch, ExitStack() as open_until_the_end:
        lines = measure(scratch, open_until_the_end, rounds, seconds)
        postgres = version_of_postgres()
    print(as_text(lines))
    if os.environ.get("PAGE") != "0":
        write_page(lines, rounds=rounds, seconds=seconds, postgres=postgres)
    return 0 if all(line.is_met for line in lines) else 1


def measure(scratch: Scratch, stack: ExitStack, rounds: int, seconds: int) -> list[Line]:
    """Seed, then take the measures in turn."""
    from tests.benchmarks import seeds
    from tests.benchmarks.asking import Asking
    from tests.benchmarks.importing import Imports
    from tests.benchmarks.renewing import Renewals
    from tests.benchmarks.stating import seconds_of_invoice, seconds_of_pdf
    from tests.benchmarks.web import Visitor, served
    from tests.cast import make_admin, make_plan
    from wallet.ledger import platform_account

    say("seeding")
    bench, admin, platform = PgBench(scratch.database, SERVING_ROLE), make_admin(), platform_account()
    bench.make_baseline()
    wallets = seeds.open_wallets(seeds.WALLETS, platform)
    resellers = seeds.take_on_resellers(admin, seeds.RESELLERS)
    histories = (seeds.LONG_HISTORY, seeds.SHORT_HISTORY, seeds.STATED)
    long, short, stated = (seeds.wallet_with_history(entries, platform) for entries in histories)
    renewals = Renewals(admin, *seeds.reseller_with_subscribers(admin, seeds.RENEWED))
    asking = Asking(admin)
    imports = Imports(admin, resellers[0], make_plan())
    hordak_url = scratch.database.url.replace(f"/{embedded_postgres.DATABASE}?", f"/{HORDAK}?")
    make_hordak(bench, hordak_url, seeds.RESELLERS)
    seeds.settle()

    scripts = Scripts(scratch.folder, wallets, platform.pk)
    visitor = Visitor(stack.enter_context(served(scratch.folder)), resellers)
    transferring = stack.enter_context(Fleet("tests.benchmarks.transferring", {"DATABASE_POOL": "1"}))
    hordak = stack.enter_context(Fleet("tests.benchmarks.hordak_transferring", hordak_environment(hordak_url)))

    base = Line("pgbench TPC-B-like, 8 clients", "")
    function = Line("Transfer function, 10,000 wallets, 8 clients", "TPC-B", least=0.9, aim=1.2)
    hot8 = Line("… all on one wallet, 8 clients", "TPC-B", least=0.30, aim=0.45)
    hot32 = Line("… all on one wallet, 32 clients", "TPC-B", least=0.18, aim=0.30)
    top_up = Line("… from the house's account, 8 clients", "TPC-B", least=0.8)
    operation = Line("Transfer operation in Python, 8 processes", "TPC-B", least=0.35, aim=0.5)
    beside = Line("django-hordak, 8 processes", "", least=None)
    against = Line("Transfer operation in Python, 8 processes", "django-hordak", least=2.5)
    hello = Line("Page that does nothing, over HTTP", "")
    form = Line("Transfer form, over HTTP", "that page", least=0.5)
    one_by_one = Line("1,000 renewals one by one", "", unit="s")
    batch = Line("1,000 renewals in one batch", "one by one", least=5, unit="s")
    checking = Line("Check of a file of 10,000 subscribers", "", unit="s")
    copying = Line("Plain COPY of the rows that it makes", "", unit="s")
    importing = Line("Import of 10,000 subscribers, unpaid", "that COPY", most=10, unit="s")
    reading = Line("Balance of a wallet with 1,000,000 entries", "with 10", most=1.2, unit="µs")
    by_form = Line("Create a reseller through the form, its hash excluded", "", unit="ms")
    by_api = Line("… through the API", "the form", most=1.3, unit="ms")
    page = Line("Page of 100 resellers with their groups over the API", "", unit="ms")
    queries = Line("… its queries", "a page of 10", most=1, unit="queries")
    statement = Line("Statement of 1,000 lines as PDF", "1 s", most=1, unit="s")
    invoice = Line("Invoice as PDF", "0.3 s", most=1, unit="s")

    for number in range(rounds):
        say(f"round {number + 1} of {rounds}")
        rate = bench.baseline(seconds)
        base.figures.append(rate)
        for line, script, clients in (
            (function, scripts.between_wallets(), 8),
            (hot8, scripts.from_one_wallet(), 8),
            (hot32, scripts.from_one_wallet(), 32),
            (top_up, scripts.top_up(), 8),
        ):
            take(line, bench.script(script, seconds, clients), rate)
        take(operation, transferring.rate(seconds), rate)
        beside.figures.append(hordak.rate(seconds))
        take(against, operation.figures[-1], beside.figures[-1])
        hello.figures.append(visitor.rate(visitor.hello, 200, seconds))
        take(form, visitor.rate(visitor.transfer, 303, seconds), hello.figures[-1])
        one_by_one.figures.append(renewals.one_by_one())
        batch.figures.append(renewals.in_one_batch())
        batch.ratios.append(one_by_one.figures[-1] / batch.figures[-1])
        checked, imported = imports.check_and_import()
        checking.figures.append(checked)
        copying.figures.append(imports.copy())
        take(importing, imported, copying.figures[-1])
        fast, slow = microseconds_to_read(short), microseconds_to_read(long)
        take(reading, slow, fast)
        by_form.figures.append(asking.by_form(CREATED))
        take(by_api, asking.by_api(CREATED), by_form.figures[-1])
        page.figures.append(asking.page(100)[0])
        take(queries, asking.page(100)[1], asking.page(10)[1])
        take(statement, seconds_of_pdf(stated, seeds.STATED), 1)
        take(invoice, seconds_of_invoice(), 0.3)
    say("lines that renew themselves")
    renewing, memory = auto_renewals(admin, scratch)
    return [
        base, function, hot8, hot32, top_up, operation, beside, against, hello, form, one_by_one, batch, checking,
        copying, importing, reading, by_form, by_api, page, queries, statement, invoice, renewing, memory,
    ]  # fmt: skip


def auto_renewals(admin: User, scratch: Scratch) -> tuple[Line, Line]:
    """Let two workers renew what is due, each killed once; return the lines a second, and the memory of a worker."""
    from tests.campaign.auto_renewing import run_auto_renewals

    outcome = run_auto_renewals(
        admin=admin, folder=scratch.folder, resellers=AUTO_RENEWING, lines=AUTO_RENEWED, kills=2
    )
    if not outcome.is_sound:
        raise SystemExit("\n".join(outcome.lines()))
    rate = Line(f"{AUTO_RENEWED:,} lines of {AUTO_RENEWING} resellers renew themselves, two workers killed", "")
    rate.figures.append(outcome.counts["lines a second"])
    memory = Line("… most memory of a worker", f"{MEMORY_MB} MB", most=1, unit="MB")
    take(memory, outcome.counts["most memory of a worker, MB"], MEMORY_MB)
    return rate, memory


def take(line: Line, figure: float, other: float) -> None:
    line.figures.append(figure)
    line.ratios.append(figure / other)


def microseconds_to_read(wallet: LedgerAccount, times: int = 2000) -> float:
    """Return how long it takes to ask for the wallet's balance, in the median."""
    from wallet.models import LedgerAccount

    def read() -> Decimal | None:
        return LedgerAccount.objects.values_list("balance", flat=True).get(pk=wallet.pk)

    return median(timed(read) for _ in range(times)) * 1e6


def timed(act: Callable[[], object]) -> float:
    """Return how many seconds the act takes."""
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def hordak_environment(url: str) -> dict[str, str]:
    return {"DJANGO_SETTINGS_MODULE": "tests.benchmarks.hordak_settings", "HORDAK_DATABASE_URL": url}


def make_hordak(bench: PgBench, url: str, accounts: int) -> None:
    """Make the database of django-hordak, with as many accounts as there are resellers."""
    bench.create_database(HORDAK)
    command = [sys.executable, "-m", "tests.benchmarks.hordak_seed", str(accounts)]
    subprocess.run(command, check=True, env={**os.environ, **hordak_environment(url)})


def version_of_postgres() -> str:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT 'PostgreSQL ' || current_setting('server_version')")
        return str(cursor.fetchone()[0])


def say(what: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
