"""`manage.py create_api_token`: a token for a system that is set up by a script."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts.models import TokenScope, User
from accounts.models.tokens import LONGEST_DAYS
from accounts.operations import create_token
from audit.identity import SYSTEM
from ispanel.refusals import Refusal


class Command(BaseCommand):
    help = "Make an API token for a login, named by username or email. It is printed this once; nobody can look it up."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("login", metavar="USERNAME")
        parser.add_argument("--scope", required=True, choices=TokenScope.values, help="admin, or reseller: reads only")
        parser.add_argument("--name", required=True, help="which system uses it")
        parser.add_argument("--days", required=True, type=int, help=f"how long it lasts, 1 to {LONGEST_DAYS}")
        parser.add_argument("--allowed-ips", default="", help="addresses and CIDR blocks with commas; none: anywhere")

    def handle(
        self, *args: Any, login: str, scope: str, name: str, days: int, allowed_ips: str = "", **options: Any
    ) -> None:
        owner = User.objects.by_login_name(login)
        if owner is None:
            raise CommandError(f"There is no login named {login}.")
        try:
            made = create_token(
                actor=SYSTEM,
                owner=owner,
                scope=TokenScope(scope),
                name=name,
                days=days,
                allowed_ips=allowed_ips,
                now=timezone.now(),
            )
        except Refusal as refusal:
            raise CommandError(str(refusal)) from None
        # The token alone goes to standard output, so that a script can take it from there.
        self.stderr.write(f"The token {made.token} of {owner.username} ends on {made.token.expires_at:%Y-%m-%d}.")
        self.stdout.write(made.bearer)
