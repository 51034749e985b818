"""Parsing what is typed of a subscriber."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.forms.fields import UsernameField
from accounts.seats import Seat
from ispanel.fields import AmountField
from network.models import Nas
from plans.models import Plan
from resellers.forms import EditFields, ParentChoice
from resellers.models import Reseller
from resellers.terms import NoServiceGroups
from subscribers.mac_addresses import InvalidMac, parse_mac
from subscribers.models import Subscriber
from wallet.forms import MoneyForm


def agreed_price_field() -> forms.DecimalField:
    """Return the field that carries the price that a person was shown back to the operation."""
    return forms.DecimalField(required=False, widget=forms.HiddenInput)


def password_field(*, required: bool) -> forms.CharField:
    return forms.CharField(
        label=_("Password"),
        strip=False,
        required=required,
        max_length=128,
        help_text=_("What the line authenticates with.") if required else _("Empty keeps the present one."),
        widget=forms.PasswordInput(
            attrs={"autocomplete": "new-password", "dir": "ltr", "data-password": "generate"}, render_value=True
        ),
    )


#: The order on the page, in which problems are listed too; the rest follows.
FIELD_ORDER = ("username", "password", "reseller", "plan", "nas", "retail_price", "auto_renew", "activate")


class OptionalAmountField(AmountField):
    """An amount of 0 or more, or nothing at all: an empty field is None, not 0."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_zero=True, required=False, **kwargs)

    def to_python(self, value: Any) -> Decimal | None:
        text = "" if value is None else str(value).strip()
        return super().to_python(text) if text else None


def retail_price_field() -> OptionalAmountField:
    return OptionalAmountField(
        label=_("They pay"), help_text=_("For each period, from the next one on. Empty: what you ask of everybody.")
    )


def offer_plans(field: forms.Field, seat: Seat, reseller: Reseller | None, *, but: int | None = None) -> None:
    """Offer the plans that the reseller may sell; until one is chosen, all that the seat sees.

    Any plan that the seat sees is taken, so that the operation says what is wrong with one that is not offered.
    """
    assert isinstance(field, forms.ModelChoiceField)
    seen = Plan.objects.visible_to(seat)
    field.queryset = seen
    offered = (reseller.plans_for_sale() if reseller else seen.on_sale()).order_by("price", "name")
    field.widget.choices = [("", field.empty_label), *((plan.pk, str(plan)) for plan in offered if plan.pk != but)]


def offer_nas(field: forms.Field, seat: Seat, reseller: Reseller | None, *, present: Nas | None = None) -> None:
    """Offer the NAS devices of the reseller's scope, and the present one whatever it is."""
    assert isinstance(field, forms.ModelChoiceField)
    keeps = Q(pk=present.pk) if present else Q(pk__in=[])
    seen, scope = Nas.objects.visible_to(seat), reseller.nas_in_scope() if reseller else Nas.objects.visible_to(seat)
    field.queryset = Nas.objects.filter(Q(pk__in=seen.values("pk")) | Q(pk__in=scope.values("pk")) | keeps)
    offered = Nas.objects.filter(Q(pk__in=scope.values("pk")) | keeps).order_by("name")
    field.widget.choices = [("", field.empty_label), *((nas.pk, nas.name) for nas in offered)]


class DetailsForm(forms.Form):
    """What creating and editing a subscriber have in common."""

    field_order = FIELD_ORDER

    full_name = forms.CharField(label=_("Full name"), required=False, max_length=150)
    phone = forms.CharField(label=_("Phone"), required=False, max_length=40)
    email = forms.EmailField(label=_("Email"), required=False, max_length=254)
    address = forms.CharField(
        label=_("Address"), required=False, max_length=500, widget=forms.Textarea(attrs={"rows": 3})
    )
    nas = forms.ModelChoiceField(
        label=_("NAS device"),
        queryset=Nas.objects.none(),
        required=False,
        empty_label=_("None: nobody is told of this line"),
        help_text=_("The access server that carries the line: it is told to disconnect it, or of another speed."),
        error_messages={"invalid_choice": _("This NAS device is not there for this reseller. Choose another one.")},
    )
    auto_renew = forms.BooleanField(
        label=_("Auto-renew"),
        required=False,
        help_text=_("The panel renews the line by itself when it expires, as far as the wallet goes."),
    )
    static_ip = forms.GenericIPAddressField(
        label=_("Static IP"), required=False, help_text=_("Empty: the access server gives one.")
    )
    mac = forms.CharField(
        label=_("MAC address"),
        required=False,
        max_length=40,
        help_text=_("Kept for the access server, as in AA:BB:CC:DD:EE:FF."),
        widget=forms.TextInput(attrs={"dir": "ltr"}),
    )
    note = forms.CharField(label=_("Note"), required=False, max_length=1000, widget=forms.Textarea(attrs={"rows": 3}))

    def clean_static_ip(self) -> str | None:
        return self.cleaned_data["static_ip"] or None

    def clean_mac(self) -> str:
        """Return the address as it is kept, however it was typed."""
        try:
            return parse_mac(self.cleaned_data["mac"])
        except InvalidMac as problem:
            raise forms.ValidationError(str(problem)) from problem


