"""What the measures work on: many wallets, resellers, a wallet with a long history, subscribers to renew."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from django.db import connection, transaction
from django.utils import timezone

from accounts.models import User
from ispanel.roles import as_owner
from plans.models import Plan
from resellers.models import Reseller
from subscribers.models import Subscriber
from tests.cast import fund, make_reseller
from wallet.models import AccountKind, LedgerAccount

WALLETS = 10_000
RESELLERS = 400
LONG_HISTORY, SHORT_HISTORY, STATED = 1_000_000, 10, 1_000
RENEWED = 1_000
CHUNK = 1_000

FUND = """
    SELECT count(post_transfer(
        'transfer', %(platform)s, id, 1000000, 'For the benchmark', NULL, now(), 1, 'asha', NULL, '',
        NULL, NULL, NULL, 'funds.transferred', 'regular', 'Admin', 'reseller', id, name, id, '', '{}', NULL, '', ''
    )) FROM ledger_accounts WHERE id = ANY (%(wallets)s)
"""
#: So many top-ups of 1.00, written past the guards, which would take minutes; the balance is what they add up to.
HISTORY = """
    WITH told AS (
        INSERT INTO audit_entries (at, action, grade, actor_id, actor_name, actor_type, on_behalf_of_name, object_type,
            object_name, detail, changes, user_agent, request_id)
        SELECT now() - each * interval '1 minute', 'funds.transferred', 'regular', 1, 'asha', 'Admin', '', '', '', '',
            '{}', '', ''
        FROM generate_series(%(entries)s, 1, -1) each
        RETURNING id, at
    ), moved AS (
        INSERT INTO transfers (kind, amount, note, created_at, actor_id, actor_name, on_behalf_of_name, audit_entry_id)
        SELECT 'transfer', 1, '', at, 1, 'asha', '', id FROM told ORDER BY id
        RETURNING id
    )
    INSERT INTO entries (transfer_id, account_id, direction, amount, balance_after)
    SELECT moved.id, side.account_id, side.direction, 1,
        CASE side.direction WHEN 'credit' THEN row_number() OVER (PARTITION BY side.direction ORDER BY moved.id) END
    FROM moved CROSS JOIN (VALUES (%(platform)s, 'debit'), (%(wallet)s, 'credit')) side (account_id, direction)
    ORDER BY moved.id
"""


def open_wallets(number: int, platform: LedgerAccount) -> list[int]:
    """Open wallets with 1,000,000.00 in each; return their ids."""
    wallets = LedgerAccount.objects.bulk_create(
        LedgerAccount(kind=AccountKind.WALLET, name=f"Wallet {each}", balance=0, credit_limit=0)
        for each in range(number)
    )
    ids = [wallet.pk for wallet in wallets]
    for start in range(0, number, CHUNK):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(FUND, {"platform": platform.pk, "wallets": ids[start : start + CHUNK]})
    return ids


def take_on_resellers(admin: User, number: int) -> list[Reseller]:
    return [make_reseller(admin, f"reseller{each}", f"Reseller {each} Net") for each in range(number)]


def wallet_with_history(entries: int, platform: LedgerAccount) -> LedgerAccount:
    """Open a wallet that has so many entries behind it."""
    wallet = LedgerAccount.objects.create(
        kind=AccountKind.WALLET, name=f"Wallet of {entries} entries", balance=0, credit_limit=0
    )
    with as_owner(connection), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(HISTORY, {"entries": entries, "platform": platform.pk, "wallet": wallet.pk})
        cursor.execute("UPDATE ledger_accounts SET balance = %s WHERE id = %s", [entries, wallet.pk])
    return wallet


def reseller_with_subscribers(admin: User, number: int) -> tuple[Reseller, list[Subscriber]]:
    """Take on a reseller with money and subscribers whose plan costs 1.00 for a day."""
    reseller = make_reseller(admin, "seller", "Seller Net")
    fund(reseller.wallet, "1000000", actor=admin)
    plan = Plan.objects.create(
        name="A day", price=Decimal("1.00"), duration=1, download_kbps=50_000, upload_kbps=10_000
    )
    now = timezone.now()
    rows = (subscriber_of(reseller, plan, f"line{each}", now) for each in range(number))
    return reseller, Subscriber.objects.bulk_create(rows)


def subscriber_of(reseller: Reseller, plan: Plan, username: str, now: datetime) -> Subscriber:
    return Subscriber(
        username=username,
        password_ciphertext=b"",
        plan=plan,
        reseller=reseller,
        expires_at=now + timedelta(days=1),
        created_at=now,
        updated_at=now,
    )


def settle() -> None:
    """Let the planner know the tables, and write out what the seeding left in memory."""
    with as_owner(connection), connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("CHECKPOINT")
