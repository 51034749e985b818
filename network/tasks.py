"""What the worker does for access servers."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone

from ispanel.jobs import enqueue, every, job
from network import probing, sending
from network.models import CoaRequest, Nas


def lane_of(nas_id: int) -> str:
    """Return the lane of an access server: it is told one thing after the other, and a dead one holds up itself."""
    return f"nas:{nas_id}"


# Tried once: what a failed job leaves waiting, `send_again` takes up, and its lane goes on meanwhile.
@job(name="network.send", attempts=1)
def send(*, nas_id: int) -> None:
    """Send all that is due to one access server."""
    sending.send_due(nas_id=nas_id)


@every("* * * * *", name="network.send_again")
def send_again(*, now: datetime) -> None:
    """See to it that what rested long enough is sent again, and what a killed worker left as well."""
    for nas_id in CoaRequest.objects.due(now).order_by().values_list("nas", flat=True).distinct():
        enqueue(send, lane=lane_of(nas_id), once=f"{lane_of(nas_id)}:again", nas_id=nas_id)


@job(name="network.probe", attempts=1)
def probe(*, nas_id: int) -> None:
    """Probe one access server, since somebody asked."""
    probing.probe_all(Nas.objects.filter(pk=nas_id), now=timezone.now())


@every("* * * * *", name="network.check_wan")
def check_wan(*, now: datetime) -> None:
    """Probe the access servers that a reseller with WAN check uses."""
    probing.probe_all(Nas.objects.watched(), now=now)
