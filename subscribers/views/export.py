"""Subscribers as a file."""

from __future__ import annotations

from django.http import StreamingHttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET

from accounts.access import SignedInRequest, requires
from audit.actions import Action
from audit.exports import export_rows
from ispanel.csv_export import csv_response
from ispanel.installation import currency, time_zone
from subscribers.exports import COLUMNS, subscriber_cells
from subscribers.forms import SubscriberListForm
from subscribers.models import Subscriber


@requires("subscribers.export")
@require_GET
def export(request: SignedInRequest) -> StreamingHttpResponse:
    """Send the subscribers that the list's filters leave as a CSV file, and record that."""
    now, zone = timezone.now(), time_zone()
    form = SubscriberListForm(request.GET, seat=request.seat)
    rows = Subscriber.objects.visible_to(request.seat).kept().for_list().select_related("reseller__user")
    found = export_rows(
        actor=request.seat,
        action=Action.SUBSCRIBERS_EXPORTED,
        rows=form.apply(rows),
        filters=form.words(),
        reseller_id=request.seat.reseller.pk if request.seat.reseller else None,
        now=now,
    )
    name = f"subscribers-{now.astimezone(zone):%Y-%m-%d}"
    return csv_response(name, COLUMNS, map(subscriber_cells(currency(), now), found), zone=zone)
