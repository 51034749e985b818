"""The settings of `make run`: made once, kept in DATA_DIR/local.env, and read by manage.py too.

Production has its settings from its own environment and no such file.
"""

import base64
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
ADDRESSES = ("DATABASE_URL", "DATABASE_OWNER_URL")


def data_dir() -> Path:
    """Return the folder in which `make run` keeps everything: DATA_DIR, or .data in the checkout."""
    return Path(os.environ.get("DATA_DIR") or BASE_DIR / ".data").expanduser().resolve()


def load() -> None:
    """Put what local.env says into the environment, where it does not say otherwise; do nothing without the file.

    The two addresses of a database go together: the owner's does not join another database's.
    """
    values = _read()
    if "DATABASE_URL" in os.environ:
        values.pop("DATABASE_OWNER_URL", None)
    for name, value in values.items():
        os.environ.setdefault(name, value)


def prepare(address: str) -> None:
    """Make local.env, or add what it lacks: the secrets are drawn once.

    :param address: where the panel is going to be found, without a slash at its end.
    """
    key = base64.b64encode(secrets.token_bytes(32)).decode()
    first_time = {
        "SECRET_KEY": secrets.token_urlsafe(50),
        "ENCRYPTION_KEYS": f"local:{key}",
        "DATABASE_PASSWORD": secrets.token_urlsafe(24),
        "HTTPS_ONLY": "false",
        "ALLOWED_HOSTS": "localhost,127.0.0.1,[::1]",
    }
    _write(first_time | _read() | {"STATIC_ROOT": str(data_dir() / "static"), "PANEL_URL": address})


def database_password() -> str:
    """Return the serving role's password in the embedded server, as `prepare` drew it."""
    return _read()["DATABASE_PASSWORD"]


def remember_database(addresses: Mapping[str, str]) -> None:
    """Note the embedded server's addresses for manage.py; none forgets them, when another database is used."""
    values = {name: value for name, value in _read().items() if name not in ADDRESSES}
    _write(values | dict(addresses))


def _file() -> Path:
    return data_dir() / "local.env"


def _read() -> dict[str, str]:
    if not _file().exists():
        return {}
    lines = _file().read_text().splitlines()
    pairs = (line.partition("=") for line in lines if not line.startswith("#"))
    return {name: value for name, equals, value in pairs if equals}


def _write(values: dict[str, str]) -> None:
    """Replace the file in one step; nobody else may read it at any time."""
    making = _file().with_suffix(".env.new")
    making.unlink(missing_ok=True)
    descriptor = os.open(making, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write("# Made by `make run`. The keys decrypt what the database holds: keep them with it.\n")
        file.writelines(f"{name}={value}\n" for name, value in values.items())
    making.replace(_file())
