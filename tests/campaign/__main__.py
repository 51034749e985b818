"""`make campaign`: all parts of the proof at full size, or those that are named."""

from __future__ import annotations

import os
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.campaign.scratch import Scratch, scratch_panel

if TYPE_CHECKING:
    from accounts.models import User
    from resellers.models import Reseller
    from tests.campaign.findings import Outcome


@dataclass(frozen=True)
class Sizes:
    """How much is done, from the environment."""

    seed: str
    operations: int
    app_kills: int
    database_kills: int
    orders: int
    lines: int
    cases: int

    @classmethod
    def from_environment(cls) -> Sizes:
        def number(name: str, default: int) -> int:
            return int(os.environ.get(name) or default)

        return cls(
            seed=os.environ.get("SEED") or secrets.token_hex(4),
            operations=number("OPERATIONS", 1_000_000),
            app_kills=number("APP_KILLS", 200),
            database_kills=number("DATABASE_KILLS", 100),
            orders=number("ORDERS", 200),
            lines=number("LINES", 100_000),
            cases=number("CASES", 20_000),
        )


@dataclass
class Stage:
    """What the parts are played on."""

    scratch: Scratch
    sizes: Sizes
    admin: User
    resellers: list[Reseller]


def bank(stage: Stage) -> Iterator[Outcome]:
    from tests.campaign.bank import run_bank, run_limit, run_same_key

    sizes = stage.sizes
    yield run_limit(admin=stage.admin, seed=sizes.seed)
    yield run_same_key(admin=stage.admin)
    yield run_bank(admin=stage.admin, resellers=stage.resellers, seed=sizes.seed, operations=sizes.operations)


def app_kills(stage: Stage) -> Iterator[Outcome]:
    from tests.campaign.kills import kill_app

    yield kill_app(
        stage.scratch,
        admin=stage.admin,
        resellers=stage.resellers,
        seed=stage.sizes.seed,
        kills=stage.sizes.app_kills,
    )


def database_kills(stage: Stage) -> Iterator[Outcome]:
    from tests.campaign.kills import kill_database

    yield kill_database(
        stage.scratch,
        admin=stage.admin,
        resellers=stage.resellers,
        seed=stage.sizes.seed,
        kills=stage.sizes.database_kills,
    )


def auto_renewals(stage: Stage) -> Iterator[Outcome]:
    from tests.campaign.auto_renewing import run_auto_renewals

    lines = stage.sizes.lines
    yield run_auto_renewals(
        admin=stage.admin, folder=stage.scratch.folder, resellers=max(2, lines // 200), lines=lines, kills=2
    )


def api(stage: Stage) -> Iterator[Outcome]:
    from tests.campaign.asking import KINDS, run_api

    for kind in KINDS:
        seed = int.from_bytes(f"{stage.sizes.seed} {kind}".encode())
        yield run_api(admin=stage.admin, kind=kind, cases=stage.sizes.cases, number=seed)


def model(stage: Stage) -> Iterator[Outcome]:
    from tests.campaign.model import run_model_at_length
    from tests.campaign.sales import Sales

    number = int.from_bytes(stage.sizes.seed.encode())
    yield run_model_at_length(admin=stage.admin, number=number, orders=stage.sizes.orders)
    yield run_model_at_length(admin=stage.admin, number=number, orders=stage.sizes.orders, machine=Sales)


#: The model first, since it adds up the house's accounts after every act, and the bank last, which fills them most.
PARTS: dict[str, Callable[[Stage], Iterator[Outcome]]] = {
    "model": model,
    "api": api,
    "auto-renewals": auto_renewals,
    "app-kills": app_kills,
    "database-kills": database_kills,
    "bank": bank,
}


def main(names: list[str]) -> int:
    """Run the parts; return 1 if anything is wrong, 2 for a part that is not there."""
    if unknown := [name for name in names if name not in PARTS]:
        print(f"There is no part {', '.join(unknown)}; there are {', '.join(PARTS)}.", file=sys.stderr)
        return 2
    sizes = Sizes.from_environment()
    print(f"SEED={sizes.seed} repeats this campaign.", flush=True)
    outcomes: list[Outcome] = []
    with scratch_panel() as scratch:
        from tests.campaign.bank import open_wallets
        from tests.cast import make_admin

        admin = make_admin()
        stage = Stage(scratch, sizes, admin, open_wallets(admin))
        for name in names or PARTS:
            began = time.monotonic()
            for outcome in PARTS[name](stage):
                outcomes.append(outcome)
                print("\n" + "\n".join(outcome.lines()), flush=True)
            print(f"  ({name}: {time.monotonic() - began:.0f} s)", flush=True)
    sound = all(outcome.is_sound for outcome in outcomes)
    print(f"\nSEED={sizes.seed}: {'sound' if sound else 'NOT SOUND'}", flush=True)
    return 0 if sound else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
