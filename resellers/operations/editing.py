"""Changing what is known of resellers."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, Unpack

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.allow_list import normalised_addresses
from accounts.full_names import in_parts, joined, last_name_to_keep
from accounts.models import PermissionGroup, User
from accounts.operations import change_contact
from accounts.seats import Seat
from audit import operations as audit
from audit.actions import Action
from ispanel.refusals import Forbidden, Refusal
from resellers.allowed_ips import check_last_seen_is_admitted
from resellers.models import Reseller
from resellers.operations.onboarding import CompanyFacts
from resellers.operations.reach import (
    Changes,
    beyond_scope,
    changes_of_scope,
    cut_to_parent,
    scope_in_words,
    settle,
)
from resellers.operations.rules import (
    ChangedMeanwhile,
    check_credit_limit,
    check_group,
    check_kept,
    check_new_parent,
    check_subs_keep_within,
    held_group,
    locked,
    one_of,
    state_of,
)
from wallet.models import LedgerAccount

#: How many characters a full name has at most.
LONGEST_NAME = 150


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
    first_name: str
    last_name: str


class NameTooLong(Refusal):
    """First and last name together are longer than a full name may be."""

    field = "full_name"

    def __init__(self) -> None:
        super().__init__(_("Use at most %(most)d characters for the full name.") % {"most": LONGEST_NAME})


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
    shown: str | None = None,
    may_keep_renewing: bool = False,
    now: datetime,
    **details: Unpack[ResellerDetails],
) -> Reseller:
    """Change a reseller's details; what only an admin may change is ignored from others.

    :param seen: the `state_of` the reseller that the person was shown; any other one is refused.
    :param may_shut_out: allow a list of addresses without the one from where the reseller was last seen.
    :param shown: see `resellers.operations.reach.settle`; a new parent takes what it has not itself.

    A first or a last name takes the place of that part of the full name.
    Email and phone are out of reach of a borrowed seat, and ignored from there.

    :raises ParentIsSub, ParentDeleted, OwnParent, HasSubResellers, GroupOutOfReach, CreditLimitTooHigh,
        UnusableAddress, ShutsOutLastSeen, TakesAway, EmailTaken, UsernameIsEmail, NameTooLong,
        ResellerDeleted:
    :raises Forbidden: also for anything but `DESK_FIELDS` from the desk.
    """
    if actor.is_at_desk and details.keys() - DESK_FIELDS:
        raise Forbidden
    reseller, parent = locked_with_parent(actor, reseller_id, details)
    if seen and seen != state_of(reseller):
        raise ChangedMeanwhile
    user = User.objects.select_for_update(no_key=True).get(pk=reseller.user_id)
    new: dict[str, Any] = {name: value for name, value in details.items() if actor.is_admin or name not in ADMIN_FIELDS}
    if "parent" in new:
        check_new_parent(reseller, parent)
        new["parent"] = parent
    if "parent" in new or "permission_group" in new:
        group = details["permission_group"] if "permission_group" in new else reseller.permission_group
        group = held_group(group, parent, *reseller.subs.all())
        check_group(actor, group, parent)
        check_subs_keep_within(reseller, group)
    of_scope: Changes = {}
    if "parent" in new and (parent.pk if parent else None) != reseller.parent_id:
        of_scope = move_in_tree(actor, reseller, parent, shown=shown, may_keep_renewing=may_keep_renewing)
    wallet = LedgerAccount.objects.select_for_update(no_key=True).get(pk=reseller.wallet_id)
    if "credit_limit" in new and new["credit_limit"] != wallet.credit_limit:
        check_credit_limit(reseller.level, new["credit_limit"])
    if "allowed_ips" in new:
        new["allowed_ips"] = listed = normalised_addresses(details["allowed_ips"])
        if not may_shut_out:
            check_last_seen_is_admitted(reseller, listed)
    email, phone = new.pop("email", user.email), new.pop("phone", user.phone)
    if actor.is_borrowed:
        email, phone = user.email, user.phone

    of_user = audit.changed_fields(user, new_names(user, new))
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
    changes = of_reseller | of_scope | of_user | of_wallet
    if changes or contact_changed:
        reseller.updated_at = now
        reseller.save(update_fields=[*of_reseller, "updated_at"])
    if changes:
        audit.record(
            actor=actor, action=Action.RESELLER_EDITED, obj=reseller, reseller_id=reseller.pk, changes=changes, now=now
        )
    return reseller


def new_names(user: User, new: dict[str, Any]) -> dict[str, Any]:
    """Take the names out of what is new, and return what of the login they change.

    :raises NameTooLong:
    """
    first, last = user.name_in_parts
    if new.get("full_name", user.full_name) != user.full_name:
        first, last = in_parts(new["full_name"], user.last_name_given or None)
    new.pop("full_name", None)
    first, last = new.pop("first_name", first), new.pop("last_name", last)
    full_name = joined(first, last)
    if len(full_name) > LONGEST_NAME:
        raise NameTooLong
    return {"full_name": full_name, "last_name_given": last_name_to_keep(first, last)}


def move_in_tree(
    actor: Seat, reseller: Reseller, parent: Reseller | None, *, shown: str | None, may_keep_renewing: bool
) -> Changes:
    """Put the locked reseller under the parent, with as much of its scope as that one has, and return what changed."""
    before, had = beyond_scope([reseller.pk]), scope_in_words(reseller)
    cuts = [cut] if (cut := cut_to_parent(reseller, parent)) else []
    changes: Changes = audit.changed_fields(reseller, {"parent": parent})
    reseller.save(update_fields=["parent"])
    taking = settle(actor, [reseller.pk], before=before, cuts=cuts, shown=shown, may_keep_renewing=may_keep_renewing)
    return changes | changes_of_scope(had, scope_in_words(reseller), taking.lines)


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
