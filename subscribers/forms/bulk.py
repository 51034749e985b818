"""Parsing which subscribers an act on many is for, and what it is to do."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from accounts.seats import Seat
from ispanel.lists import HIGHEST_ID
from plans.models import Plan
from subscribers.forms.acts import (
    SuspensionForm,
    offer_targets,
    plan_field,
    sealed,
    shown_field,
    target_field,
    unsealed,
)
from subscribers.forms.lists import SubscriberListForm
from subscribers.models import Subscriber
from subscribers.operations import AT_MOST, TooManyAtOnce
from wallet.forms import MoneyForm


class IdsField(forms.CharField):
    """Ids with commas between them, each once, in the order in which they stand."""

    widget = forms.HiddenInput

    def clean(self, value: Any) -> list[int]:
        text = super().clean(value)
        parts = text.split(",")
        if not all(part.isascii() and part.isdecimal() and len(part) < 20 for part in parts):
            raise forms.ValidationError(_("Pick the subscribers on the list once more."))
        ids = [pk for pk in dict.fromkeys(map(int, parts)) if pk <= HIGHEST_ID]
        if len(ids) > AT_MOST:
            raise forms.ValidationError(str(TooManyAtOnce(len(ids), AT_MOST)))
        return ids


class BulkForm(MoneyForm):
    """An act on the subscribers that were looked over."""

    ids = IdsField(label=_("Subscribers"), error_messages={"required": _("Pick them on the list first.")})

    def chosen(self, name: str, asked: QueryDict) -> Any:
        """Return what an address or a form asks for in one field, or None where that is nothing there is."""
        try:
            return self.fields[name].clean(asked.get(name))
        except forms.ValidationError:
            return None

    def contents(self) -> dict[str, Any]:
        """Return what the form is used up for: whom it is about, and what it does to them."""
        return {"subscribers": self.cleaned_data["ids"]}


class BulkRenewalForm(BulkForm):
    """One more period for each, at the price for all that was shown."""

    agreed_total = forms.DecimalField(required=False, widget=forms.HiddenInput)


class BulkSuspensionForm(BulkForm, SuspensionForm):
    """Why they are kept off."""

    def contents(self) -> dict[str, Any]:
        return super().contents() | {"reason": self.cleaned_data["reason"]}


class BulkPlanChangeForm(BulkForm):
    """Another plan for each, once it was shown what that costs."""

    to_plan = plan_field()
    shown = shown_field()

    def __init__(self, *args: Any, seat: Seat, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        plans = self.fields["to_plan"]
        assert isinstance(plans, forms.ModelChoiceField)
        plans.queryset = Plan.objects.visible_to(seat).on_sale().order_by("price", "name")

    def contents(self) -> dict[str, Any]:
        return super().contents() | {"plan": self.cleaned_data["to_plan"]}

    def agreed(self) -> tuple[datetime, Decimal] | None:
        """Return the moment and the amount due in all that were shown for these; None where nothing was."""
        return unsealed(self.cleaned_data["shown"], digest_of(self.cleaned_data["ids"]), self.cleaned_data["to_plan"])


def sealed_changes(subscriber_ids: Sequence[int], plan: Plan, at: datetime, total: Decimal) -> str:
    """Return what was shown of changing the plan of many, as the form carries it."""
    return sealed(digest_of(subscriber_ids), plan, at, total)


def digest_of(subscriber_ids: Sequence[int]) -> str:
    return hashlib.sha256(",".join(map(str, subscriber_ids)).encode()).hexdigest()


class BulkMoveForm(BulkForm):
    """Whose they are to be."""

    to_reseller = target_field()

    def __init__(self, *args: Any, seat: Seat, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer_targets(self.fields["to_reseller"], seat)

    def contents(self) -> dict[str, Any]:
        return super().contents() | {"reseller": self.cleaned_data["to_reseller"]}


class Selection:
    """Which subscribers of the list were picked: those ticked, or all of its own that match its filters."""

    def __init__(self, asked: QueryDict, seat: Seat) -> None:
        self.asked = asked
        self.seat = seat
        self.is_of_all = bool(asked.get("all"))

    def ids(self) -> list[int]:
        """Return their ids in the order of the list.

        :raises TooManyAtOnce:
        """
        if not self.is_of_all:
            picked = [text for text in self.asked.getlist("pick") if text.isascii() and text.isdecimal()]
            return [pk for pk in dict.fromkeys(int(text) for text in picked if len(text) < 20) if pk <= HIGHEST_ID]
        rows = SubscriberListForm(self.asked, seat=self.seat).apply(Subscriber.objects.actable_by(self.seat).kept())
        ids = list(rows.values_list("pk", flat=True)[: AT_MOST + 1])
        if len(ids) > AT_MOST:
            raise TooManyAtOnce(rows.count(), AT_MOST)
        return ids

    def carried(self) -> list[tuple[str, str]]:
        """Return what a form of this address has to send once more to mean the same subscribers."""
        return [(name, value) for name, values in self.asked.lists() if name in CARRIED for value in map(str, values)]


#: Of an address, what says which subscribers are meant.
CARRIED: Mapping[str, Any] = {"pick": None, "all": None, **SubscriberListForm.base_fields}
