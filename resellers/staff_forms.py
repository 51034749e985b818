"""Parsing what is typed about the staff logins of resellers."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from accounts.forms.people import ContactFields, GroupCards, NewLoginFields
from accounts.models import PermissionGroup
from accounts.seats import Seat
from ispanel.lists import ListForm
from resellers.forms import ParentChoice
from resellers.models import Reseller, StaffLogin, StaffLoginQuerySet

VIEWS = (("", _("All")), ("removed", _("Removed")))


class StaffListForm(ListForm):
    """The staff list: those who can sign in or those who were removed, and the search."""

    sorts = {"name": "username", "reseller": "reseller__company_name", "last_login": "last_login"}
    default_sort = "username"

    view = forms.ChoiceField(choices=VIEWS, required=False)

    def apply(self, rows: StaffLoginQuerySet) -> QuerySet[StaffLogin]:
        """Return the rows that the address asks for, in its order."""
        return self.ordered(rows.filter(is_active=self.value("view") != "removed"))

    def searched(self, rows: StaffLoginQuerySet) -> StaffLoginQuerySet:
        """Return the rows of both tabs that the search finds."""
        text = self.value("q")
        return rows.named_like(text) if text else rows


class GroupOfStaff(forms.Form):
    """What a staff login may do: an admin gives any group, others those within what they may do themselves."""

    permission_group = GroupCards(
        label=_("Permission group"),
        queryset=PermissionGroup.objects.none(),
        help_text=_("They may do what both this group and their reseller may do."),
    )

    def __init__(self, *args: Any, seat: Seat, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        groups = PermissionGroup.objects.all() if seat.is_admin else PermissionGroup.objects.within(seat.rights)
        present = Q(pk=self.initial.get("permission_group"))
        field = self.fields["permission_group"]
        assert isinstance(field, GroupCards)
        field.queryset = PermissionGroup.objects.filter(Q(pk__in=groups.values("pk")) | present).order_by("id")
        field.empty_label = None


class StaffCreateForm(NewLoginFields, GroupOfStaff):
    """A new staff login; an admin says whose."""

    field_order = ("reseller", *NewLoginFields.field_order, "permission_group")

    reseller = ParentChoice(
        label=_("Reseller"), queryset=Reseller.objects.none(), help_text=_("Whose staff this login belongs to.")
    )

    def __init__(self, *args: Any, seat: Seat, **kwargs: Any) -> None:
        super().__init__(*args, seat=seat, **kwargs)
        reseller = self.fields["reseller"]
        assert isinstance(reseller, ParentChoice)
        if seat.is_admin:
            reseller.queryset = Reseller.objects.visible_to(seat).kept().order_by("company_name")
        else:
            del self.fields["reseller"]


class StaffEditForm(ContactFields, GroupOfStaff):
    """What is changed of a staff login."""

    field_order = ("full_name", "email", "phone", "permission_group")

    full_name = forms.CharField(label=_("Full name"), required=False, max_length=150)

    def __init__(self, *args: Any, seat: Seat, **kwargs: Any) -> None:
        super().__init__(*args, seat=seat, **kwargs)
        if seat.is_borrowed:
            self.fields["email"].disabled = self.fields["phone"].disabled = True
