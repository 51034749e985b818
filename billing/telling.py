"""Telling of invoices that were issued."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from django.utils import timezone
from django.utils.dateformat import format as date_format

from billing.models import Invoice
from billing.operations.links import new_links
from ispanel import messages
from ispanel.installation import currency
from ispanel.messages import Event, Occurrence, Way
from ispanel.money import with_code


def announce(invoices: Sequence[Invoice], now: datetime) -> None:
    """Say that these were issued, in the caller's transaction; sellers and subscribers are at hand."""
    if invoices and messages.wanted(Event.INVOICE_ISSUED):
        messages.announce(*occurrences_of(invoices, now))


def occurrences_of(invoices: Sequence[Invoice], now: datetime) -> Iterator[Occurrence]:
    """Yield what is told of each invoice, with a link of its own where it goes to its subscriber."""
    money, ways = currency(), messages.ways_to_subscriber(Event.INVOICE_ISSUED)
    to_subscribers = [
        invoice
        for invoice in invoices
        if (Way.EMAIL in ways and invoice.subscriber.email) or (Way.SMS in ways and invoice.subscriber.phone)
    ]
    links = dict(zip([each.pk for each in to_subscribers], new_links(to_subscribers, now=now), strict=True))
    for invoice in invoices:
        yield Occurrence(
            Event.INVOICE_ISSUED,
            key=f"invoice:{invoice.pk}",
            facts={
                "number": invoice.shown_number,
                "amount": with_code(invoice.amount, money),
                "description": invoice.description,
                "expires_on": date_format(timezone.localtime(invoice.ends_at), "j M Y"),
                "subscriber": invoice.subscriber_name or invoice.subscriber_username,
                "issuer": invoice.issuer_name,
                "link": links.get(invoice.pk, ""),
            },
            reseller=invoice.reseller,
            subscriber=invoice.subscriber,
        )
