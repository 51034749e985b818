"""Where one is signed in, and ending that."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from accounts import operations
from accounts.access import SignedInRequest, signed_in
from accounts.models import Session
from accounts.models.sign_ins import SessionQuerySet
from ispanel.http import done
from ispanel.installation import panel_settings


def own_sign_ins(request: SignedInRequest) -> SessionQuerySet:
    """Return the person's sign-ins that have not ended."""
    return Session.objects.in_force(timezone.now(), panel_settings()).filter(user=request.seat.login)


@signed_in(in_borrowed_seat=False)
@require_GET
def sign_ins(request: SignedInRequest) -> HttpResponse:
    """List one's own sign-ins, the one that asks first."""
    this = request.session.row  # type: ignore[attr-defined]
    rows = sorted(own_sign_ins(request).order_by("-last_seen_at"), key=lambda row: row.pk != this.pk)
    return render(request, "accounts/sign_ins.html", {"sign_ins": rows, "this": this})


@signed_in(in_borrowed_seat=False)
@require_POST
def end(request: SignedInRequest, public_id: UUID) -> HttpResponse:
    """End one of one's own sign-ins."""
    sign_in = get_object_or_404(own_sign_ins(request), public_id=public_id)
    operations.end_sign_in(actor=request.seat, sign_in=sign_in, now=timezone.now())
    return done(request, _("The sign-in is ended."), to=reverse("accounts:sign_ins"))


@signed_in(in_borrowed_seat=False)
@require_POST
def end_others(request: SignedInRequest) -> HttpResponse:
    """End all of one's own sign-ins but this one."""
    this = request.session.row.session_key  # type: ignore[attr-defined]
    ended = operations.end_other_sign_ins(actor=request.seat, besides=this, now=timezone.now())
    message = ngettext("%(count)d other sign-in is ended.", "%(count)d other sign-ins are ended.", ended)
    return done(request, message % {"count": ended} if ended else "", to=reverse("accounts:sign_ins"))
