"""A forgotten password: whose it is, the code that was sent, and the next one."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.forms.fields import new_password_field
from accounts.forms.two_step import LONGEST_CODE


class ForgottenForm(forms.Form):
    """Whose password was forgotten."""

    login = forms.CharField(
        label=_("Username or email"),
        max_length=254,
        widget=forms.TextInput(
            attrs={
                "autocomplete": "username",
                "autocapitalize": "none",
                "spellcheck": "false",
                "dir": "ltr",
                "autofocus": True,
            }
        ),
    )


class ResetCodeForm(forms.Form):
    """The six digits that came by SMS."""

    code = forms.CharField(
        label=_("Code from the message"),
        max_length=LONGEST_CODE,
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "dir": "ltr", "autofocus": True}
        ),
    )


class NextPasswordForm(forms.Form):
    """The next password, which can be looked at before it is sent."""

    password = new_password_field(label=_("New password"))
