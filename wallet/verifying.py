"""Proving the ledger: each check is one query for the rows that break a rule, and one sentence that names them.

The checks read the tables as they are, and take for granted nothing that a trigger, a function of SQL, a foreign key
or a unique index should have held: a restore without triggers, say, writes whatever the file holds. Only CHECK and
NOT NULL, which nobody gets past without taking them away, need no second proof.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db import connection, transaction
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ispanel.installation import currency
from ispanel.money import HIGHEST_AMOUNT, Currency, decimals_of, format_amount
from wallet.models import CHARGES, REVERSIBLE, UNDOING_KINDS, Direction, TransferKind

#: Findings that are named; what is more is counted.
NAMED = 1_000
#: What one step of a query may hold in memory before it goes to disk.
WORK_MEM = "64MB"
#: What every query may name.
WORDS: dict[str, Any] = {
    "kinds": TransferKind.values,
    "charges": list(map(str, CHARGES)),
    "reversible": list(map(str, REVERSIBLE)),
    "undoing": list(map(str, UNDOING_KINDS)),
    "directions": Direction.values,
    "highest": HIGHEST_AMOUNT,
}


@dataclass(frozen=True, slots=True)
class Check:
    """A rule. ``rows`` selects what breaks it, its number first; ``sentence`` names a row by those columns."""

    rows: str
    sentence: str | Promise


@dataclass
class Verdict:
    """What was looked at in one snapshot, and what is wrong in it."""

    transfers: int
    entries: int
    wallets: int
    #: How many rows are wrong; the first `NAMED` of them are in `findings`.
    wrong: int = 0
    findings: list[str] = field(default_factory=list)
    #: Wallets that owe more than their present limit, as they may once it was lowered: nothing is wrong with them.
    over_limit: list[str] = field(default_factory=list)


#: Each transfer is of a known kind and of an amount and balances, and each entry is of a transfer and of an account.
TRANSFERS = (
    Check(
        "SELECT id, kind, amount FROM transfers WHERE kind <> ALL (%(kinds)s)",
        gettext_lazy("Transfer %(id)s of %(amount)s: “%(kind)s” is no kind of transfer."),
    ),
    # NaN is greater than every number to PostgreSQL.
    Check(
        "SELECT id, amount FROM transfers WHERE amount <= 0 OR amount > %(highest)s",
        gettext_lazy("Transfer %(id)s: %(amount)s is no amount that is moved."),
    ),
    Check(
        """
        SELECT id, transfer_id, direction, amount FROM entries
        WHERE amount <= 0 OR amount > %(highest)s OR direction <> ALL (%(directions)s)
        """,
        gettext_lazy(
            "Entry %(id)s of transfer %(transfer_id)s: a %(direction)s of %(amount)s is no side of a transfer."
        ),
    ),
    Check(
        """
        SELECT transfer.id, transfer.amount,
            coalesce(sides.debits, 0) AS debits, coalesce(sides.credits, 0) AS credits
        FROM transfers transfer
        LEFT JOIN (
            SELECT transfer_id, sum(amount) FILTER (WHERE direction = 'debit') AS debits,
                sum(amount) FILTER (WHERE direction = 'credit') AS credits
            FROM entries GROUP BY transfer_id
        ) sides ON sides.transfer_id = transfer.id
        WHERE (sides.debits, sides.credits) IS DISTINCT FROM (transfer.amount, transfer.amount)
        """,
        gettext_lazy("Transfer %(id)s of %(amount)s: debits %(debits)s, credits %(credits)s."),
    ),
    Check(
        """
        SELECT entry.id, entry.transfer_id FROM entries entry
        WHERE NOT EXISTS (SELECT FROM transfers WHERE transfers.id = entry.transfer_id)
        """,
        gettext_lazy("Entry %(id)s: its transfer %(transfer_id)s is missing."),
    ),
    Check(
        """
        SELECT entry.id, entry.transfer_id, entry.account_id FROM entries entry
        WHERE NOT EXISTS (SELECT FROM ledger_accounts WHERE ledger_accounts.id = entry.account_id)
        """,
        gettext_lazy("Entry %(id)s of transfer %(transfer_id)s: its account %(account_id)s is missing."),
    ),
    Check(
        """
        SELECT transfer_id AS id, account_id FROM entries GROUP BY transfer_id, account_id HAVING count(*) > 1
        """,
        gettext_lazy("Transfer %(id)s: it has more than one entry on account %(account_id)s."),
    ),
    Check(
        """
        SELECT id, amount FROM transfers
        WHERE amount <> round(amount, (SELECT currency_decimals FROM panel_settings)::int)
        """,
        gettext_lazy("Transfer %(id)s: %(amount)s has more decimals than the currency."),
    ),
    # A charge goes from a wallet to the income, a refund back, and nothing else touches the income. An opening comes
    # from the platform; it and a transfer fill a wallet, a withdrawal empties one. A reversal's way is told by UNDOING.
    Check(
        """
        SELECT entry.id, entry.transfer_id, transfer.kind, entry.direction, account.name
        FROM entries entry
        JOIN transfers transfer ON transfer.id = entry.transfer_id
        JOIN ledger_accounts account ON account.id = entry.account_id
        WHERE account.kind <> ALL (CASE
            WHEN transfer.kind = ANY (%(charges)s)
                THEN CASE entry.direction WHEN 'debit' THEN ARRAY['wallet'] ELSE ARRAY['income'] END
            WHEN transfer.kind = 'refund'
                THEN CASE entry.direction WHEN 'debit' THEN ARRAY['income'] ELSE ARRAY['wallet'] END
            WHEN transfer.kind = 'opening' AND entry.direction = 'debit' THEN ARRAY['platform']
            WHEN transfer.kind IN ('opening', 'transfer') AND entry.direction = 'credit' THEN ARRAY['wallet']
            WHEN transfer.kind = 'withdrawal' AND entry.direction = 'debit' THEN ARRAY['wallet']
            ELSE ARRAY['platform', 'wallet']
        END)
        """,
        gettext_lazy(
            "Entry %(id)s of transfer %(transfer_id)s (%(kind)s): its %(direction)s is on the wrong account, %(name)s."
        ),
    ),
)

#: Each account is a wallet or one of the house; a wallet's balance is what its entries come to, one after the other.
WALLETS = (
    Check(
        """
        SELECT id, name, kind, balance, credit_limit FROM ledger_accounts
        WHERE CASE
            WHEN kind = 'wallet' THEN balance IS NULL OR (credit_limit BETWEEN 0 AND %(highest)s) IS NOT TRUE
            WHEN kind IN ('platform', 'income') THEN balance IS NOT NULL OR credit_limit IS NOT NULL
            ELSE true
        END
        """,
        gettext_lazy(
            "Account %(id)s (%(name)s): there is no %(kind)s with a balance of %(balance)s and a credit limit of"
            " %(credit_limit)s."
        ),
    ),
    Check(
        """
        SELECT entry.id, entry.account_id, entry.balance_after, entry.expected
        FROM (
            SELECT id, account_id, balance_after,
                coalesce(lead(balance_after) OVER (PARTITION BY account_id ORDER BY id DESC), 0)
                + CASE direction WHEN 'credit' THEN amount ELSE -amount END AS expected
            FROM entries
            WHERE account_id IN (SELECT id FROM ledger_accounts WHERE kind = 'wallet')
        ) entry
        WHERE entry.balance_after IS DISTINCT FROM entry.expected
        """,
        gettext_lazy(
            "Entry %(id)s of wallet %(account_id)s: the balance after it is %(balance_after)s, not %(expected)s."
        ),
    ),
    Check(
        """
        SELECT wallet.id, wallet.name, wallet.balance,
            coalesce(entries.total, 0) AS total, coalesce(newest.balance_after, 0) AS newest
        FROM ledger_accounts wallet
        LEFT JOIN (
            SELECT account_id, sum(CASE direction WHEN 'credit' THEN amount ELSE -amount END) AS total
            FROM entries GROUP BY account_id
        ) entries ON entries.account_id = wallet.id
        LEFT JOIN LATERAL (
            SELECT balance_after FROM entries WHERE account_id = wallet.id ORDER BY id DESC LIMIT 1
        ) newest ON true
        WHERE wallet.kind = 'wallet' AND (
            wallet.balance <> coalesce(entries.total, 0) OR wallet.balance <> coalesce(newest.balance_after, 0)
        )
        """,
        gettext_lazy(
            "Wallet %(id)s (%(name)s): the balance is %(balance)s, its entries come to %(total)s and end at %(newest)s."
        ),
    ),
    # How far a charge may go is the credit limit of that moment, which is kept nowhere; all else stops at zero.
    Check(
        """
        SELECT transfer.id, transfer.kind, transfer.amount, entry.account_id, entry.balance_after
        FROM entries entry
        JOIN transfers transfer ON transfer.id = entry.transfer_id
        WHERE entry.direction = 'debit' AND entry.balance_after < 0 AND transfer.kind <> ALL (%(charges)s)
        """,
        gettext_lazy(
            "Transfer %(id)s (%(kind)s, %(amount)s): it took wallet %(account_id)s to %(balance_after)s, and only"
            " charges may go below zero."
        ),
    ),
)

#: A reversal is of money that was moved by hand, once; a refund of a charge, in parts that come to no more than it.
UNDOING = (
    Check(
        "SELECT id, kind, amount FROM transfers WHERE kind = ANY (%(undoing)s) AND undoes_id IS NULL",
        gettext_lazy("Transfer %(id)s (%(kind)s, %(amount)s): it says not what it undoes."),
    ),
    Check(
        """
        SELECT undoing.id, undoing.kind, undoing.amount, undoing.undoes_id, undone.kind AS undone_kind,
            undone.amount AS undone_amount
        FROM transfers undoing
        LEFT JOIN transfers undone ON undone.id = undoing.undoes_id
        WHERE undoing.undoes_id IS NOT NULL AND (
            (undoing.amount = undone.amount OR (undoing.kind = 'refund' AND undoing.amount < undone.amount)) IS NOT TRUE
            OR undoing.kind IS DISTINCT FROM CASE
                WHEN undone.kind = ANY (%(reversible)s) THEN 'reversal'
                WHEN undone.kind = ANY (%(charges)s) THEN 'refund'
            END
        )
        """,
        gettext_lazy(
            "Transfer %(id)s (%(kind)s, %(amount)s): it undoes transfer %(undoes_id)s"
            " (%(undone_kind)s, %(undone_amount)s)."
        ),
    ),
    Check(
        """
        SELECT undoing.id, undoing.undoes_id FROM transfers undoing
        WHERE undoing.undoes_id IS NOT NULL AND EXISTS (
            SELECT account_id, direction FROM entries WHERE transfer_id = undoing.id
            EXCEPT
            SELECT account_id, CASE direction WHEN 'debit' THEN 'credit' ELSE 'debit' END
            FROM entries WHERE transfer_id = undoing.undoes_id
        )
        """,
        gettext_lazy("Transfer %(id)s: it does not go the way back of transfer %(undoes_id)s, which it undoes."),
    ),
    Check(
        """
        SELECT undone.id, undone.amount, sum(undoing.amount) AS taken_back,
            string_agg(undoing.id::text, ', ' ORDER BY undoing.id) AS undoing
        FROM transfers undoing JOIN transfers undone ON undone.id = undoing.undoes_id
        GROUP BY undone.id HAVING count(*) > 1 AND sum(undoing.amount) > undone.amount
        """,
        gettext_lazy(
            "Transfer %(id)s of %(amount)s: it is undone more than once, by the transfers %(undoing)s, which come to"
            " %(taken_back)s."
        ),
    ),
)

#: Each transfer has its own row in the trail, which tells of that person and that moment.
TRAIL = (
    Check(
        "SELECT id, kind, amount FROM transfers WHERE audit_entry_id IS NULL",
        gettext_lazy("Transfer %(id)s (%(kind)s, %(amount)s): it names no row of the audit trail."),
    ),
    Check(
        """
        SELECT id, audit_entry_id FROM transfers
        WHERE audit_entry_id IS NOT NULL
            AND NOT EXISTS (SELECT FROM audit_entries WHERE audit_entries.id = transfers.audit_entry_id)
        """,
        gettext_lazy("Transfer %(id)s: its row %(audit_entry_id)s of the audit trail is missing."),
    ),
    Check(
        """
        SELECT transfer.id, transfer.audit_entry_id
        FROM transfers transfer
        JOIN audit_entries told ON told.id = transfer.audit_entry_id
        WHERE told.at <> transfer.created_at
            OR (told.actor_id, told.actor_name, told.on_behalf_of_id, told.on_behalf_of_name) IS DISTINCT FROM
                (transfer.actor_id, transfer.actor_name, transfer.on_behalf_of_id, transfer.on_behalf_of_name)
        """,
        gettext_lazy(
            "Transfer %(id)s: its row %(audit_entry_id)s of the audit trail tells of another moment or another person."
        ),
    ),
    Check(
        """
        SELECT audit_entry_id AS id, string_agg(id::text, ', ' ORDER BY id) AS transfers
        FROM transfers WHERE audit_entry_id IS NOT NULL GROUP BY audit_entry_id HAVING count(*) > 1
        """,
        gettext_lazy("Row %(id)s of the audit trail is that of more than one transfer: %(transfers)s."),
    ),
)


def results_of(table: str, *acts: str) -> tuple[Check, ...]:
    """Return the checks of the keys of acts whose result is a row of this table: it is there, and is of one key."""
    named = ", ".join(f"'{act}'" for act in acts)
    keys = f"idempotency_keys WHERE act IN ({named})"
    return (
        Check(
            f"SELECT id, act, result_id, '{table}' AS result_table FROM {keys}"  # noqa: S608 - names of ours
            f" AND NOT EXISTS (SELECT FROM {table} WHERE {table}.id = result_id)",
            gettext_lazy(
                "Idempotency key %(id)s (%(act)s): its result, row %(result_id)s of %(result_table)s, is missing."
            ),
        ),
        Check(
            f"SELECT result_id AS id, '{table}' AS result_table, string_agg(id::text, ', ' ORDER BY id) AS keys"  # noqa: S608
            f" FROM {keys} GROUP BY result_id HAVING count(*) > 1",
            gettext_lazy("Row %(id)s of %(result_table)s is the result of more than one idempotency key: %(keys)s."),
        ),
    )


#: One effect per key. A key of any other act than those that checks name answers no form.
KEYS = (
    Check(
        "SELECT id, act FROM idempotency_keys WHERE length(digest) <> 32",
        gettext_lazy("Idempotency key %(id)s (%(act)s): its digest is not a SHA-256."),
    ),
    Check(
        """
        SELECT min(id) AS id, act, string_agg(id::text, ', ' ORDER BY id) AS keys
        FROM idempotency_keys GROUP BY login_id, act, key HAVING count(*) > 1
        """,
        gettext_lazy("Idempotency keys %(keys)s (%(act)s): they are the same key of the same login."),
    ),
    *results_of("transfers", "transfer", "withdrawal", "reversal"),
    Check(
        """
        SELECT key.id, key.act, key.result_id
        FROM idempotency_keys key JOIN transfers transfer ON transfer.id = key.result_id
        WHERE key.act IN ('transfer', 'withdrawal', 'reversal')
            AND (transfer.kind, transfer.actor_id, transfer.created_at)
                IS DISTINCT FROM (key.act, key.login_id, key.created_at)
        """,
        gettext_lazy("Idempotency key %(id)s (%(act)s): transfer %(result_id)s is of another kind, login or moment."),
    ),
)

CHECKS = (*TRANSFERS, *WALLETS, *UNDOING, *TRAIL, *KEYS)

OVER_LIMIT = Check(
    """
    SELECT id, name, balance, credit_limit FROM ledger_accounts
    WHERE kind = 'wallet' AND balance < -credit_limit
    """,
    gettext_lazy("Wallet %(id)s (%(name)s) is over its limit: %(balance)s, with a credit limit of %(credit_limit)s."),
)


def verify(checks: Iterable[Check]) -> Verdict:
    """Look for whatever breaks a rule, all in one snapshot, in which nobody's half-done act is seen."""
    with snapshot():
        verdict = counted()
        money = currency()
        for check in checks:
            count, sentences = findings_of(check, money, most=NAMED - len(verdict.findings))
            verdict.wrong += count
            verdict.findings += sentences
        verdict.over_limit = findings_of(OVER_LIMIT, money, most=NAMED)[1]
    return verdict


