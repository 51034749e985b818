"""Changing the billing settings."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from accounts.seats import Seat
from audit import operations as audit
from audit.actions import Action
from ispanel.logos import in_words, kept_picture
from ispanel.models import PanelSettings
from ispanel.refusals import Forbidden


@transaction.atomic
def change_billing_settings(
    *, actor: Seat, now: datetime, logo: bytes | None = None, removes_logo: bool = False, **values: Any
) -> PanelSettings:
    """Change the company that issues papers, what their numbers begin with, or who issues those of subscribers.

    Papers that are issued already stay as they are.

    :param logo: a new one, from `ispanel.logos.as_png`; it counts before ``removes_logo``.
    :raises Forbidden: to anybody but an admin.
    """
    if not actor.is_admin:
        raise Forbidden
    settings = PanelSettings.objects.select_for_update().get(pk=1)
    changes = audit.changed_fields(settings, values)
    changes |= change_logo(settings, logo, removes_logo=removes_logo)
    if changes:
        settings.save(update_fields=list(changes))
        audit.record(actor=actor, action=Action.BILLING_SETTINGS_CHANGED, obj=settings, changes=changes, now=now)
    return settings


def change_logo(settings: PanelSettings, png: bytes | None, *, removes_logo: bool) -> dict[str, tuple[Any, Any]]:
    """Put a new logo into the settings, or none any more, without saving them; return what changed, in words."""
    old, new = settings.logo, kept_picture(png) if png else None
    if new == old or (new is None and not removes_logo):
        return {}
    settings.logo = new
    return {"logo": (in_words(old), in_words(new))}
