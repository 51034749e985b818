"""Changing the settings."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models.functions import Round
from django.utils.translation import gettext as _

from accounts.models import UserType
from accounts.operations import confirm_own_password
from accounts.seats import Seat
from audit import operations as audit
from audit.actions import Action
from audit.models import Grade
from billing.models import Invoice
from ispanel.models import PanelSettings
from ispanel.refusals import Refusal
from plans.models import DataPack, Level, Plan
from resellers.models import Reseller, RetailPrice, TopUpRequest
from subscribers.models import Subscriber
from wallet.models import LedgerAccount, Transfer


class CurrencyLocked(Refusal):
    """Money has moved, or was asked for on an invoice, so the currency stays."""

    field = "currency_code"

    def __init__(self) -> None:
        super().__init__(_("The currency is locked since the first transfer or invoice."))


class DecimalsTooFew(Refusal):
    """An amount that is in use has more decimals than the currency would."""

    field = "currency_decimals"

    def __init__(self, sentence: str, name: str, amount: Decimal) -> None:
        super().__init__(sentence % {"name": name, "amount": f"{amount.normalize():f}"})


def check_amounts_fit(decimals: int) -> None:
    """:raises DecimalsTooFew: naming the first amount in use that has more decimals, and whose it is."""
    price = _("The price of %(name)s is %(amount)s. Change it first, or keep the decimals.")
    limit = _("The credit limit of %(name)s is %(amount)s. Change it first, or keep the decimals.")
    threshold = _("The low-balance threshold of %(name)s is %(amount)s. Change it first, or keep the decimals.")
    retail = _("%(name)s has a retail price of %(amount)s. Change it first, or keep the decimals.")
    pack = _("A data pack of %(name)s costs %(amount)s. Change it first, or keep the decimals.")
    default = _("The default credit limit of %(name)s is %(amount)s. Change it first, or keep the decimals.")
    highest = _("The highest credit limit of %(name)s is %(amount)s. Change it first, or keep the decimals.")
    request = _("%(name)s asks for a top-up of %(amount)s. Answer that first, or keep the decimals.")
    for sentence, rows, name, amount in (
        (price, Plan.objects.all(), "name", "price"),
        (limit, LedgerAccount.objects.wallets(), "name", "credit_limit"),
        (threshold, Reseller.objects.all(), "company_name", "low_balance_threshold"),
        (retail, RetailPrice.objects.all(), "plan__name", "price"),
        (retail, Subscriber.objects.kept().filter(retail_price__isnull=False), "username", "retail_price"),
        (pack, DataPack.objects.on_sale(), "plan__name", "price"),
        (default, Level.objects.all(), "name", "default_credit_limit"),
        (highest, Level.objects.filter(highest_credit_limit__isnull=False), "name", "highest_credit_limit"),
        (request, TopUpRequest.objects.open(), "reseller__company_name", "amount"),
    ):
        finer = rows.exclude(**{amount: Round(amount, precision=decimals)}).order_by("pk")
        if first := finer.values_list(name, amount).first():
            raise DecimalsTooFew(sentence, *first)


def currency_is_locked() -> bool:
    """Say whether any money has moved, or anything was invoiced."""
    return Transfer.objects.exists() or Invoice.objects.exists()


@transaction.atomic
def change_general_settings(*, actor: Seat, now: datetime, **values: Any) -> PanelSettings:
    """Change the panel's name, time zone or currency.

    :raises DecimalsTooFew:
    :raises CurrencyLocked: The database holds it too, against a first transfer or invoice at the same moment.
    """
    settings = PanelSettings.objects.select_for_update().get(pk=1)
    changes = audit.changed_fields(settings, values)
    if {"currency_code", "currency_decimals"} & changes.keys() and currency_is_locked():
        raise CurrencyLocked
    if "currency_decimals" in changes:
        check_amounts_fit(settings.currency_decimals)
    if changes:
        settings.save(update_fields=list(changes))
        audit.record(actor=actor, action=Action.PANEL_SETTINGS_CHANGED, obj=settings, changes=changes, now=now)
    return settings


def change_security_settings(*, actor: Seat, own_password: str, now: datetime, **values: Any) -> PanelSettings:
    """Change who needs a second step, when sign-ins end, or whether initial passwords are kept.

    :raises WrongPassword, TooManyAttempts:
    """
    confirm_own_password(actor, own_password)
    with transaction.atomic():
        settings = PanelSettings.objects.select_for_update().get(pk=1)
        changes = audit.changed_fields(settings, values)
        if changes:
            settings.save(update_fields=list(changes))
            if "two_step_for" in changes:
                old, new = changes["two_step_for"]
                changes["two_step_for"] = (names_of(old), names_of(new))
            audit.record(
                actor=actor,
                action=Action.SECURITY_SETTINGS_CHANGED,
                obj=settings,
                changes=changes,
                grade=Grade.SECURITY,
                now=now,
            )
    return settings


def names_of(user_types: list[int]) -> list[str]:
    """Return the kinds of login in words, as the trail keeps them."""
    return [str(UserType(user_type).label) for user_type in user_types]
