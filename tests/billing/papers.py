"""Short words for what the tests of papers do over and over."""

from decimal import Decimal
from typing import Any

from accounts.models import User
from billing.models import CreditNote, Invoice, PaperSeries
from ispanel.models import PanelSettings
from plans.models import DataPack, Plan
from resellers.models import Reseller
from subscribers.models import Subscriber
from subscribers.operations import change_plan, sell_data
from tests.cast import NOW, seat_of


def billing_settings(**values: Any) -> None:
    """Set what the billing settings say."""
    PanelSettings.objects.update(**values)


def resellers_issue(on: bool = True) -> None:
    """Turn "Reseller is invoice issuer" on or off."""
    billing_settings(reseller_is_issuer=on)


def invoices(**wanted: Any) -> list[tuple[str, str, Decimal]]:
    """Return number, status and amount of the invoices, in the order in which they were written."""
    rows = Invoice.objects.filter(**wanted).order_by("pk")
    return [(each.shown_number, each.status, each.amount) for each in rows]


def credit_notes() -> list[tuple[str, str, Decimal]]:
    """Return number, invoice and amount of the credit notes, in the order in which they were written."""
    rows = CreditNote.objects.select_related("invoice").order_by("pk")
    return [(each.shown_number, str(each.invoice), each.amount) for each in rows]


def series() -> dict[tuple[int | None, str], int]:
    """Return the last number of each issuer and kind."""
    return {(each.issuer_id, each.kind): each.last_number for each in PaperSeries.objects.all()}


def numbers_of(issuer: Reseller | None = None) -> list[int]:
    """Return the numbers of an issuer's invoices, the lowest first."""
    return list(Invoice.objects.filter(issuer=issuer).order_by("number").values_list("number", flat=True))


def change(actor: User, line: Subscriber, plan: Plan, *, now: Any = NOW, **details: Any) -> Subscriber:
    """Change a line's plan through the operation that the page uses."""
    return change_plan(actor=seat_of(actor), subscriber_id=line.pk, plan=plan, now=now, **details)


def sell(actor: User, line: Subscriber, price: str = "5.00", *, now: Any = NOW) -> None:
    """Sell a line 10 GB of data through the operation that the page uses."""
    pack = DataPack.objects.create(plan=line.plan, megabytes=10_000, price=Decimal(price))
    sell_data(actor=seat_of(actor), subscriber_id=line.pk, pack=pack, now=now)
