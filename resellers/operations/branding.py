"""How a reseller looks, where an admin lets it have a look of its own."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from accounts import limits
from accounts.seats import Seat
from audit import operations as audit
from audit.actions import Action
from ispanel.colours import theme_of
from ispanel.logos import in_words, kept_picture
from ispanel.models import Picture
from ispanel.refusals import Forbidden, Refusal
from resellers.models import Branding, Reseller
from resellers.operations.rules import check_kept, locked

#: How often a reseller's logos may be changed: each one stays for a day or two after it.
LOGOS, LOGOS_WITHIN = 30, timedelta(hours=1)
#: How often a login may upload some: reading one takes long.
UPLOADS, UPLOADS_WITHIN = 60, timedelta(hours=1)


class BrandingNotAllowed(Refusal):
    """The switch is off."""

    def __init__(self, reseller: Reseller) -> None:
        super().__init__(_("%(name)s may not have its own branding.") % {"name": reseller.public_name})


@transaction.atomic
def change_branding(
    *,
    actor: Seat,
    reseller_id: int,
    now: datetime,
    logo: bytes | None = None,
    removes_logo: bool = False,
    dark_logo: bytes | None = None,
    removes_dark_logo: bool = False,
    **values: Any,
) -> Branding:
    """Change a reseller's logos, colour, tagline or footer.

    :param logo: on light ground: a new one, from `ispanel.logos.as_png`, which counts before ``removes_logo``.
    :param dark_logo: the same on dark ground.
    :param values: ``colour`` as `ispanel.colours.colour_from` returns it, or blank; ``tagline``, ``footer``.
    :raises Forbidden: for anybody but an admin, and the reseller's own logins with `branding.edit`.
    :raises BrandingNotAllowed, ResellerDeleted:
    :raises TooManyAttempts: where logos were changed very often.
    """
    reseller = brandable(actor, reseller_id)
    branding = Branding.objects.filter(reseller=reseller).first() or Branding(reseller=reseller)
    changes = audit.changed_fields(branding, values)
    changes |= change_logo(branding, "logo", logo, removes=removes_logo)
    changes |= change_logo(branding, "dark_logo", dark_logo, removes=removes_dark_logo)
    if {"logo", "dark_logo"} & changes.keys():
        limits.raise_count(f"logos:{reseller.pk}", most=LOGOS, within=LOGOS_WITHIN, field="logo", prolonged=False)
    if changes:
        branding.theme = theme_of(branding.colour)[0] if branding.colour else ""
        branding.updated_at = now
        branding.save()
        record(actor, Action.BRANDING_CHANGED, reseller, changes, now=now)
    return branding


def count_upload(actor: Seat) -> None:
    """Count an upload of logos, before they are read.

    :raises TooManyAttempts:
    """
    limits.raise_count(
        f"logo uploads:{actor.login.pk}", most=UPLOADS, within=UPLOADS_WITHIN, field="logo", prolonged=False
    )


def may_brand(actor: Seat, reseller_id: int) -> bool:
    """Say whether the actor may change how this reseller looks, where anybody may."""
    if actor.is_admin:
        return True
    return actor.reseller is not None and actor.reseller.pk == reseller_id and actor.has("branding.edit")


def brandable(actor: Seat, reseller_id: int) -> Reseller:
    """Return the reseller, locked, if the actor may change how it looks.

    :raises Forbidden, BrandingNotAllowed, ResellerDeleted:
    """
    if not may_brand(actor, reseller_id):
        raise Forbidden
    [reseller] = locked(reseller_id)
    check_kept(reseller)
    if not reseller.has_branding:
        raise BrandingNotAllowed(reseller)
    return reseller


def change_logo(branding: Branding, name: str, png: bytes | None, *, removes: bool) -> dict[str, tuple[Any, Any]]:
    """Put a new logo into the branding, or none any more, without saving it; return what changed, in words."""
    old: Picture | None = getattr(branding, name)
    new = kept_picture(png) if png else None
    if new == old or (new is None and not removes):
        return {}
    setattr(branding, name, new)
    return {name: (in_words(old), in_words(new))}


def record(
    actor: Seat, action: Action, reseller: Reseller, changes: dict[str, tuple[Any, Any]], *, now: datetime
) -> None:
    """Append the act to the reseller's trail."""
    audit.record(actor=actor, action=action, obj=reseller, reseller_id=reseller.pk, changes=changes, now=now)
