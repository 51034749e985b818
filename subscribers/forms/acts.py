"""Parsing the forms of acts on one subscriber."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.core.signing import BadSignature, Signer
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from accounts.seats import Seat
from ispanel.installation import currency
from ispanel.money import with_code
from plans.models import DataPack, Plan, wholesale
from resellers.forms import ParentChoice
from resellers.models import Reseller
from subscribers.forms.details import agreed_price_field, offer_plans, retail_price_field
from subscribers.models import Subscriber
from subscribers.operations import PlanChange
from wallet.forms import MoneyForm

#: What was shown of a change of plan comes back signed: its moment is not for anybody to choose.
SIGNER = Signer(salt="subscribers.plan_change")


class RenewalForm(MoneyForm):
    """One more period, at the price that was shown."""

    agreed_price = agreed_price_field()


def plan_field() -> forms.ModelChoiceField:  # type: ignore[type-arg]
    return forms.ModelChoiceField(
        label=_("New plan"),
        queryset=Plan.objects.none(),
        empty_label=_("Choose a plan"),
        error_messages={"invalid_choice": _("This plan is not sold here. Choose another one.")},
    )


def shown_field() -> forms.CharField:
    """Return the field that carries what was shown of a change of plan back; see `sealed`."""
    return forms.CharField(required=False, widget=forms.HiddenInput)


class PlanChangeForm(MoneyForm):
    """Another plan, once the arithmetic was shown."""

    plan = plan_field()
    shown = shown_field()

    def __init__(self, *args: Any, seat: Seat, subscriber: Subscriber, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.subscriber = subscriber
        offer_plans(self.fields["plan"], seat, subscriber.reseller, but=subscriber.plan_id)

    def agreed(self) -> tuple[datetime, Decimal] | None:
        """Return the moment and the amount due that were shown of this plan; None where nothing was."""
        return unsealed(self.cleaned_data["shown"], str(self.subscriber.pk), self.cleaned_data["plan"])


def sealed(whose: str, plan: Plan, at: datetime, due: Decimal) -> str:
    """Return what was shown of a change of plan, as its form carries it.

    :param whose: the subscriber, or the subscribers.
    """
    return SIGNER.sign_object([whose, plan.pk, at.isoformat(), str(due)])


def sealed_change(change: PlanChange) -> str:
    return sealed(str(change.subscriber.pk), change.plan, change.at, change.due)


def unsealed(text: str, whose: str, plan: Plan) -> tuple[datetime, Decimal] | None:
    """Return the moment and the amount due that were shown of this plan for them; None where nothing was."""
    try:
        shown_whose, plan_id, at, due = SIGNER.unsign_object(text)
    except BadSignature:
        return None
    return (datetime.fromisoformat(at), Decimal(due)) if (shown_whose, plan_id) == (whose, plan.pk) else None


class DataForm(MoneyForm):
    """Data on top of the running period's quota: a pack, at the price that was shown."""

    pack = forms.ChoiceField(
        label=_("Data"),
        widget=forms.RadioSelect,
        error_messages={"invalid_choice": _("This data is not offered at that price any more. Choose once more.")},
    )

    def __init__(self, *args: Any, packs: list[DataPack], reseller: Reseller, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.packs = {str(pack.pk): pack for pack in packs}
        field = self.fields["pack"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [offer_of(pack, reseller) for pack in packs]

    def wanted(self) -> tuple[DataPack, Decimal]:
        """Return the pack and the price at which it was shown."""
        pk, _bar, price = self.cleaned_data["pack"].partition(":")
        return self.packs[pk], Decimal(price)


def offer_of(pack: DataPack, reseller: Reseller) -> tuple[str, str]:
    """Return the choice of a pack: its value carries the price, so that no other one is charged."""
    price, money = wholesale(pack.price, reseller.discount), currency()
    sentence = _now("%(price)s from the wallet, which then holds %(after)s. They pay %(retail)s.") % {
        "price": with_code(price, money),
        "after": with_code((reseller.wallet.balance or Decimal(0)) - price, money),
        "retail": with_code(pack.price, money),
    }
    return f"{pack.pk}:{price}", f"{pack}|{sentence}"


class PriceForm(forms.Form):
    """What one subscriber is asked for."""

    retail_price = retail_price_field()


def target_field() -> ParentChoice:
    return ParentChoice(
        label=_("New reseller"),
        queryset=Reseller.objects.none(),
        empty_label=_("Choose a reseller"),
        error_messages={"invalid_choice": _("You can move subscribers to yourself and your own sub-resellers only.")},
    )


def offer_targets(field: forms.Field, seat: Seat, *, but: int | None = None) -> None:
    """Offer the seat's own resellers. Anybody's is taken, so that the operation refuses it and the trail is told."""
    assert isinstance(field, ParentChoice)
    field.queryset = Reseller.objects.all()
    offered = Reseller.objects.in_tree_of(seat).kept().order_by("company_name")
    field.widget.choices = [("", field.empty_label), *((row.pk, row.public_name) for row in offered if row.pk != but)]


class MoveForm(forms.Form):
    """Whose the subscriber is to be."""

    reseller = target_field()

    def __init__(self, *args: Any, seat: Seat, owner: Reseller, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer_targets(self.fields["reseller"], seat, but=owner.pk)


class SuspensionForm(forms.Form):
    """Why a line is kept off."""

    reason = forms.CharField(
        label=_("Reason"), required=False, max_length=200, help_text=_("Stands in the audit trail.")
    )


class ConfirmationForm(forms.Form):
    """An act that asks for nothing."""


class TerminationForm(forms.Form):
    """What has to be typed before a line is ended for ever."""

    typed_username = forms.CharField(
        label=_("Username of the subscriber"),
        max_length=150,
        widget=forms.TextInput(
            attrs={"dir": "ltr", "autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )

    def __init__(self, *args: Any, username: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.username = username

    def clean_typed_username(self) -> str:
        typed: str = self.cleaned_data["typed_username"].strip().lower()
        if typed != self.username:
            raise forms.ValidationError(_("This is not the subscriber’s username. Nothing was done."))
        return typed
