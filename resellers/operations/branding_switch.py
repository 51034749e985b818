"""The admins' switch: whether a reseller may look like itself, and have a domain."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.seats import Seat
from audit import operations as audit
from audit.actions import Action
from ispanel.refusals import Forbidden, Refusal
from resellers.models import Reseller
from resellers.operations.branding import BrandingNotAllowed, record
from resellers.operations.domains import doubt_stale_proof
from resellers.operations.rules import check_kept, locked


class BrandingAllowed(Refusal):
    """The switch is on already."""

    def __init__(self, reseller: Reseller) -> None:
        super().__init__(_("%(name)s may have its own branding already.") % {"name": reseller.public_name})


@transaction.atomic
def allow_branding(*, actor: Seat, reseller_id: int, now: datetime) -> Reseller:
    """Let a reseller have a logo, a colour and a domain of its own; what it had before is shown again.

    But its domain may have found another owner meanwhile: where nobody has looked for a day, it has to be proved anew.

    :raises Forbidden: for anybody but an admin.
    :raises BrandingAllowed, ResellerDeleted:
    """
    reseller = for_admin(actor, reseller_id)
    if reseller.has_branding:
        raise BrandingAllowed(reseller)
    switch(actor, reseller, allowed=True, now=now)
    doubt_stale_proof(reseller, now)
    return reseller


@transaction.atomic
def forbid_branding(*, actor: Seat, reseller_id: int, now: datetime) -> Reseller:
    """Show the panel's own look again and turn the reseller's domain off; what was set is kept.

    :raises Forbidden: for anybody but an admin.
    :raises BrandingNotAllowed, ResellerDeleted:
    """
    reseller = for_admin(actor, reseller_id)
    if not reseller.has_branding:
        raise BrandingNotAllowed(reseller)
    return switch(actor, reseller, allowed=False, now=now)


def for_admin(actor: Seat, reseller_id: int) -> Reseller:
    """Return the reseller, locked.

    :raises Forbidden: for anybody but an admin.
    :raises ResellerDeleted:
    """
    if not actor.is_admin:
        raise Forbidden
    [reseller] = locked(reseller_id)
    check_kept(reseller)
    return reseller


def switch(actor: Seat, reseller: Reseller, *, allowed: bool, now: datetime) -> Reseller:
    """Turn the switch and say so in the trail."""
    changes = audit.changed_fields(reseller, {"has_branding": allowed})
    reseller.updated_at = now
    reseller.save(update_fields=["has_branding", "updated_at"])
    record(actor, Action.BRANDING_ALLOWED if allowed else Action.BRANDING_FORBIDDEN, reseller, changes, now=now)
    return reseller