@contextmanager
def snapshot() -> Iterator[None]:
    """Read the database as it is at one moment, and write nothing."""
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        cursor.execute(f"SET LOCAL work_mem = '{WORK_MEM}'")
        yield


def counted() -> Verdict:
    """Return how much there is to look at."""
    with connection.cursor() as cursor:
        cursor.execute("""
            SELECT (SELECT count(*) FROM transfers), (SELECT count(*) FROM entries),
                (SELECT count(*) FROM ledger_accounts WHERE kind = 'wallet')
        """)
        return Verdict(*cursor.fetchone())


def findings_of(check: Check, money: Currency, *, most: int) -> tuple[int, list[str]]:
    """Return how many rows break the rule, and sentences that name the first of them."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*) OVER () AS wrong, found.* FROM ({check.rows}) found ORDER BY id LIMIT %(most)s",  # noqa: S608
            WORDS | {"most": max(most, 1)},
        )
        names = [column.name for column in cursor.description]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    count = rows[0]["wrong"] if rows else 0
    sentence = str(check.sentence)
    return count, [sentence % {name: in_words(value, money) for name, value in row.items()} for row in rows[:most]]


def in_words(value: Any, money: Currency) -> str:
    """Return an id, a name or an amount as a finding shows it; of an amount no decimal is rounded away."""
    if value is None:
        return _("none")
    if not isinstance(value, Decimal) or not value.is_finite():
        return str(value)
    return format_amount(value, Currency(money.code, max(money.decimals, decimals_of(value))))
