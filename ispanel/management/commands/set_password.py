"""`manage.py set_password`: a new password for a login that is shut out."""

import getpass
import os
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts.models import User
from accounts.operations import set_password
from audit.identity import SYSTEM
from ispanel.refusals import Refusal


class Command(BaseCommand):
    help = "Set the password of a login, named by username or email. It is asked for, or taken from NEW_PASSWORD."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("login")

    def handle(self, *args: Any, login: str, **options: Any) -> None:
        user = User.objects.by_login_name(login)
        if user is None:
            raise CommandError(f"There is no login named {login}.")
        password = os.environ.get("NEW_PASSWORD") or getpass.getpass(f"New password for {user.username}: ")
        try:
            set_password(actor=SYSTEM, user=user, password=password, now=timezone.now())
        except Refusal as refusal:
            raise CommandError(str(refusal)) from None
        self.stdout.write(f"The password of {user.username} is set, and all its sign-ins have ended.")
