"""Request ids in logs, headers, the general settings in force, and refusals as pages."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable

import structlog
from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from accounts.client_address import is_trusted_proxy
from ispanel.http import error_page, forbidden
from ispanel.installation import settings_in_force
from ispanel.refusals import Busy, Forbidden, is_busy

SESSION_KEY = re.compile(r"[a-z0-9]{32}", re.ASCII)
#: None of them is used, so no page, and nothing that got into one, may ask for them.
DEVICES = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
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
        response.headers.setdefault(
            "Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
        )
        return response

    return middleware


class PanelMiddleware:
    """Read the general settings once per request; answer what is forbidden, or held up, with a page that says so."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path.startswith("/health/"):
            return self.get_response(request)
        with settings_in_force() as panel:
            request.panel = panel  # type: ignore[attr-defined]
            return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, Forbidden):
            return forbidden(request, exception)
        if isinstance(exception, Busy):
            return error_page(request, 503, str(exception))
        if isinstance(exception, DatabaseError) and is_busy(exception):
            return error_page(request, 503, str(Busy()))
        return None
