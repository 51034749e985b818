"""Parsing what is typed about resellers."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import Count, Q, QuerySet
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _

from accounts.client_address import parse
from accounts.forms.fields import new_password_field, own_password_field, username_field
from accounts.models import PermissionGroup
from accounts.operations import group_for_new_resellers
from accounts.seats import Seat
from ispanel.fields import AmountField
from ispanel.lists import ListForm
from resellers.models import (
    ASKS_PARENT,
    WAITING,
    Reseller,
    ResellerQuerySet,
    TopUpRequest,
    TopUpRequestQuerySet,
    TopUpStatus,
    WanCheck,
)
from wallet.forms import MoneyForm

VIEWS = (
    ("", _("All")),
    ("top", _("Top level")),
    ("subs", _("Sub-resellers")),
    ("low", _("Low balance")),
    ("over", _("Over limit")),
    ("suspended", _("Suspended")),
    ("deleted", _("Deleted")),
)


class ResellerListForm(ListForm):
    """The resellers list: which view of it, and the search."""

    sorts = {
        "name": "company_name",
        "balance": "wallet__balance",
        "subscribers": "subscriber_count",
        "created": "created_at",
    }
    default_sort = "company_name"

    view = forms.ChoiceField(choices=VIEWS, required=False)

    def apply(self, rows: ResellerQuerySet) -> QuerySet[Reseller]:
        """Return the rows that the address asks for, in its order; the deleted ones stand on their own tab alone."""
        return self.ordered(in_view(self.searched(rows), self.value("view") or ""))

    def searched(self, rows: ResellerQuerySet) -> ResellerQuerySet:
        """Return the rows of all tabs that the search finds."""
        text = self.value("q")
        return rows.named_like(text) if text else rows


def in_view(rows: ResellerQuerySet, view: str) -> ResellerQuerySet:
    """Return the rows of one tab of the list."""
    if view == "deleted":
        return rows.restorable()
    rows = rows.kept()
    match view:
        case "top":
            return rows.top_level()
        case "subs":
            return rows.sub_resellers()
        case "low":
            return rows.low_on_balance()
        case "over":
            return rows.over_limit()
        case "suspended":
            return rows.suspended()
    return rows


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
    "identity_verified_at",
    "identity_verified_by",
    "agreement_signed_at",
    "agreement_reference",
    "starting_balance",
    "credit_limit",
    "parent",
    "permission_group",
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


class LoginFields(MoneyForm):
    """The login of a new reseller."""

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
        return {name: value for name, value in self.cleaned_data.items() if name != "idempotency_key"}

    def key_of_creation(self) -> Any:
        contents = self.contents()
        del contents["password"]
        return self.key("create_reseller", contents)


class SubResellerCreateForm(LoginFields, DetailsForm):
    """What a reseller fills in for a sub-reseller of its own."""

    def __init__(self, *args: Any, seat: Seat, **kwargs: Any) -> None:
        super().__init__(*args, seat=seat, **kwargs)
        self.initial.setdefault("permission_group", group_for_new_resellers())


class ResellerCreateForm(LoginFields, AdminDetailsForm):
    """What an admin fills in."""

    starting_balance = AmountField(
        label=_("Starting balance"),
        required=False,
        allow_zero=True,
        initial="0",
        help_text=_("Transferred from the platform's account when the reseller is created."),
    )

    def __init__(self, *args: Any, seat: Seat, **kwargs: Any) -> None:
        super().__init__(*args, seat=seat, **kwargs)
        self.initial.setdefault("permission_group", group_for_new_resellers())


def create_form_for(seat: Seat) -> type[SubResellerCreateForm] | type[ResellerCreateForm]:
    """Return the form that this seat fills in."""
    return ResellerCreateForm if seat.is_admin else SubResellerCreateForm


class EditFields(forms.Form):
    """What an edit form remembers of the state that it shows."""

    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def changes(self) -> dict[str, Any]:
        """Return what was changed, for the operation."""
        return {name: self.cleaned_data[name] for name in self.changed_data if name not in ("seen", "may_shut_out")}


class SubResellerEditForm(EditFields, DetailsForm):
    """What a reseller changes of its sub-reseller."""


class ResellerEditForm(EditFields, AdminDetailsForm):
    """What an admin changes."""

    #: Asked for once the allowed IPs were held back.
    may_shut_out = forms.BooleanField(label=_("Save it all the same"), required=False)


def edit_form_for(seat: Seat) -> type[SubResellerEditForm] | type[ResellerEditForm]:
    """Return the form that this seat fills in."""
    return ResellerEditForm if seat.is_admin else SubResellerEditForm


class SuspensionForm(forms.Form):
    """Why a reseller is suspended, and how far that goes."""

    reason = forms.CharField(
        label=_("Reason"), max_length=200, help_text=_("Stands on its page and in the audit trail.")
    )
    stops_renewals = forms.BooleanField(
        label=_("Also stop automatic renewals"),
        required=False,
        help_text=_(
            "Of its subscribers and its sub-resellers'. The panel renews nobody by itself yet: this is kept, and "
            "applies once it does. Renewing by hand stays possible."
        ),
    )


class PurgeForm(forms.Form):
    """What has to be typed before a reseller is deleted for good."""

    typed_username = forms.CharField(
        label=_("Username of the reseller"),
        max_length=254,
        widget=forms.TextInput(
            attrs={"dir": "ltr", "autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )
    own_password = own_password_field()


class AddressTestForm(forms.Form):
    """An address to hold against the lists."""

    address = forms.CharField(
        label=_("Address"),
        max_length=60,
        help_text=_("As in 203.0.113.7 or 2001:db8::7."),
        widget=forms.TextInput(attrs={"dir": "ltr", "autocomplete": "off", "spellcheck": "false"}),
    )

    def clean_address(self) -> str:
        """Return the address as the lists are compared with it."""
        address = parse(self.cleaned_data["address"])
        if address is None:
            raise forms.ValidationError(
                _("“%(typed)s” is no IP address."), params={"typed": self.cleaned_data["address"]}
            )
        return str(address)


class LoginAsForm(forms.Form):
    """Why one takes another's seat."""

    reason = forms.CharField(
        label=_("Reason"), max_length=200, help_text=_("Stands in the audit trail, where the reseller can read it.")
    )


