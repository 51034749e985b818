"""The one door to the SQL function that moves money, and the keys that let an act have only one effect."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import UUID

from django.db import DatabaseError, connection, transaction
from django.utils.translation import gettext as _
from psycopg import Error as PostgresError
from psycopg.types.json import Jsonb

from audit.identity import Actor
from audit.models import AuditEntry
from ispanel.installation import currency
from ispanel.money import HIGHEST_AMOUNT, InvalidAmount, decimals_of, with_code
from ispanel.refusals import Busy, Refusal, is_busy
from wallet.models import CHARGES, AccountKind, IdempotencyKey, LedgerAccount, Transfer, TransferKind

POST = "SELECT * FROM post_transfer({})"
#: The columns of a transfer, in the order in which the model has them.
WRITTEN = [field.attname for field in Transfer._meta.concrete_fields]


class InsufficientFunds(Refusal):
    """A wallet has less to spend than the amount. Both are in the installation's currency."""

    field = "amount"

    def __init__(self, *, available: Decimal, required: Decimal, credit_counts: bool = True) -> None:
        self.available = available
        self.required = required
        if available < 0:
            sentence = _("%(missing)s is missing: %(required)s is needed and the wallet is over its credit limit.")
        elif credit_counts:
            sentence = _("%(missing)s is missing: %(required)s is needed and %(available)s is available.")
        else:
            sentence = _("%(missing)s is missing: the wallet holds %(available)s, and the credit limit does not count.")
        money = currency()
        super().__init__(
            sentence
            % {
                "missing": with_code(self.missing, money),
                "required": with_code(required, money),
                "available": with_code(available, money),
            }
        )

    @property
    def missing(self) -> Decimal:
        return self.required - self.available


class FormAlreadyUsed(Refusal):
    """The idempotency key was used with other contents."""

    def __init__(self) -> None:
        super().__init__(_("This form was already used. Open it again to make another change."))


class WalletClosed(Refusal):
    """Nothing can be posted to the wallet of a deleted reseller."""

    def __init__(self) -> None:
        super().__init__(_("This wallet is closed."))


class WalletBusy(Busy):
    """Somebody else's act holds one of the wallets, or the same form is being carried out."""

    def __init__(self) -> None:
        super().__init__(_("Somebody else is moving money of this wallet. Nothing was moved; try again."))


class AlreadyUndone(Refusal):
    """The transfer was reversed, or the charge refunded, before: each is once."""

    def __init__(self) -> None:
        super().__init__(_("This was taken back before. Open it again to see by what."))


class CannotBeUndone(Refusal):
    """What is posted is not the same money the other way, or not what undoes that kind of transfer."""

    def __init__(self) -> None:
        super().__init__(_("This transfer cannot be taken back in this way. Open it again to see what can be done."))


class TooManyDecimals(Refusal):
    """The amount has more decimals than the currency."""

    field = "amount"

    def __init__(self, amount: Decimal) -> None:
        money = currency()
        super().__init__(
            _("%(amount)s has more than the %(decimals)d decimals of %(code)s.")
            % {"amount": f"{amount.normalize():f}", "decimals": money.decimals, "code": money.code}
        )


@dataclass(frozen=True)
class ActKey:
    """The key made when a money form was rendered, with what the form held.

    ``contents`` is compared by digest, so it may hold anything that has a text, but no password. Rows count by their
    id, since two of them may have the same name.
    """

    act: str
    key: UUID
    contents: Mapping[str, Any]

    def digest(self, actor: Actor) -> bytes:
        """Return what tells these contents, sent from this seat, from any others."""
        held = {name: str(getattr(value, "pk", value)) for name, value in self.contents.items()}
        held["on behalf of"] = str(actor.identity.on_behalf_of_id)
        text = json.dumps(held, sort_keys=True)
        return hashlib.sha256(text.encode()).digest()


@dataclass(frozen=True, slots=True)
class Posted:
    """A transfer that is in the books; ``replayed`` if it was there before."""

    transfer: Transfer
    replayed: bool

    @property
    def transfer_id(self) -> int:
        return self.transfer.pk


