"""Whose panel a request is in, and what has to happen before any other page."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.core.exceptions import ImproperlyConfigured
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.middleware.csrf import rotate_token
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import operations
from accounts.access import API, DESK, PUBLIC, Policy
from accounts.allow_list import AddressRefused, check_address
from accounts.client_address import client_address
from accounts.entrance import entrance_of
from accounts.models import User
from accounts.seats import DeskSeat, Seat
from accounts.time_outs import why_signed_out
from audit.identity import Origin
from ispanel.http import asks_by_itself, forbidden
from ispanel.installation import panel_settings
from ispanel.refusals import Forbidden

SESSION_KEY = "seat"
GetResponse = Callable[[HttpRequest], HttpResponseBase]


def bound_session(get_response: GetResponse) -> GetResponse:
    """Tell the session at which door it is asked for, before anybody asks."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if hasattr(request, "door"):
            request.session.door = entrance_of(request).bound_to  # type: ignore[attr-defined]
        return get_response(request)

    return middleware


class SeatMiddleware:
    """Put the seat on the request; lead to what comes before any other page; record refusals.

    Whoever is not signed in any more is told why.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request.origin = Origin(  # type: ignore[attr-defined]
            address=client_address(request),
            user_agent=request.headers.get("User-Agent", ""),
            request_id=getattr(request, "id", ""),
        )
        request.session.origin = request.origin  # type: ignore[attr-defined]
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponseBase], _args: Any, _kwargs: Any
    ) -> HttpResponse | None:
        policy = getattr(view, "policy", None)
        if not isinstance(policy, Policy):
            raise ImproperlyConfigured(f"{view.__module__}.{view.__qualname__} declares no policy of access")
        # Public pages ask nobody who they are: health has to answer while the database does not. The API asks tokens.
        if policy.code in (PUBLIC, API):
            return None
        if isinstance(request.user, User) and not entrance_of(request).admits(request.user):
            logout(request)
        if not isinstance(request.user, User):
            tell_why_signed_out(request)
            return None
        now = timezone.now()
        seat = seat_of(request, request.user, now)
        if policy.code == DESK:
            seat = desk_seat_or_404(seat)
        request.seat = seat  # type: ignore[attr-defined]
        try:
            check_address(seat.login, seat.origin.address)
        except AddressRefused as refusal:
            record(seat, refusal, request)
            return forbidden(request, refusal)
        if not asks_by_itself(request):
            request.session.touch(now)  # type: ignore[attr-defined]
        if SESSION_KEY in request.session and not seat.is_borrowed:
            messages.info(request, why_it_ended(request, now))
            end_borrowed_seat(request)
            return redirect("reports:dashboard")
        first = what_comes_first(seat.login)
        if first and not policy.before_ready and first != name_of_page(request):
            if seat.is_borrowed:
                end_borrowed_seat(request)
            return redirect(first)
        return None

    def process_exception(self, request: HttpRequest, exception: Exception) -> None:
        seat = getattr(request, "seat", None)
        if isinstance(exception, Forbidden) and seat is not None:
            record(seat, exception, request)


def what_comes_first(login: User) -> str:
    """Return the name of the page that the person has to be through before any other, or nothing."""
    if login.must_change_password:
        return "accounts:password"
    return "accounts:two_step" if operations.needs_two_step(login) else ""


def name_of_page(request: HttpRequest) -> str:
    """Return the name of the page that is asked for."""
    return request.resolver_match.view_name if request.resolver_match else ""


def tell_why_signed_out(request: HttpRequest) -> None:
    """Say on the next page what has become of the sign-in that the cookie stands for, if it stood for one."""
    if settings.SESSION_COOKIE_NAME in request.COOKIES and request.session.is_empty():
        messages.info(request, why_signed_out(request.session.timed_out, panel_settings()))  # type: ignore[attr-defined]


def record(seat: Seat, refusal: Forbidden, request: HttpRequest) -> None:
    """Record a refusal, after the rollback of what was tried."""
    operations.record_refusal(actor=seat, refusal=refusal, tried=f"{request.method} {request.path}", now=timezone.now())


def seat_of(request: HttpRequest, login: User, now: datetime) -> Seat:
    """Return the borrowed seat that the session holds while it lasts, else the login's own."""
    own = Seat.own(login, request.origin)  # type: ignore[attr-defined]
    held = request.session.get(SESSION_KEY)
    if not held:
        return own
    ends_at = datetime.fromisoformat(held["ends_at"])
    user = User.objects.with_rights().filter(pk=held["user_id"]).first()
    if now >= ends_at or user is None or not operations.may_sit_with(own, user):
        return own
    return Seat(login, user, own.origin, ends_at=ends_at)


def desk_seat_or_404(seat: Seat) -> DeskSeat:
    """Return the person's seat at the desk. Those who do not work there are not told that there is one."""
    if not seat.may_sit_at_desk:
        raise Http404
    return DeskSeat.own(seat.login, seat.origin)


def why_it_ended(request: HttpRequest, now: datetime) -> str:
    """Return what to say when the seat that the session holds is over: its time, or the right to it."""
    if now >= datetime.fromisoformat(request.session[SESSION_KEY]["ends_at"]):
        return _("The 60 minutes in the other panel are over. You are back in your own.")
    return _("You may no longer be in the other panel. You are back in your own.")


def begin_borrowed_seat(request: HttpRequest, seat: Seat) -> None:
    """Hold the borrowed seat in the session. The CSRF token turns, so that forms of before do nothing."""
    assert seat.ends_at is not None
    request.session[SESSION_KEY] = {"user_id": seat.user.pk, "ends_at": seat.ends_at.isoformat()}
    rotate_token(request)


def end_borrowed_seat(request: HttpRequest) -> None:
    """Go back to the own seat. The CSRF token turns, so that forms of the other panel do nothing."""
    request.session.pop(SESSION_KEY, None)
    rotate_token(request)
