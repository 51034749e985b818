"""Parsing what is typed about levels."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import PermissionGroup
from ispanel.fields import AmountField
from ispanel.installation import currency
from plans.models import Level


class LevelForm(forms.Form):
    """What a level gives."""

    default_permission_group = forms.ModelChoiceField(
        label=_("Default permission group"),
        queryset=PermissionGroup.objects.order_by("name"),
        required=False,
        empty_label=_("No group: everything in its own scope"),
        help_text=_("Filled in on the form when the level is chosen."),
    )
    default_credit_limit = AmountField(
        label=_("Default credit limit"),
        allow_zero=True,
        allow_minus=True,
        help_text=_("Filled in on the form when the level is chosen."),
    )
    highest_credit_limit = AmountField(
        label=_("Highest credit limit"),
        required=False,
        allow_zero=True,
        allow_minus=True,
        keeps_empty=True,
        help_text=_("No reseller of the level is given more. Empty: as high as an admin sets it."),
    )
    discount = forms.DecimalField(
        label=_("Wholesale discount"),
        min_value=0,
        max_value=100,
        max_digits=5,
        decimal_places=2,
        help_text=_("Off each plan's price, from the next charge on: 0 to 100, with two decimals at most."),
    )
    has_priority_support = forms.BooleanField(
        label=_("Priority support"), required=False, help_text=_("Said on the page of each reseller of the level.")
    )
    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def details(self) -> dict[str, Any]:
        """Return what the operation takes."""
        return {name: value for name, value in self.cleaned_data.items() if name != "seen"}


def as_typed(level: Level) -> dict[str, Any]:
    """Return the level as the form shows it."""
    return {
        "default_permission_group": level.default_permission_group_id,
        "default_credit_limit": amount(level.default_credit_limit),
        "highest_credit_limit": amount(level.highest_credit_limit),
        "discount": f"{level.discount.normalize():f}",
        "has_priority_support": level.has_priority_support,
        "seen": level.state,
    }


def amount(value: Decimal | None) -> str:
    """Return an amount as people type it, or nothing."""
    return "" if value is None else str(value.quantize(currency().smallest))
