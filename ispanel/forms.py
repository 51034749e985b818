"""The forms of the settings."""

from __future__ import annotations

import zoneinfo

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.forms.fields import own_password_field
from accounts.models import UserType
from ispanel.logos import HIGHEST_BYTES, BadPicture, as_png
from ispanel.models import PanelSettings


class GeneralSettingsForm(forms.ModelForm):  # type: ignore[type-arg]
    """Panel name, company, time zone and currency."""

    time_zone = forms.ChoiceField(
        label=_("Time zone"),
        choices=[(name, name.replace("_", " ")) for name in sorted(zoneinfo.available_timezones())],
        help_text=_("Days and months of figures begin at its midnight."),
    )
    logo = forms.FileField(
        label=_("Logo"),
        required=False,
        allow_empty_file=True,
        widget=forms.FileInput({"accept": "image/png,image/jpeg,image/webp"}),
        help_text=_("PNG, JPEG or WebP, up to 2 MB. Stands at the head of statements."),
    )
    removes_logo = forms.BooleanField(label=_("Remove the logo"), required=False)

    class Meta:
        model = PanelSettings
        fields = ["name", "company_name", "company_address", "time_zone", "currency_code", "currency_decimals"]
        widgets = {"company_address": forms.Textarea({"rows": 3})}
        help_texts = {
            "name": _("Stands in the sidebar, on the sign-in page and in the browser's tab."),
            "company_name": _("Who issues statements. Blank: the panel’s name."),
            "company_address": _("Stands on statements, line by line."),
            "currency_code": _("Three capital letters, as in USD. Locked once money has moved."),
            "currency_decimals": _("How many decimals amounts have, 0 to 4."),
        }

    def __init__(self, *args: object, currency_is_locked: bool, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        for name in ("currency_code", "currency_decimals"):
            self.fields[name].disabled = currency_is_locked

    def clean_company_address(self) -> str:
        """Return the address with the line ends that everybody but a browser has."""
        return "\n".join(self.cleaned_data["company_address"].splitlines())

    def clean_logo(self) -> bytes | None:
        """Return the picture as it will be kept, or None where none was chosen."""
        uploaded = self.cleaned_data["logo"]
        if uploaded is None:
            return None
        try:
            # One byte more than is allowed tells enough of a file that is far larger.
            return as_png(uploaded.read(HIGHEST_BYTES + 1))
        except BadPicture as problem:
            raise forms.ValidationError(str(problem)) from problem


class SecuritySettingsForm(forms.ModelForm):  # type: ignore[type-arg]
    """Who needs a second step, when sign-ins end, and whether initial passwords are kept."""

    two_step_for = forms.TypedMultipleChoiceField(
        label=_("Kinds of login that have to use it"),
        required=False,
        coerce=int,
        choices=[
            (UserType.ADMIN, _("Admins")),
            (UserType.SUPPORT, _("Support staff")),
            (UserType.RESELLER, _("Resellers and their staff")),
        ],
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Who has none is led to set it up before any other page. Everybody else may have it too."),
    )
    idle_minutes = forms.IntegerField(
        label=_("Without a request"),
        min_value=5,
        max_value=1440,
        help_text=_("A sign-in ends after so long without a click: 5 minutes to a day (1440)."),
    )
    absolute_hours = forms.IntegerField(
        label=_("Since signing in"),
        min_value=1,
        max_value=168,
        help_text=_("Every sign-in ends after so long, whatever happens in it: 1 hour to a week (168)."),
    )
    own_password = own_password_field()

    class Meta:
        model = PanelSettings
        fields = ["two_step_for", "idle_minutes", "absolute_hours", "keeps_initial_passwords"]
        help_texts = {
            "keeps_initial_passwords": _(
                "Encrypted and for seven days, so that who hands a login over can reveal it. "
                "Turning this off erases all copies."
            ),
        }
