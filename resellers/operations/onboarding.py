"""Taking resellers on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import TypedDict, Unpack

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.allow_list import normalised_addresses
from accounts.models import PermissionGroup, UserType, rights_of_reseller
from accounts.operations import create_login, reveal_initial_password
from accounts.seats import Seat
from audit import operations as audit
from audit.actions import Action
from audit.models import AuditEntry
from ispanel.refusals import Forbidden
from network.models import Nas
from plans.models import Level, LevelName, ServiceGroup
from resellers.models import Reseller, WanCheck
from resellers.operations.news import announce_received
from resellers.operations.reach import (
    check_devices_within,
    check_groups_within,
    devices_in_words,
    held_service_groups,
)
from resellers.operations.rules import (
    actable,
    check_credit_limit,
    check_group,
    check_parent,
    held_group,
    in_words,
    locked,
    own_reseller_as_parent,
)
from wallet import ledger
from wallet.ledger import ActKey
from wallet.models import TransferKind


class CompanyFacts(TypedDict, total=False):
    """What may be known of a company besides its name."""

    display_name: str
    address: str
    tax_line: str
    invoice_prefix: str
    identity_verified_at: date | None
    identity_verified_by: str
    agreement_signed_at: date | None
    agreement_reference: str


@transaction.atomic
def create_reseller(
    *,
    actor: Seat,
    username: str,
    password: str,
    company_name: str,
    email: str = "",
    phone: str = "",
    full_name: str = "",
    last_name: str | None = None,
    must_change_password: bool = True,
    starting_balance: Decimal = Decimal(0),
    credit_limit: Decimal | None = None,
    parent: Reseller | None = None,
    permission_group: PermissionGroup | None = None,
    level: Level | None = None,
    service_groups: Sequence[ServiceGroup] | None = None,
    nas_is_limited: bool = False,
    nas_devices: Sequence[Nas] = (),
    allowed_ips: str = "",
    wan_check: str = WanCheck.INHERIT,
    key: ActKey | None = None,
    now: datetime,
    **facts: Unpack[CompanyFacts],
) -> Reseller:
    """Take on a reseller: its login, its wallet, its place in the tree and its starting balance, or none of them.

    A reseller creates sub-resellers of its own: whatever parent, level, money or network settings are passed, it is the
    parent, the level is BRONZE, both amounts are 0 and the network settings are inherited.

    :param last_name: what of the full name is the last name, where that is not its last word.
    :param credit_limit: None is the level's default, and 0 without a level.
    :param service_groups: None is the default ones, as far as the parent has them.
    :param nas_devices: what it may use of what its parent may, if it ``nas_is_limited``.
    :raises MaxDepthReached, ParentIsSub, ParentDeleted, GroupOutOfReach, CreditLimitTooHigh, GroupsBeyondParent,
        GroupDeletedMeanwhile, DevicesBeyondParent, UnusableAddress, FormAlreadyUsed:
    :raises UsernameTaken, EmailTaken, UnusableUsername, WeakPassword: see `accounts.operations`.
    """
    if not actor.is_admin:
        parent, starting_balance, credit_limit = own_reseller_as_parent(actor), Decimal(0), Decimal(0)
        allowed_ips, wan_check, level = "", WanCheck.INHERIT, Level.objects.get(name=LevelName.BRONZE)
    if key and (first := ledger.recall(actor=actor, key=key)):
        return Reseller.objects.get(pk=first)
    parent = locked(parent.pk)[0] if parent else None
    check_parent(parent)
    permission_group = held_group(permission_group, parent)
    check_group(actor, permission_group, parent)
    if credit_limit is None:
        credit_limit = level.default_credit_limit if level else Decimal(0)
    check_credit_limit(level, credit_limit)
    groups = default_groups(parent) if service_groups is None else held_service_groups(service_groups)
    check_groups_within(groups, parent)
    devices = list(nas_devices) if nas_is_limited else []
    check_devices_within(devices, parent)

    user = create_login(
        actor=actor,
        user_type=UserType.RESELLER,
        username=username,
        password=password,
        email=email,
        phone=phone,
        full_name=full_name,
        last_name=last_name,
        must_change_password=must_change_password,
        company_name=company_name,
        now=now,
    )
    reseller = Reseller.objects.create(
        user=user,
        wallet=ledger.open_wallet(name=facts.get("display_name") or company_name, credit_limit=credit_limit),
        parent=parent,
        permission_group=permission_group,
        level=level,
        nas_is_limited=nas_is_limited,
        company_name=company_name,
        allowed_ips=normalised_addresses(allowed_ips),
        wan_check=wan_check,
        created_at=now,
        updated_at=now,
        **facts,
    )
    user.reseller = reseller
    user.save(update_fields=["reseller"])
    reseller.service_groups.set(groups)
    reseller.nas_devices.set(devices)
    told = audit.row(
        actor=actor,
        action=Action.RESELLER_CREATED,
        obj=reseller,
        reseller_id=reseller.pk,
        changes={
            "username": (None, user.username),
            "parent": (None, parent),
            "permission_group": (None, permission_group),
            "level": (None, level),
            "service_groups": (None, in_words(groups) or None),
            "nas_devices": (None, devices_in_words(limited=nas_is_limited, devices=devices)),
            "credit_limit": (None, credit_limit),
            "starting_balance": (None, starting_balance),
        },
        now=now,
    )
    if starting_balance:
        post_opening(actor=actor, reseller=reseller, amount=starting_balance, trail=told, now=now)
    else:
        told.save(force_insert=True)
    if key:
        ledger.remember(actor=actor, key=key, result_id=reseller.pk, now=now)
    return reseller


def default_groups(parent: Reseller | None) -> list[ServiceGroup]:
    """Return the service groups that a new reseller gets where none are named: the default ones that its parent has."""
    groups = parent.service_groups if parent else ServiceGroup.objects
    return list(groups.filter(is_default=True).order_by("name"))


def post_opening(*, actor: Seat, reseller: Reseller, amount: Decimal, trail: AuditEntry, now: datetime) -> None:
    """Transfer the starting balance from the platform's account; the trail tells of it as it tells of the reseller."""
    posted = ledger.post(
        actor=actor,
        kind=TransferKind.OPENING,
        debit=ledger.platform_account(),
        credit=reseller.wallet,
        amount=amount,
        trail=trail,
        note=_("Starting balance"),
        now=now,
    )
    announce_received(actor=actor, reseller=reseller, transfer=posted.transfer)


def may_reveal_password_of(actor: Seat, reseller: Reseller) -> bool:
    """Say whether the seat may know the initial password: never of a login that may do more than the seat itself."""
    if actor.is_borrowed or not reseller.is_actable_by(actor):
        return False
    return actor.is_admin or rights_of_reseller(reseller) <= actor.rights


def reveal_initial_password_of_reseller(*, actor: Seat, reseller_id: int, own_password: str, now: datetime) -> str:
    """Return the initial password of a reseller's own login; see `accounts.operations.reveal_initial_password`.

    :raises Forbidden, ResellerDeleted, NoInitialPassword, WrongPassword, TooManyAttempts:
    """
    reseller = actable(actor, reseller_id)
    if not may_reveal_password_of(actor, reseller):
        raise Forbidden
    return reveal_initial_password(actor=actor, user=reseller.user, own_password=own_password, now=now)
