"""Choosing and revealing passwords."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.forms.fields import new_password_field, own_password_field


class PasswordForm(forms.Form):
    """A new password of one's own, typed twice."""

    own_password = own_password_field(_("Present password"))
    password = new_password_field(label=_("New password"))
    repeated = forms.CharField(
        label=_("New password again"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "dir": "ltr"}),
    )

    def clean_repeated(self) -> str:
        repeated: str = self.cleaned_data["repeated"]
        if repeated != self.cleaned_data.get("password"):
            raise forms.ValidationError(_("This differs from the new password above."))
        return repeated


class RevealForm(forms.Form):
    """The own password before an initial password is shown; not asked of whoever made the login just now."""

    own_password = own_password_field()

    def __init__(self, *args: Any, ask: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not ask:
            del self.fields["own_password"]
