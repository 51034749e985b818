"""The forms of the settings."""

from __future__ import annotations

import zoneinfo

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.forms.fields import own_password_field
from accounts.models import UserType
from ispanel.models import PanelSettings


class GeneralSettingsForm(forms.ModelForm):  # type: ignore[type-arg]
    """Panel name, time zone and currency."""

    time_zone = forms.ChoiceField(
        label=_("Time zone"),
        choices=[(name, name.replace("_", " ")) for name in sorted(zoneinfo.available_timezones())],
        help_text=_("Days and months of figures begin at its midnight."),
    )

    class Meta:
        model = PanelSettings
        fields = ["name", "time_zone", "currency_code", "currency_decimals"]
        help_texts = {
            "name": _("Stands in the sidebar, on the sign-in page and in the browser's tab."),
            "currency_code": _("Three capital letters, as in USD. Locked once money has moved."),
            "currency_decimals": _("How many decimals amounts have, 0 to 4."),
        }

    def __init__(self, *args: object, currency_is_locked: bool, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        for name in ("currency_code", "currency_decimals"):
            self.fields[name].disabled = currency_is_locked


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
