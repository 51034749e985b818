"""The WAN check: whether an access server is reachable at all."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from network.models import Nas

log = logging.getLogger(__name__)

#: In seconds: an address that takes longer than that to answer a SYN is not one to rely on.
TIMEOUT = 3.0
AT_ONCE = 32


@dataclass(frozen=True, slots=True)
class Finding:
    """What a probe met, in words."""

    is_reachable: bool
    words: str


def probe(address: str, port: int, *, timeout: float = TIMEOUT) -> Finding:
    """Try a TCP connection: who accepts it, or refuses it, is there."""
    where = {"port": port, "seconds": f"{timeout:g}"}
    try:
        socket.create_connection((address, port), timeout=timeout).close()
    except ConnectionRefusedError:
        return Finding(True, _("Refused a connection to port %(port)d: it is there.") % where)
    except TimeoutError:
        return Finding(False, _("No answer at port %(port)d within %(seconds)s s.") % where)
    except OSError as problem:
        return Finding(False, (problem.strerror or type(problem).__name__)[:200])
    return Finding(True, _("Accepted a connection to port %(port)d.") % where)


def probe_all(devices: Iterable[Nas], *, now: datetime, timeout: float = TIMEOUT) -> None:
    """Probe the access servers, many at once, and keep what was found."""
    rows = list(devices)
    # Nothing of the database in these threads: each would hold a connection of its own.
    with ThreadPoolExecutor(AT_ONCE) as pool:
        findings = pool.map(lambda nas: probe(nas.address, nas.probe_port, timeout=timeout), rows)
        for nas, finding in zip(rows, findings, strict=True):
            keep(nas, finding, now=now)


@transaction.atomic
def keep(nas: Nas, finding: Finding, *, now: datetime) -> None:
    """Write the finding down, and log it where it changes what was known; a later one is not overwritten."""
    row = Nas.objects.select_for_update(no_key=True).filter(pk=nas.pk).first()
    if row is None or (row.address, row.probe_port) != (nas.address, nas.probe_port):
        return  # removed, or another one by now
    if row.probed_at and row.probed_at > now:
        return
    was = row.is_reachable
    row.is_reachable, row.probed_at, row.probe_answer = finding.is_reachable, now, finding.words
    row.save(update_fields=["is_reachable", "probed_at", "probe_answer"])
    if was is not None and was != finding.is_reachable:
        event = "NAS %s is reachable again" if finding.is_reachable else "NAS %s is not reachable"
        log.warning(event, row.name, extra={"reason": finding.words})
