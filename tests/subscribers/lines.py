"""Short words for what the tests of subscribers do over and over."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Sum

from accounts.models import User
from billing.models import CreditNote, Invoice, PaperSeries
from ispanel.installation import currency
from ispanel.management.commands.verify_ledger import CHECKS
from plans.models import Plan
from resellers.models import Reseller
from subscribers.models import Renewal, Subscriber
from subscribers.operations import add_subscriber, renew_subscriber
from tests.cast import NOW, seat_of
from tests.pages import counts
from wallet.ledger import ActKey
from wallet.verifying import findings_of

LINE_PASSWORD = "line-secret-7"


def add(
    actor: User, reseller: Reseller, plan: Plan, username: str = "amal", *, now: datetime = NOW, **details: Any
) -> Subscriber:
    """Add a subscriber through the operation that the page uses; paid, unless `activate` is False."""
    wanted = {"password": LINE_PASSWORD} | details
    return add_subscriber(actor=seat_of(actor), reseller=reseller, plan=plan, username=username, now=now, **wanted)


def renew(actor: User, subscriber: Subscriber, *, now: datetime = NOW, key: ActKey | None = None) -> Renewal:
    """Renew a subscriber through the operation that the page uses."""
    return renew_subscriber(actor=seat_of(actor), subscriber_id=subscriber.pk, key=key, now=now)


def balance_of(reseller: Reseller) -> Decimal:
    """Return what the reseller's wallet holds now."""
    reseller.wallet.refresh_from_db()
    assert reseller.wallet.balance is not None
    return reseller.wallet.balance


def everything() -> dict[str, int]:
    """Return how many rows there are of all that an act could leave, and how many numbers papers have used up."""
    left = {model._meta.db_table: model.objects.count() for model in (Renewal, Invoice, CreditNote)}
    return counts() | left | PaperSeries.objects.aggregate(numbers=Sum("last_number", default=0))


def findings() -> list[str]:
    """Return what the prover of the ledger finds, in the test's transaction; nothing where all is in order."""
    money = currency()
    return [sentence for check in CHECKS for sentence in findings_of(check, money, most=10)[1]]
