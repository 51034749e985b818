"""Short words for what the tests of branding and domains do over and over."""

from typing import Any

from django.utils import timezone

from accounts.models import User
from ispanel.colours import colour_from
from resellers import operations
from resellers.models import Branding, CustomDomain, Reseller
from tests.cast import NOW, seat_of

OWN = "/settings/branding/"


def tab_of(reseller: Reseller) -> str:
    """Return the address of the admins' tab."""
    return f"/resellers/{reseller.pk}/branding/"


def allow(admin: User, reseller: Reseller) -> None:
    """Turn the switch on, and read the reseller anew."""
    operations.allow_branding(actor=seat_of(admin), reseller_id=reseller.pk, now=NOW)
    reseller.refresh_from_db()


def forbid(admin: User, reseller: Reseller) -> None:
    operations.forbid_branding(actor=seat_of(admin), reseller_id=reseller.pk, now=NOW)
    reseller.refresh_from_db()


def brand(actor: User, reseller: Reseller, colour: str = "", **values: Any) -> Branding:
    """Set how a reseller looks."""
    if colour:
        values["colour"] = colour_from(colour)
    return operations.change_branding(actor=seat_of(actor), reseller_id=reseller.pk, now=NOW, **values)


def claim(actor: User, reseller: Reseller, name: str = "panel.north.test") -> CustomDomain:
    return operations.claim_domain(actor=seat_of(actor), reseller_id=reseller.pk, name=name, now=NOW)


def give_domain(admin: User, reseller: Reseller, name: str = "panel.north.test") -> CustomDomain:
    """Let a reseller have a domain that is proved."""
    allow(admin, reseller)
    domain = claim(admin, reseller, name)
    domain.verified_at = domain.checked_at = timezone.now()
    domain.save(update_fields=["verified_at", "checked_at"])
    return domain
