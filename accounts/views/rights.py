"""Settings → Permissions: what a given login may do, and why."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from accounts.access import SignedInRequest, admin_only
from accounts.forms.groups import LoginListForm
from accounts.models import User
from accounts.scopes import scope_in_words, standing_in_words
from ispanel.http import render_list
from ispanel.lists import page_of


@admin_only
@require_GET
def logins(request: SignedInRequest) -> HttpResponse:
    """List every login there is."""
    form = LoginListForm(request.GET)
    page = page_of(request, form.apply(User.objects.with_rights()))
    return render_list(request, "settings/logins.html", {"page_obj": page})


@admin_only
@require_GET
def what_login_may(request: SignedInRequest, pk: int) -> HttpResponse:
    """Say of every permission whether the login has it, and why."""
    login = get_object_or_404(User.objects.with_rights(), pk=pk)
    context = {"login": login, "standing": standing_in_words(login), "scope": scope_in_words(login)}
    return render(request, "settings/login_rights.html", context)
