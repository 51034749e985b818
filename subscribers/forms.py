"""Parsing what is typed about subscribers."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.db.models import F, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.forms.fields import UsernameField
from accounts.seats import Seat
from ispanel.installation import end_of_day, midnight
from ispanel.lists import ListForm
from plans.models import Plan
from resellers.forms import EditFields, ParentChoice
from resellers.models import Reseller
from subscribers.models import RenewalQuerySet, Status, Subscriber, SubscriberQuerySet
from wallet.forms import MoneyForm

VIEWS = (
    ("", _("All")),
    (Status.ACTIVE.value, _("Active")),
    (Status.EXPIRED.value, _("Expired")),
)
MAC = re.compile(r"[0-9A-F]{12}", re.ASCII)
DUE_DAYS = (1, 3, 7, 30)


def select() -> forms.Select:
    """Return the control of a list's filter."""
    return forms.Select(attrs={"class": "input"})


def within(days: int) -> str:
    """Return the words for an expiry within so many days."""
    return ngettext("Within %(days)d day", "Within %(days)d days", days) % {"days": days}


class SubscriberListForm(ListForm):
    """The subscribers list: its tab, its filters and the search."""

    sorts = {
        "username": "username",
        "expires": "expires_at",
        "plan": "plan__name",
        "reseller": "reseller__company_name",
    }

    status = forms.ChoiceField(choices=VIEWS, required=False)
    plan = forms.ModelChoiceField(
        label=_("Plan"),
        queryset=Plan.objects.none(),
        required=False,
        empty_label=_("All plans"),
        widget=select(),
    )
    reseller = ParentChoice(
        label=_("Reseller"),
        queryset=Reseller.objects.none(),
        required=False,
        empty_label=_("All resellers"),
        widget=select(),
    )
    due = forms.TypedChoiceField(
        label=_("Expires"),
        coerce=int,
        empty_value=None,
        required=False,
        widget=select(),
    )

    def __init__(self, *args: Any, seat: Seat, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer_resellers(self.fields["reseller"], seat)
        plans, due = self.fields["plan"], self.fields["due"]
        assert isinstance(plans, forms.ModelChoiceField)
        assert isinstance(due, forms.ChoiceField)
        plans.queryset = Plan.objects.visible_to(seat).order_by("name")
        due.choices = [("", _("Any expiry")), *((days, within(days)) for days in DUE_DAYS)]

    def filtered(self, rows: SubscriberQuerySet) -> SubscriberQuerySet:
        """Return the rows of all tabs that match the filters."""
        if text := self.value("q"):
            rows = rows.named_like(text)
        if plan := self.value("plan"):
            rows = rows.filter(plan=plan)
        if reseller := self.value("reseller"):
            rows = rows.filter(reseller=reseller)
        if days := self.value("due"):
            rows = rows.expiring_within(days, timezone.now())
        return rows

    def apply(self, rows: SubscriberQuerySet) -> QuerySet[Subscriber]:
        """Return the rows of the open tab, in the order that the address names."""
        rows = self.filtered(rows)
        if status := self.value("status"):
            rows = rows.with_status(status, timezone.now())
        return self.ordered(rows)


class RenewalListForm(ListForm):
    """The periods sold: whose, and when they were bought."""

    reseller = ParentChoice(
        label=_("Reseller"),
        queryset=Reseller.objects.none(),
        required=False,
        empty_label=_("All resellers"),
        widget=select(),
    )
    #: Only what the sub-resellers of this seat's reseller sold.
    of_subs = forms.BooleanField(required=False)
    start = forms.DateField(label=_("From"), required=False)
    end = forms.DateField(label=_("To"), required=False)

    def __init__(self, *args: Any, seat: Seat, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.seat = seat
        offer_resellers(self.fields["reseller"], seat)

    def sold(self, rows: RenewalQuerySet) -> RenewalQuerySet:
        """Return the periods that were sold in the time that the address asks for."""
        return self._between(rows, "created_at")

    def refunded(self, rows: RenewalQuerySet) -> RenewalQuerySet:
        """Return the periods that were refunded in that time, whenever they were sold."""
        return self._between(rows.refunded(), "refunded_at")

    def apply(self, rows: RenewalQuerySet) -> RenewalQuerySet:
        """Return both, the newest first: a period that was refunded is there twice, the second time with a minus."""
        sold = self.sold(rows).as_lines("created_at", sign=1)
        refunded = self.refunded(rows).as_lines("refunded_at", sign=-1)
        return sold.union(refunded, all=True).order_by(F("at").desc(), F("id").desc(), F("sign"))

    def _between(self, rows: RenewalQuerySet, moment: str) -> RenewalQuerySet:
        if text := self.value("q"):
            rows = rows.filter(subscriber__username__icontains=text)
        if reseller := self.value("reseller"):
            rows = rows.filter(reseller=reseller)
        if self.value("of_subs") and self.seat.reseller:
            rows = rows.filter(reseller__parent=self.seat.reseller)
        if start := self.value("start"):
            rows = rows.filter(**{f"{moment}__gte": midnight(start)})
        if end := self.value("end"):
            rows = rows.filter(**{f"{moment}__lt": end_of_day(end)})
        return rows


def offer_resellers(field: forms.Field, seat: Seat) -> None:
    """Let a list be filtered by the resellers that the seat sees."""
    assert isinstance(field, ParentChoice)
    visible = Reseller.objects.visible_to(seat) if seat.has("resellers.view") else Reseller.objects.in_tree_of(seat)
    field.queryset = visible.kept().order_by("company_name")


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
FIELD_ORDER = ("username", "password", "reseller", "plan", "activate")


class DetailsForm(forms.Form):
    """What creating and editing a subscriber have in common."""

    field_order = FIELD_ORDER

    full_name = forms.CharField(label=_("Full name"), required=False, max_length=150)
    phone = forms.CharField(label=_("Phone"), required=False, max_length=40)
    email = forms.EmailField(label=_("Email"), required=False, max_length=254)
    address = forms.CharField(
        label=_("Address"), required=False, max_length=500, widget=forms.Textarea(attrs={"rows": 3})
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
        """Return the address in capitals with colons, however it was typed."""
        typed: str = self.cleaned_data["mac"]
        digits = re.sub(r"[:.\-\s]", "", typed).upper()
        if not digits:
            return ""
        if not MAC.fullmatch(digits):
            raise forms.ValidationError(_("Enter twelve hexadecimal digits, as in AA:BB:CC:DD:EE:FF."))
        return ":".join(digits[at : at + 2] for at in range(0, 12, 2))


class SubscriberCreateForm(MoneyForm, DetailsForm):
    """A new line. Whose it is can be chosen among the seat's own resellers."""

    field_order = FIELD_ORDER

    reseller = ParentChoice(
        label=_("Reseller"), queryset=Reseller.objects.none(), help_text=_("Whose line this is; their wallet pays.")
    )
    plan = forms.ModelChoiceField(
        label=_("Plan"),
        queryset=Plan.objects.none(),
        empty_label=_("Choose a plan"),
        help_text=_("Its price is taken from the wallet."),
    )
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
        resellers, plans = self.fields["reseller"], self.fields["plan"]
        assert isinstance(resellers, ParentChoice)
        assert isinstance(plans, forms.ModelChoiceField)
        resellers.queryset = (
            Reseller.objects.in_tree_of(seat).kept().select_related("wallet", "parent").order_by("company_name")
        )
        plans.queryset = Plan.objects.on_sale().order_by("price", "name")
        if seat.reseller:
            resellers.initial = seat.reseller.pk
            if seat.reseller.is_sub:
                resellers.disabled = True

    def contents(self) -> dict[str, Any]:
        """Return what the operation takes."""
        return {name: value for name, value in self.cleaned_data.items() if name != "idempotency_key"}

    def key_of_creation(self) -> Any:
        contents = self.contents()
        del contents["password"]
        return self.key("add_subscriber", contents)


class SubscriberEditForm(EditFields, DetailsForm):
    """A line that is there; plan, reseller and expiry have acts of their own."""

    password = password_field(required=False)


class RenewalForm(MoneyForm):
    """One more period, at the price that was shown."""

    agreed_price = agreed_price_field()
