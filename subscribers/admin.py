"""Subscribers at the desk: all of them, with their contact data to be kept right."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.desk.model_admin import DeskAdmin
from ispanel.templatetags.panel import moment
from subscribers import operations
from subscribers.models import Status, Subscriber, SubscriberQuerySet


class StatusFilter(admin.SimpleListFilter):
    """Where the line stands now."""

    title = _("status")
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(Status.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Subscriber]) -> QuerySet[Subscriber]:
        assert isinstance(queryset, SubscriberQuerySet)
        chosen = self.value()
        return queryset.with_status(chosen, timezone.now()) if chosen in Status.values else queryset


@admin.register(Subscriber)
class SubscriberAdmin(DeskAdmin):
    """Username, plan, expiry and reseller are read; how to reach the people at the line is changed."""

    view_code, edit_code = "subscribers.view", "subscribers.edit"
    edits = operations.CONTACT
    filters = frozenset({"status"})
    list_display = ("username", "full_name", "phone", "email", "status", "plan", "owner", "expires")
    list_filter = (StatusFilter,)
    list_select_related = ("plan", "reseller")
    search_fields = ("username", "full_name", "phone", "email", "address")
    search_help_text = _("Username, full name, phone, email or address.")
    ordering = ("username",)
    readonly_fields = ("username", "status", "plan", "owner", "expires", "static_ip", "mac", "note", "created")

    @admin.display(description=_("Status"))
    def status(self, line: Subscriber) -> Any:
        return line.status.label

    @admin.display(description=_("Reseller"), ordering="reseller__company_name")
    def owner(self, line: Subscriber) -> str:
        return line.reseller.public_name

    @admin.display(description=_("Expires"), ordering="expires_at")
    def expires(self, line: Subscriber) -> str:
        return moment(line.expires_at)

    @admin.display(description=_("Added"), ordering="created_at")
    def created(self, line: Subscriber) -> str:
        return moment(line.created_at)

    def state_of(self, obj: Subscriber) -> str:
        return operations.state_of(obj)

    def act(self, pk: int, **arguments: Any) -> None:
        operations.edit_subscriber(subscriber_id=pk, **arguments)
