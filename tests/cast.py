"""The people and companies that the tests are about, made through the operations that the pages use.

Asha is an admin. Nadia signs in for the reseller North, Sami for South, Noora for Northeast, which is under North.
Noor's reseller Partner is in the group PARTNER, which sees everything and changes nothing. Petra is support staff.
"""

import uuid
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.test import Client
from django.test.client import ClientHandler

from accounts import operations as accounts
from accounts.models import PermissionGroup, User, UserType
from accounts.seats import Seat
from audit import operations as audit
from audit.actions import Action
from audit.models import AuditEntry
from plans.models import Plan
from resellers import operations as resellers
from resellers.models import Reseller
from wallet import ledger
from wallet.ledger import ActKey
from wallet.models import LedgerAccount, TransferKind

NOW = datetime(2026, 5, 14, 9, 30, tzinfo=UTC)
PASSWORD = "correct-horse-battery"
#: One chain of middleware for all clients, as a server has: making it lists every static file.
HANDLER = ClientHandler(enforce_csrf_checks=False)


def seat_of(user: User) -> Seat:
    """Return the person's own seat, with rights read afresh as on every request."""
    return Seat.own(User.objects.with_rights().get(pk=user.pk))


def signed_in(user: User) -> Client:
    """Return a client with a session of the person."""
    client = Client()
    client.handler = HANDLER
    client.force_login(user)
    return client


def new_key(act: str, **contents: Any) -> ActKey:
    """Return the key of a money form that has just been rendered and filled in."""
    return ActKey(act, uuid.uuid4(), contents)


def group(name: str) -> PermissionGroup:
    """Return a shipped permission group: SALES, SUPPORT or PARTNER."""
    return PermissionGroup.objects.get(name=name)


def make_admin(username: str = "asha") -> User:
    return accounts.create_admin(username=username, password=PASSWORD)


def make_support(actor: User, username: str = "petra", permission_group: PermissionGroup | None = None) -> User:
    """Create a member of the support staff, who may do at the desk what the group says."""
    user = accounts.create_login(
        actor=seat_of(actor),
        user_type=UserType.SUPPORT,
        username=username,
        password=PASSWORD,
        must_change_password=False,
        now=NOW,
    )
    user.permission_group = permission_group
    user.save(update_fields=["permission_group"])
    return user


def make_reseller(actor: User, username: str, company_name: str, **details: Any) -> Reseller:
    """Create a reseller whose login need not change its password; `details` as `create_reseller` takes them."""
    wanted = {"password": PASSWORD, "must_change_password": False, "now": NOW} | details
    return resellers.create_reseller(actor=seat_of(actor), username=username, company_name=company_name, **wanted)


def make_staff(
    actor: User, reseller: Reseller, username: str, permission_group: PermissionGroup, **details: Any
) -> User:
    """Create a login of a reseller's staff; `details` as `create_staff` takes them."""
    wanted = {"password": PASSWORD, "must_change_password": False, "now": NOW} | details
    return resellers.create_staff(
        actor=seat_of(actor), reseller=reseller, username=username, permission_group=permission_group, **wanted
    )


def make_plan(name: str = "Home", price: str = "25.00", **details: Any) -> Plan:
    """Create a plan that is sold for 30 days."""
    wanted = {"duration": 30, "download_kbps": 50_000, "upload_kbps": 10_000} | details
    return Plan.objects.create(name=name, price=Decimal(price), **wanted)


def make_wallet(name: str = "A wallet", balance: str = "0", credit_limit: str = "0", *, actor: User) -> LedgerAccount:
    """Open a wallet that no reseller has, with money in it."""
    wallet = ledger.open_wallet(name=name, credit_limit=Decimal(credit_limit))
    if Decimal(balance):
        fund(wallet, balance, actor=actor)
    return wallet


def told_of(wallet: LedgerAccount, *, actor: User, now: datetime = NOW) -> AuditEntry:
    """Return the row of the trail that a transfer to or from a wallet brings along."""
    return audit.row(actor=seat_of(actor), action=Action.FUNDS_TRANSFERRED, obj=wallet, now=now)


def fund(wallet: LedgerAccount, amount: str, *, actor: User, now: datetime = NOW) -> None:
    """Transfer money from the platform's account, and read the wallet's new balance."""
    ledger.post(
        actor=seat_of(actor),
        kind=TransferKind.TRANSFER,
        debit=ledger.platform_account(),
        credit=wallet,
        amount=Decimal(amount),
        trail=told_of(wallet, actor=actor, now=now),
        now=now,
    )
    wallet.refresh_from_db()
