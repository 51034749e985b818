"""What is typed about a new reseller, and changed of one that is there."""

from __future__ import annotations

from typing import Any

from django import forms
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _

from accounts.forms.fields import new_password_field, username_field
from accounts.models import PermissionGroup
from accounts.operations import group_for_new_resellers
from accounts.seats import Seat
from ispanel.fields import AmountField
from ispanel.installation import currency
from ispanel.models import prefix_characters
from plans.models import Level
from resellers.forms.scope import ScopeFields, TakingFields
from resellers.forms.terms import LevelChoice
from resellers.models import Reseller, WanCheck
from resellers.operations import default_groups
from wallet.forms import MoneyForm

#: The order on the page, in which problems are listed too.
FIELD_ORDER = (
    "username",
    "password",
    "email",
    "phone",
    "full_name",
    "must_change_password",
    "company_name",
    "display_name",
    "address",
    "tax_line",
    "invoice_prefix",
    "identity_verified_at",
    "identity_verified_by",
    "agreement_signed_at",
    "agreement_reference",
    "starting_balance",
    "credit_limit",
    "parent",
    "permission_group",
    "level",
    "service_groups",
    "nas_scope",
    "nas_devices",
    "allowed_ips",
    "wan_check",
)


class GroupChoice(forms.ModelChoiceField):  # type: ignore[type-arg]
    """Permission groups as cards: name and sentence."""

    widget = forms.RadioSelect

    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.name}|{obj.sentence}"


class ParentChoice(forms.ModelChoiceField):  # type: ignore[type-arg]
    def label_from_instance(self, obj: Any) -> str:
        return str(obj.public_name)


def date_field(label: Any) -> forms.DateField:
    return forms.DateField(label=label, required=False, widget=forms.DateInput(attrs={"type": "date"}))


class DetailsForm(forms.Form):
    """What creating and editing a reseller have in common, as everybody sees it."""

    field_order = FIELD_ORDER

    email = forms.EmailField(
        label=_("Email"), required=False, max_length=254, help_text=_("They can sign in with it too.")
    )
    phone = forms.CharField(label=_("Phone"), required=False, max_length=40, help_text=_("With the country code."))
    full_name = forms.CharField(
        label=_("Full name"), required=False, max_length=150, help_text=_("The person you deal with.")
    )
    company_name = forms.CharField(
        label=_("Company name"),
        max_length=150,
        help_text=_("The public name; it stands on their subscribers' invoices."),
    )
    display_name = forms.CharField(
        label=_("Display name"),
        required=False,
        max_length=150,
        help_text=_("What lists show, if it should be shorter than the company name."),
    )
    address = forms.CharField(
        label=_("Address"),
        required=False,
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Stands on invoices that the reseller issues."),
    )
    tax_line = forms.CharField(
        label=_("Tax line"),
        required=False,
        max_length=150,
        help_text=_("Stands on the invoices that this reseller issues, under the address: for example VAT LB 601 233."),
    )
    invoice_prefix = forms.CharField(
        label=_("Invoice prefix"),
        required=False,
        max_length=12,
        validators=[prefix_characters],
        widget=forms.TextInput({"dir": "ltr"}),
        help_text=_(
            "Stands on the invoices that this reseller issues, before the number. Blank: that of the billing settings."
        ),
    )
    permission_group = GroupChoice(
        label=_("Permission group"), queryset=PermissionGroup.objects.none(), help_text=_("What this login may do.")
    )

    def __init__(self, *args: Any, seat: Seat, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        group = self.fields["permission_group"]
        assert isinstance(group, GroupChoice)
        if seat.is_borrowed and self.initial.get("company_name"):
            self.fields["email"].disabled = self.fields["phone"].disabled = True
        if seat.is_admin:
            group.queryset = PermissionGroup.objects.order_by("id")
            group.required = False
            group.empty_label = str(_("No group|Everything, within its own scope."))
        else:
            group.queryset = PermissionGroup.objects.within(seat.rights).order_by("id")


class AdminDetailsForm(DetailsForm):
    """What only an admin sees besides."""

    identity_verified_at = date_field(_("Identity verified on"))
    identity_verified_by = forms.CharField(label=_("Verified by"), required=False, max_length=150)
    agreement_signed_at = date_field(_("Agreement signed on"))
    agreement_reference = forms.CharField(label=_("Agreement reference"), required=False, max_length=100)
    credit_limit = AmountField(
        label=_("Credit limit"),
        required=False,
        allow_zero=True,
        allow_minus=True,
        initial="0",
        help_text=_("How far below zero charges for subscribers may take the balance."),
    )
    parent = ParentChoice(
        label=_("Parent reseller"),
        queryset=Reseller.objects.none(),
        required=False,
        empty_label=_("None: top level"),
        help_text=_("Only top-level resellers can have sub-resellers."),
    )
    allowed_ips = forms.CharField(
        label=_("Allowed IPs"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "dir": "ltr", "spellcheck": "false"}),
        help_text=_("Addresses and CIDR blocks, one per line or with commas. Empty: from anywhere."),
    )
    wan_check = forms.ChoiceField(
        label=_("WAN check"),
        choices=WanCheck.choices,
        initial=WanCheck.INHERIT,
        help_text=_(
            "Inherit takes the parent's setting, at top level off. Applied by the access servers once there are any."
        ),
    )

    def __init__(self, *args: Any, seat: Seat, **kwargs: Any) -> None:
        super().__init__(*args, seat=seat, **kwargs)
        parent = self.fields["parent"]
        assert isinstance(parent, ParentChoice)
        parent.queryset = Reseller.objects.kept().top_level().order_by("company_name")