class ThresholdForm(forms.Form):
    """From which balance on a wallet is listed as low."""

    threshold = AmountField(
        label=_("Low-balance threshold"),
        allow_zero=True,
        help_text=_("At this balance, or below it, the wallet is listed as low. 0: once it is empty."),
    )


#: The tabs of the top-up requests; what waits comes first. What waits for parents has a tab before admins alone.
REQUEST_VIEWS = (
    ("", TopUpStatus.OPEN.label),
    ("parents", _("Waiting for parents")),
    (TopUpStatus.APPROVED.value, TopUpStatus.APPROVED.label),
    (TopUpStatus.REFUSED.value, TopUpStatus.REFUSED.label),
    ("all", _("All")),
)


class TopUpListForm(ListForm):
    """The top-up requests: which tab of them, and the search."""

    sorts = {"asked": "created_at", "amount": "amount", "reseller": "reseller__company_name"}
    default_sort = "-created_at"

    view = forms.ChoiceField(choices=REQUEST_VIEWS, required=False)

    def __init__(self, *args: Any, seat: Seat, **options: Any) -> None:
        super().__init__(*args, **options)
        self.seat = seat

    def apply(self, rows: TopUpRequestQuerySet) -> QuerySet[TopUpRequest]:
        """Return the rows of the open tab, in the order that the address names."""
        return self.ordered(self.searched(rows).filter(self.condition_of(self.value("view") or "")))

    def condition_of(self, view: str) -> Q:
        """Return what holds for the rows of a tab; an admin finds apart what was asked of parents."""
        match view:
            case "":
                return WAITING & ~ASKS_PARENT if self.seat.is_admin else WAITING
            case "parents":
                return WAITING & ASKS_PARENT
            case "all":
                return Q()
        return Q(status=view)

    def counts(self, rows: TopUpRequestQuerySet) -> dict[str, int]:
        """Return in one query how many rows the search leaves in each tab that this seat has."""
        views = [key for key, _label in REQUEST_VIEWS if self.seat.is_admin or key != "parents"]
        found = self.searched(rows).aggregate(
            **{f"in_{key}": Count("pk", filter=self.condition_of(key)) for key in views}
        )
        return {key: found[f"in_{key}"] for key in views}

    def searched(self, rows: TopUpRequestQuerySet) -> TopUpRequestQuerySet:
        """Return the rows of all tabs that the search finds."""
        text = self.value("q")
        return rows.asked_like(text) if text else rows


class RefusalForm(forms.Form):
    """Why a top-up request is refused."""

    reason = forms.CharField(
        label=_("Reason"), max_length=200, help_text=_("Whoever asked reads it, and it stands in the audit trail.")
    )


class CancellationForm(forms.Form):
    """Taking back a top-up request; nothing is asked."""
