"""A process that transfers money by django-hordak, between accounts of which there are as many as resellers."""

from __future__ import annotations

import random
import sys

import django

django.setup()

from django.db import transaction  # noqa: E402 - the settings come first
from hordak.models import Account  # noqa: E402
from moneyed import Money  # noqa: E402

from tests.benchmarks.worker import serve  # noqa: E402


def main(number: int) -> None:
    house = Account.objects.get(code="0")
    wallets = list(Account.objects.exclude(code="0"))
    chance = random.Random(number)

    def transfer() -> None:
        with transaction.atomic():
            house.transfer_to(chance.choice(wallets), Money("1.00", "USD"), description="Monthly settlement May 2026")

    serve(transfer)


if __name__ == "__main__":
    main(int(sys.argv[1]))
