"""`manage.py set_password`: a new password for a login that is shut out."""

import getpass
import os
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone

from accounts import operations
from accounts.models import User
from audit.identity import SYSTEM
from ispanel.refusals import Refusal


class Command(BaseCommand):
    help = "Set the password of a login, named by username or email. It is asked for, or taken from NEW_PASSWORD."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("login")
        parser.add_argument(
            "--reset-two-step", action="store_true", help="turn two-step sign-in off too, for a lost phone"
        )

    def handle(self, *args: Any, login: str, reset_two_step: bool = False, **options: Any) -> None:
        user = User.objects.by_login_name(login)
        if user is None:
            raise CommandError(f"There is no login named {login}.")
        if not user.is_active:
            raise CommandError(f"{user.username} is removed and cannot sign in. An admin restores it in the panel.")
        password = os.environ.get("NEW_PASSWORD") or getpass.getpass(f"New password for {user.username}: ")
        try:
            with transaction.atomic():
                operations.set_password(actor=SYSTEM, user=user, password=password, now=timezone.now())
                if reset_two_step and operations.has_two_step(user):
                    operations.reset_two_step(actor=SYSTEM, user=user, now=timezone.now())
        except Refusal as refusal:
            raise CommandError(str(refusal)) from None
        self.stdout.write(f"The password of {user.username} is set, and all its sign-ins have ended.")
