"""Marking invoices: that one was paid, or that nobody owes it. Neither moves money nor changes a number."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.seats import Seat
from audit import operations as audit
from audit.actions import Action
from billing.models import Invoice, InvoiceStatus
from ispanel.refusals import Forbidden, Refusal


class InvoicePaid(Refusal):
    """The invoice is paid."""

    def __init__(self, invoice: Invoice) -> None:
        super().__init__(_("The invoice %(number)s is marked as paid already.") % {"number": invoice})


class InvoiceCancelled(Refusal):
    """The invoice is cancelled, and stays so."""

    def __init__(self, invoice: Invoice) -> None:
        super().__init__(_("The invoice %(number)s is cancelled: that is for ever.") % {"number": invoice})


class InvoiceRefunded(Refusal):
    """The invoice is credited in full, and nothing of it is owed."""

    def __init__(self, invoice: Invoice) -> None:
        super().__init__(_("The invoice %(number)s is refunded: nothing of it is owed.") % {"number": invoice})


class CreditedInPart(Refusal):
    """A credit note took a part off the invoice: it is not undone as a whole any more."""

    def __init__(self, invoice: Invoice) -> None:
        super().__init__(
            _("A part of the invoice %(number)s is credited, so it stays. What is left can be paid.")
            % {"number": invoice}
        )


class ReasonMissing(Refusal):
    """Nobody would know later why the invoice was cancelled."""

    field = "reason"

    def __init__(self) -> None:
        super().__init__(_("Say why this invoice is cancelled."))


def locked(actor: Seat, invoice_id: int) -> Invoice:
    """Return the invoice, locked, if the actor may mark it.

    :raises Forbidden:
    """
    rows = Invoice.objects.actable_by(actor).select_for_update(of=("self",), no_key=True)
    invoice = rows.filter(pk=invoice_id).first() if actor.has("invoices.edit") else None
    if invoice is None:
        raise Forbidden
    return invoice


def check_open(invoice: Invoice) -> None:
    """:raises InvoiceCancelled, InvoiceRefunded:"""
    if invoice.status == InvoiceStatus.CANCELLED:
        raise InvoiceCancelled(invoice)
    if invoice.status == InvoiceStatus.REFUNDED:
        raise InvoiceRefunded(invoice)


def check_payable(invoice: Invoice) -> None:
    """Check that the invoice waits to be paid.

    :raises InvoicePaid, InvoiceCancelled, InvoiceRefunded:
    """
    check_open(invoice)
    if invoice.status == InvoiceStatus.PAID:
        raise InvoicePaid(invoice)


def check_cancellable(invoice: Invoice) -> None:
    """Check that nothing was paid of the invoice, nor taken off it.

    :raises InvoicePaid, InvoiceCancelled, InvoiceRefunded, CreditedInPart:
    """
    check_payable(invoice)
    if invoice.credited:
        raise CreditedInPart(invoice)


@transaction.atomic
def mark_paid(*, actor: Seat, invoice_id: int, note: str = "", now: datetime) -> Invoice:
    """Write down that the subscriber paid the reseller; no wallet knows of it.

    :param note: how it was paid, of 200 characters at most.
    :raises Forbidden, InvoicePaid, InvoiceCancelled, InvoiceRefunded:
    """
    invoice = locked(actor, invoice_id)
    check_payable(invoice)
    before, due = invoice.status, invoice.due
    invoice.status, invoice.paid_at = InvoiceStatus.PAID, now
    invoice.paid_by, invoice.payment_note = actor.identity.spoken[:254], note
    invoice.save(update_fields=["status", "paid_at", "paid_by", "payment_note"])
    audit.record(
        actor=actor,
        action=Action.INVOICE_PAID,
        obj=invoice,
        reseller_id=invoice.reseller_id,
        detail=note,
        changes={"status": (before, invoice.status), "paid": (None, due)},
        now=now,
    )
    return invoice


@transaction.atomic
def cancel_invoice(*, actor: Seat, invoice_id: int, reason: str, now: datetime) -> Invoice:
    """Write down that nobody owes an unpaid invoice. It keeps its number, and the period that it is for goes on.

    :param reason: of 200 characters at most.
    :raises Forbidden, ReasonMissing, InvoicePaid, InvoiceCancelled, InvoiceRefunded, CreditedInPart:
    """
    invoice = locked(actor, invoice_id)
    check_cancellable(invoice)
    if not reason.strip():
        raise ReasonMissing
    before = invoice.status
    invoice.status, invoice.cancelled_at = InvoiceStatus.CANCELLED, now
    invoice.cancelled_by, invoice.cancellation_reason = actor.identity.spoken[:254], reason
    invoice.save(update_fields=["status", "cancelled_at", "cancelled_by", "cancellation_reason"])
    audit.record(
        actor=actor,
        action=Action.INVOICE_CANCELLED,
        obj=invoice,
        reseller_id=invoice.reseller_id,
        detail=reason,
        changes={"status": (before, invoice.status)},
        now=now,
    )
    return invoice
