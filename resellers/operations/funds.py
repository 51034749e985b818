"""Moving money to and from resellers."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import datetime
from decimal import Decimal

from django.db import connection, transaction

from accounts.seats import Seat
from audit import operations as audit
from audit.actions import Action
from ispanel import messages
from ispanel.installation import currency
from ispanel.messages import Event
from ispanel.money import with_code
from ispanel.refusals import Forbidden
from resellers.models import Reseller
from resellers.operations.news import announce_received, was_above_since_told
from resellers.operations.rules import actable, check_kept, locked
from wallet import ledger
from wallet.ledger import ActKey
from wallet.models import AccountKind, LedgerAccount, Transfer, TransferKind


def funding_account(actor: Seat) -> LedgerAccount:
    """Return where this seat's transfers come from: the platform's account, or the own wallet."""
    return actor.reseller.wallet if actor.reseller else ledger.platform_account()


def transfer_to_reseller(
    *, actor: Seat, reseller_id: int, amount: Decimal, note: str, key: ActKey | None = None, now: datetime
) -> Transfer:
    """Move money to a reseller, from the platform's account or the actor's own wallet, never below zero.

    The one statement that writes is a transaction by itself, unless somebody is told of it; what was read before it is
    locked by nobody.

    :raises InsufficientFunds, FormAlreadyUsed, WalletClosed:
    """
    reseller = to_fund(actor, reseller_id)
    tells = messages.wanted(Event.TRANSFER_RECEIVED)
    with transaction.atomic() if tells else nullcontext():
        transfer = move_funds(
            actor=actor,
            reseller=reseller,
            kind=TransferKind.TRANSFER,
            action=Action.FUNDS_TRANSFERRED,
            debit=funding_account(actor),
            credit=wallet_of(reseller),
            amount=amount,
            note=note,
            key=key,
            now=now,
        )
        if tells:
            announce_received(actor=actor, reseller=reseller, transfer=transfer)
    return transfer


def withdraw_from_reseller(
    *, actor: Seat, reseller_id: int, amount: Decimal, note: str, key: ActKey | None = None, now: datetime
) -> Transfer:
    """Move money back from a reseller's wallet, never below zero.

    :raises InsufficientFunds, FormAlreadyUsed, WalletClosed:
    """
    reseller = to_fund(actor, reseller_id)
    return move_funds(
        actor=actor,
        reseller=reseller,
        kind=TransferKind.WITHDRAWAL,
        action=Action.FUNDS_WITHDRAWN,
        debit=wallet_of(reseller),
        credit=funding_account(actor),
        amount=amount,
        note=note,
        key=key,
        now=now,
    )


def to_fund(actor: Seat, reseller_id: int) -> Reseller:
    """Return the reseller with no more of it than a transfer needs, if the actor may act on it.

    :raises Forbidden, ResellerDeleted:
    """
    if not actor.is_admin and actor.reseller is None:
        raise Forbidden
    values = [reseller_id] if actor.reseller is None else [actor.reseller.pk, reseller_id]
    with connection.cursor() as cursor:
        cursor.execute(query_of(actor, reseller_id, values), values)
        found = cursor.fetchone()
    if found is None:
        raise Forbidden
    reseller = Reseller.from_db(None, NEEDED, found)
    check_kept(reseller)
    return reseller


#: What a transfer needs of a reseller, in the order in which the model has it.
NEEDED = ("id", "wallet_id", "company_name", "display_name", "deleted_at")
#: The SQL of `actable_by` for admins and for others: to make it anew took two fifths of a transfer's time in Python.
QUERIES: dict[bool, str] = {}


def query_of(actor: Seat, reseller_id: int, values: list[int]) -> str:
    """Return the SQL that finds the reseller among those that the actor may act on, for these values."""
    if actor.is_admin not in QUERIES:
        rows = Reseller.objects.actable_by(actor).filter(pk=reseller_id).values_list(*NEEDED)
        sql, given = rows.query.sql_with_params()
        assert list(given) == values, "what `actable_by` asks for is not what is passed to it"
        QUERIES[actor.is_admin] = sql
    return QUERIES[actor.is_admin]


def wallet_of(reseller: Reseller) -> LedgerAccount:
    """Return as much of the reseller's wallet as the ledger asks for."""
    return LedgerAccount(id=reseller.wallet_id, kind=AccountKind.WALLET)


def move_funds(
    *,
    actor: Seat,
    reseller: Reseller,
    kind: TransferKind,
    action: Action,
    debit: LedgerAccount,
    credit: LedgerAccount,
    amount: Decimal,
    note: str,
    key: ActKey | None,
    now: datetime,
) -> Transfer:
    """Post the transfer, unless the key says that it is in the books already."""
    posted = ledger.post(
        actor=actor,
        kind=kind,
        debit=debit,
        credit=credit,
        amount=amount,
        note=note,
        trail=audit.row(
            actor=actor,
            action=action,
            obj=reseller,
            reseller_id=reseller.pk,
            detail=" · ".join(filter(None, [with_code(amount, currency()), note])),
            now=now,
        ),
        key=key,
        now=now,
    )
    return posted.transfer


@transaction.atomic
def set_low_balance_threshold(*, actor: Seat, reseller_id: int, threshold: Decimal, now: datetime) -> Reseller:
    """Say from which balance on a wallet is listed as low; of one's own reseller, or of one that one may act on.

    Where the balance was above the old one since its reseller was told that it is low, that counts: it is told afresh.

    :param threshold: 0 or more.
    :raises Forbidden, ResellerDeleted:
    """
    if actor.reseller is None or actor.reseller.pk != reseller_id:
        actable(actor, reseller_id)
    [reseller] = locked(reseller_id)
    check_kept(reseller)
    changes = audit.changed_fields(reseller, {"low_balance_threshold": threshold})
    if changes:
        if was_above_since_told(reseller, changes["low_balance_threshold"][0]):
            reseller.low_balance_told_at_entry = None
        reseller.save(update_fields=["low_balance_threshold", "low_balance_told_at_entry"])
        audit.record(
            actor=actor,
            action=Action.LOW_BALANCE_THRESHOLD_SET,
            obj=reseller,
            reseller_id=reseller.pk,
            changes=changes,
            now=now,
        )
    return reseller
