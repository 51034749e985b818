"""Changing the general settings."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.seats import Seat
from audit import operations as audit
from audit.actions import Action
from ispanel.models import PanelSettings
from ispanel.refusals import Refusal
from wallet.models import Transfer


class CurrencyLocked(Refusal):
    """Money has moved, so the currency stays."""

    field = "currency_code"

    def __init__(self) -> None:
        super().__init__(_("The currency is locked since the first transfer."))


def currency_is_locked() -> bool:
    """Say whether any money has moved."""
    return Transfer.objects.exists()


@transaction.atomic
def change_general_settings(*, actor: Seat, now: datetime, **values: Any) -> PanelSettings:
    """Change the panel's name, time zone or currency.

    :raises CurrencyLocked: The database holds it too, against a first transfer at the same moment.
    """
    settings = PanelSettings.objects.select_for_update().get(pk=1)
    changes = audit.changed_fields(settings, values)
    if {"currency_code", "currency_decimals"} & changes.keys() and currency_is_locked():
        raise CurrencyLocked
    if changes:
        settings.save(update_fields=list(changes))
        audit.record(actor=actor, action=Action.PANEL_SETTINGS_CHANGED, obj=settings, changes=changes, now=now)
    return settings
