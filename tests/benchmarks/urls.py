"""The panel's addresses, and a page that does nothing behind the same middleware and session."""

from django.http import HttpRequest, HttpResponse
from django.urls import path

from accounts.access import signed_in
from ispanel.urls import handler400, handler403, handler404, handler500
from ispanel.urls import urlpatterns as panel

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]


@signed_in()
def hello(request: HttpRequest) -> HttpResponse:
    """Say hello."""
    return HttpResponse("Hello")


urlpatterns = [*panel, path("hello/", hello)]
