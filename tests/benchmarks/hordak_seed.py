"""Makes the database of django-hordak: its tables and its accounts."""

from __future__ import annotations

import sys

import django
from django.core.management import call_command

django.setup()

from hordak.models import Account, AccountType  # noqa: E402 - the settings come first


def main(number: int) -> None:
    call_command("migrate", verbosity=0, interactive=False)
    Account.objects.create(name="House", code="0", type=AccountType.asset, currencies=["USD"])
    for each in range(1, number + 1):
        Account.objects.create(name=f"Wallet {each}", code=str(each), type=AccountType.asset, currencies=["USD"])


if __name__ == "__main__":
    main(int(sys.argv[1]))
