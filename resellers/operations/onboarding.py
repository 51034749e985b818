"""Taking resellers on and changing what is known of them."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypedDict, Unpack

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import PermissionGroup, User, UserType, rights_of_group, rights_of_reseller
from accounts.operations import change_contact, create_login, held_groups, reveal_initial_password
from accounts.seats import Seat
from audit import operations as audit
from audit.actions import Action
from audit.models import AuditEntry
from ispanel.refusals import Forbidden, Refusal
from resellers.allowed_ips import check_last_seen_is_admitted, normalised_addresses
from resellers.models import Reseller, ResellerQuerySet, WanCheck
from wallet import ledger
from wallet.ledger import ActKey
from wallet.models import LedgerAccount, TransferKind


class MaxDepthReached(Forbidden):
    """A sub-reseller has no sub-resellers of its own."""

    def __init__(self) -> None:
        super().__init__(_("You are a sub-reseller and cannot create resellers of your own: max depth reached."))


class ParentIsSub(Refusal):
    """The chosen parent is a sub-reseller itself."""

    field = "parent"

    def __init__(self, parent: Reseller) -> None:
        super().__init__(
            _("%(name)s is a sub-reseller and cannot be a parent: max depth reached.") % {"name": parent.public_name}
        )


class HasSubResellers(Refusal):
    """A reseller with subs of its own cannot be put under a parent; deleted ones can come back, so they count too."""

    field = "parent"

    def __init__(self, *, deleted: bool = False) -> None:
        sentence = _("This reseller has sub-resellers, so it cannot be put under a parent.")
        if deleted:
            sentence = _("This reseller has deleted sub-resellers, so it cannot be put under a parent.")
        super().__init__(sentence)


class OwnParent(Refusal):
    """A reseller cannot be put under itself."""

    field = "parent"

    def __init__(self) -> None:
        super().__init__(_("A reseller cannot be its own parent."))


class ResellerDeleted(Refusal):
    """Nothing is done to a deleted reseller but restoring it, or deleting it for good."""

    def __init__(self, reseller: Reseller) -> None:
        self.reseller = reseller
        super().__init__(_("%(name)s is deleted. Restore it first.") % {"name": reseller.public_name})


class ParentDeleted(Refusal):
    """The chosen parent is deleted."""

    field = "parent"

    def __init__(self, parent: Reseller) -> None:
        super().__init__(_("%(name)s is deleted and cannot be a parent.") % {"name": parent.public_name})


class GroupOutOfReach(Refusal):
    """The permission group is missing, not for sub-resellers, or holds more than the parent has."""

    field = "permission_group"


class ChangedMeanwhile(Refusal):
    """Somebody else saved the reseller since the form was shown."""

    def __init__(self) -> None:
        super().__init__(_("Somebody changed this reseller meanwhile. Open the form again to see it as it is now."))


class CompanyFacts(TypedDict, total=False):
    """What may be known of a company besides its name."""

    display_name: str
    address: str
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
    must_change_password: bool = True,
    starting_balance: Decimal = Decimal(0),
    credit_limit: Decimal = Decimal(0),
    parent: Reseller | None = None,
    permission_group: PermissionGroup | None = None,
    allowed_ips: str = "",
    wan_check: str = WanCheck.INHERIT,
    key: ActKey | None = None,
    now: datetime,
    **facts: Unpack[CompanyFacts],
) -> Reseller:
    """Take on a reseller: its login, its wallet, its place in the tree and its starting balance, or none of them.

    A reseller creates sub-resellers of its own: whatever parent, money or network settings are passed, it is the
    parent, both amounts are 0 and the network settings are inherited.

    :raises MaxDepthReached, ParentIsSub, ParentDeleted, GroupOutOfReach, UnusableAddress, FormAlreadyUsed:
    :raises UsernameTaken, EmailTaken, UnusableUsername, WeakPassword: see `accounts.operations`.
    """
    if not actor.is_admin:
        parent, starting_balance, credit_limit = own_reseller_as_parent(actor), Decimal(0), Decimal(0)
        allowed_ips, wan_check = "", WanCheck.INHERIT
    if key and (first := ledger.recall(actor=actor, key=key)):
        return Reseller.objects.get(pk=first)
    parent = locked(parent.pk)[0] if parent else None
    check_parent(parent)
    permission_group = held_group(permission_group, parent)
    check_group(actor, permission_group, parent)

    user = create_login(
        actor=actor,
        user_type=UserType.RESELLER,
        username=username,
        password=password,
        email=email,
        phone=phone,
        full_name=full_name,
        must_change_password=must_change_password,
        company_name=company_name,
        now=now,
    )
    reseller = Reseller.objects.create(
        user=user,
        wallet=ledger.open_wallet(name=facts.get("display_name") or company_name, credit_limit=credit_limit),
        parent=parent,
        permission_group=permission_group,
        company_name=company_name,
        allowed_ips=normalised_addresses(allowed_ips),
        wan_check=wan_check,
        created_at=now,
        updated_at=now,
        **facts,
    )
    user.reseller = reseller
    user.save(update_fields=["reseller"])
    told = audit.row(
        actor=actor,
        action=Action.RESELLER_CREATED,
        obj=reseller,
        reseller_id=reseller.pk,
        changes={
            "username": (None, user.username),
            "parent": (None, parent),
            "permission_group": (None, permission_group),
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


def post_opening(*, actor: Seat, reseller: Reseller, amount: Decimal, trail: AuditEntry, now: datetime) -> None:
    """Transfer the starting balance from the platform's account; the trail tells of it as it tells of the reseller."""
    ledger.post(
        actor=actor,
        kind=TransferKind.OPENING,
        debit=ledger.platform_account(),
        credit=reseller.wallet,
        amount=amount,
        trail=trail,
        note=_("Starting balance"),
        now=now,
    )


