"""Short words for what the tests of the pages of papers do over and over."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from accounts.models import User
from billing.models import CreditNote, Invoice
from plans.models import Plan
from resellers.models import Reseller
from subscribers.operations import refund_charge
from tests.cast import fund, seat_of
from tests.subscribers.lines import add


def sell(actor: User, reseller: Reseller, plan: Plan, username: str, **details: Any) -> Invoice:
    """Add a subscriber of a reseller that has the money, and return the invoice for its first period."""
    fund(reseller.wallet, "100", actor=actor)
    subscriber = add(actor, reseller, plan, username, **details)
    return Invoice.objects.get(subscriber=subscriber)


def refund(actor: User, invoice: Invoice, reason: str = "The tower was down") -> CreditNote:
    """Refund what the invoice is for, and return the credit note."""
    refund_charge(
        actor=seat_of(actor), renewal_id=invoice.renewal_id, reason=reason, now=timezone.now() + timedelta(minutes=1)
    )
    return CreditNote.objects.get(invoice=invoice)
