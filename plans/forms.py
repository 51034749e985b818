"""Parsing what is typed about plans."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from ispanel.fields import AmountField
from ispanel.lists import ListForm
from plans.models import DurationUnit

LONGEST_IN_MONTHS = 120
KBPS_IN_MBPS = 1000
MB_IN_GB = 1000


class PlanListForm(ListForm):
    """How the plans are sorted."""

    sorts = {"name": "name", "price": "price", "subscribers": "subscriber_count"}
    default_sort = "price"


class PlanForm(forms.Form):
    """A plan. Speeds and quota are typed as people say them, and kept in kbit/s and MB."""

    name = forms.CharField(label=_("Name"), max_length=100, help_text=_("What resellers pick and subscribers read."))
    price = AmountField(label=_("Price"), allow_zero=True, help_text=_("Charged for each period; 0 is allowed."))
    duration = forms.IntegerField(
        label=_("Duration"), min_value=1, max_value=3650, initial=30, help_text=_("How long one period lasts.")
    )
    duration_unit = forms.ChoiceField(
        label=_("Counted in"),
        choices=DurationUnit.choices,
        initial=DurationUnit.DAYS,
        help_text=_("A month from the 31st ends on the last day there is."),
    )
    download_mbps = forms.DecimalField(
        label=_("Download"), min_value=0, max_value=1_000_000, decimal_places=3, help_text=_("To the subscriber.")
    )
    upload_mbps = forms.DecimalField(
        label=_("Upload"), min_value=0, max_value=1_000_000, decimal_places=3, help_text=_("From the subscriber.")
    )
    quota_gb = forms.DecimalField(
        label=_("Quota"),
        required=False,
        min_value=0,
        max_value=1_000_000,
        decimal_places=3,
        help_text=_("Data in a period. Empty is unlimited."),
    )
    is_on_sale = forms.BooleanField(
        label=_("On sale"),
        required=False,
        initial=True,
        help_text=_("Subscribers who have it keep and renew it when it is no longer sold."),
    )

    def clean(self) -> dict[str, Any]:
        held: dict[str, Any] = super().clean() or self.cleaned_data
        months = held.get("duration_unit") == DurationUnit.MONTHS
        if months and held.get("duration", 0) > LONGEST_IN_MONTHS:
            self.add_error(
                "duration", _("A plan lasts at most ten years: %(count)d months.") % {"count": LONGEST_IN_MONTHS}
            )
        return held

    def clean_download_mbps(self) -> int:
        return self.kbps("download_mbps")

    def clean_upload_mbps(self) -> int:
        return self.kbps("upload_mbps")

    def kbps(self, name: str) -> int:
        kbps = int(self.cleaned_data[name] * KBPS_IN_MBPS)
        if not kbps:
            raise forms.ValidationError(_("Enter a speed above zero."))
        return kbps

    def clean_quota_gb(self) -> int | None:
        gigabytes = self.cleaned_data["quota_gb"]
        if gigabytes is None:
            return None
        if not gigabytes:
            raise forms.ValidationError(_("Enter a quota above zero, or leave it empty for unlimited."))
        return int(gigabytes * MB_IN_GB)

    def details(self) -> dict[str, object]:
        """Return what the operations take."""
        held = dict(self.cleaned_data)
        return {
            "download_kbps": held.pop("download_mbps"),
            "upload_kbps": held.pop("upload_mbps"),
            "quota_mb": held.pop("quota_gb"),
            **held,
        }
