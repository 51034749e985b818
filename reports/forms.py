"""The audit page's filters."""

from __future__ import annotations

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from audit.actions import Action
from audit.models import AuditEntry, AuditQuerySet, Grade
from ispanel.installation import end_of_day, midnight
from ispanel.lists import ListForm

#: What the trail tells of, by the name under which a row keeps it.
OBJECTS = (
    ("subscriber", _("Subscribers")),
    ("plan", _("Plans")),
    ("reseller", _("Resellers")),
    ("user", _("Logins")),
    ("panelsettings", _("General settings")),
)


class AuditListForm(ListForm):
    """Who, what, on which kind of object, how grave, and when."""

    actor = forms.CharField(label=_("Who"), required=False, max_length=100)
    action = forms.ChoiceField(label=_("What"), choices=[("", _("All actions")), *Action.choices], required=False)
    object_type = forms.ChoiceField(label=_("On what"), choices=[("", _("All objects")), *OBJECTS], required=False)
    grade = forms.ChoiceField(label=_("Grade"), choices=[("", _("All grades")), *Grade.choices], required=False)
    start = forms.DateField(label=_("From"), required=False)
    end = forms.DateField(label=_("To"), required=False)

    def apply(self, rows: AuditQuerySet) -> QuerySet[AuditEntry]:
        """Return the rows that the address asks for, the newest first."""
        start, end = self.value("start"), self.value("end")
        rows = rows.between(midnight(start) if start else None, end_of_day(end) if end else None)
        if name := self.value("actor"):
            rows = rows.by(name)
        if text := self.value("q"):
            rows = rows.mentioning(text)
        for field in ("action", "object_type", "grade"):
            if value := self.value(field):
                rows = rows.filter(**{field: value})
        return rows.order_by("-id")
