"""Parsing what is typed about plans."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from ispanel.fields import AmountField
from ispanel.installation import currency
from ispanel.lists import ListForm
from plans.models import DurationUnit, Plan, ServiceGroup, in_gb, in_mbps

LONGEST_IN_MONTHS = 120
KBPS_IN_MBPS = 1000
MB_IN_GB = 1000
#: How many data packs a plan sells at most.
PACKS = 6
FAIR_USE = ("fup_threshold_gb", "throttled_download_mbps", "throttled_upload_mbps")


class PlanListForm(ListForm):
    """How the plans are sorted."""

    sorts = {"name": "name", "price": "price", "subscribers": "subscriber_count"}
    default_sort = "price"


def data_field(label: Any, help_text: Any = "") -> forms.DecimalField:
    """Return an optional field for data in GB."""
    return forms.DecimalField(
        label=label, required=False, min_value=0, max_value=1_000_000, decimal_places=3, help_text=help_text
    )


def speed_field(label: Any, help_text: Any, *, required: bool = True) -> forms.DecimalField:
    """Return a field for a speed in Mbit/s."""
    return forms.DecimalField(
        label=label, required=required, min_value=0, max_value=1_000_000, decimal_places=3, help_text=help_text
    )


class PlanForm(forms.Form):
    """A plan. Speeds and data are typed as people say them, and kept in kbit/s and MB."""

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
    service_groups = forms.ModelMultipleChoiceField(
        label=_("Service groups"),
        queryset=ServiceGroup.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    download_mbps = speed_field(_("Download"), _("To the subscriber."))
    upload_mbps = speed_field(_("Upload"), _("From the subscriber."))
    quota_gb = data_field(_("Quota"), _("Data in a period. Empty is unlimited."))
    fup_threshold_gb = data_field(_("Fair-use threshold"), _("Data in a period at full speed."))
    throttled_download_mbps = speed_field(
        _("Throttled download"), _("To the subscriber, beyond the threshold."), required=False
    )
    throttled_upload_mbps = speed_field(
        _("Throttled upload"), _("From the subscriber, beyond the threshold."), required=False
    )
    is_on_sale = forms.BooleanField(
        label=_("On sale"),
        required=False,
        initial=True,
        help_text=_("Subscribers who have it keep and renew it when it is no longer sold."),
    )

    def __init__(self, *args: Any, is_new: bool = False, **options: Any) -> None:
        super().__init__(*args, **options)
        groups = ServiceGroup.objects.filter(holds_every_plan=False).order_by("name")
        self.every = list(ServiceGroup.objects.filter(holds_every_plan=True).order_by("name"))
        field = self.fields["service_groups"]
        assert isinstance(field, forms.ModelMultipleChoiceField)
        if is_new and groups.exists():
            field.queryset = groups
        else:
            del self.fields["service_groups"]
        for number in range(1, PACKS + 1):
            self.fields[f"pack_{number}_gb"] = data_field(_("Data of pack %(number)d") % {"number": number})
            self.fields[f"pack_{number}_price"] = AmountField(
                label=_("Price of pack %(number)d") % {"number": number},
                required=False,
                allow_zero=True,
                keeps_empty=True,
            )

    @property
    def pack_rows(self) -> list[tuple[forms.BoundField, forms.BoundField]]:
        """The rows of the data packs: size and price."""
        return [(self[f"pack_{number}_gb"], self[f"pack_{number}_price"]) for number in range(1, PACKS + 1)]

    def clean(self) -> dict[str, Any]:
        held: dict[str, Any] = super().clean() or self.cleaned_data
        months = held.get("duration_unit") == DurationUnit.MONTHS
        if months and held.get("duration", 0) > LONGEST_IN_MONTHS:
            self.add_error(
                "duration", _("A plan lasts at most ten years: %(count)d months.") % {"count": LONGEST_IN_MONTHS}
            )
        self.check_fair_use(held)
        held["data_packs"] = self.packs(held)
        return held

    def check_fair_use(self, held: dict[str, Any]) -> None:
        """Refuse fair use that is said in part, never begins, or speeds up."""
        if any(name in self.errors for name in FAIR_USE) or all(held[name] is None for name in FAIR_USE):
            return
        for name in FAIR_USE:
            if held[name] is None:
                self.add_error(name, _("Enter this too, or leave all three fields of fair use empty."))
        for name in ("download", "upload"):
            throttled, full = held.get(f"throttled_{name}_mbps"), held.get(f"{name}_mbps")
            if throttled and full and throttled > full:
                self.add_error(
                    f"throttled_{name}_mbps",
                    _("Not above the plan's own speed, %(speed)s Mbit/s.") % {"speed": in_mbps(full)},
                )
        threshold, quota = held.get("fup_threshold_gb"), held.get("quota_gb")
        if threshold and quota and threshold > quota:
            self.add_error("fup_threshold_gb", _("Not above the quota, %(quota)s.") % {"quota": in_gb(quota)})

    def packs(self, held: dict[str, Any]) -> dict[int, Decimal]:
        """Return the price of each data pack by its megabytes."""
        found: dict[int, Decimal] = {}
        for size, price in self.pack_rows:
            if size.errors or price.errors:
                continue
            gigabytes, amount = held[size.name], held[price.name]
            if gigabytes is None and amount is None:
                continue
            if gigabytes is None or not gigabytes:
                self.add_error(size.name, _("Enter how much data it is, or leave the row empty."))
            elif amount is None:
                self.add_error(price.name, _("Enter its price, or leave the row empty."))
            elif held.get("quota_gb", 0) is None:
                self.add_error(
                    size.name, _("A plan without a quota sells no data. Enter a quota, or leave this empty.")
                )
            elif (megabytes := int(gigabytes * MB_IN_GB)) in found:
                self.add_error(size.name, _("There is a pack of %(size)s above.") % {"size": in_gb(megabytes)})
            else:
                found[megabytes] = amount
        return found

    def clean_download_mbps(self) -> int | None:
        return self.kbps("download_mbps")

    def clean_upload_mbps(self) -> int | None:
        return self.kbps("upload_mbps")

    def clean_throttled_download_mbps(self) -> int | None:
        return self.kbps("throttled_download_mbps")

    def clean_throttled_upload_mbps(self) -> int | None:
        return self.kbps("throttled_upload_mbps")

    def kbps(self, name: str) -> int | None:
        mbps = self.cleaned_data[name]
        if mbps is None:
            return None
        kbps = int(mbps * KBPS_IN_MBPS)
        if not kbps:
            raise forms.ValidationError(_("Enter a speed above zero."))
        return kbps

    def clean_quota_gb(self) -> int | None:
        return self.megabytes("quota_gb", _("Enter a quota above zero, or leave it empty for unlimited."))

    def clean_fup_threshold_gb(self) -> int | None:
        return self.megabytes("fup_threshold_gb", _("Enter a threshold above zero, or leave fair use empty."))

    def megabytes(self, name: str, sentence: Any) -> int | None:
        gigabytes = self.cleaned_data[name]
        if gigabytes is None:
            return None
        if not gigabytes:
            raise forms.ValidationError(sentence)
        return int(gigabytes * MB_IN_GB)

    def details(self) -> dict[str, object]:
        """Return what the operations take."""
        names = ("name", "price", "duration", "duration_unit", "is_on_sale", "data_packs")
        held = self.cleaned_data
        chosen = {"service_groups": list(held["service_groups"])} if "service_groups" in held else {}
        return {
            **{name: held[name] for name in names},
            **chosen,
            "download_kbps": held["download_mbps"],
            "upload_kbps": held["upload_mbps"],
            "quota_mb": held["quota_gb"],
            "fup_threshold_mb": held["fup_threshold_gb"],
            "throttled_download_kbps": held["throttled_download_mbps"],
            "throttled_upload_kbps": held["throttled_upload_mbps"],
        }


def as_typed(plan: Plan) -> dict[str, Any]:
    """Return the plan as the form shows it."""
    typed = {
        "name": plan.name,
        "price": str(plan.price.quantize(currency().smallest)),
        "duration": plan.duration,
        "duration_unit": plan.duration_unit,
        "download_mbps": trimmed(plan.download_kbps, KBPS_IN_MBPS),
        "upload_mbps": trimmed(plan.upload_kbps, KBPS_IN_MBPS),
        "quota_gb": trimmed(plan.quota_mb, MB_IN_GB),
        "fup_threshold_gb": trimmed(plan.fup_threshold_mb, MB_IN_GB),
        "throttled_download_mbps": trimmed(plan.throttled_download_kbps, KBPS_IN_MBPS),
        "throttled_upload_mbps": trimmed(plan.throttled_upload_kbps, KBPS_IN_MBPS),
        "is_on_sale": plan.is_on_sale,
    }
    for number, pack in enumerate(plan.data_packs.on_sale(), 1):
        typed[f"pack_{number}_gb"] = trimmed(pack.megabytes, MB_IN_GB)
        typed[f"pack_{number}_price"] = str(pack.price.quantize(currency().smallest))
    return typed


def trimmed(number: int | None, unit: int) -> str:
    """Return the number in a larger unit without zeros at its end, or nothing."""
    return f"{(Decimal(number) / unit).normalize():f}" if number else ""
