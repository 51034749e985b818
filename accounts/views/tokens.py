"""API tokens: everybody's under Settings, for admins, and a reseller's own under its account."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Q
from django.forms import Form
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods

from accounts import operations
from accounts.access import SignedInRequest, admin_only, own_login_only
from accounts.forms.tokens import VIEWS, TokenForm, TokenListForm
from accounts.models import ApiToken, TokenState
from accounts.views.account import own_place
from accounts.views.acts import Place, posted
from ispanel.http import done, render_act, render_form, render_list
from ispanel.lists import page_of
from ispanel.refusals import refusals_into


@dataclass(frozen=True)
class Line:
    """A token as a list shows it."""

    token: ApiToken
    state: TokenState
    ends_soon: bool
    #: Why it is refused although it is in force.
    at_rest: str

    @classmethod
    def of(cls, token: ApiToken, now: datetime) -> Line:
        return cls(token, token.state(now), token.ends_soon(now), operations.why_at_rest(token, now))


def place_of_all() -> Place:
    """Return the way to an act on a token from the settings."""
    return Place(((reverse("general_settings"), _("Settings")), (reverse("accounts:tokens"), _("API tokens"))))


def place_of_own() -> Place:
    """Return the way to an act on a token from one's own account."""
    return Place((*own_place().trail, (reverse("accounts:own_tokens"), _("API tokens"))))


@admin_only
@require_GET
def list_(request: SignedInRequest) -> HttpResponse:
    """List the tokens of all logins."""
    now, form = timezone.now(), TokenListForm(request.GET)
    rows = form.searched(ApiToken.objects.for_list())
    counts = rows.aggregate(
        all=Count("pk"),
        in_force=Count("pk", filter=Q(revoked_at=None, expires_at__gt=now)),
        expired=Count("pk", filter=Q(revoked_at=None, expires_at__lte=now)),
        revoked=Count("pk", filter=Q(revoked_at__isnull=False)),
    )
    page = page_of(request, form.apply(rows, now))
    context = {
        "form": form,
        "tabs": [(key, label, counts[key or "all"]) for key, label in VIEWS],
        "view": form.value("view") or "",
        "total": counts["all"],
        "page_obj": page,
        "lines": [Line.of(token, now) for token in page],
        "of_all": True,
    }
    return render_list(request, "settings/tokens.html", context)


@own_login_only
@require_GET
def own(request: SignedInRequest) -> HttpResponse:
    """List one's own tokens."""
    now, form = timezone.now(), TokenListForm(request.GET)
    page = page_of(request, form.ordered(ApiToken.objects.for_list().filter(owner=request.seat.login)))
    context = {"page_obj": page, "lines": [Line.of(token, now) for token in page], "of_all": False}
    return render_list(request, "accounts/tokens.html", context)


@admin_only
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def create(request: SignedInRequest) -> HttpResponse:
    """Make a token for oneself, as an admin."""
    return make(request, place_of_all())


@own_login_only
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def create_own(request: SignedInRequest) -> HttpResponse:
    """Make a token for oneself, as a reseller."""
    return make(request, place_of_own())


def make(request: SignedInRequest, place: Place) -> HttpResponse:
    """Show the form of a new token, or make it and answer the act itself with the token: nothing keeps it."""
    form = TokenForm(request.POST or None, is_resellers=not request.seat.is_admin)
    context: dict[str, Any] = {"form": form, "trail": place.trail, "back": place.back}
    if request.method == "POST" and form.is_valid():
        with refusals_into(form):
            made = operations.create_own_token(actor=request.seat, now=timezone.now(), **form.cleaned_data)
            return render(request, "accounts/token_made.html", context | {"made": made})
    return render_form(request, "accounts/token_form.html", context)


@admin_only
@require_http_methods(["GET", "POST"])
def revoke(request: SignedInRequest, pk: int) -> HttpResponse:
    """Revoke anybody's token."""
    return end(request, get_object_or_404(ApiToken.objects.select_related("owner"), pk=pk), place_of_all())


@own_login_only
@require_http_methods(["GET", "POST"])
def revoke_own(request: SignedInRequest, pk: int) -> HttpResponse:
    """Revoke one's own token."""
    own = ApiToken.objects.select_related("owner").filter(owner=request.seat.login)
    return end(request, get_object_or_404(own, pk=pk), place_of_own())


def end(request: SignedInRequest, token: ApiToken, place: Place) -> HttpResponse:
    """Ask before a token is revoked, or revoke it."""
    form = Form(posted(request))
    if request.method == "POST" and form.is_valid():
        with refusals_into(form):
            operations.revoke_token(actor=request.seat, token_id=token.pk, now=timezone.now())
            return done(request, _("The API token %(name)s is revoked.") % {"name": token.name}, to=place.back)
    context = {"form": form, "token": token, "trail": place.trail}
    return render_act(request, "accounts/acts/token_revocation.html", context, cancel_url=place.back)
