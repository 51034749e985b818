"""Making and changing logins of other people: admins, support staff, and a reseller's staff."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from accounts.forms.fields import new_password_field, own_password_field, username_field
from accounts.models import PermissionGroup, User, UserQuerySet, UserType
from ispanel.lists import ListForm

VIEWS = (("", _("All")), ("admins", _("Admins")), ("support", _("Support staff")), ("removed", _("Removed")))
KINDS = (
    (UserType.SUPPORT.value, _("Support staff|Reads what the permission group allows.")),
    (UserType.ADMIN.value, _("Admin|Sees and does everything, money included.")),
)


class UserListForm(ListForm):
    """The users list: which view of it, and the search."""

    sorts = {"name": "username", "last_login": "last_login"}
    default_sort = "username"

    view = forms.ChoiceField(choices=VIEWS, required=False)

    def apply(self, rows: UserQuerySet) -> QuerySet[User]:
        """Return the rows that the address asks for, in its order."""
        match self.value("view"):
            case "admins":
                rows = rows.filter(user_type=UserType.ADMIN, is_active=True)
            case "support":
                rows = rows.filter(user_type=UserType.SUPPORT, is_active=True)
            case "removed":
                rows = rows.filter(is_active=False)
        return self.ordered(rows)

    def searched(self, rows: UserQuerySet) -> UserQuerySet:
        """Return the rows of all tabs that the search finds."""
        text = self.value("q")
        return rows.named_like(text) if text else rows


class ContactFields(forms.Form):
    """How a login is reached; it can sign in by the email too."""

    email = forms.EmailField(
        label=_("Email"),
        required=False,
        max_length=254,
        help_text=_("For signing in too."),
        widget=forms.EmailInput(attrs={"dir": "ltr", "autocomplete": "off"}),
    )
    phone = forms.CharField(
        label=_("Phone"),
        required=False,
        max_length=40,
        help_text=_("With the country code."),
        widget=forms.TextInput(attrs={"dir": "ltr", "autocomplete": "off"}),
    )


class NewLoginFields(ContactFields):
    """A new login: its name, its first password, how it is reached."""

    field_order: tuple[str, ...] = ("username", "password", "must_change_password", "full_name", "email", "phone")

    username = username_field()
    password = new_password_field(generate=True)
    must_change_password = forms.BooleanField(
        label=_("Force password change"),
        required=False,
        initial=True,
        help_text=_("They choose their own at the first sign-in. Recommended: you never see that one."),
    )
    full_name = forms.CharField(label=_("Full name"), required=False, max_length=150)


class GroupCards(forms.ModelChoiceField):  # type: ignore[type-arg]
    """Permission groups as cards: name and sentence."""

    widget = forms.RadioSelect

    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.name}|{obj.sentence}"


def group_of_support_staff() -> GroupCards:
    """Return the field for what support staff may read."""
    return GroupCards(
        label=_("Permission group"),
        queryset=PermissionGroup.objects.order_by("id"),
        required=False,
        blank=True,  # Else radio buttons have no choice for none.
        empty_label=_("No group|May do nothing yet."),
        help_text=_("For support staff. An admin may do everything."),
    )


class PersonCreateForm(NewLoginFields):
    """A new admin or member of the support staff."""

    field_order = ("user_type", "permission_group", *NewLoginFields.field_order, "own_password")

    user_type = forms.TypedChoiceField(
        label=_("Kind of login"), choices=KINDS, coerce=int, widget=forms.RadioSelect, initial=UserType.SUPPORT.value
    )
    permission_group = group_of_support_staff()
    own_password = own_password_field()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["own_password"].help_text = _("To confirm that it is you who lets somebody in.")


class PersonEditForm(forms.Form):
    """The name of an admin or of support staff, and the group of the latter."""

    full_name = forms.CharField(label=_("Full name"), required=False, max_length=150)
    permission_group = group_of_support_staff()

    def __init__(self, *args: Any, is_admin: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["permission_group"].help_text = ""
        if is_admin:
            del self.fields["permission_group"]


class ConfirmForm(forms.Form):
    """Nothing but the own password, before an act on somebody's login."""

    own_password = own_password_field()


class UsernameForm(ConfirmForm):
    """A new username."""

    field_order = ("username", "own_password")

    username = username_field()


class ContactForm(ContactFields, ConfirmForm):
    """A new email or phone."""

    field_order = ("email", "phone", "own_password")


class NewPasswordForm(ConfirmForm):
    """A password for somebody else, typed or generated."""

    field_order = ("password", "own_password")

    password = new_password_field(generate=True, label=_("New password"))
