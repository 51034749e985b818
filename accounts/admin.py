"""Sign-ins at the desk: who is signed in, since when, and from where."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.desk.model_admin import DeskAdmin
from accounts.models import Session
from ispanel.installation import panel_settings
from ispanel.templatetags.panel import moment


@admin.register(Session)
class SignInAdmin(DeskAdmin):
    """A list without pages: a row's address would name its key. What the session holds is not even read."""

    view_code = "audit.view"
    has_pages = False
    list_display = ("who", "since", "last_seen", "address", "browser")
    list_display_links = None
    list_select_related = ("user",)
    search_fields = ("user__username", "user__full_name", "address", "user_agent")
    search_help_text = _("Username, full name, address or browser.")
    ordering = ("-last_seen_at", "-signed_in_at")
    sortable_by = ("who", "since", "last_seen", "address")

    def get_queryset(self, request: Any) -> QuerySet[Session]:
        in_force: QuerySet[Session] = Session.objects.in_force(timezone.now(), panel_settings())
        rows = in_force.filter(user__isnull=False).defer("session_data")
        return rows if request.seat.sees_all("audit") else rows.none()

    @admin.display(description=_("Who"), ordering="user__username")
    def who(self, row: Session) -> str:
        return row.user.username if row.user else ""

    @admin.display(description=_("Since"), ordering="signed_in_at")
    def since(self, row: Session) -> str:
        return moment(row.signed_in_at)

    @admin.display(description=_("Last seen"), ordering="last_seen_at")
    def last_seen(self, row: Session) -> str:
        return moment(row.last_seen_at)

    @admin.display(description=_("Browser"))
    def browser(self, row: Session) -> str:
        return row.browser
