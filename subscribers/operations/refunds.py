"""Refunding: the money of a charge back to the wallet that paid, and the end of the period that it paid for.

A line is refunded backwards, from what was sold to it last: wallet, revenue and invoices are then as if that had never
been sold. A period that was given up for another plan has its turn as well, since what it cost stays until then.

This goes back as far as there are charges of which nothing went back. What a change of plan gave back, to a wallet or
on credit notes, nothing takes back: that change stays for good, what it gave back of too, and all that was sold before.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import Q, Sum
from django.utils.translation import gettext as _

from accounts.seats import Seat
from audit import operations as audit
from audit.actions import Action
from billing.models import Invoice
from billing.operations import credit_refund
from ispanel.installation import currency
from ispanel.money import with_code
from ispanel.refusals import Forbidden, Refusal
from subscribers.models import Renewal, RenewalQuerySet
from subscribers.operations.renewals import locked
from wallet import ledger
from wallet.ledger import ActKey, AlreadyUndone
from wallet.models import LedgerAccount, Transfer, TransferKind


class NothingToRefund(Refusal):
    """The period was free: no charge was made for it."""

    def __init__(self) -> None:
        super().__init__(_("This period was free: there is nothing to refund."))


class GivenBackInPart(Refusal):
    """A change of plan gave a part of the charge back already."""

    def __init__(self) -> None:
        super().__init__(_("A change of plan gave a part of this back already. Transfer the rest instead."))


class CreditedByChange(Refusal):
    """A change of plan took something off invoices, although it cost the wallet: its credit notes stay for good."""

    def __init__(self, credited: Decimal) -> None:
        super().__init__(
            _("This change took %(amount)s off the subscriber’s invoices, which stays so. Transfer money back instead.")
            % {"amount": with_code(credited, currency())}
        )


class InvoiceCredited(Refusal):
    """A change of plan took something off the period's own invoice, though the wallet got nothing: that stays too."""

    def __init__(self, credited: Decimal) -> None:
        super().__init__(
            _("A change of plan took %(amount)s off the invoice for this, which stays so. Transfer money back instead.")
            % {"amount": with_code(credited, currency())}
        )


class DataTakenOver(Refusal):
    """A change of plan took over what was left of the data."""

    def __init__(self) -> None:
        super().__init__(_("What was left of this data went on with another plan. Transfer money back instead."))


class LaterPeriod(Refusal):
    """What was sold to the line later stands: it was built on this period, or begins where nothing would be paid."""

    def __init__(self, stays: Renewal | None) -> None:
        """:param stays: a later period that is never refunded; None where all of them may be."""
        if stays is None:
            sentence = _("Refund the later period first.")
        elif stays.transfer_id is None:
            sentence = _("A period without a charge follows this one, so it stays. Transfer the money back instead.")
        else:
            sentence = _(
                "A later period stays, since a change of plan gave a part of it back: so does this one. Transfer the"
                " money back instead."
            )
        super().__init__(sentence)


#: Of periods that are not refunded: no charge was made, or a change of plan gave a part back, to a wallet or on paper.
STAYS_FOR_GOOD = (
    Q(transfer__isnull=True)
    | Q(transfer__undoing__isnull=False)
    | Q(credit_notes__isnull=False)
    | Q(invoice__credited__gt=0)
)


@dataclass(frozen=True)
class Refund:
    """What refunding a period does: shown before it is done."""

    renewal: Renewal
    charge: Transfer
    new_expiry: datetime | None

    @property
    def payer(self) -> LedgerAccount:
        """The wallet that paid, whoever owns the line now."""
        return self.charge.sent_by

    @property
    def amount(self) -> Decimal:
        return self.renewal.price

    @property
    def balance_after(self) -> Decimal:
        return (self.payer.balance or Decimal(0)) + self.amount

    @property
    def ends_auto_renew(self) -> bool:
        """Say whether the line would renew itself at once, and pay again, if it went on renewing itself."""
        return self.renewal.subscriber.auto_renew and not self.renewal.is_data


