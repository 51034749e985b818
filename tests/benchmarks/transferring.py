"""A process that transfers money by the operation behind the Transfer dialog, as a worker's job would."""

from __future__ import annotations

import random
import sys
from decimal import Decimal

import django

django.setup()

from django.utils import timezone  # noqa: E402 - the settings come first

from accounts.models import User  # noqa: E402
from ispanel.installation import settings_in_force  # noqa: E402
from resellers import operations  # noqa: E402
from resellers.models import Reseller  # noqa: E402
from tests.benchmarks.worker import serve  # noqa: E402
from tests.cast import new_key, seat_of  # noqa: E402


def main(number: int) -> None:
    seat = seat_of(User.objects.get(username="asha"))
    resellers = list(Reseller.objects.values_list("pk", flat=True))
    chance = random.Random(number)

    def transfer() -> None:
        reseller, amount, note = chance.choice(resellers), Decimal("1.00"), "Monthly settlement May 2026"
        operations.transfer_to_reseller(
            actor=seat,
            reseller_id=reseller,
            amount=amount,
            note=note,
            key=new_key("transfer", reseller=reseller, amount=amount, note=note),
            now=timezone.now(),
        )

    with settings_in_force():
        serve(transfer)


if __name__ == "__main__":
    main(int(sys.argv[1]))
