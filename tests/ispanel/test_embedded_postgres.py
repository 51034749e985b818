"""The server that `make run` and these tests start for themselves."""

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from ispanel import embedded_postgres
from ispanel.embedded_postgres import EmbeddedPostgresError, Server

Start = Callable[..., Server]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Return a scratch folder; `tmp_path` will not do, as pytest closes its parent to the server's account.

    One for all, because making a database takes a second and starting it again a twentieth of that.
    """
    with tempfile.TemporaryDirectory(prefix="ispanel-test-") as name:
        yield Path(name)


@pytest.fixture
def start(folder: Path) -> Iterator[Start]:
    """Start servers that end with the test."""
    started: list[Server] = []

    def start(where: Path = folder, *, durable: bool = False) -> Server:
        started.append(embedded_postgres.start(where, durable=durable))
        return started[-1]

    yield start
    for server in started:
        server.stop()


def ask(server: Server, question: str) -> object:
    with psycopg.connect(server.url, autocommit=True) as connection:
        row = connection.execute(question).fetchone()
    return row[0] if row else None


def tell(server: Server, statement: str) -> None:
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(statement)


def kill(server: Server) -> None:
    server.process.kill()
    server.process.wait()


@contextmanager
def altered(path: Path, text: str) -> Iterator[None]:
    before = path.read_text()
    path.write_text(text)
    yield
    path.write_text(before)


def test_the_database_is_utf8_sorted_alike_everywhere_and_in_utc(start: Start) -> None:
    server = start()

    assert ask(server, "SELECT current_database()") == "ispanel"
    assert ask(server, "SHOW server_encoding") == "UTF8"
    assert ask(server, "SHOW timezone") == "UTC"
    assert ask(server, "SELECT upper('à') || lower('Ж')") == "Àж"
    assert ask(server, "SELECT datlocale FROM pg_database WHERE datname = 'ispanel'") == "C.UTF-8"


def test_nothing_listens_on_the_network(start: Start) -> None:
    server = start()

    assert ask(server, "SHOW listen_addresses") == ""
    assert os.stat(f"{server.sockets}/.s.PGSQL.5432").st_mode & 0o077 == 0


def test_it_is_not_in_the_session_of_the_terminal(start: Start) -> None:
    server = start()

    assert os.getsid(server.process.pid) == server.process.pid


def test_settings_meant_for_another_server_are_ignored(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPORT", "6000")
    monkeypatch.setenv("PGDATA", "/nowhere")
    monkeypatch.setenv("PGHOST", "db.example.com")

    assert ask(start(), "SELECT 1") == 1


def test_a_second_start_finds_its_data(start: Start) -> None:
    first = start()
    tell(first, "CREATE TABLE kept AS SELECT 'here' AS word")
    first.stop()

    assert ask(start(), "SELECT word FROM kept") == "here"


def test_a_running_server_is_used_and_left_running(start: Start) -> None:
    first = start()

    second = start()
    second.stop()

    assert not second.ours
    assert second.url == first.url
    assert ask(first, "SELECT 1") == 1


def test_two_folders_have_two_servers(start: Start, folder: Path) -> None:
    north, south = start(), start(folder / "south")

    tell(north, "CREATE TABLE only_north ()")

    assert ask(south, "SELECT to_regclass('only_north')") is None


def test_a_killed_server_is_started_again_with_what_was_committed(start: Start) -> None:
    first = start(durable=True)
    tell(first, "CREATE TABLE committed AS SELECT 'here' AS word")
    kill(first)

    second = start()

    assert second.ours
    assert ask(second, "SELECT word FROM committed") == "here"


def test_a_pid_file_whose_number_is_now_another_program_is_stale(start: Start) -> None:
    first = start()
    pid_file = first.data / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    kill(first)
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]))

    assert ask(start(), "SELECT 1") == 1


def test_an_empty_pid_file_from_a_power_cut_is_stale(start: Start) -> None:
    first = start()
    kill(first)
    (first.data / "postmaster.pid").write_text("")

    assert ask(start(), "SELECT 1") == 1


def test_a_half_made_database_is_made_again(start: Start, folder: Path) -> None:
    half_made = folder / "interrupted" / "postgres.new"
    half_made.mkdir(parents=True)
    (half_made / "PG_VERSION").write_text("18\n")

    assert ask(start(folder / "interrupted"), "SELECT 1") == 1


def test_a_path_may_hold_any_character(start: Start, folder: Path) -> None:
    server = start(folder / "a space, a comma, 'quotes\", $HOME, Größe+%41")

    assert ask(server, "SHOW data_directory") == str(server.data)


def test_a_path_may_be_too_long_for_a_socket(start: Start, folder: Path) -> None:
    start().stop()
    moved = folder / ("long" * 30)
    moved.mkdir()
    (folder / "postgres").rename(moved / "postgres")

    server = start(moved)
    data_directory = ask(server, "SHOW data_directory")
    server.stop()
    server.data.rename(folder / "postgres")

    assert data_directory == str(moved / "postgres")
    assert not Path(server.sockets).exists()


def test_data_of_another_major_version_is_refused(start: Start) -> None:
    first = start()
    first.stop()

    with (
        altered(first.data / "PG_VERSION", "14\n"),
        pytest.raises(EmbeddedPostgresError, match="made by PostgreSQL 14"),
    ):
        start()


def test_a_server_that_does_not_start_says_why_at_once(start: Start) -> None:
    first = start()
    first.stop()
    began = time.monotonic()

    with (
        altered(first.data / "postgresql.conf", "no_such_setting = on\n"),
        pytest.raises(EmbeddedPostgresError, match="no_such_setting"),
    ):
        start()

    assert time.monotonic() - began < 5