def refund_of(renewal: Renewal, now: datetime) -> Refund:
    """Return the refund of a period that a wallet paid for.

    A period that runs ends now, one to come is taken away, and one that is over leaves the expiry as it is. Data that
    was sold in a period is taken away from it. A line whose period is refunded does not renew itself any more.

    :raises NothingToRefund:
    """
    if renewal.transfer_id is None:
        raise NothingToRefund
    charge = Transfer.objects.with_sides().get(pk=renewal.transfer_id)
    expires_at = renewal.subscriber.expires_at
    if renewal.is_data:
        return Refund(renewal, charge, expires_at)
    return Refund(renewal, charge, min(expires_at, max(renewal.starts_at, now)) if expires_at else None)


def check_refundable(renewal: Renewal) -> None:
    """Check that nothing of the period went back yet, and that nothing sold to the line after it stands.

    :raises AlreadyUndone, CreditedByChange, DataTakenOver, GivenBackInPart, InvoiceCredited, LaterPeriod:
    """
    if renewal.refunded_at:
        raise AlreadyUndone
    if renewal.is_data:
        if renewal.replaced_at:
            raise DataTakenOver
        return
    if renewal.transfer and renewal.transfer.undoing.exists():
        raise GivenBackInPart
    if invoice := Invoice.objects.filter(renewal=renewal, credited__gt=0).first():
        raise InvoiceCredited(invoice.credited)
    if credited := renewal.credit_notes.aggregate(amount=Sum("amount"))["amount"]:
        raise CreditedByChange(credited)
    later = sold_after(renewal)
    if later.exists():
        raise LaterPeriod(later.filter(STAYS_FOR_GOOD).first())


def sold_after(renewal: Renewal) -> RenewalQuerySet:
    """Return what was sold to the line after the period and is not refunded, but for free periods that were given up.

    In the order of their rows: those that one change of plan gave up all ended at the same moment.
    """
    later = Renewal.objects.periods().filter(subscriber=renewal.subscriber_id, pk__gt=renewal.pk)
    return later.filter(refunded_at__isnull=True).exclude(replaced_at__isnull=False, price=0, retail_price=0)


@transaction.atomic
def refund_charge(*, actor: Seat, renewal_id: int, reason: str, key: ActKey | None = None, now: datetime) -> Renewal:
    """Give the price of a period back to the wallet that paid it, whoever owns the line now, and end the period.

    Its invoice is credited with all that is left of it.

    Only admins refund, in their own seat: no permission allows it to anybody else.

    :raises Forbidden, NothingToRefund, WalletClosed, FormAlreadyUsed: likewise what `check_refundable` raises.
    """
    if not actor.is_admin:
        raise Forbidden
    if key and (first := ledger.recall(actor=actor, key=key)):
        return Renewal.objects.get(pk=first)
    # Locked by way of its subscriber, as buying a period is: neither comes in between.
    subscriber = locked(actor, Renewal.objects.get(pk=renewal_id).subscriber_id)
    renewal = Renewal.objects.select_related("plan").get(pk=renewal_id)
    renewal.subscriber = subscriber
    refund = refund_of(renewal, now)
    check_refundable(renewal)
    posted = ledger.post(
        actor=actor,
        kind=TransferKind.REFUND,
        debit=ledger.income_account(),
        credit=refund.payer,
        amount=refund.amount,
        note=reason,
        undoes=refund.charge,
        trail=audit.row(
            actor=actor,
            action=Action.SUBSCRIBER_REFUNDED,
            obj=subscriber,
            reseller_id=renewal.reseller_id,
            detail=" · ".join([str(renewal.plan), with_code(refund.amount, currency()), reason]),
            changes={
                "expires_at": (subscriber.expires_at, refund.new_expiry),
                "refunded": (None, refund.amount),
                "reason": (None, reason),
            }
            | ({"auto_renew": (True, False)} if refund.ends_auto_renew else {}),
            now=now,
        ),
        now=now,
    )
    renewal.refunded_at, renewal.refund_id = now, posted.transfer_id
    renewal.save(update_fields=["refunded_at", "refund"])
    subscriber.expires_at, subscriber.updated_at = refund.new_expiry, now
    subscriber.auto_renew = subscriber.auto_renew and not refund.ends_auto_renew
    subscriber.save(update_fields=["expires_at", "auto_renew", "updated_at"])
    if key:
        ledger.remember(actor=actor, key=key, result_id=renewal.pk, now=now)
    credit_refund(refunded=renewal, now=now)
    return renewal
