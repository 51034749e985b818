"""Suspending and resuming, deleting and restoring, and deleting for good."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import ApiToken, InitialPassword, KnownAddress, LoginName, RecoveryCode, TwoStep, User
from accounts.operations import confirm_own_password, end_sign_ins, save_login
from accounts.seats import Seat
from audit import operations as audit
from audit.actions import Action
from audit.models import Grade
from ispanel.installation import currency
from ispanel.logos import erase_unreferenced
from ispanel.models import Picture
from ispanel.money import with_code
from ispanel.refusals import Forbidden, Refusal
from resellers.models import Branding, Reseller
from resellers.operations.domains import release_with_reseller
from resellers.operations.rules import ParentDeleted, actable, check_group, check_kept, held_group, locked
from resellers.operations.top_ups import cancel_with_reseller, locked_request_of
from wallet.models import LedgerAccount

SUSPENSION = ("suspended_at", "suspension_reason", "suspended_by", "suspended_by_admin", "stops_renewals")
ERASED = (
    "company_name",
    "display_name",
    "address",
    "tax_line",
    "invoice_prefix",
    "allowed_ips",
    "identity_verified_at",
    "identity_verified_by",
    "agreement_signed_at",
    "agreement_reference",
    "permission_group",
)
ERASED_OF_LOGIN = [
    "username",
    "email",
    "phone",
    "full_name",
    "last_name_given",
    "last_login",
    "is_active",
    "must_change_password",
    "password",
    "permission_group",
]


class AlreadySuspended(Refusal):
    """The reseller is suspended itself."""

    def __init__(self, reseller: Reseller) -> None:
        super().__init__(_("%(name)s is suspended already.") % {"name": reseller.public_name})


class NotSuspended(Refusal):
    """The reseller is not suspended, or only through its parent."""

    def __init__(self, reseller: Reseller) -> None:
        sentence = _("%(name)s is not suspended.") % {"name": reseller.public_name}
        if through := reseller.suspended_through:
            sentence = _("%(name)s is suspended through %(parent)s. Resume that one.") % {
                "name": reseller.public_name,
                "parent": through.public_name,
            }
        super().__init__(sentence)


class SuspendedByAdmin(Refusal):
    """An admin suspended the sub-reseller, so its parent cannot resume it."""

    def __init__(self, reseller: Reseller) -> None:
        super().__init__(
            _("%(name)s was suspended by your provider. Ask them to resume it.") % {"name": reseller.public_name}
        )


@dataclass(frozen=True)
class Holdings:
    """What a reseller still has: subscribers that are not terminated, subs that are not deleted, money or debt."""

    subscribers: int
    subs: int
    balance: Decimal

    @property
    def sentences(self) -> list[str]:
        """Why the reseller cannot be deleted; empty where nothing is in the way."""
        found = []
        if self.subscribers:
            found.append(
                ngettext(
                    "It has one subscriber that is not terminated.",
                    "It has %(count)d subscribers that are not terminated.",
                    self.subscribers,
                )
                % {"count": self.subscribers}
            )
        if self.subs:
            found.append(
                ngettext(
                    "It has one sub-reseller. Delete it first.",
                    "It has %(count)d sub-resellers. Delete them first.",
                    self.subs,
                )
                % {"count": self.subs}
            )
        if self.balance:
            sentence = _("Its balance is %(balance)s. Withdraw it first.")
            if self.balance < 0:
                sentence = _("Its balance is %(balance)s. Transfer what is owed first.")
            found.append(sentence % {"balance": with_code(self.balance, currency())})
        return found


class StillInUse(Refusal):
    """The reseller has subscribers, subs or money; all of them are named at once."""

    def __init__(self, reseller: Reseller, holdings: Holdings) -> None:
        self.holdings = holdings
        sentence = _("%(name)s cannot be deleted.") % {"name": reseller.public_name}
        super().__init__(" ".join([sentence, *holdings.sentences]))


class NotDeleted(Refusal):
    """Only a deleted reseller is restored, or deleted for good."""

    def __init__(self, reseller: Reseller) -> None:
        super().__init__(_("%(name)s is not deleted.") % {"name": reseller.public_name})


class Purged(Refusal):
    """The reseller is deleted for good: there is nothing to restore, and nothing left to erase."""

    def __init__(self) -> None:
        super().__init__(_("This reseller is deleted for good."))


class OtherUsername(Refusal):
    """What was typed is not the reseller's username."""

    field = "typed_username"

    def __init__(self) -> None:
        super().__init__(_("This is not the reseller's username."))


