"""`manage.py rotate_keys`: encrypt everything anew under the first key, so that an older one can be taken away."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from ispanel import crypto, key_rotation


class Command(BaseCommand):
    help = "Encrypt all that is kept encrypted under the first of ENCRYPTION_KEYS. Can be cut short and run again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="only say how many rows need which older key")

    def handle(self, *_args: Any, check: bool = False, **_options: Any) -> None:
        if check:
            self.check_keys()
            return
        rotation = key_rotation.rotate_keys(now=timezone.now())
        for name, count in rotation.done.items():
            self.stdout.write(f"{name}: {count} encrypted under the key {crypto.first_key()}")
        if not rotation.done:
            self.stdout.write(f"Nothing had to be encrypted under the key {crypto.first_key()}.")
        problems = [f"cannot be read: {row}" for row in rotation.unreadable]
        if rotation.changed:
            problems.append(
                f"{rotation.changed} rows were changed each time they were reached. A process may still have the old"
                " ENCRYPTION_KEYS: restart it, and run this again."
            )
        if problems:
            raise CommandError("\n".join(problems))

    def check_keys(self) -> None:
        """Print how many rows need which older key; exit with 1 where there are any."""
        needed = key_rotation.still_needed()
        for name, keys in needed.items():
            for key, count in keys.items():
                self.stdout.write(f"{name}: {count} under {key}")
        if needed:
            raise CommandError("An older key is needed still. Run: manage.py rotate_keys")
        self.stdout.write(f"Everything is encrypted under the key {crypto.first_key()}.")