def own_reseller_as_parent(actor: Seat) -> Reseller:
    """Return the reseller whose sub-resellers this seat creates.

    :raises MaxDepthReached: for a sub-reseller.
    """
    if actor.reseller is None:
        raise Forbidden
    if actor.reseller.is_sub:
        raise MaxDepthReached
    return actor.reseller


def check_parent(parent: Reseller | None) -> None:
    """:raises ParentIsSub, ParentDeleted: The first the database holds too, whoever writes at the same moment."""
    if parent is None:
        return
    if parent.is_sub:
        raise ParentIsSub(parent)
    if parent.is_deleted:
        raise ParentDeleted(parent)


def locked(*ids: int) -> list[Reseller]:
    """Return the resellers, locked in the order of their ids, so that none of them moves in the tree meanwhile."""
    rows = Reseller.objects.select_for_update(of=("self",), no_key=True).select_related("permission_group")
    return list(rows.filter(pk__in=ids).order_by("pk"))


def held_group(group: PermissionGroup | None, parent: Reseller | None, *subs: Reseller) -> PermissionGroup | None:
    """Return the group as it is now. Neither it nor those that it is compared with are edited before the act is done.

    :raises GroupOutOfReach: where it was deleted meanwhile.
    """
    around = [parent, *subs] if parent else subs
    held = held_groups([group.pk if group else None, *(each.permission_group_id for each in around)])
    if parent and parent.permission_group_id:
        parent.permission_group = held[parent.permission_group_id]
    if group is None:
        return None
    if group.pk not in held:
        raise GroupOutOfReach(_("Somebody deleted the group %(name)s meanwhile.") % {"name": group})
    return held[group.pk]


def check_group(actor: Seat, group: PermissionGroup | None, parent: Reseller | None) -> None:
    """Check that the group may be given: by a reseller only within what it may do itself, and never beyond the parent.

    :raises GroupOutOfReach:
    """
    if not actor.is_admin:
        if group is None:
            raise GroupOutOfReach(_("Choose a permission group."))
        if not PermissionGroup.objects.within(actor.rights).filter(pk=group.pk).exists():
            raise GroupOutOfReach(_("%(name)s allows more than you may do yourself.") % {"name": group})
    if parent and not rights_of_group(group) <= rights_of_reseller(parent):
        raise GroupOutOfReach(
            _("%(name)s allows more than %(parent)s may do.")
            % {"name": group or _("No group"), "parent": parent.public_name}
        )
    if parent and group and not group.available_to_subs:
        raise GroupOutOfReach(_("%(name)s is not available to sub-resellers.") % {"name": group})


def check_subs_keep_within(reseller: Reseller, group: PermissionGroup | None) -> None:
    """Check that no sub-reseller would be left with more than its parent.

    :raises GroupOutOfReach: naming the first that would.
    """
    for sub in reseller.subs.kept().select_related("permission_group").order_by("pk"):
        if not rights_of_group(sub.permission_group) <= rights_of_group(group):
            raise GroupOutOfReach(
                _("%(name)s would be left with more than its parent. Change its permission group first.")
                % {"name": sub.public_name}
            )


class ResellerDetails(CompanyFacts, total=False):
    """What can be changed of a reseller; what is left out stays."""

    company_name: str
    permission_group: PermissionGroup | None
    parent: Reseller | None
    allowed_ips: str
    wan_check: str
    credit_limit: Decimal
    email: str | None
    phone: str
    full_name: str


#: What the desk may change of a reseller, and nothing else: email and phone are its login's.
DESK_FIELDS = ("address",)

ADMIN_FIELDS = ("parent", "allowed_ips", "wan_check", "credit_limit")