@transaction.atomic
def suspend_reseller(
    *, actor: Seat, reseller_id: int, reason: str, stops_renewals: bool = False, now: datetime
) -> Reseller:
    """Shut the reseller, its staff and its subs out until it is resumed; their subscribers stay online.

    An admin's suspension takes the place of a parent's, which the parent could lift. From a borrowed seat it is that
    seat's.

    :param stops_renewals: keep its subscribers and its subs' from being renewed by themselves.
    :raises AlreadySuspended, ResellerDeleted:
    """
    reseller = actable_and_locked(actor, reseller_id)
    if not reseller.is_suspendable_by(actor):
        raise AlreadySuspended(reseller)
    takes_over = reseller.suspended_at is not None
    changes = audit.changed_fields(reseller, {"suspended_at": now, "stops_renewals": stops_renewals})
    by = {"suspension_reason": reason, "suspended_by": actor.identity.actor_name, "suspended_by_admin": actor.is_admin}
    of_whom = audit.changed_fields(reseller, by)
    if takes_over:
        changes |= of_whom
    save_suspension(reseller, now)
    record(actor, Action.RESELLER_SUSPENDED, reseller, changes, detail=reason, now=now)
    end_sign_ins(logins_of_tree(reseller))
    return reseller


@transaction.atomic
def resume_reseller(*, actor: Seat, reseller_id: int, now: datetime) -> Reseller:
    """Let the reseller, its staff and its subs sign in again; a sub that is suspended itself stays so.

    :raises NotSuspended, SuspendedByAdmin, ResellerDeleted:
    """
    reseller = actable_and_locked(actor, reseller_id)
    if not reseller.suspended_at:
        raise NotSuspended(reseller)
    if reseller.suspended_by_admin and not actor.is_admin:
        raise SuspendedByAdmin(reseller)
    changes = lift_suspension(reseller)
    save_suspension(reseller, now)
    record(actor, Action.RESELLER_RESUMED, reseller, changes, now=now)
    return reseller


@transaction.atomic
def delete_reseller(*, actor: Seat, reseller_id: int, now: datetime) -> Reseller:
    """Close an empty reseller: its sign-ins and its wallet. It is hidden, its names stay reserved, its history stays.

    A top-up request of it that waits is cancelled, and its domain is released.

    :raises StillInUse, ResellerDeleted:
    """
    reseller = actable_and_locked(actor, reseller_id)
    # The request before the wallet, as whoever approves it locks them.
    waiting = locked_request_of(reseller)
    wallet = LedgerAccount.objects.select_for_update(no_key=True).get(pk=reseller.wallet_id)
    holdings = holdings_of(reseller, wallet)
    if holdings.sentences:
        raise StillInUse(reseller, holdings)
    if waiting:
        cancel_with_reseller(actor=actor, request=waiting, now=now)
    release_with_reseller(actor=actor, reseller=reseller, now=now)
    wallet.closed_at = now
    wallet.save(update_fields=["closed_at"])
    changes = audit.changed_fields(reseller, {"deleted_at": now, "updated_at": now})
    reseller.save(update_fields=list(changes))
    record(actor, Action.RESELLER_DELETED, reseller, {"deleted_at": changes["deleted_at"]}, now=now)
    end_sign_ins(logins_of(reseller))
    return reseller


@transaction.atomic
def restore_reseller(*, actor: Seat, reseller_id: int, now: datetime) -> Reseller:
    """Open a deleted reseller's sign-in and wallet again.

    :raises Forbidden: for anybody but an admin.
    :raises NotDeleted, Purged, ParentDeleted:
    :raises GroupOutOfReach: where its parent has lost what its own group allows.
    """
    reseller, parent = deleted_and_locked(actor, reseller_id)
    if parent and parent.is_deleted:
        raise ParentDeleted(parent)
    check_group(actor, held_group(reseller.permission_group, parent), parent)
    LedgerAccount.objects.filter(pk=reseller.wallet_id).update(closed_at=None)
    changes = audit.changed_fields(reseller, {"deleted_at": None, "updated_at": now})
    reseller.save(update_fields=list(changes))
    record(actor, Action.RESELLER_RESTORED, reseller, {"deleted_at": changes["deleted_at"]}, now=now)
    return reseller


def purge_reseller(*, actor: Seat, reseller_id: int, typed_username: str, own_password: str, now: datetime) -> Reseller:
    """Free a deleted reseller's names and erase its personal data; the row stays, without them, for the books.

    :raises Forbidden: for anybody but an admin.
    :raises NotDeleted, Purged, OtherUsername, WrongPassword:
    """
    if not actor.is_admin:
        raise Forbidden
    confirm_own_password(actor, own_password)
    with transaction.atomic():
        reseller, _parent = deleted_and_locked(actor, reseller_id)
        logins = list(logins_of(reseller).select_for_update().order_by("pk"))
        username = next(login.username for login in logins if login.pk == reseller.user_id)
        if typed_username.strip().lower() != username:
            raise OtherUsername
        staff = [login.username for login in logins if login.pk != reseller.user_id]
        # The names that become free are in the trail, what is known of people is not.
        freed = {"username": (username, None), "staff": (staff or None, None), "purged_at": (None, now)}
        record(actor, Action.RESELLER_PURGED, reseller, freed, now=now)
        for login in logins:
            erase_login(login)
        erase_reseller(reseller, now)
        end_sign_ins(logins)
    return reseller


