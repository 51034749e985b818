"""`manage.py create_admin`: the first admin of an installation, or one more."""

import getpass
import os
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.operations import create_admin
from ispanel.refusals import Refusal


class Command(BaseCommand):
    help = "Make an admin. The password is asked for, or taken from ADMIN_PASSWORD."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username", nargs="?", default="admin")

    def handle(self, *args: Any, username: str, **options: Any) -> None:
        password = os.environ.get("ADMIN_PASSWORD") or getpass.getpass(f"Password for {username}: ")
        try:
            create_admin(username=username, password=password)
        except Refusal as refusal:
            raise CommandError(str(refusal)) from None
        self.stdout.write(f"The admin {username} is made.")
