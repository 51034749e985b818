"""The audit trail at the desk, to be read."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.translation import gettext_lazy as _

from accounts.desk.model_admin import DeskAdmin
from audit.actions import Action
from audit.models import AuditEntry, Grade
from ispanel.templatetags.panel import moment
from reports.kinds import LABELS


class ChoiceFilter(admin.SimpleListFilter):
    """One value of a column, out of those that there are names for."""

    parameter_name: str
    choices_of: Any = ()

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(self.choices_of)

    def queryset(self, request: HttpRequest, queryset: QuerySet[AuditEntry]) -> QuerySet[AuditEntry]:
        chosen = self.value()
        return queryset.filter(**{self.parameter_name: chosen}) if chosen in dict(self.choices_of) else queryset


class WhenFilter(admin.DateFieldListFilter):
    """Today, the last days, this month or year."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = _("time")


class ObjectFilter(ChoiceFilter):
    title, parameter_name, choices_of = _("kind of object"), "object_type", tuple(LABELS.items())


class GradeFilter(ChoiceFilter):
    title, parameter_name, choices_of = _("grade"), "grade", Grade.choices


class ActionFilter(ChoiceFilter):
    title, parameter_name, choices_of = _("action"), "action", Action.choices
    template = "desk/folded_filter.html"


@admin.register(AuditEntry)
class AuditEntryAdmin(DeskAdmin):
    """Who did what, to whom, from where. ``object_id`` is how an object's page asks for its own trail."""

    view_code = "audit.view"
    filters = frozenset({"at__gte", "at__lt", "at__isnull", "object_type", "object_id", "grade", "action"})
    list_display = ("when", "who", "sentence", "on_what", "detail", "address")
    list_filter = (("at", WhenFilter), ObjectFilter, GradeFilter, ActionFilter)
    search_fields = ("actor_name", "on_behalf_of_name", "object_name", "detail", "changes", "address", "request_id")
    search_help_text = _("Who, on what, detail, old or new value, address or request id.")
    ordering = ("-id",)
    sortable_by = ()
    readonly_fields = (
        "when",
        "who",
        "sentence",
        "grade",
        "on_what",
        "changed",
        "detail",
        "address",
        "user_agent",
        "request_id",
    )

    @admin.display(description=_("When"))
    def when(self, entry: AuditEntry) -> str:
        return moment(entry.at)

    @admin.display(description=_("Who"))
    def who(self, entry: AuditEntry) -> str:
        if not entry.on_behalf_of_name:
            return entry.actor_name
        return str(_("%(actor)s as %(other)s") % {"actor": entry.actor_name, "other": entry.on_behalf_of_name})

    @admin.display(description=_("On what"))
    def on_what(self, entry: AuditEntry) -> str:
        return entry.object_name

    @admin.display(description=_("What"))
    def sentence(self, entry: AuditEntry) -> str:
        return entry.sentence

    @admin.display(description=_("What changed"))
    def changed(self, entry: AuditEntry) -> str:
        return format_html_join("", "<p>{}: {} → {}</p>", ((c.field, c.old, c.new) for c in entry.readable_changes))
