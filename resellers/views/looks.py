"""The files of resellers' looks: stylesheets and pictures, under the digests of what is in them."""

from __future__ import annotations

from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from accounts.access import public
from ispanel.colours import theme_of
from ispanel.models import PanelSettings, Picture
from resellers.models import Branding

FOR_EVER = "public, max-age=31536000, immutable"
#: Whatever a browser may take a picture for, nothing in it runs or loads.
INERT = "default-src 'none'; sandbox"


@public
@require_safe
def theme(request: HttpRequest, digest: str) -> HttpResponse:
    """Send the stylesheet of a colour that somebody has, the same at every host."""
    branding = Branding.objects.shown().filter(theme=digest).first()
    if branding is None:
        raise Http404
    _digest, css = theme_of(branding.colour)
    return for_ever(HttpResponse(css, content_type="text/css; charset=utf-8"))


@public
@require_safe
def picture(request: HttpRequest, digest: str) -> HttpResponse:
    """Send a logo that somebody shows, or the panel's own, the same at every host."""
    is_shown = (
        Branding.objects.shown().filter(Q(logo=digest) | Q(dark_logo=digest)).exists()
        or PanelSettings.objects.filter(logo=digest).exists()
    )
    if not is_shown:
        raise Http404
    kept = get_object_or_404(Picture, pk=digest)
    response = for_ever(HttpResponse(bytes(kept.png), content_type="image/png"))
    response["Content-Disposition"] = "inline"
    response["Content-Security-Policy"] = INERT
    return response


def for_ever(response: HttpResponse) -> HttpResponse:
    """Let browsers and proxies keep what never changes under its name."""
    response["Cache-Control"] = FOR_EVER
    return response
