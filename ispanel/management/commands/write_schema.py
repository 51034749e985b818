"""`manage.py write_schema`: the GraphQL schema as a file, for those who write clients."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from api.schema import schema

FILE = Path(settings.BASE_DIR) / "schema.graphql"
HEAD = "# Written by `manage.py write_schema`; what the API is and how it is asked: docs/api.md.\n\n"


class Command(BaseCommand):
    help = "Write schema.graphql, or with --check say whether it is what the code has."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="write nothing; fail where the file differs")

    def handle(self, *_arguments: Any, check: bool, **_options: Any) -> None:
        text = f"{HEAD}{schema.as_str()}\n"
        if not check:
            FILE.write_text(text, encoding="utf-8")
        elif not FILE.exists() or FILE.read_text(encoding="utf-8") != text:
            raise CommandError("schema.graphql is not what the code has. Run `manage.py write_schema`.")
