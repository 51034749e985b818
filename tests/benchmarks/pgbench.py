"""PostgreSQL's own benchmark, as the baseline and as the driver of our SQL function."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from ispanel import embedded_postgres
from ispanel.embedded_postgres import PORT, SUPERUSER, Server

SCALE = 50
TPC_B = "tpcb"
RATE = re.compile(r"^tps = ([0-9.]+)", re.MULTILINE)

#: One transfer, with its row in the trail and a key of its own, between accounts that a script chooses.
CALL = """
SELECT * FROM post_transfer(
    :kind, :debit, :credit, 1.00, 'Monthly settlement May 2026', NULL, now(),
    1, 'asha', NULL, '', :kind, gen_random_uuid(), sha256('contents'),
    'funds.transferred', 'regular', 'Admin', 'reseller', :credit, 'North Net', :credit,
    '1.00 USD · Monthly settlement May 2026', '{}', '203.0.113.4',
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36', gen_random_uuid()::text
);
"""


@dataclass(frozen=True)
class PgBench:
    """Runs scripts against a server's databases, and returns transactions per second."""

    server: Server
    role: str

    def make_baseline(self) -> None:
        """Make the TPC-B-like database: 5,000,000 accounts, 500 tellers, 50 branches."""
        self.create_database(TPC_B)
        self._run("pgbench", "--initialize", "--quiet", f"--scale={SCALE}", TPC_B)

    def create_database(self, name: str) -> None:
        self._run("createdb", name)

    def baseline(self, seconds: int) -> float:
        """Return the rate of the TPC-B-like script with 8 clients and prepared statements."""
        return self._rate(seconds, 8, "--no-vacuum", TPC_B)

    def script(self, script: Path, seconds: int, clients: int) -> float:
        """Return the rate of a script of ours, run as the serving role."""
        return self._rate(
            seconds, clients, "--no-vacuum", f"--file={script}", embedded_postgres.DATABASE, role=self.role
        )

    def _rate(self, seconds: int, clients: int, *arguments: str, role: str = SUPERUSER) -> float:
        output = self._run(
            "pgbench", "--protocol=prepared", f"--client={clients}", "--jobs=2", f"--time={seconds}",
            "--failures-detailed", "--exit-on-abort", *arguments, role=role,
        )  # fmt: skip
        found = RATE.search(output)
        if not found or "number of failed transactions: 0 " not in output:
            raise RuntimeError(f"pgbench failed:\n{output}")
        return float(found[1])

    def _run(self, program: str, *arguments: str, role: str = SUPERUSER) -> str:
        where = [f"--host={self.server.sockets}", f"--port={PORT}", f"--username={role}"]
        command = [embedded_postgres.programs() / program, *where, *arguments]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        if ran.returncode:
            raise RuntimeError(f"{program} failed: {ran.stderr.strip()[-500:]}")
        return ran.stdout


@dataclass(frozen=True)
class Scripts:
    """Files with what pgbench sends."""

    folder: Path
    wallets: list[int]  # ids without a gap
    platform: int

    def between_wallets(self) -> Path:
        """Any wallet to any other."""
        first, last = self.wallets[0], self.wallets[-1]
        return self._write(
            "between",
            f"\\set debit random({first}, {last})\n"
            f"\\set credit {first} + (:debit - {first} + random(1, {last - first})) % {len(self.wallets)}\n",
            "transfer",
        )

    def from_one_wallet(self) -> Path:
        """One wallet to the house: the wallet that everybody waits for."""
        return self._write("hot", f"\\set debit {self.wallets[0]}\n\\set credit {self.platform}\n", "withdrawal")

    def top_up(self) -> Path:
        """The house's account to any wallet."""
        return self._write(
            "top_up",
            f"\\set debit {self.platform}\n\\set credit random({self.wallets[0]}, {self.wallets[-1]})\n",
            "transfer",
        )

    def _write(self, name: str, choice: str, kind: str) -> Path:
        file = self.folder / f"{name}.sql"
        file.write_text(choice + " ".join(CALL.replace(":kind", f"'{kind}'").split()) + "\n", encoding="utf-8")
        return file