class SubscriberCreateForm(MoneyForm, DetailsForm):
    """A new line. Whose it is can be chosen among the seat's own resellers."""

    field_order = FIELD_ORDER

    reseller = ParentChoice(
        label=_("Reseller"),
        queryset=Reseller.objects.none(),
        empty_label=_("Choose a reseller"),
        help_text=_("Whose line this is; their wallet pays."),
    )
    plan = forms.ModelChoiceField(
        label=_("Plan"),
        queryset=Plan.objects.none(),
        empty_label=_("Choose a plan"),
        help_text=_("Its price is taken from the wallet."),
        error_messages={"invalid_choice": _("This plan is not sold here. Choose another one.")},
    )
    retail_price = retail_price_field()
    agreed_price = agreed_price_field()
    username = UsernameField(
        label=_("Username"),
        max_length=150,
        help_text=_("What the line signs in with: a to z, digits and . _ + @ -"),
        widget=forms.TextInput(
            attrs={"dir": "ltr", "autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )
    password = password_field(required=True)
    activate = forms.BooleanField(
        label=_("Activate and charge now"),
        required=False,
        initial=True,
        help_text=_("Otherwise it is saved unpaid, as expired, and starts with its first renewal."),
    )

    def __init__(self, *args: Any, seat: Seat, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        resellers = self.fields["reseller"]
        assert isinstance(resellers, ParentChoice)
        resellers.queryset = (
            Reseller.objects.in_tree_of(seat)
            .kept()
            .select_related("wallet", "parent", "level")
            .order_by("company_name")
        )
        if seat.reseller:
            self.initial.setdefault("reseller", seat.reseller.pk)
            if seat.reseller.is_sub:
                self.initial["reseller"], resellers.disabled = seat.reseller.pk, True
        if not seat.has("subscribers.set_price"):
            del self.fields["retail_price"]
        self.chosen = self._chosen_reseller()
        offer_plans(self.fields["plan"], seat, self.chosen)
        offer_nas(self.fields["nas"], seat, self.chosen)

    def _chosen_reseller(self) -> Reseller | None:
        """Return the reseller that is chosen so far, by what was sent or by what the form starts with."""
        field = self.fields["reseller"]
        value = self.get_initial_for_field(field, "reseller") if field.disabled else self["reseller"].value()
        try:
            found: Reseller | None = field.clean(value) if value else None
        except forms.ValidationError:
            return None
        return found

    @property
    def why_nothing_is_sold(self) -> str:
        """Return why there is no plan to choose, and whom to ask, or nothing."""
        if self.chosen is None or self.chosen.service_groups.exists():
            return ""
        return str(NoServiceGroups(self.chosen))

    def contents(self) -> dict[str, Any]:
        """Return what the operation takes."""
        return {name: value for name, value in self.cleaned_data.items() if name != "idempotency_key"}

    def key_of_creation(self) -> Any:
        contents = self.contents()
        del contents["password"]
        return self.key("add_subscriber", contents)


class SubscriberEditForm(EditFields, DetailsForm):
    """A line that is there; plan, reseller, price and expiry have acts of their own."""

    password = password_field(required=False)

    def __init__(self, *args: Any, seat: Seat, subscriber: Subscriber, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer_nas(self.fields["nas"], seat, subscriber.reseller, present=subscriber.nas)
