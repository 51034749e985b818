"""A throwaway panel: PostgreSQL as durable as a real one, migrated by its owner and served as the serving role."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import django
from django.core.management import call_command

from ispanel import embedded_postgres
from ispanel.run import SERVING_ROLE
from tests.embedded_server import SETTINGS


@dataclass
class Scratch:
    """The folder of the panel, and the server that runs now; a killed one is followed by another."""

    folder: Path
    database: embedded_postgres.Server

    def start_database(self) -> None:
        self.database = embedded_postgres.start(self.folder, durable=True)


@contextmanager
def scratch_panel() -> Iterator[Scratch]:
    """Make the panel, let Django be set up for it, and throw it away afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="ispanel-campaign-"))
    scratch = Scratch(folder, embedded_postgres.start(folder, durable=True))
    try:
        os.environ |= SETTINGS | {
            "DATABASE_URL": scratch.database.url_of(SERVING_ROLE, "unasked"),
            "DATABASE_OWNER_URL": scratch.database.url,
            "STATIC_ROOT": str(folder / "static"),
            "DJANGO_SETTINGS_MODULE": "ispanel.settings",
        }
        django.setup()
        call_command("migrate", verbosity=0, interactive=False)
        call_command("collectstatic", verbosity=0, interactive=False)
        yield scratch
    finally:
        scratch.database.stop()
        shutil.rmtree(folder, ignore_errors=True)
