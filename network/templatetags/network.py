"""What templates ask about requests to access servers."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from django import template
from django.utils import timezone

from network.models import CoaRequest, CoaStatus

register = template.Library()

TONES = {
    CoaStatus.WAITING: "info",
    CoaStatus.ACK: "ok",
    CoaStatus.NAK: "bad",
    CoaStatus.TIMEOUT: "warn",
    CoaStatus.NO_NAS: "",
    CoaStatus.OVERTAKEN: "",
}
#: Whoever looks longer than that at a request which no worker takes has to ask for the page again.
LOOKED_AFTER = timedelta(minutes=10)


@register.filter
def any_awaited(requests: Iterable[CoaRequest]) -> bool:
    """Say whether an answer may come to one of the requests while somebody looks at them."""
    since = timezone.now() - LOOKED_AFTER
    return any(request.is_waiting and request.created_at >= since for request in requests)


@register.filter
def tone(request: CoaRequest) -> str:
    """Return the tone of the badge that says what became of a request."""
    return TONES[CoaStatus(request.status)]