@dataclass(frozen=True, slots=True)
class Charge:
    """One of many charges of a wallet: an amount of 0 or more, what its transfer says, and its row of the trail."""

    amount: Decimal
    note: str
    trail: AuditEntry


@dataclass(frozen=True, slots=True)
class Charged:
    """What became of many charges: those that fit, in order, and what is available after them.

    In place of a transfer there is None where the amount was 0.
    """

    transfer_ids: list[int | None]
    available: Decimal


@contextmanager
def refusals_of_ledger(required: Decimal = Decimal(0), *, credit_counts: bool = True) -> Iterator[None]:
    """Turn the SQL functions' errors into refusals."""
    try:
        yield
    except DatabaseError as problem:
        cause = problem.__cause__
        if not isinstance(cause, PostgresError):
            raise
        if is_busy(problem):
            raise WalletBusy from problem
        # One form sent at once to two wallets: neither waits for the other's lock, and the key's constraint decides.
        if cause.diag.constraint_name == "one_effect_per_key":
            raise FormAlreadyUsed from problem
        match cause.sqlstate:
            case "IP001":
                available = Decimal(cause.diag.message_detail or 0)
                raise InsufficientFunds(
                    available=available if credit_counts else max(available, Decimal(0)),
                    required=required,
                    credit_counts=credit_counts,
                ) from problem
            case "IP002":
                raise FormAlreadyUsed from problem
            case "IP003":
                raise WalletClosed from problem
            case "IP004":
                raise TooManyDecimals(required) from problem
            case "IP005":
                raise CannotBeUndone from problem
            case "IP006":
                raise AlreadyUndone from problem
        raise


def post(
    *,
    actor: Actor,
    kind: TransferKind,
    debit: LedgerAccount,
    credit: LedgerAccount,
    amount: Decimal,
    trail: AuditEntry,
    now: datetime,
    note: str = "",
    undoes: Transfer | None = None,
    key: ActKey | None = None,
) -> Posted:
    """Move money from one account to the other and append the row of the trail, at once, or none of it.

    It is one statement: in the caller's transaction, or a transaction by itself where there is none. Charges may use
    the credit limit, and nothing else does. What was posted with this key before is not posted again, and the row is
    not appended.

    :param amount: above zero, with no more decimals than the currency has.
    :param trail: the row, from `audit.operations.row`, that tells of this.
    :param undoes: what a reversal or a refund takes back.
    :raises InsufficientFunds, FormAlreadyUsed, WalletClosed, WalletBusy, TooManyDecimals, InvalidAmount,
        CannotBeUndone, AlreadyUndone:
    """
    if not amount.is_finite() or not 0 < amount <= HIGHEST_AMOUNT:
        raise InvalidAmount(f"{amount} is no amount of money")
    who = actor.identity
    parameters: list[Any] = [
        kind, debit.pk, credit.pk, amount, note, undoes.pk if undoes else None, now,
        who.actor_id, who.actor_name, who.on_behalf_of_id, who.on_behalf_of_name,
        key.act if key else None, key.key if key else None, key.digest(actor) if key else None,
        trail.action, trail.grade, trail.actor_type, trail.object_type, trail.object_id, trail.object_name,
        trail.reseller_id, trail.detail, Jsonb(trail.changes), trail.address, trail.user_agent, trail.request_id,
    ]  # fmt: skip
    with refusals_of_ledger(amount, credit_counts=kind in CHARGES), savepoint(), connection.cursor() as cursor:
        cursor.execute(POST.format(", ".join(["%s"] * len(parameters))), parameters)
        transfer_id, audit_entry_id, replayed = cursor.fetchone()
    if replayed:
        return Posted(Transfer.objects.get(pk=transfer_id), replayed)
    written = (
        transfer_id, kind, amount, note, now, who.actor_id, who.actor_name, who.on_behalf_of_id, who.on_behalf_of_name,
        undoes.pk if undoes else None, audit_entry_id,
    )  # fmt: skip
    return Posted(Transfer.from_db(None, WRITTEN, written), replayed)


