"""Request ids in logs, headers, the general settings in force, and refusals as pages."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable

import structlog
from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.db import DatabaseError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotFound
from django.middleware.common import CommonMiddleware
from whitenoise.middleware import WhiteNoiseMiddleware

from accounts.client_address import is_trusted_proxy
from ispanel.doors import door_at, door_of
from ispanel.http import error_page, forbidden
from ispanel.installation import settings_in_force
from ispanel.refusals import Busy, Forbidden, is_busy

SESSION_KEY = re.compile(r"[a-z0-9]{32}", re.ASCII)
#: None of them is used, so no page, and nothing that got into one, may ask for them.
DEVICES = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
#: What is asked by address, or by another name than the panel's: by whoever looks whether it lives, and by the proxy.
UNDER_ANY_NAME = frozenset({"/health/live", "/health/ready", "/tls/allowed"})
HSTS = "Strict-Transport-Security"
GetResponse = Callable[[HttpRequest], HttpResponseBase]


def request_id(get_response: GetResponse) -> GetResponse:
    """Give every request an id that stands in its log lines, its audit rows, its answer and its error page."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        request.id = uuid.uuid4().hex  # type: ignore[attr-defined]
        # Stays bound after the answer: Django logs a 4xx or 5xx once the middleware is done.
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request.id)  # type: ignore[attr-defined]
        response = get_response(request)
        response["X-Request-ID"] = request.id  # type: ignore[attr-defined]
        return response

    return middleware


def sound_request(get_response: GetResponse) -> GetResponse:
    """Drop what only a proxy of ours may say, and a session cookie that cannot be one of ours."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if not is_trusted_proxy(request.META.get("REMOTE_ADDR", "")):
            request.META.pop("HTTP_X_FORWARDED_PROTO", None)
        if not SESSION_KEY.fullmatch(request.COOKIES.get(settings.SESSION_COOKIE_NAME, "")):
            request.COOKIES.pop(settings.SESSION_COOKIE_NAME, None)
        return get_response(request)

    return middleware


def closed_headers(get_response: GetResponse) -> GetResponse:
    """Keep pages out of caches, other sites away from them, and the browser's devices away from us.

    What may be kept says so itself, as the static files do.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        response.headers.setdefault("Permissions-Policy", DEVICES)
        return response

    return middleware


def host_of(request: HttpRequest) -> str:
    """Return the host that the request is for; nothing where what was sent is none."""
    try:
        return request.get_host()
    except DisallowedHost:
        return ""


def known_host(get_response: GetResponse) -> GetResponse:
    """Put the door on the request; where nobody lives, there is nothing, not even a page.

    Health, and what a proxy asks before it gets a certificate, are answered under any name. Only at the panel's own
    host browsers are told to use https for the names below it too: those below a reseller's domain are not ours.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if is_under_any_name(request):
            response = get_response(request)
            del response.headers[HSTS]
            return response
        door = door_at(host_of(request))
        if door is None:
            return HttpResponseNotFound("Not found\n", content_type="text/plain")
        request.door = door  # type: ignore[attr-defined]
        response = get_response(request)
        if not door.is_house and HSTS in response.headers:
            response.headers[HSTS] = f"max-age={settings.SECURE_HSTS_SECONDS}"
        return response

    return middleware


def is_under_any_name(request: HttpRequest) -> bool:
    """Say whether the host of the request does not matter."""
    return request.method in ("GET", "HEAD") and request.path in UNDER_ANY_NAME


class StaticFiles(WhiteNoiseMiddleware):  # type: ignore[misc] # it comes without types
    """Serve the files of this door, and not those of pages that it does not have."""

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        is_here = is_under_any_name(request) or door_of(request).has(request.path)
        answer: HttpResponseBase = super().__call__(request) if is_here else self.get_response(request)
        return answer


class MissingSlash(CommonMiddleware):
    """Lead to the address with a slash at its end, unless that would tell of a page that this door does not have."""

    def should_redirect_with_slash(self, request: HttpRequest) -> bool:
        is_here = is_under_any_name(request) or door_of(request).has(request.path)
        return is_here and super().should_redirect_with_slash(request)


class PanelMiddleware:
    """Read the general settings once per request; answer what is forbidden, or held up, with a page that says so."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if is_under_any_name(request):
            return self.get_response(request)
        with settings_in_force() as panel:
            request.panel = panel  # type: ignore[attr-defined]
            if not door_of(request).has(request.path):
                raise Http404
            return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, Forbidden):
            return forbidden(request, exception)
        if isinstance(exception, Busy):
            return error_page(request, 503, str(exception))
        if isinstance(exception, DatabaseError) and is_busy(exception):
            return error_page(request, 503, str(Busy()))
        return None
