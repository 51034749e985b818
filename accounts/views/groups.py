"""Settings → Permissions: the groups, and what each of them allows."""

from __future__ import annotations

from django.http import HttpResponse
from django.views.decorators.http import require_GET

from accounts.access import SignedInRequest, admin_only
from accounts.forms.groups import GroupListForm
from accounts.models import PermissionGroup
from ispanel.http import render_list
from ispanel.lists import page_of


@admin_only
@require_GET
def list_(request: SignedInRequest) -> HttpResponse:
    """List the permission groups and how many use them."""
    form = GroupListForm(request.GET)
    rows = PermissionGroup.objects.for_list()
    return render_list(request, "settings/groups.html", {"page_obj": page_of(request, form.ordered(rows))})
