"""Parsing what is typed about permission groups, and about the logins in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import forms
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.permissions import PERMISSIONS, Permission
from ispanel.lists import ListForm


class GroupListForm(ListForm):
    """How the permission groups are sorted."""

    sorts = {"name": "name", "resellers": "reseller_count", "logins": "login_count"}
    default_sort = "name"


@dataclass(frozen=True, slots=True)
class Tick:
    """A permission with its checkbox."""

    permission: Permission
    control: str
    id: str


class GroupForm(forms.Form):
    """A permission group: its name, and a box for every permission."""

    name = forms.CharField(label=_("Name"), max_length=60, help_text=_("What you pick when you give it to somebody."))
    sentence = forms.CharField(
        label=_("In one sentence"), max_length=200, required=False, help_text=_("Who it is for, and what they do.")
    )
    available_to_subs = forms.BooleanField(
        label=_("Available to sub-resellers"),
        required=False,
        help_text=_(
            "Resellers may give it to their sub-resellers, if they may do all of it themselves. "
            "Not possible with a permission that sees beyond its own scope."
        ),
    )
    codes = forms.MultipleChoiceField(
        label=_("Permissions"),
        choices=[(code, permission.sentence) for code, permission in PERMISSIONS.items()],
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Tick at least one permission.")},
    )
    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def ticks(self) -> list[Tick]:
        """Return every permission with its box, in the order of the registry."""
        boxes = [(PERMISSIONS[str(box.data["value"])], box) for box in self["codes"].subwidgets]
        return [Tick(permission, box.tag(), str(box.id_for_label)) for permission, box in boxes]

    def details(self) -> dict[str, Any]:
        """Return what the operations take."""
        return {name: value for name, value in self.cleaned_data.items() if name != "seen"}


class LoginListForm(ListForm):
    """The search for a login."""

    default_sort = "username"

    def apply(self, rows: QuerySet[User]) -> QuerySet[User]:
        """Return the logins that the address asks for, by username."""
        text = self.value("q")
        if text:
            rows = rows.filter(
                Q(username__icontains=text)
                | Q(email__icontains=text)
                | Q(full_name__icontains=text)
                | Q(reseller__company_name__icontains=text)
                | Q(reseller__display_name__icontains=text)
            )
        return self.ordered(rows)
