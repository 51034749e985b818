"""What is typed about service groups and NAS devices, and what is asked before something is taken away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from network.models import Nas
from plans.models import Plan, ServiceGroup
from resellers.models import Reseller
from resellers.operations import TakesAway, Taking

ALL, LIST = "all", "list"


class ServiceGroupChoice(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]
    """Service groups as cards: name and sentence."""

    widget = forms.CheckboxSelectMultiple

    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.name}|{obj.sentence}"


class ScopeFields(forms.Form):
    """What a reseller may sell, and which NAS devices it may use."""

    service_groups = ServiceGroupChoice(
        label=_("Service groups"),
        queryset=ServiceGroup.objects.none(),
        required=False,
        help_text=_("It sells the plans of these alone. Without any it sells nothing."),
    )
    nas_scope = forms.ChoiceField(
        label=_("NAS devices"),
        choices=[(ALL, _("All that its parent may use")), (LIST, _("Only those ticked below"))],
        initial=ALL,
        widget=forms.RadioSelect,
        help_text=_("Its lines may be on these alone. At top level, all means every one there is."),
    )
    nas_devices = forms.ModelMultipleChoiceField(
        label=_("The ticked ones"),
        queryset=Nas.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    def offer(self, groups: QuerySet[ServiceGroup], devices: QuerySet[Nas]) -> None:
        """Let one choose among these; where there are no NAS devices, none are asked for."""
        for name, rows in (("service_groups", groups), ("nas_devices", devices)):
            field = self.fields[name]
            assert isinstance(field, forms.ModelMultipleChoiceField)
            field.queryset = rows.order_by("name")
        if not devices.exists():
            del self.fields["nas_scope"], self.fields["nas_devices"]

    def offer_of(self, parent: Reseller | None) -> None:
        """Let one choose among what the parent has, or among all there is at top level."""
        if parent is None:
            self.offer(ServiceGroup.objects.all(), Nas.objects.all())
        else:
            self.offer(parent.service_groups.all(), parent.nas_in_scope())

    def clean(self) -> dict[str, Any]:
        held: dict[str, Any] = super().clean() or self.cleaned_data
        if held.get("nas_scope") == LIST and not held.get("nas_devices") and "nas_devices" not in self.errors:
            self.add_error("nas_devices", _("Tick at least one NAS device, or choose all."))
        return held

    def scope(self) -> dict[str, Any]:
        """Return what the operations take."""
        held = self.cleaned_data
        return {
            "service_groups": list(held["service_groups"]),
            "nas_is_limited": held.get("nas_scope", ALL) == LIST,
            "nas_devices": list(held.get("nas_devices", ())),
        }


class TakingFields(forms.Form):
    """What is asked before an act takes from lines what they use. It is shown once, and sent along the next time."""

    #: The digest of the taking that stands on the page; see `templates/resellers/_taking.html`.
    shown = forms.CharField(required=False)
    may_keep_renewing = forms.BooleanField(
        label=_("These may keep renewing"),
        required=False,
        help_text=_("With the plan and the NAS device that they have, until one of them is changed."),
    )
    #: What the act would take away, once it was held back.
    taking: Taking | None = None

    def consent(self) -> dict[str, Any]:
        """Return what the person has seen and wants, for the operation."""
        return {name: self.cleaned_data[name] for name in ("shown", "may_keep_renewing")}


@contextmanager
def held_back_into(form: forms.Form) -> Iterator[None]:
    """Let the form show what an act that was held back would take; to be used within `refusals_into`."""
    try:
        yield
    except TakesAway as held_back:
        if isinstance(form, TakingFields):
            form.taking = held_back.taking
        raise


class ScopeForm(TakingFields, ScopeFields):
    """The scope of a reseller that is there."""

    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, reseller: Reseller, **options: Any) -> None:
        super().__init__(*args, **options)
        self.reseller = reseller
        self.offer_of(reseller.parent)

    def scope(self) -> dict[str, Any]:
        """Return what the operations take; about NAS devices what is there, where none were asked for."""
        if "nas_scope" in self.fields:
            return super().scope()
        kept = {"nas_is_limited": self.reseller.nas_is_limited, "nas_devices": list(self.reseller.nas_devices.all())}
        return super().scope() | kept


class ServiceGroupForm(TakingFields):
    """A service group and its plans."""

    name = forms.CharField(
        label=_("Name"), max_length=100, help_text=_("What you pick when you give it to a reseller.")
    )
    sentence = forms.CharField(
        label=_("What it is for"), max_length=200, required=False, help_text=_("Stands beside the name.")
    )
    is_default = forms.BooleanField(
        label=_("Default"), required=False, help_text=_("Ticked already on the form of a new reseller.")
    )
    plans = forms.ModelMultipleChoiceField(
        label=_("Plans"),
        queryset=Plan.objects.order_by("name"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, group: ServiceGroup | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        if group and group.holds_every_plan:
            del self.fields["plans"]

    def details(self) -> dict[str, Any]:
        """Return what the operations take."""
        held = self.cleaned_data
        return {
            **{name: held[name] for name in ("name", "sentence", "is_default")},
            "plans": list(held.get("plans", ())),
        }


class GroupsOfPlanForm(TakingFields):
    """Which service groups hold a plan."""

    service_groups = ServiceGroupChoice(
        label=_("Service groups"),
        queryset=ServiceGroup.objects.filter(holds_every_plan=False).order_by("name"),
        required=False,
    )
    seen = forms.CharField(required=False, widget=forms.HiddenInput)
