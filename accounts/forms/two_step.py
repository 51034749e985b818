"""Codes of second steps, and the own password before one is changed."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.forms.fields import own_password_field

#: Longer than any code with everything that people put between its characters.
LONGEST_CODE = 40


def code_field() -> forms.CharField:
    """Return the field for what the authenticator app shows."""
    return forms.CharField(
        label=_("Code from your authenticator app"),
        max_length=LONGEST_CODE,
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "dir": "ltr", "spellcheck": "false"}
        ),
    )


class CodeForm(forms.Form):
    """The code that proves the app has the secret."""

    code = code_field()


class SecondStepForm(forms.Form):
    """The code that finishes a sign-in; either kind is taken, and one kind is asked for."""

    code = code_field()

    def __init__(self, *args: Any, recovery: bool, **kwargs: Any) -> None:
        """Ask for a recovery code, with a keyboard that has letters, where ``recovery`` says so."""
        super().__init__(*args, **kwargs)
        field = self.fields["code"]
        field.widget.attrs["autofocus"] = True
        if recovery:
            field.label = _("Recovery code")
            field.help_text = _("One of the ten that you were shown with the QR code. Each of them works once.")
            field.widget.attrs |= {"inputmode": "text", "autocomplete": "off", "autocapitalize": "none"}


class OwnPasswordForm(forms.Form):
    """The own password before the second step changes."""

    own_password = own_password_field()
