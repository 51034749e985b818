"""The settings and the database of the tests: a throwaway PostgreSQL, unless DATABASE_URL names one.

The tests run as a serving role of their own, as the panel does; DATABASE_OWNER_URL is then the given role's, which has
to be a superuser.

A plugin named in pyproject.toml, because all of it must be there before pytest-django loads the settings.
"""

import base64
import os
import secrets
import shutil
import tempfile
from collections.abc import Generator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from django.core.management import call_command

from ispanel import embedded_postgres

ROLE = f"ispanel_tests_{os.getpid()}"
IS_WORKER = "PYTEST_XDIST_WORKER" in os.environ
SETTINGS = {
    "SECRET_KEY": "only-for-the-tests",
    "ENCRYPTION_KEYS": "tests:" + base64.b64encode(bytes(range(32))).decode(),
    "ALLOWED_HOSTS": "testserver,localhost,127.0.0.1,[::1]",
    "HTTPS_ONLY": "false",
    "CSRF_TRUSTED_ORIGINS": "",
    "TRUSTED_PROXIES": "",
    "BCRYPT_ROUNDS": "4",
    "LOG_LEVEL": "WARNING",
    "DATABASE_POOL": "40",  # the tests with the most threads have 32, each with a connection
}
folder = pytest.StashKey[Path]()
server = pytest.StashKey[embedded_postgres.Server]()


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None]:
    """Set the environment once; the xdist workers inherit it."""
    if not IS_WORKER:
        scratch = early_config.stash[folder] = Path(tempfile.mkdtemp(prefix="ispanel-tests-"))
        os.environ |= SETTINGS | {"STATIC_ROOT": str(scratch / "static")}
        if not os.environ.get("DATABASE_URL"):
            running = early_config.stash[server] = embedded_postgres.start(scratch, durable=False)
            os.environ["DATABASE_URL"] = running.url
        os.environ["DATABASE_OWNER_URL"] = os.environ["DATABASE_URL"]
        os.environ["DATABASE_URL"] = serving_url(os.environ["DATABASE_OWNER_URL"])
    return (yield)


def serving_url(owner_url: str) -> str:
    """Return the address as a role of this run's own, which migrating makes."""
    parts = urlsplit(owner_url)
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{ROLE}:{secrets.token_urlsafe(16)}@{host}").geturl()


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Collect the static files once: pages refer to them by the names that collecting gives them."""
    if not IS_WORKER and not session.config.option.collectonly:
        call_command("collectstatic", verbosity=0, interactive=False)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    if not IS_WORKER and "DATABASE_OWNER_URL" in os.environ and server not in config.stash:
        with psycopg.connect(os.environ["DATABASE_OWNER_URL"], autocommit=True) as connection:
            connection.execute(f"DROP ROLE IF EXISTS {ROLE}")
    if server in config.stash:
        config.stash[server].stop()
    if folder in config.stash:
        shutil.rmtree(config.stash[folder], ignore_errors=True)
