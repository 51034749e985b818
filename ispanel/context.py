"""What every page's template knows."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from ispanel.brands import brand_of
from ispanel.navigation import sidebar

THEMES = ("light", "dark")


def panel(request: HttpRequest) -> dict[str, Any]:
    """Return the general settings, the brand of the door, the seat, the sidebar and the chosen theme."""
    seat = getattr(request, "seat", None)
    theme = request.COOKIES.get("theme", "")
    return {
        "panel": getattr(request, "panel", None),
        "brand": brand_of(request),
        "seat": seat,
        "nav": sidebar(request, seat) if seat and not seat.is_at_desk else [],
        "home": reverse(seat.home) if seat else "/",
        "theme": theme if theme in THEMES else "",
    }