def savepoint() -> AbstractContextManager[None]:
    """Let a transaction outlive a refusal; where there is none, a single statement is one by itself."""
    return transaction.atomic() if connection.in_atomic_block else nullcontext()


def post_charges(
    *, actor: Actor, kind: TransferKind, wallet: LedgerAccount, charges: Sequence[Charge], now: datetime
) -> Charged:
    """Charge a wallet in this order as far as balance and credit limit go, in the caller's transaction.

    Each charge that fits moves to the income and appends its row of the trail; an amount of 0 appends the row alone.
    The rows are of one act of one person: they differ in their object, detail and changes only.

    :param charges: one at least.
    :raises WalletClosed, TooManyDecimals:
    """
    who, trail = actor.identity, [charge.trail for charge in charges]
    shared = trail[0]
    parameters: dict[str, Any] = {
        "kind": kind,
        "wallet": wallet.pk,
        "at": now,
        "actor_id": who.actor_id,
        "actor_name": who.actor_name,
        "on_behalf_of_id": who.on_behalf_of_id,
        "on_behalf_of_name": who.on_behalf_of_name,
        "action": shared.action,
        "grade": shared.grade,
        "actor_type": shared.actor_type,
        "object_type": shared.object_type,
        "reseller_id": shared.reseller_id,
        "address": shared.address,
        "user_agent": shared.user_agent,
        "request_id": shared.request_id,
        "amounts": [charge.amount for charge in charges],
        "notes": [charge.note for charge in charges],
        "object_ids": [row.object_id for row in trail],
        "object_names": [row.object_name for row in trail],
        "details": [row.detail for row in trail],
        "changes": [Jsonb(row.changes) for row in trail],
    }
    finest = max(parameters["amounts"], key=decimals_of)
    named = ", ".join(f"p_{name} => %({name})s" for name in parameters)
    with refusals_of_ledger(finest), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM post_charges({named})", parameters)  # noqa: S608
        transfer_ids, available = cursor.fetchone()
    return Charged(transfer_ids, available)


def recall(*, actor: Actor, key: ActKey) -> int | None:
    """Return the first result of this act, after waiting for one under way; None where there is none.

    For acts that do more than one transfer, or none. To be called in the act's transaction once the rights are checked,
    which may have changed since, and before anything that the first time may have changed.

    :raises FormAlreadyUsed, WalletBusy:
    """
    login_id = actor.identity.actor_id
    with refusals_of_ledger(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"{login_id}:{key.act}:{key.key}"])
        cursor.execute("SELECT recall_act(%s, %s, %s, %s)", [login_id, key.act, key.key, key.digest(actor)])
        result: int | None = cursor.fetchone()[0]
    return result


def remember(*, actor: Actor, key: ActKey, result_id: int, now: datetime) -> None:
    """Use the key up, in the transaction of the act that succeeded."""
    login_id = actor.identity.actor_id
    assert login_id is not None, "only a login's forms carry keys"
    IdempotencyKey.objects.create(
        login_id=login_id,
        act=key.act,
        key=key.key,
        digest=key.digest(actor),
        result_id=result_id,
        created_at=now,
    )


def open_wallet(*, name: str, credit_limit: Decimal) -> LedgerAccount:
    """Insert an empty wallet."""
    return LedgerAccount.objects.create(
        kind=AccountKind.WALLET, name=name, balance=Decimal(0), credit_limit=credit_limit
    )


def platform_account() -> LedgerAccount:
    """Return the account that the admin's transfers come from."""
    return house_account(AccountKind.PLATFORM)


def income_account() -> LedgerAccount:
    """Return the account that charges go to."""
    return house_account(AccountKind.INCOME)


@cache
def house_account(kind: AccountKind) -> LedgerAccount:
    """Return the house's one account of a kind; it has no balance, and nothing of it ever changes."""
    return LedgerAccount.objects.get(kind=kind)
