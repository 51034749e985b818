"""The general settings' form."""

from __future__ import annotations

import zoneinfo

from django import forms
from django.utils.translation import gettext_lazy as _

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
