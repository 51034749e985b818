"""`make run`: the whole panel on one machine, with nothing to set up. Not for production."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - the sentence is for those who have an older one
    sys.exit(f"ISPanel needs Python 3.11 or newer, and this is {sys.version.split()[0]}.")

import contextlib
import errno
import fcntl
import os
import secrets
import signal
import socket
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import django
import environ
import psycopg
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command

from ispanel import embedded_postgres, leftovers, local, web_server
from ispanel.checker import Checker
from ispanel.child import Child, end_leftover
from ispanel.refusals import Refusal
from ispanel.sealer import Sealer
from ispanel.worker import Worker

OLDEST_POSTGRES = 15
SERVING_ROLE = "ispanel_web"  # in the embedded server; `migrate` makes it
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # nothing that is misread for another


class CannotRun(Exception):
    """Say in one sentence what is in the way, and what to do."""


PROBLEMS = (
    CannotRun,
    ImproperlyConfigured,
    embedded_postgres.EmbeddedPostgresError,
    web_server.NotReady,
)


def main() -> int:
    """Run the panel until it is told to stop; return the exit code."""
    for number in STOP_SIGNALS:
        signal.signal(number, _stop)
    try:
        with contextlib.ExitStack() as running:
            run(running)
    except PROBLEMS as problem:
        print(f"\n{problem}", file=sys.stderr, flush=True)
        return 1
    except PermissionError as problem:
        print(f"\n{problem.filename} belongs to another user. Run it as that one, or chown it.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        say("Stopped.")
    return 0


def run(running: contextlib.ExitStack) -> None:
    """Start everything and watch over it; what is started is stopped with `running`, last first.

    :raises CannotRun: as soon as something is missing or ends by itself.
    """
    port, folder = read_port(), make_data_folder()
    running.enter_context(only_run_in(folder, port))
    web_note, sealer_note, checker_note = folder / "web.pid", folder / "sealer.pid", folder / "checker.pid"
    worker_note = folder / "worker.pid"
    for note in (web_note, sealer_note, checker_note, worker_note):
        end_leftover(note)
    check_port_is_free(port)

    say(f"Starting ISPanel. Its data is in {short(folder)}.")
    database = use_database(folder, port, running)
    local.load()
    os.environ.setdefault("LOG_LEVEL", "ERROR")  # a page not found is no news here
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ispanel.settings")
    django.setup()
    call_command("migrate", verbosity=0, interactive=False)
    call_command("collectstatic", verbosity=0, interactive=False)
    say(ensure_admin())
    if os.environ.get("DEMO") != "0":
        call_command("load_demo")

    sealer = Sealer(sealer_note)
    running.callback(sealer.stop)
    checker = Checker(checker_note)
    running.callback(checker.stop)
    worker = Worker(worker_note)
    running.callback(worker.stop)
    web = web_server.WebServer(port, web_note)
    running.callback(web.stop)
    web.wait_until_ready()
    say(f"\nISPanel is at {web.address}\nCtrl-C stops it.")
    names = {
        "The web server": web,
        "The worker": worker,
        "The sealer of the audit trail": sealer,
        "The checker of the ledger": checker,
    }
    watch(names, database)


def use_database(folder: Path, port: int, running: contextlib.ExitStack) -> embedded_postgres.Server | None:
    """Take the database that DATABASE_URL names, or start the embedded one.

    :raises CannotRun: when the database that is named cannot be used.
    """
    given, of_owner = os.environ.get("DATABASE_URL"), os.environ.get("DATABASE_OWNER_URL")
    local.prepare(f"http://{web_server.HOST}:{port}")
    if given:
        local.remember_database({})
        # The serving role may be missing still: `migrate` makes it.
        variable = "DATABASE_OWNER_URL" if of_owner else "DATABASE_URL"
        say(f"The database is {check_database(of_owner or given, variable)}, as {variable} says.")
        return None
    if of_owner:
        raise CannotRun("DATABASE_OWNER_URL goes with a DATABASE_URL: set that too, or neither.")
    note = folder / "postgres.pid"
    database = embedded_postgres.start(folder)
    running.callback(database.stop)
    if database.ours:
        leftovers.note(database.process, note)
    elif leftovers.find(note) == database.process:
        database.ours = True  # of a run that was killed
    else:
        say("Its PostgreSQL was running already, and will be left running.")
    local.remember_database(
        {
            "DATABASE_URL": database.url_of(SERVING_ROLE, local.database_password()),
            "DATABASE_OWNER_URL": database.url,
        }
    )
    return database


def watch(children: dict[str, Child], database: embedded_postgres.Server | None) -> None:
    """Wait until one of the children, or the database, ends by itself.

    :raises CannotRun: saying which.
    """
    while True:
        time.sleep(0.5)
        for name, child in children.items():
            if not child.is_running():
                raise CannotRun(f"{name} ended by itself (exit code {child.process.returncode}).")
        if database and not database.is_running():
            raise CannotRun(f"The database ended by itself; see {short(database.log)}.")


def read_port() -> int:
    text = os.environ.get("PORT") or "8000"
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 65535):
        raise CannotRun(f"PORT is “{text}”; it has to be a number from 1 to 65535.")
    return int(text)


def check_port_is_free(port: int) -> None:
    """Try the port; granian itself would share it with another server of the same user.

    :raises CannotRun: naming it, and another one that is free.
    """
    with socket.socket() as attempt:
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind((web_server.HOST, port))
        except PermissionError:
            raise CannotRun(f"Port {port} is for root only. Choose another: PORT=8000 make run") from None
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            other = port + 1 if port < 65535 else 8000
            raise CannotRun(f"Port {port} is taken by another program. Choose another: PORT={other} make run") from None


def make_data_folder() -> Path:
    folder = local.data_dir()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise CannotRun(
            f"DATA_DIR {folder} cannot be written to ({error.strerror}). "
            "Choose another: DATA_DIR=~/ispanel-data make run"
        ) from None
    return folder


@contextlib.contextmanager
def only_run_in(folder: Path, port: int) -> Iterator[None]:
    """Hold the folder for this run; the kernel lets go of it however the run ends.

    :raises CannotRun: when another run holds it.
    """
    with (folder / "run.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise CannotRun(
                f"ISPanel runs already on {short(folder)}, at {lock.read().strip()}. "
                "For a second one beside it: DATA_DIR=.data2 PORT=8001 make run"
            ) from None
        lock.truncate(0)
        lock.write(f"http://{web_server.HOST}:{port}/")
        lock.flush()
        yield


def check_database(url: str, variable: str = "DATABASE_URL") -> str:
    """Return which database the address in a variable names, having reached it.

    :raises CannotRun: naming the host and the database, and never the password.
    """
    parts = {}
    with contextlib.suppress(ValueError), warnings.catch_warnings(action="ignore"):
        parts = environ.Env.db_url_config(url)
    if parts.get("ENGINE") != "django.db.backends.postgresql":
        raise CannotRun(f"{variable} has to look like postgres://user:password@host:5432/database")
    wanted: dict[str, Any] = {
        "host": parts["HOST"],
        "port": parts["PORT"],
        "user": parts["USER"],
        "password": parts["PASSWORD"],
        "dbname": parts["NAME"],
    }
    wanted = {name: value for name, value in wanted.items() if value} | parts.get("OPTIONS", {})
    name = f"“{wanted.get('dbname', '')}” on {wanted.get('host', 'localhost')}"
    try:
        with psycopg.connect(**{"connect_timeout": 5} | wanted) as connection:
            version = connection.info.server_version // 10_000
    except psycopg.Error as error:
        reason = str(error).partition("\n")[0].removeprefix("connection failed: ")
        raise CannotRun(f"The database {name} of {variable} cannot be reached: {reason}") from None
    if version < OLDEST_POSTGRES:
        raise CannotRun(f"The database {name} is PostgreSQL {version}; ISPanel needs {OLDEST_POSTGRES} or newer.")
    return name


def ensure_admin() -> str:
    """Make the first admin if there is none; return how to sign in, with the password if it was made up here.

    :raises CannotRun: when ADMIN_PASSWORD breaks the rules for passwords.
    """
    # Models can be imported only once Django has its settings.
    from accounts.models import User, UserType
    from accounts.operations import create_admin

    given = os.environ.get("ADMIN_PASSWORD")
    if User.objects.filter(user_type=UserType.ADMIN).exists():
        return "Sign in as admin with the password it has (forgotten: .venv/bin/python manage.py set_password admin)."
    password = given or make_password()
    try:
        create_admin(username="admin", password=password)
    except Refusal as refusal:
        raise CannotRun(f"ADMIN_PASSWORD is refused: {refusal}") from None
    if given:
        return "Sign in as admin with the password from ADMIN_PASSWORD."
    return f"Sign in as admin with the password  {password}  (shown this once)."


def make_password() -> str:
    groups = ("".join(secrets.choice(LETTERS) for _ in range(5)) for _ in range(3))
    return "-".join(groups)


def short(path: Path) -> str:
    """Return a path as one would type it here."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def say(text: str) -> None:
    print(text, flush=True)


STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def _stop(number: int, frame: object) -> None:
    """Begin to stop, in order, and let no second signal disturb it."""
    for each in STOP_SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    say("\nStopping …")
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
