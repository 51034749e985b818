"""Resellers at the desk: all of them, with their postal address to be kept right."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.desk.model_admin import DeskAdmin
from ispanel.templatetags.panel import moment
from resellers import operations
from resellers.models import Reseller


@admin.register(Reseller)
class ResellerAdmin(DeskAdmin):
    """Who they are and how to reach them. Email and phone are what they sign in with, so only the address changes."""

    view_code, edit_code = "resellers.view", "resellers.edit"
    edits = operations.DESK_FIELDS
    list_display = ("company_name", "display_name", "username", "full_name", "phone", "email", "parent", "created")
    list_select_related = ("user", "parent")
    search_fields = (
        "company_name",
        "display_name",
        "user__username",
        "user__full_name",
        "user__phone",
        "user__email",
        "address",
    )
    search_help_text = _("Company, username, full name, phone, email or address.")
    ordering = ("company_name",)
    readonly_fields = (
        "company_name",
        "display_name",
        "username",
        "full_name",
        "phone",
        "email",
        "parent",
        "suspended",
        "suspension_reason",
        "created",
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).filter(deleted_at__isnull=True).select_related(*self.list_select_related)

    @admin.display(description=_("Username"), ordering="user__username")
    def username(self, reseller: Reseller) -> str:
        return reseller.user.username

    @admin.display(description=_("Full name"), ordering="user__full_name")
    def full_name(self, reseller: Reseller) -> str:
        return reseller.user.full_name

    @admin.display(description=_("Phone"), ordering="user__phone")
    def phone(self, reseller: Reseller) -> str:
        return reseller.user.phone

    @admin.display(description=_("Email"), ordering="user__email")
    def email(self, reseller: Reseller) -> str | None:
        return reseller.user.email

    @admin.display(description=_("Suspended"), ordering="suspended_at")
    def suspended(self, reseller: Reseller) -> str:
        return moment(reseller.suspended_at)

    @admin.display(description=_("Created"), ordering="created_at")
    def created(self, reseller: Reseller) -> str:
        return moment(reseller.created_at)

    def state_of(self, obj: Reseller) -> str:
        return operations.state_of(obj)

    def act(self, pk: int, **arguments: Any) -> None:
        operations.edit_reseller(reseller_id=pk, **arguments)
