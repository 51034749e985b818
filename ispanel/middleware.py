"""Request ids in logs, the general settings in force, and refusals as pages."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import structlog
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from ispanel.installation import settings_in_force
from ispanel.refusals import Forbidden
from ispanel.views import forbidden

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


class PanelMiddleware:
    """Read the general settings once per request, and answer what is forbidden with a page that says so."""

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
        return None
