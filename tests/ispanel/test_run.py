"""`make run`, as a person meets it: the real commands, on real folders and ports."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import psycopg
import pytest

from ispanel import run
from tests import embedded_server

ROOT = Path(__file__).parent.parent.parent
COMMAND = [sys.executable, "-m", "ispanel.run"]
#: Words of the commands that run beside `make run`, and what it calls them.
CHILDREN = {
    "granian": "The web server",
    "manage.py work": "The worker",
    "seal_audit": "The sealer of the audit trail",
    "verify_ledger": "The checker of the ledger",
}
PASSWORD = re.compile(r"with the password  (\S+)  \(shown this once\)")


class Panel:
    """A started `make run`, in a session of its own as a terminal would give it."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.port = free_port()
        self.log = folder.parent / f"{folder.name}-{self.port}.log"
        self.process = subprocess.Popen(
            COMMAND,
            cwd=ROOT,
            env=surroundings(folder, PORT=str(self.port), **environment),
            stdin=subprocess.DEVNULL,
            stdout=self.log.open("w"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    @property
    def output(self) -> str:
        return self.log.read_text()

    def until(self, words: str) -> "Panel":
        deadline = time.monotonic() + 60
        while words not in self.output:
            assert self.process.poll() is None, self.output
            assert time.monotonic() < deadline, self.output
            time.sleep(0.05)
        return self

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def child(self, name: str) -> psutil.Process:
        return next(child for child in self.children() if name in " ".join(child.cmdline()))

    def ctrl_c(self) -> int:
        """Interrupt as a terminal does, everything in the foreground at once; return the exit code."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(30)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Return one data folder for all, as only its first start takes long."""
    with tempfile.TemporaryDirectory(prefix="ispanel-test-") as name:
        yield Path(name) / "data"


@pytest.fixture(scope="module", autouse=True)
def first(folder: Path) -> Panel:
    """Return the panel that was started on the folder when there was nothing yet, and stopped again."""
    panel = Panel(folder).until("Ctrl-C stops it.")
    panel.ctrl_c()
    return panel


@pytest.fixture
def start(folder: Path) -> Iterator[Callable[..., Panel]]:
    """Start panels that end with the test."""
    started: list[Panel] = []

    def start(**environment: str) -> Panel:
        started.append(Panel(folder, **environment))
        return started[-1].until("Ctrl-C stops it.")

    yield start
    for panel in started:
        if panel.process.poll() is None:
            panel.ctrl_c()


def is_alive(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def surroundings(folder: Path, **environment: str) -> dict[str, str]:
    """Return an environment without what these tests have set for themselves."""
    ours = {*embedded_server.SETTINGS, "DATABASE_URL", "DATABASE_OWNER_URL", "STATIC_ROOT", "ADMIN_PASSWORD"}
    outer = {name: value for name, value in os.environ.items() if name not in ours}
    return outer | {"DATA_DIR": str(folder), "DEMO": "0"} | environment


def refusal(folder: Path, **environment: str) -> str:
    """Run the command, which has to fail; return the words of its failure."""
    environment = {"PORT": str(free_port())} | environment
    result = subprocess.run(
        COMMAND,
        check=False,
        cwd=ROOT,
        env=surroundings(folder, **environment),
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert result.returncode == 1, result.stdout
    assert "Traceback" not in result.stderr
    return result.stderr.strip()


def addresses_in(folder: Path) -> dict[str, str]:
    """Return what local.env says."""
    lines = (folder / "local.env").read_text().splitlines()
    return {name: value for name, equals, value in (line.partition("=") for line in lines) if equals}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_the_first_start_prints_the_address_and_a_password(first: Panel, folder: Path) -> None:
    assert first.process.returncode == 0
    assert f"http://127.0.0.1:{first.port}/" in first.output
    assert PASSWORD.search(first.output)
    assert (folder / "local.env").stat().st_mode & 0o077 == 0


def test_a_second_start_finds_its_data(first: Panel, start: Callable[..., Panel], folder: Path) -> None:
    kept = addresses_in(folder)

    second = start()

    with urllib.request.urlopen(f"http://127.0.0.1:{second.port}/health/ready") as answer:
        assert answer.status == 200
    assert "Sign in as admin with the password it has" in second.output
    assert addresses_in(folder) == kept | {"PANEL_URL": f"http://127.0.0.1:{second.port}"}


def test_requests_are_served_as_a_role_that_owns_nothing(start: Callable[..., Panel], folder: Path) -> None:
    panel = start()
    noted = addresses_in(folder)

    ours = [panel.child("granian"), *panel.child("granian").children(recursive=True)]
    ours += [panel.child("seal_audit"), panel.child("verify_ledger"), panel.child("manage.py work")]
    environments = [process.environ() for process in ours]

    assert {environment["DATABASE_URL"] for environment in environments} == {noted["DATABASE_URL"]}
    assert not any("DATABASE_OWNER_URL" in environment for environment in environments)
    with psycopg.connect(noted["DATABASE_OWNER_URL"]) as owner:
        served = "SELECT DISTINCT usename FROM pg_stat_activity WHERE application_name = 'ispanel'"
        assert owner.execute(served).fetchall() == [("ispanel_web",)]
        assert not owner.execute("SELECT 1 FROM pg_class WHERE relowner = 'ispanel_web'::regrole").fetchall()


def test_a_folder_of_a_panel_with_one_role_gets_the_second_one(start: Callable[..., Panel], folder: Path) -> None:
    panel, noted = start(), addresses_in(folder)
    with psycopg.connect(noted["DATABASE_OWNER_URL"], autocommit=True) as owner:
        owner.execute("DROP OWNED BY ispanel_web")
        owner.execute("DROP ROLE ispanel_web")
    panel.ctrl_c()
    file = folder / "local.env"
    kept = [line for line in file.read_text().splitlines() if not line.startswith("DATABASE_")]
    file.write_text("\n".join([*kept, f"DATABASE_URL={noted['DATABASE_OWNER_URL']}", ""]))

    start()

    with psycopg.connect(addresses_in(folder)["DATABASE_URL"]) as web:
        assert web.execute("SELECT current_user").fetchone() == ("ispanel_web",)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            web.execute("DELETE FROM transfers")


def test_the_address_of_an_owner_alone_is_refused(tmp_path: Path) -> None:
    assert "goes with a DATABASE_URL" in refusal(tmp_path, DATABASE_OWNER_URL="postgres://owner@127.0.0.1:1/panel")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_all_of_it(start: Callable[..., Panel], number: signal.Signals) -> None:
    panel = start()
    children = panel.children()

    panel.process.send_signal(number)

    assert panel.process.wait(30) == 0
    assert len(children) > 2
    assert not any(map(is_alive, children))


def test_a_second_run_beside_the_first_is_refused(start: Callable[..., Panel], folder: Path) -> None:
    panel = start()

    words = refusal(folder)

    assert f"at http://127.0.0.1:{panel.port}/" in words
    assert "DATA_DIR=" in words


def test_a_run_that_was_killed_leaves_nothing_in_the_way(start: Callable[..., Panel]) -> None:
    killed = start()
    before = [killed.child(name) for name in CHILDREN]
    killed.process.kill()
    killed.process.wait()

    again = start()

    assert not {child.pid for child in before} & {again.child(name).pid for name in CHILDREN}
    assert not any(map(is_alive, before))


@pytest.mark.parametrize(("command", "name"), CHILDREN.items())
def test_it_says_when_a_child_dies(start: Callable[..., Panel], command: str, name: str) -> None:
    panel = start()
    children = panel.children()

    panel.child(command).kill()

    assert panel.process.wait(30) == 1
    assert f"{name} ended by itself (exit code " in panel.output
    assert not any(map(is_alive, children))


def test_the_ledger_is_checked(start: Callable[..., Panel], folder: Path) -> None:
    start()

    with psycopg.connect(addresses_in(folder)["DATABASE_URL"], autocommit=True) as connection:
        deadline = time.monotonic() + 30
        while connection.execute("SELECT DISTINCT wrong FROM ledger_checks").fetchall() != [(0,)]:
            assert time.monotonic() < deadline
            time.sleep(0.1)


def test_what_the_panel_does_is_sealed(start: Callable[..., Panel], folder: Path) -> None:
    start()
    note = dict(line.split("=", 1) for line in (folder / "local.env").read_text().splitlines()[1:])

    with psycopg.connect(note["DATABASE_URL"], autocommit=True) as connection:
        deadline = time.monotonic() + 30
        while connection.execute("SELECT count(*) FROM audit_seals").fetchone() == (0,):
            assert time.monotonic() < deadline
            time.sleep(0.1)


def test_it_says_when_the_database_dies(start: Callable[..., Panel]) -> None:
    panel = start()

    panel.child("bin/postgres").kill()

    assert panel.process.wait(30) == 1
    assert "The database ended by itself" in panel.output


def test_a_taken_port_is_named_with_a_way_out(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        words = refusal(tmp_path / "data", PORT=str(port))

    assert words == f"Port {port} is taken by another program. Choose another: PORT={port + 1} make run"


@pytest.mark.parametrize("port", ["0", "65536", "-1", "http", "８０００", "80.5"])
def test_a_port_has_to_be_a_number(port: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", port)

    with pytest.raises(run.CannotRun, match=r"a number from 1 to 65535"):
        run.read_port()


def test_a_data_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    words = refusal(tmp_path / "file" / "data")

    assert f"DATA_DIR {tmp_path}/file/data cannot be written to" in words


def test_a_database_that_is_not_there_is_named_without_its_password(tmp_path: Path) -> None:
    words = refusal(tmp_path, DATABASE_URL="postgres://panel:hunter2@127.0.0.1:1/billing")

    assert "The database “billing” on 127.0.0.1" in words
    assert "refused" in words
    assert "hunter2" not in words


@pytest.mark.parametrize("url", ["nonsense", "sqlite:///db.sqlite3", "postgres://u:hunter2@host:port/db"])
def test_a_database_of_another_kind_is_refused(url: str) -> None:
    with pytest.raises(run.CannotRun, match="DATABASE_URL has to look like") as refused:
        run.check_database(url)

    assert "hunter2" not in str(refused.value)


def test_a_too_old_database_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "OLDEST_POSTGRES", 99)

    with pytest.raises(run.CannotRun, match="ISPanel needs 99 or newer"):
        run.check_database(os.environ["DATABASE_OWNER_URL"])


@pytest.fixture
def database_url() -> Iterator[str]:
    """Return the address of an empty database that goes again."""
    server, name = os.environ["DATABASE_OWNER_URL"], f"run_{os.getpid()}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield urlsplit(server)._replace(path=f"/{name}").geturl()
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_a_weak_admin_password_is_refused_and_a_good_one_is_used(tmp_path: Path, database_url: str) -> None:
    words = refusal(tmp_path, DATABASE_URL=database_url, ADMIN_PASSWORD="short")
    panel = Panel(tmp_path, DATABASE_URL=database_url, ADMIN_PASSWORD="a long enough secret").until("Ctrl-C stops it.")
    panel.ctrl_c()

    assert words.startswith("ADMIN_PASSWORD is refused: Use at least 12 characters.")
    assert "with the password from ADMIN_PASSWORD" in panel.output
    assert not (tmp_path / "postgres").exists()
    assert "DATABASE_URL" not in (tmp_path / "local.env").read_text()


def test_a_too_old_python_is_named_before_anything_is_built(tmp_path: Path) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path)
    shutil.copytree(ROOT / "requirements", tmp_path / "requirements")
    old = tmp_path / "python3"
    old.write_text('#!/bin/sh\ncase "$2" in *python_version*) echo 3.9.2;; *) exit 1;; esac\n')
    old.chmod(0o755)

    result = subprocess.run(
        ["make", "run", f"PYTHON={old}"], check=False, cwd=tmp_path, capture_output=True, text=True, timeout=30
    )

    assert result.returncode != 0
    assert f"ISPanel needs Python 3.11, 3.12 or 3.13 ({old} is 3.9.2)." in result.stderr
    assert not (tmp_path / ".venv").exists()
