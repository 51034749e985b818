"""Parsing a file of subscribers that is uploaded, and how its columns are matched."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _

from accounts.seats import Seat
from plans.models import Plan
from resellers.forms import ParentChoice
from resellers.models import Reseller
from subscribers.import_models import SubscriberImport
from subscribers.imports.fields import (
    FIELDS,
    control_of,
    guessed,
    head_of,
    meant_by,
    problems_of_matching,
    why_not,
)
from subscribers.imports.reading import UnusableFile, check_size

CHARGE, UNPAID = "charge", "unpaid"


class UploadForm(forms.Form):
    """A file, and whose subscribers are in it."""

    reseller = ParentChoice(
        label=_("Reseller"),
        queryset=Reseller.objects.none(),
        help_text=_("Whose lines these are; their wallet pays what is charged."),
    )
    file = forms.FileField(
        label=_("File"),
        allow_empty_file=True,
        widget=forms.FileInput({"accept": ".csv,.txt,text/csv", "class": "input"}),
        help_text=_("CSV in UTF-8, with commas, semicolons or tabs, up to 20 MB and 20,000 rows."),
    )

    def __init__(self, *args: Any, seat: Seat, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        resellers = self.fields["reseller"]
        assert isinstance(resellers, ParentChoice)
        resellers.queryset = Reseller.objects.in_tree_of(seat).kept().order_by("company_name")
        if seat.reseller:
            resellers.initial = seat.reseller.pk
            resellers.disabled = seat.reseller.is_sub

    def clean_file(self) -> UploadedFile[bytes]:
        """Refuse a file that is too large before it is read."""
        file: UploadedFile[bytes] = self.cleaned_data["file"]
        try:
            check_size(file.size or 0)
        except UnusableFile as refusal:
            raise forms.ValidationError(str(refusal)) from refusal
        return file


class MatchingForm(forms.Form):
    """Which column holds what, and how the lines are imported."""

    plan = forms.ModelChoiceField(
        label=_("Plan for all"),
        queryset=Plan.objects.none(),
        required=False,
        empty_label=_("As each row says"),
        help_text=_("For rows that name no plan."),
    )
    charging = forms.ChoiceField(
        label=_("Their first period"),
        choices=[
            (CHARGE, _("Activate and charge|Each line’s first period is taken from the wallet.")),
            (UNPAID, _("Save unpaid|They are saved as expired, and begin with their first renewal.")),
        ],
        initial=CHARGE,
        widget=forms.RadioSelect,
    )

    def __init__(self, *args: Any, seat: Seat, held: SubscriberImport, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.seat, self.held = seat, held
        plans = self.fields["plan"]
        assert isinstance(plans, forms.ModelChoiceField)
        plans.queryset = held.reseller.plans_for_sale().order_by("price", "name")
        matching = held.matching or guessed(held.columns, seat)
        choices = [("", _("Leave out")), *((each.name, each.label) for each in FIELDS.values())]
        for column, name in enumerate(matching):
            self.fields[control_of(column)] = forms.ChoiceField(
                label=head_of(held.columns, column),
                choices=choices,
                required=False,
                initial=name,
                widget=forms.Select({"class": "input"}),
            )
        if held.matching:
            self.initial.update(plan=held.plan_id, charging=CHARGE if held.activates else UNPAID)
        elif "expires_at" in matching:
            self.initial["charging"] = UNPAID
        if seat.is_admin:
            self.fields["charging"].help_text = _("A file with expiry dates charges nothing: save it unpaid.")

    @property
    def columns(self) -> list[forms.BoundField]:
        """The controls of the file's columns, in the file's order."""
        return [self[control_of(column)] for column in range(len(self.held.columns))]

    def notes(self) -> list[str]:
        """Return for each column why this seat does not import what its head names, or nothing."""
        return [why_not(meant_by(head), self.seat) for head in self.held.columns]

    def clean(self) -> dict[str, Any]:
        """Say of each column what speaks against matching it like this."""
        held: dict[str, Any] = super().clean() or {}
        problems = problems_of_matching(
            self.matching, seat=self.seat, has_plan=bool(held.get("plan")), activates=held.get("charging") == CHARGE
        )
        for problem in problems:
            self.add_error(problem.field, str(problem))
        return held

    @property
    def matching(self) -> list[str]:
        """For each column the name of a field, or nothing."""
        return [self.cleaned_data.get(control_of(column), "") for column in range(len(self.held.columns))]
