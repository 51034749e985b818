"""`manage.py reset_two_step`: for a login that has lost its phone and its recovery codes."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts.models import User
from accounts.operations import reset_two_step
from audit.identity import SYSTEM
from ispanel.refusals import Refusal


class Command(BaseCommand):
    help = "Turn two-step sign-in off for a login, named by username or email, and end its sign-ins."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("login")

    def handle(self, *args: Any, login: str, **options: Any) -> None:
        user = User.objects.by_login_name(login)
        if user is None:
            raise CommandError(f"There is no login named {login}.")
        try:
            reset_two_step(actor=SYSTEM, user=user, now=timezone.now())
        except Refusal as refusal:
            raise CommandError(str(refusal)) from None
        self.stdout.write(f"Two-step sign-in of {user.username} is off, and all its sign-ins have ended.")
