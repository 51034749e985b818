"""Top-up requests: a reseller asks whoever funds it for money, and gets it or a reason why not."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.seats import Seat
from audit import operations as audit
from audit.actions import Action
from audit.models import AuditEntry
from ispanel.installation import currency
from ispanel.money import with_code
from ispanel.refusals import Forbidden, Refusal
from resellers.models import Reseller, TopUpRequest, TopUpRequestQuerySet, TopUpStatus
from resellers.operations.funds import funding_account
from resellers.operations.news import announce_received
from resellers.operations.rules import check_kept, locked
from wallet import ledger
from wallet.ledger import ActKey
from wallet.models import TransferKind

#: What the names of whoever asked and answered hold.
NAME_LENGTH = 254


class AlreadyAsked(Refusal):
    """A request of this reseller waits: there is one at a time."""

    def __init__(self, waiting: TopUpRequest) -> None:
        self.waiting = waiting
        super().__init__(
            _("A request for %(amount)s is waiting for its answer. Cancel it first to ask for something else.")
            % {"amount": with_code(waiting.amount, currency())}
        )


class AlreadyAnswered(Refusal):
    """The request was approved, refused or cancelled before."""

    def __init__(self, request: TopUpRequest) -> None:
        self.request = request
        sentences = {
            TopUpStatus.APPROVED: _("%(name)s approved this request before."),
            TopUpStatus.REFUSED: _("%(name)s refused this request before."),
            TopUpStatus.CANCELLED: _("%(name)s cancelled this request before."),
        }
        super().__init__(sentences[TopUpStatus(request.status)] % {"name": request.decided_by})


@transaction.atomic
def ask_for_top_up(
    *, actor: Seat, amount: Decimal, note: str, key: ActKey | None = None, now: datetime
) -> TopUpRequest:
    """Ask for money for the wallet of the actor's reseller.

    :param note: how it was paid, for whoever checks that.
    :raises Forbidden: where the actor has no wallet.
    :raises AlreadyAsked, ResellerDeleted, FormAlreadyUsed:
    """
    if actor.reseller is None:
        raise Forbidden
    if key and (first := ledger.recall(actor=actor, key=key)):
        return TopUpRequest.objects.get(pk=first)
    # Locked, so that two who ask at once come one after the other.
    [reseller] = locked(actor.reseller.pk)
    check_kept(reseller)
    if waiting := reseller.top_up_requests.open().first():
        raise AlreadyAsked(waiting)
    request = TopUpRequest.objects.create(
        reseller=reseller, amount=amount, note=note, asked_by=name_of(actor), created_at=now
    )
    told(actor, Action.TOP_UP_ASKED, request, now).save(force_insert=True)
    if key:
        ledger.remember(actor=actor, key=key, result_id=request.pk, now=now)
    return request


@transaction.atomic
def approve_top_up(*, actor: Seat, request_id: int, key: ActKey | None = None, now: datetime) -> TopUpRequest:
    """Transfer what was asked for, from the platform's account or the parent's own wallet, never below zero.

    :raises Forbidden: where the actor does not fund that reseller.
    :raises AlreadyAnswered, FormAlreadyUsed:
    :raises InsufficientFunds: and it waits on.
    """
    request = locked_among(TopUpRequest.objects.actable_by(actor), request_id)
    if key and (first := ledger.recall(actor=actor, key=key)):
        return TopUpRequest.objects.get(pk=first)
    check_open(request)
    posted = ledger.post(
        actor=actor,
        kind=TransferKind.TRANSFER,
        debit=funding_account(actor),
        credit=request.reseller.wallet,
        amount=request.amount,
        note=request.note,
        trail=told(actor, Action.TOP_UP_APPROVED, request, now),
        now=now,
    )
    request.transfer_id = posted.transfer_id
    close(request, TopUpStatus.APPROVED, actor, now)
    announce_received(actor=actor, reseller=request.reseller, transfer=posted.transfer)
    if key:
        ledger.remember(actor=actor, key=key, result_id=request.pk, now=now)
    return request


@transaction.atomic
def refuse_top_up(*, actor: Seat, request_id: int, reason: str, now: datetime) -> TopUpRequest:
    """Refuse a request; whoever asked reads the reason.

    :raises Forbidden: where the actor does not fund that reseller.
    :raises AlreadyAnswered:
    """
    request = locked_among(TopUpRequest.objects.actable_by(actor), request_id)
    check_open(request)
    request.reason = reason
    close(request, TopUpStatus.REFUSED, actor, now)
    told(actor, Action.TOP_UP_REFUSED, request, now).save(force_insert=True)
    return request


@transaction.atomic
def cancel_top_up(*, actor: Seat, request_id: int, now: datetime) -> TopUpRequest:
    """Take back a request of the actor's own reseller.

    :raises Forbidden: where it is another's.
    :raises AlreadyAnswered:
    """
    request = locked_among(TopUpRequest.objects.own_of(actor), request_id)
    check_open(request)
    close(request, TopUpStatus.CANCELLED, actor, now)
    told(actor, Action.TOP_UP_CANCELLED, request, now).save(force_insert=True)
    return request


def locked_request_of(reseller: Reseller) -> TopUpRequest | None:
    """Return the request of the reseller that waits, locked, or None; to be called before its wallet is locked."""
    return reseller.top_up_requests.open().select_for_update(no_key=True).first()


def cancel_with_reseller(*, actor: Seat, request: TopUpRequest, now: datetime) -> None:
    """Cancel the request of a reseller that is being deleted, in the caller's transaction."""
    request.reason = _("The reseller was deleted.")
    close(request, TopUpStatus.CANCELLED, actor, now)
    told(actor, Action.TOP_UP_CANCELLED, request, now).save(force_insert=True)


def locked_among(rows: TopUpRequestQuerySet, request_id: int) -> TopUpRequest:
    """Return the request, locked: approving, refusing and cancelling come one after the other.

    :raises Forbidden: where it is not among the rows.
    """
    request = rows.select_for_update(of=("self",), no_key=True).filter(pk=request_id).first()
    if request is None:
        raise Forbidden
    return request


def check_open(request: TopUpRequest) -> None:
    """:raises AlreadyAnswered:"""
    if not request.is_open:
        raise AlreadyAnswered(request)


def close(request: TopUpRequest, status: TopUpStatus, actor: Seat, now: datetime) -> None:
    """Write what became of the request."""
    request.status, request.decided_at, request.decided_by = status, now, name_of(actor)
    request.save(update_fields=["status", "decided_at", "decided_by", "reason", "transfer"])


def name_of(actor: Seat) -> str:
    return actor.identity.spoken[:NAME_LENGTH]


def told(actor: Seat, action: Action, request: TopUpRequest, now: datetime) -> AuditEntry:
    """Return the row of the trail, which is about the reseller."""
    return audit.row(
        actor=actor,
        action=action,
        obj=request.reseller,
        reseller_id=request.reseller_id,
        detail=" · ".join(filter(None, [with_code(request.amount, currency()), request.note, request.reason])),
        changes={
            "request": (None, request.pk),
            "amount": (None, request.amount),
            "reason": (None, request.reason or None),
        },
        now=now,
    )
