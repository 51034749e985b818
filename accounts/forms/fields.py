"""The fields that several forms have: usernames, new passwords and one's own."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.functional import lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import username_characters
from ispanel.installation import panel_settings

PASSWORD = _("Password")
RULES = _("12 to 128 characters, without the username or the company name. Several words are best.")
YOUR_PASSWORD = _("Your password")


class UsernameField(forms.CharField):
    """A username as people type it: folded to lower case, of the characters that usernames have."""

    default_validators = [username_characters]

    def to_python(self, value: Any) -> str:
        return (super().to_python(value) or "").lower()

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        """Leave the browser's own limit out: it would cut a longer name without a word."""
        return {name: value for name, value in super().widget_attrs(widget).items() if name != "maxlength"}


def username_field() -> forms.CharField:
    """Return the field for a new username; the operation checks that it is free."""
    return UsernameField(
        label=_("Username"),
        max_length=150,
        help_text=_("Lower case: a to z, digits and . _ + @ - . It stays reserved for good."),
        widget=forms.TextInput(
            attrs={"dir": "ltr", "autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
        ),
        error_messages={"max_length": _("Use at most 150 characters for the username.")},
    )


def help_on_initial_password() -> str:
    """Return the rules, and that nobody can look the password up, where that is so."""
    rules = str(RULES)
    if panel_settings().keeps_initial_passwords:
        return rules
    return f"{rules} {gettext('It is not kept: note it now.')}"


def new_password_field(*, generate: bool = False, label: Any = PASSWORD) -> forms.CharField:
    """Return the field for a new password; the operation checks its rules. Pasting is welcome."""
    attrs = {"autocomplete": "new-password", "dir": "ltr"}
    if generate:
        attrs["data-password"] = "generate"
    return forms.CharField(
        label=label,
        strip=False,
        # No max_length: with it the browser would cut off, without a word, what is pasted.
        help_text=lazy(help_on_initial_password, str)() if generate else RULES,
        # What an admin typed for somebody else is kept on a page with errors; a password of one's own never comes back.
        widget=forms.PasswordInput(attrs=attrs, render_value=generate),
    )


def own_password_field(label: Any = YOUR_PASSWORD) -> forms.CharField:
    """Return the field in which people confirm who they are."""
    return forms.CharField(
        label=label, strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "current-password", "dir": "ltr"})
    )