class NewResellerForm(MoneyForm, ScopeFields):
    """The login of a new reseller, and its scope."""

    field_order = FIELD_ORDER

    username = username_field()
    password = new_password_field(generate=True)
    must_change_password = forms.BooleanField(
        label=_("Force password change"),
        required=False,
        initial=True,
        help_text=_("They choose their own at the first sign-in. Recommended: you never see that one."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Asked when the field is left, so that a taken name is known before the whole form is sent.
        self.fields["username"].widget.attrs |= {
            "hx-get": reverse_lazy("resellers:create"),
            "hx-trigger": "change",
            "hx-target": "#username-note",
            "hx-swap": "innerHTML",
        }

    def contents(self) -> dict[str, Any]:
        """Return what the form holds, for its key and for the operation, without the key itself."""
        elsewhere = ("idempotency_key", "nas_scope")
        held = {name: value for name, value in self.cleaned_data.items() if name not in elsewhere}
        return held | self.scope()

    def key_of_creation(self) -> Any:
        contents = self.contents()
        del contents["password"]
        return self.key("create_reseller", contents)


class SubResellerCreateForm(NewResellerForm, DetailsForm):
    """What a reseller fills in for a sub-reseller of its own."""

    def __init__(self, *args: Any, seat: Seat, **kwargs: Any) -> None:
        super().__init__(*args, seat=seat, **kwargs)
        self.initial.setdefault("permission_group", group_for_new_resellers())
        self.initial.setdefault("service_groups", default_groups(seat.reseller))
        self.offer_of(seat.reseller)


class ResellerCreateForm(NewResellerForm, AdminDetailsForm):
    """What an admin fills in."""

    starting_balance = AmountField(
        label=_("Starting balance"),
        required=False,
        allow_zero=True,
        initial="0",
        help_text=_("Transferred from the platform's account when the reseller is created."),
    )
    credit_limit = AmountField(
        label=_("Credit limit"),
        required=False,
        allow_zero=True,
        allow_minus=True,
        keeps_empty=True,
        help_text=_(
            "How far below zero charges for subscribers may take the balance. "
            "Empty: the level's default, or 0 without a level."
        ),
    )
    level = LevelChoice(
        label=_("Level"),
        queryset=Level.objects.order_by("rank"),
        required=False,
        empty_label=_("No level: no discount, any credit limit"),
        help_text=_(
            "Choosing one fills in the credit limit and the permission group, which may be changed after that."
        ),
    )

    def __init__(self, *args: Any, seat: Seat, **kwargs: Any) -> None:
        super().__init__(*args, seat=seat, **kwargs)
        self.initial.setdefault("permission_group", group_for_new_resellers())
        self.initial.setdefault("service_groups", default_groups(self.parent_at_first()))
        self.offer_of(None)
        # Asked when another one is chosen, so that what it fills in is seen before the form is sent.
        self.fields["level"].widget.attrs |= {
            "hx-get": reverse_lazy("resellers:create"),
            "hx-trigger": "change",
            "hx-target": "#level-terms",
            "hx-swap": "outerHTML",
        }

    def parent_at_first(self) -> Reseller | None:
        """Return the parent that the address names, where there is one."""
        named = str(self.initial.get("parent") or "")
        parents = Reseller.objects.kept().top_level()
        return parents.filter(pk=int(named)).first() if named.isascii() and named.isdecimal() else None

    @property
    def chosen_level(self) -> Level | None:
        """The level that stands in the form, valid or not otherwise."""
        try:
            found: Level | None = self.fields["level"].clean(self["level"].value())
        except forms.ValidationError:
            return None
        return found


def terms_of_level(level: Level | None) -> dict[str, Any]:
    """Return what a level fills in; without one, what a new reseller has."""
    if level is None:
        return {"credit_limit": "", "permission_group": group_for_new_resellers()}
    return {
        "level": level,
        "credit_limit": str(level.default_credit_limit.quantize(currency().smallest)),
        "permission_group": level.default_permission_group,
    }


def create_form_for(seat: Seat) -> type[SubResellerCreateForm] | type[ResellerCreateForm]:
    """Return the form that this seat fills in."""
    return ResellerCreateForm if seat.is_admin else SubResellerCreateForm


class EditFields(forms.Form):
    """What an edit form remembers of the state that it shows."""

    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def changes(self) -> dict[str, Any]:
        """Return what was changed, for the operation."""
        asked = ("seen", "may_shut_out", "shown", "may_keep_renewing")
        return {name: self.cleaned_data[name] for name in self.changed_data if name not in asked}


class SubResellerEditForm(EditFields, DetailsForm):
    """What a reseller changes of its sub-reseller."""


class ResellerEditForm(EditFields, TakingFields, AdminDetailsForm):
    """What an admin changes."""

    #: Asked for once the allowed IPs were held back.
    may_shut_out = forms.BooleanField(label=_("Save it all the same"), required=False)


def edit_form_for(seat: Seat) -> type[SubResellerEditForm] | type[ResellerEditForm]:
    """Return the form that this seat fills in."""
    return ResellerEditForm if seat.is_admin else SubResellerEditForm