@transaction.atomic
def edit_reseller(
    *,
    actor: Seat,
    reseller_id: int,
    seen: str = "",
    may_shut_out: bool = False,
    now: datetime,
    **details: Unpack[ResellerDetails],
) -> Reseller:
    """Change a reseller's details; what only an admin may change is ignored from others.

    :param seen: the `state_of` the reseller that the person was shown; any other one is refused.
    :param may_shut_out: allow a list of addresses without the one from where the reseller was last seen.

    Email and phone are out of reach of a borrowed seat, and ignored from there.

    :raises ParentIsSub, ParentDeleted, OwnParent, HasSubResellers, GroupOutOfReach, UnusableAddress,
        ShutsOutLastSeen, EmailTaken, UsernameIsEmail, ResellerDeleted:
    :raises Forbidden: also for anything but `DESK_FIELDS` from the desk.
    """
    if actor.is_at_desk and details.keys() - DESK_FIELDS:
        raise Forbidden
    reseller, parent = locked_with_parent(actor, reseller_id, details)
    if seen and seen != state_of(reseller):
        raise ChangedMeanwhile
    user = User.objects.select_for_update(no_key=True).get(pk=reseller.user_id)
    wallet = LedgerAccount.objects.select_for_update(no_key=True).get(pk=reseller.wallet_id)
    new: dict[str, Any] = {name: value for name, value in details.items() if actor.is_admin or name not in ADMIN_FIELDS}
    if "parent" in new:
        check_new_parent(reseller, parent)
        new["parent"] = parent
    if "parent" in new or "permission_group" in new:
        group = details["permission_group"] if "permission_group" in new else reseller.permission_group
        group = held_group(group, parent, *reseller.subs.all())
        check_group(actor, group, parent)
        check_subs_keep_within(reseller, group)
    if "allowed_ips" in new:
        new["allowed_ips"] = listed = normalised_addresses(details["allowed_ips"])
        if not may_shut_out:
            check_last_seen_is_admitted(reseller, listed)
    email, phone = new.pop("email", user.email), new.pop("phone", user.phone)
    if actor.is_borrowed:
        email, phone = user.email, user.phone

    of_user = audit.changed_fields(user, {"full_name": new.pop("full_name")} if "full_name" in new else {})
    of_wallet = audit.changed_fields(wallet, {"credit_limit": new.pop("credit_limit")} if "credit_limit" in new else {})
    of_reseller = audit.changed_fields(reseller, new)
    if wallet.name != reseller.public_name:
        wallet.name = reseller.public_name
        wallet.save(update_fields=["name"])
    if of_user:
        user.save(update_fields=list(of_user))
    contact_changed = change_contact(actor=actor, user=user, email=email, phone=phone, now=now)
    if of_wallet:
        wallet.save(update_fields=list(of_wallet))
    changes = of_reseller | of_user | of_wallet
    if changes or contact_changed:
        reseller.updated_at = now
        reseller.save(update_fields=[*of_reseller, "updated_at"])
    if changes:
        audit.record(
            actor=actor, action=Action.RESELLER_EDITED, obj=reseller, reseller_id=reseller.pk, changes=changes, now=now
        )
    return reseller


def state_of(reseller: Reseller) -> str:
    """Return what tells this state of a reseller's details from any later one."""
    return reseller.updated_at.isoformat()


def locked_with_parent(actor: Seat, reseller_id: int, details: ResellerDetails) -> tuple[Reseller, Reseller | None]:
    """Return the reseller and the parent it will have, locked together.

    :raises Forbidden: where the actor may not act on the reseller.
    :raises ResellerDeleted:
    """
    parent_id = one_of(Reseller.objects.editable_by(actor), reseller_id).parent_id
    if actor.is_admin and "parent" in details:
        parent_id = details["parent"].pk if details["parent"] else None
    rows = {row.pk: row for row in locked(reseller_id, *([parent_id] if parent_id else []))}
    check_kept(rows[reseller_id])
    return rows[reseller_id], rows[parent_id] if parent_id else None


def actable(actor: Seat, reseller_id: int) -> Reseller:
    """Return the reseller, if the actor may act on it and it is not deleted.

    :raises Forbidden, ResellerDeleted:
    """
    return one_of(Reseller.objects.actable_by(actor), reseller_id)


def one_of(rows: ResellerQuerySet, reseller_id: int) -> Reseller:
    """:raises Forbidden: where the reseller is not among the rows."""
    reseller = rows.select_related("wallet").filter(pk=reseller_id).first()
    if reseller is None:
        raise Forbidden
    check_kept(reseller)
    return reseller


def check_kept(reseller: Reseller) -> None:
    """:raises ResellerDeleted:"""
    if reseller.is_deleted:
        raise ResellerDeleted(reseller)


def check_new_parent(reseller: Reseller, parent: Reseller | None) -> None:
    """:raises ParentIsSub, ParentDeleted, OwnParent, HasSubResellers:"""
    check_parent(parent)
    if parent is None:
        return
    if parent.pk == reseller.pk:
        raise OwnParent
    if reseller.subs.exists():
        raise HasSubResellers(deleted=not reseller.subs.kept().exists())


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
