"""Settings → Levels: the terms of resellers."""

from __future__ import annotations

from django.db.models import Count, Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods

from accounts.access import SignedInRequest, admin_only
from accounts.trail import trail_about
from ispanel.http import done, render_form
from ispanel.refusals import refusals_into
from plans import operations
from plans.forms.levels import LevelForm, as_typed
from plans.models import Level

#: How many resellers above the highest credit limit the page names.
NAMED = 20


@admin_only
@require_GET
def list_(request: SignedInRequest) -> HttpResponse:
    """List the levels, from the lowest to the highest, and how many resellers have each."""
    kept = Count("resellers", filter=Q(resellers__deleted_at__isnull=True))
    levels = Level.objects.select_related("default_permission_group").annotate(reseller_count=kept)
    return render(request, "settings/levels.html", {"levels": levels.order_by("rank")})


@admin_only
@require_http_methods(["GET", "POST"])
def edit(request: SignedInRequest, pk: int) -> HttpResponse:
    """Change a level."""
    level = get_object_or_404(Level, pk=pk)
    form = LevelForm(request.POST or None, initial=as_typed(level))
    if request.method == "POST" and form.is_valid():
        with refusals_into(form):
            seen = form.cleaned_data["seen"]
            edited = operations.edit_level(
                actor=request.seat, level_id=level.pk, seen=seen, now=timezone.now(), **form.details()
            )
            sentences = [_("%(name)s is saved.") % {"name": edited}, note_on_those_above(edited)]
            return done(request, " ".join(filter(None, sentences)), to=reverse("plans:edit_level", args=[level.pk]))
    above = level.resellers_above().select_related("wallet").order_by("-wallet__credit_limit", "pk")
    context = {
        "form": form,
        "level": level,
        "above": above[:NAMED],
        "above_count": above.count(),
        "audit_entries": trail_about(request.seat, level),
    }
    return render_form(request, "settings/level_form.html", context)


def note_on_those_above(level: Level) -> str:
    """Return how many resellers keep a credit limit above the highest, or nothing."""
    count = level.resellers_above().count()
    if not count:
        return ""
    return ngettext(
        "%(count)d reseller has a higher credit limit, and keeps it.",
        "%(count)d resellers have a higher credit limit, and keep it.",
        count,
    ) % {"count": count}
