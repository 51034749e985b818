"""Issuing papers for what is sold: an invoice at retail, or credit notes where a change of plan pays back.

These are the last writes of an act: whoever holds a series of numbers keeps all its other writers waiting, so nothing
that others may hold is locked afterwards. Resellers, subscribers and wallets come before; then invoices, in the order
of their issuers; then the invoices that are credited; then credit notes, in the order of their issuers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from operator import attrgetter
from typing import TYPE_CHECKING

from django.db.models import F
from django.utils.translation import gettext as _

from billing import tasks
from billing.models import CreditNote, Invoice, InvoiceQuerySet, InvoiceStatus
from billing.operations.links import INSERTED_AT_ONCE
from billing.operations.origins import Origins
from billing.telling import announce
from ispanel import messages
from ispanel.copying import columns_of, copy
from ispanel.installation import panel_settings
from ispanel.issuer import Issuer
from ispanel.messages import Event
from resellers.models import Reseller

if TYPE_CHECKING:
    from subscribers.models import Renewal

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Head:
    """What stands at the head of a reseller's invoices, and whose numbers they have; worked out once for many."""

    issuer: Issuer
    issuer_id: int | None
    prefix: str
    time_zone: str

    @classmethod
    def of(cls, reseller: Reseller) -> Head:
        """Return it as the billing settings are now."""
        settings = panel_settings()
        issuer_id, prefix = None, settings.invoice_prefix
        if settings.reseller_is_issuer:
            issuer_id, prefix = reseller.pk, reseller.invoice_prefix or prefix
        return cls(reseller.issuer, issuer_id, prefix, settings.time_zone)


def issue_papers(*, sold: Sequence[Renewal], now: datetime) -> None:
    """Issue the papers for what an act sold, as its last writes.

    What costs nothing in either price has no paper. Subscribers and resellers of what was sold are at hand.
    """
    on_paper = [each for each in sold if each.transfer_id is not None or each.retail_price]
    issue_invoices([each for each in on_paper if each.retail_price >= 0], now)
    credit_changes([each for each in on_paper if each.retail_price < 0], now)


def issue_invoices(sold: Sequence[Renewal], now: datetime) -> None:
    """Write an invoice for each, and say so to whoever is told of it; of what was free nobody is told.

    Very many, as those of an import, are written in one statement, and the worker tells of them.
    """
    sellers = {each.reseller_id: each.reseller for each in sold}
    heads = {pk: Head.of(reseller) for pk, reseller in sellers.items()}
    invoices = [invoice_for(each, heads[each.reseller_id], now) for each in sold]
    invoices.sort(key=in_order_of_issuers)
    if len(invoices) <= INSERTED_AT_ONCE:
        Invoice.objects.bulk_create(invoices)
        announce([each for each in invoices if each.amount], now)
        return
    # Whoever sells meanwhile waits for the numbers from the first one to the commit: nothing is done then but writing.
    if messages.wanted(Event.INVOICE_ISSUED):
        tasks.tell_later([each.renewal_id for each in invoices if each.amount])
    columns = [name for name in columns_of(Invoice) if name != "number"]
    copy(Invoice, columns, list(map(attrgetter(*columns), invoices)))


def in_order_of_issuers(paper: Invoice | CreditNote) -> int:
    """Return by what papers are sorted before they are written: the house comes first."""
    return paper.issuer_id or 0


def invoice_for(sold: Renewal, head: Head, now: datetime) -> Invoice:
    """Return the invoice for what was sold, not written yet; one of nothing is paid at once."""
    subscriber, is_free = sold.subscriber, not sold.retail_price
    return Invoice(
        issuer_id=head.issuer_id,
        prefix=head.prefix,
        status=InvoiceStatus.PAID if is_free else InvoiceStatus.PENDING,
        paid_at=now if is_free else None,
        reseller=sold.reseller,
        subscriber=subscriber,
        renewal=sold,
        amount=sold.retail_price,
        issued_at=now,
        time_zone=head.time_zone,
        issuer_name=head.issuer.name,
        issuer_address=head.issuer.address,
        issuer_tax_line=head.issuer.tax_line,
        issuer_logo_id=head.issuer.logo_id,
        seller_name=sold.reseller.company_name,
        subscriber_username=subscriber.username,
        subscriber_name=subscriber.full_name,
        subscriber_address=subscriber.address,
        description=sold.in_words[:200],
        starts_at=sold.starts_at,
        ends_at=sold.ends_at,
    )


# --- what is taken off them -------------------------------------------------------------------------------------------


def credit_changes(changes: Sequence[Renewal], now: datetime) -> None:
    """Credit what changes of plan pay back to the invoices for what they gave up, the latest first.

    Those are the invoices behind the worth of the periods given up: see `Origins`. The share of an invoice that is
    cancelled, and of what has none, is credited nowhere.
    """
    if not changes:
        return
    origins = Origins(changes)
    shares = [(change, share) for change in changes for share in origins.paid_back_by(change)]
    rows = Invoice.objects.filter(renewal__in={share.sold_id for _change, share in shares})
    uncredited = {invoice.renewal_id: invoice for invoice in locked_uncredited(rows)}
    write_notes(
        note_on(invoice, change, min(share.amount, invoice.amount - invoice.credited), change.in_words, now)
        for change, share in shares
        if (invoice := uncredited.get(share.sold_id))
    )


def credit_refund(*, refunded: Renewal, now: datetime) -> CreditNote | None:
    """Credit all that is left of the invoice for a period that was refunded, as the refund's last write.

    None where there is nothing to credit: the period has no invoice, or its invoice is cancelled or credited. Why the
    admin refunded it stands on the transfer and in the trail: the subscriber reads the paper.
    """
    notes = [
        note_on(invoice, refunded, invoice.creditable, _("Refund"), now, refund_id=refunded.refund_id)
        for invoice in locked_uncredited(Invoice.objects.filter(renewal=refunded))
    ]
    write_notes(notes)
    return notes[0] if notes else None


def locked_uncredited(rows: InvoiceQuerySet) -> list[Invoice]:
    """Return the invoices of which something is left, the first one first, locked: nobody cancels them meanwhile."""
    rows = rows.filter(credited__lt=F("amount")).exclude(status=InvoiceStatus.CANCELLED)
    return list(rows.select_for_update(of=("self",), no_key=True).order_by("pk"))


def note_on(
    invoice: Invoice, cause: Renewal, amount: Decimal, reason: str, now: datetime, refund_id: int | None = None
) -> CreditNote:
    """Return a credit note, not written yet; the database sets the number, and takes the amount off the invoice."""
    return CreditNote(
        issuer_id=invoice.issuer_id,
        prefix=panel_settings().credit_note_prefix,
        invoice=invoice,
        renewal=cause,
        refund_id=refund_id,
        amount=amount,
        reason=reason[:200],
        issued_at=now,
    )


def write_notes(notes: Iterable[CreditNote]) -> None:
    """Write credit notes, in the order of their issuers."""
    CreditNote.objects.bulk_create(sorted(notes, key=in_order_of_issuers), batch_size=INSERTED_AT_ONCE)
