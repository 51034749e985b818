"""Holding the books against themselves, and against what the writers were told: in SQL of its own, as the owner."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from django.db import connection

from ispanel.roles import as_owner
from tests.campaign.findings import Outcome

#: What the wallets hold and what the house's accounts gave and took, in one statement and so at one moment.
TOTAL = """
    SELECT (SELECT coalesce(sum(balance), 0) FROM ledger_accounts WHERE kind = 'wallet')
         + (SELECT coalesce(sum(CASE direction WHEN 'credit' THEN amount ELSE -amount END), 0) FROM entries
            WHERE account_id IN (SELECT id FROM ledger_accounts WHERE kind <> 'wallet'))
"""

SIGNED = "CASE direction WHEN 'credit' THEN amount ELSE -amount END"

#: Each of them finds rows only where the books are wrong.
WRONG = {
    "the balance is not what the entries add up to, of account": f"""
        SELECT account.id FROM ledger_accounts account
        WHERE kind = 'wallet' AND balance IS DISTINCT FROM
            (SELECT coalesce(sum({SIGNED}), 0) FROM entries WHERE account_id = account.id)
    """,
    "the entry does not go on from the one before it": f"""
        SELECT id FROM (
            SELECT id, balance_after, lag(balance_after, 1, 0) OVER one + {SIGNED} AS expected
            FROM entries WHERE account_id IN (SELECT id FROM ledger_accounts WHERE kind = 'wallet')
            WINDOW one AS (PARTITION BY account_id ORDER BY id)
        ) entry WHERE balance_after IS DISTINCT FROM expected
    """,
    "debits are not credits, in transfer": """
        SELECT transfers.id FROM transfers LEFT JOIN entries ON transfer_id = transfers.id
        GROUP BY transfers.id
        HAVING count(*) <> 2
            OR sum(entries.amount) FILTER (WHERE direction = 'debit') IS DISTINCT FROM transfers.amount
            OR sum(entries.amount) FILTER (WHERE direction = 'credit') IS DISTINCT FROM transfers.amount
    """,
    "there is no transfer of entry": """
        SELECT id FROM entries WHERE NOT EXISTS (SELECT FROM transfers WHERE id = transfer_id)
    """,
    # A charge stops at the credit limit, which never changes in the campaign; everything else at zero.
    "a debit went beyond what there was, by entry": """
        SELECT entries.id FROM entries
        JOIN ledger_accounts account ON account.id = account_id AND account.kind = 'wallet'
        JOIN transfers ON transfers.id = transfer_id
        WHERE direction = 'debit' AND balance_after < CASE
            WHEN transfers.kind IN ('activation', 'renewal', 'plan_change', 'data_top_up') THEN -credit_limit ELSE 0
        END
    """,
    "the audit trail does not tell of transfer": """
        SELECT transfers.id FROM transfers LEFT JOIN audit_entries trail ON trail.id = audit_entry_id
        WHERE trail.id IS NULL OR trail.actor_id IS DISTINCT FROM transfers.actor_id OR trail.at <> created_at
    """,
    "the key's first result is not in the books, of key": """
        SELECT key FROM idempotency_keys
        WHERE act IN ('bank', 'transfer', 'withdrawal') AND NOT EXISTS (SELECT FROM transfers WHERE id = result_id)
    """,
    "two keys had one effect, transfer": """
        SELECT result_id FROM idempotency_keys WHERE act IN ('bank', 'transfer', 'withdrawal')
        GROUP BY result_id HAVING count(*) > 1
    """,
    "taken back twice, transfer": """
        SELECT undoes_id FROM transfers WHERE undoes_id IS NOT NULL GROUP BY undoes_id HAVING count(*) > 1
    """,
}

ANSWERS = """
    CREATE TEMPORARY TABLE answers (
        writer int, act text, key uuid, kind text, debit bigint, credit bigint, amount numeric, outcome text,
        transfer bigint
    )
"""
#: The same of what the writers were told. `$1` is the last transfer that was there before them.
TOLD_WRONG = {
    "an answer that should not be": "SELECT writer, key, outcome FROM answers WHERE outcome LIKE 'wrong%%'",
    "acknowledged, and missing from the books": """
        SELECT key, transfer FROM answers WHERE outcome IN ('done', 'again') AND NOT EXISTS (
            SELECT FROM transfers
            JOIN entries sent ON sent.transfer_id = transfers.id AND sent.account_id = debit
                AND sent.direction = 'debit'
            JOIN entries got ON got.transfer_id = transfers.id AND got.account_id = credit
                AND got.direction = 'credit'
            WHERE transfers.id = transfer AND transfers.kind = answers.kind AND transfers.amount = answers.amount
        )
    """,
    "refused, and its key is in the books": """
        SELECT answers.key, outcome FROM answers JOIN idempotency_keys USING (act, key)
        WHERE outcome NOT IN ('done', 'again')
    """,
    "in the books, and nobody was told, transfer": """
        SELECT id FROM transfers WHERE id > %s AND NOT EXISTS (
            SELECT FROM answers WHERE transfer = transfers.id AND outcome = 'done'
        )
    """,
    "one key with several effects": """
        SELECT act, key FROM answers WHERE outcome IN ('done', 'again')
        GROUP BY act, key HAVING count(DISTINCT transfer) > 1
    """,
}


def check(outcome: Outcome, answers: Iterable[Path] = (), since: int = 0) -> None:
    """Take down all that is wrong in the books, and all that is not as the files of answers say.

    :param since: the last transfer that was there before the first answer; the files tell of all later ones.
    """
    files = list(answers)
    with as_owner(connection), connection.cursor() as cursor:
        for what, query in WRONG.items():
            cursor.execute(query)
            outcome.found(what, (" ".join(map(str, row)) for row in cursor.fetchall()))
        cursor.execute(TOTAL)
        outcome.expect("the money of all accounts together", cursor.fetchone()[0], 0)
        if not files:
            return
        cursor.execute(ANSWERS)
        for file in files:
            with cursor.copy("COPY answers FROM STDIN (NULL '')") as copy, file.open("rb") as rows:
                while block := rows.read(1 << 20):
                    copy.write(block)
        cursor.execute("CREATE INDEX ON answers (transfer); CREATE INDEX ON answers (key); ANALYZE answers")
        for what, query in TOLD_WRONG.items():
            cursor.execute(query, [since] if "> %s" in query else [])
            outcome.found(what, (" ".join(map(str, row)) for row in cursor.fetchall()))
        cursor.execute("SELECT outcome, count(*) FROM answers GROUP BY outcome")
        for name, number in cursor.fetchall():
            outcome.count({"done": "acknowledged", "again": "replays"}.get(name, f"refused: {name}"), number)
        cursor.execute("DROP TABLE answers")


def last_transfer() -> int:
    """Return the number of the last transfer."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(id), 0) FROM transfers")
        number: int = cursor.fetchone()[0]
    return number
