"""Settings → Permissions: the groups, what each of them allows, and who is in it."""

from __future__ import annotations

from typing import Any

from django.db.models import Q
from django.forms import Form
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from accounts import operations
from accounts.access import SignedInRequest, admin_only
from accounts.forms.groups import GroupForm, GroupListForm
from accounts.models import PermissionGroup, User
from accounts.permissions import PERMISSIONS
from ispanel.http import done, render_act, render_form, render_list
from ispanel.lists import page_of
from ispanel.refusals import refusals_into


@admin_only
@require_GET
def list_(request: SignedInRequest) -> HttpResponse:
    """List the permission groups and how many use them."""
    form = GroupListForm(request.GET)
    page = page_of(request, form.ordered(PermissionGroup.objects.for_list()))
    context = {"page_obj": page, "proposed": operations.group_for_new_resellers()}
    return render_list(request, "settings/groups.html", context)


@admin_only
@require_http_methods(["GET", "POST"])
def create(request: SignedInRequest) -> HttpResponse:
    """Add a permission group, from nothing or from a copy of another."""
    form = GroupForm(request.POST or None, initial=copied(request.GET.get("copy", "")))
    if request.method == "POST" and form.is_valid():
        with refusals_into(form):
            group = operations.create_group(actor=request.seat, now=timezone.now(), **form.details())
            message = _("The group %(name)s is created.") % {"name": group}
            return done(request, message, to=reverse("accounts:group", args=[group.pk]))
    return render_form(request, "settings/group_form.html", {"form": form})


def copied(pk: str) -> dict[str, Any]:
    """Return what the form for a new group starts with: a copy of the group, where there is one."""
    known = pk.isascii() and pk.isdecimal() and len(pk) <= 18
    group = PermissionGroup.objects.filter(pk=int(pk)).first() if known else None
    return as_typed(group) | {"name": _("%(name)s copy") % {"name": group}} if group else {}


def as_typed(group: PermissionGroup) -> dict[str, Any]:
    """Return the group as the form shows it."""
    return {
        "name": group.name,
        "sentence": group.sentence,
        "available_to_subs": group.available_to_subs,
        "codes": [code for code in PERMISSIONS if code in group.rights],
        "seen": group.state,
    }


@admin_only
@require_http_methods(["GET", "POST"])
def edit(request: SignedInRequest, pk: int) -> HttpResponse:
    """Change a permission group."""
    group = get_object_or_404(PermissionGroup.objects.for_list(), pk=pk)
    form = GroupForm(request.POST or None, initial=as_typed(group))
    if request.method == "POST" and form.is_valid():
        with refusals_into(form):
            seen = form.cleaned_data["seen"]
            operations.edit_group(
                actor=request.seat, group_id=group.pk, seen=seen, now=timezone.now(), **form.details()
            )
            return done(request, _("The changes are saved."), to=reverse("accounts:group", args=[group.pk]))
    return render_form(request, "settings/group_form.html", {"form": form, "group": group})


@admin_only
@require_GET
def detail(request: SignedInRequest, pk: int) -> HttpResponse:
    """Show what the group allows, and list the logins that are in it."""
    group = get_object_or_404(PermissionGroup, pk=pk)
    rows = User.objects.with_rights().filter(Q(owned_reseller__permission_group=group) | Q(permission_group=group))
    context = {
        "group": group,
        "permissions": [PERMISSIONS[code] for code in PERMISSIONS if code in group.rights],
        "page_obj": page_of(request, rows.order_by("username", "id")),
    }
    return render_list(request, "settings/group.html", context)


@admin_only
@require_http_methods(["GET", "POST"])
def deletion(request: SignedInRequest, pk: int) -> HttpResponse:
    """Delete a permission group that nobody is in."""
    group = get_object_or_404(PermissionGroup, pk=pk)
    form = Form(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with refusals_into(form):
            operations.delete_group(actor=request.seat, group_id=group.pk, now=timezone.now())
            message = _("The group %(name)s is deleted.") % {"name": group}
            return done(request, message, to=reverse("accounts:groups"))
    context = {"form": form, "group": group, "stays": operations.why_group_stays(group)}
    return render_act(
        request, "settings/group_deletion.html", context, cancel_url=reverse("accounts:group", args=[group.pk])
    )
