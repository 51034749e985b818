"""Who comes in at ``/admin/``, and which of Django admin's addresses are there at all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.urls import URLPattern, URLResolver, reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from accounts.access import desk_only
from accounts.desk.model_admin import DeskAdmin
from ispanel.refusals import Forbidden

#: What is kept of the site's own addresses; the nameless one answers whatever is not there. Signing in and out and
#: choosing a password have their one place in the panel.
KEPT = frozenset({"index", "app_list", "jsi18n", None})


class Desk(AdminSite):
    """Django admin for support staff and admins; to anybody else who is signed in it does not exist."""

    site_url = None
    index_title = _("Support desk")
    index_template = "desk/index.html"

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Take in what is made for the desk; what libraries register of themselves stays outside."""
        if admin_class is not None and issubclass(admin_class, DeskAdmin):
            super().register(model_or_iterable, admin_class, **options)

    def has_permission(self, request: HttpRequest) -> bool:
        seat = getattr(request, "seat", None)
        return seat is not None and seat.is_at_desk

    def get_urls(self) -> list[Any]:
        """Return the addresses that are kept, each of them behind the desk's policy."""
        kept = [entry for entry in super().get_urls() if isinstance(entry, URLResolver) or entry.name in KEPT]
        for pattern in patterns_in(kept):
            pattern.callback = desk_only(answering(pattern.callback))
        return kept

    def each_context(self, request: Any) -> dict[str, Any]:
        name = request.panel.name
        return super().each_context(request) | {"site_header": name, "site_title": name}

    def get_app_list(self, request: Any, app_label: str | None = None) -> Any:
        """Return the lists that the person may open, in one group whatever their apps, those for changing first."""
        apps = super().get_app_list(request, app_label)
        if app_label or not apps:
            return apps
        models = sorted((m for app in apps for m in app["models"]), key=lambda m: (m["view_only"], m["name"]))
        return [{**apps[0], "name": _("Lists"), "app_url": reverse("admin:index"), "models": models}]

    def get_log_entries(self, request: HttpRequest) -> Any:
        """Return nothing: what was done stands in the audit trail."""
        return ()


def patterns_in(entries: list[Any]) -> Iterator[URLPattern]:
    """Yield the addresses, those of the model admins too."""
    for entry in entries:
        if isinstance(entry, URLResolver):
            yield from patterns_in(entry.url_patterns)
        else:
            yield entry


def answering(view: Any) -> Any:
    """Return the view, closed to POST unless it changes something, and with refusals that the trail hears of."""
    methods = ["GET", "HEAD", "POST"] if getattr(view, "changes", False) else ["GET", "HEAD"]

    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)  # type: ignore[no-any-return]
        except PermissionDenied as problem:
            raise Forbidden from problem

    return require_http_methods(methods)(answer)
