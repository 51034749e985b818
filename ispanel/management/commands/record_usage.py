"""`manage.py record_usage`: take over from accounting what lines have used in their running period."""

from __future__ import annotations

import csv
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from ispanel.installation import settings_in_force
from subscribers.operations import record_usage

NAMED = 20


class Command(BaseCommand):
    help = (
        "Take over what lines have used in their running period so far: a CSV file of username and megabytes, without"
        " a head, or the same from standard input. Lines that reach their fair-use threshold are throttled."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", nargs="?", default="-", help="- is standard input")

    def handle(self, *_args: Any, file: str, **_options: Any) -> None:
        try:
            used = self.used_in(file)
        except (OSError, UnicodeDecodeError) as problem:
            raise CommandError(f"{file} cannot be read: {problem}") from None
        with settings_in_force():
            left_out = record_usage(used=used, now=timezone.now())
        self.stdout.write(f"Took over the usage of {len(used) - len(left_out)} lines.")
        if left_out:
            more = f" and {len(left_out) - NAMED} more" if len(left_out) > NAMED else ""
            self.stderr.write(f"Not there, or without a running period: {', '.join(left_out[:NAMED])}{more}.")

    def used_in(self, file: str) -> dict[str, int]:
        """Return megabytes by username; nothing is taken over of a file with a line that cannot be read.

        :raises CommandError: naming the line.
        """
        if file == "-":
            return parsed(csv.reader(sys.stdin))
        with open(file, encoding="utf-8-sig", newline="") as rows:
            return parsed(csv.reader(rows))


def parsed(rows: Any) -> dict[str, int]:
    """:raises CommandError:"""
    used: dict[str, int] = {}
    for number, row in enumerate(rows, 1):
        if not row:
            continue
        if len(row) != 2 or not (row[1].isascii() and row[1].isdigit() and len(row[1]) < 16):
            raise CommandError(f"Line {number} is not of the form username,megabytes: {','.join(row)[:100]}")
        used[row[0].strip().lower()] = int(row[1])
    return used