def actable_and_locked(actor: Seat, reseller_id: int) -> Reseller:
    """Return the reseller, locked, if the actor may act on it and it is not deleted.

    :raises Forbidden, ResellerDeleted:
    """
    actable(actor, reseller_id)
    [reseller] = locked(reseller_id)
    check_kept(reseller)
    return reseller


def deleted_and_locked(actor: Seat, reseller_id: int) -> tuple[Reseller, Reseller | None]:
    """Return the deleted reseller and its parent, locked together.

    :raises Forbidden: for anybody but an admin.
    :raises NotDeleted, Purged:
    """
    if not actor.is_admin:
        raise Forbidden
    parent_id = Reseller.objects.values_list("parent", flat=True).get(pk=reseller_id)
    rows = {row.pk: row for row in locked(reseller_id, *([parent_id] if parent_id else []))}
    reseller = rows[reseller_id]
    if not reseller.is_deleted:
        raise NotDeleted(reseller)
    if reseller.is_purged:
        raise Purged
    return reseller, rows[parent_id] if parent_id else None


def holdings_of(reseller: Reseller, wallet: LedgerAccount) -> Holdings:
    """Return what keeps the reseller from being deleted."""
    return Holdings(
        subscribers=reseller.subscribers.kept().count(),
        subs=reseller.subs.kept().count(),
        balance=wallet.balance or Decimal(0),
    )


def logins_of(reseller: Reseller) -> QuerySet[User]:
    """Return the reseller's own login and its staff."""
    return User.objects.filter(reseller=reseller)


def logins_of_tree(reseller: Reseller) -> QuerySet[User]:
    """Return the logins of the reseller and of its subs."""
    return User.objects.filter(Q(reseller=reseller) | Q(reseller__parent=reseller))


def lift_suspension(reseller: Reseller) -> dict[str, tuple[Any, Any]]:
    """Clear what a suspension sets, without saving it; return the changes that the trail tells of."""
    reseller.suspension_reason, reseller.suspended_by, reseller.suspended_by_admin = "", "", False
    return audit.changed_fields(reseller, {"suspended_at": None, "stops_renewals": False})


def save_suspension(reseller: Reseller, now: datetime) -> None:
    reseller.updated_at = now
    reseller.save(update_fields=[*SUSPENSION, "updated_at"])


def record(
    actor: Seat,
    action: Action,
    reseller: Reseller,
    changes: dict[str, tuple[Any, Any]],
    *,
    detail: str = "",
    now: datetime,
) -> None:
    """Append the act to the reseller's trail: who may sign in is a matter of security."""
    audit.record(
        actor=actor,
        action=action,
        obj=reseller,
        reseller_id=reseller.pk,
        changes=changes,
        detail=detail,
        grade=Grade.SECURITY,
        now=now,
    )


def erase_login(login: User) -> None:
    """Free the login's names and erase what is known of the person; the row stays, under a name that nobody guesses."""
    login.username = f"deleted-{login.pk}-{secrets.token_hex(8)}"
    login.email, login.phone, login.full_name, login.last_name_given, login.last_login = None, "", "", None, None
    login.is_active, login.must_change_password, login.permission_group = False, False, None
    login.set_unusable_password()
    save_login(login, fields=ERASED_OF_LOGIN)
    LoginName.objects.filter(user=login).exclude(name=login.username).delete()
    InitialPassword.objects.filter(user=login).delete()
    TwoStep.objects.filter(user=login).delete()
    RecoveryCode.objects.filter(user=login).delete()
    ApiToken.objects.filter(owner=login).delete()
    KnownAddress.objects.filter(user=login).delete()


def erase_reseller(reseller: Reseller, now: datetime) -> None:
    """Erase what is known of the company; its domain was released when it was deleted.

    Its name stays where the books have it, on the wallet, and its name and logo on papers.
    """
    shown = Branding.objects.filter(reseller=reseller)
    logos = [digest for pair in shown.values_list("logo", "dark_logo") for digest in pair if digest]
    shown.delete()
    erase_unreferenced(Picture.objects.filter(pk__in=logos))
    reseller.company_name = _("Deleted reseller %(id)d") % {"id": reseller.pk}
    reseller.display_name, reseller.address, reseller.allowed_ips = "", "", ""
    reseller.tax_line = reseller.invoice_prefix = ""
    reseller.identity_verified_at, reseller.identity_verified_by = None, ""
    reseller.agreement_signed_at, reseller.agreement_reference = None, ""
    reseller.permission_group = None
    lift_suspension(reseller)
    reseller.purged_at = reseller.updated_at = now
    reseller.save(update_fields=[*ERASED, *SUSPENSION, "purged_at", "updated_at"])
