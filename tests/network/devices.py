"""Short words for what the tests of NAS devices do over and over."""

from typing import Any

from accounts.models import User
from audit.identity import SYSTEM
from network import operations
from network.models import CoaRequest, Nas
from network.radius import Timing
from resellers.models import Reseller
from subscribers.models import Subscriber
from tests.cast import NOW, seat_of
from tests.network.freeradius import SECRET, FreeRadius

#: As in earnest, but without the long pauses.
FAST = Timing(sends=(0, 0.05, 0.1), patience=0.2)
DETAILS = {"kind": "mikrotik", "coa_port": 3799, "probe_port": 443, "note": ""}


def add_nas(actor: User, name: str = "Core", address: str = "192.0.2.1", **details: Any) -> Nas:
    """Add a NAS device through the operation that the page uses."""
    wanted = DETAILS | {"secret": SECRET, "now": NOW} | details
    return operations.add_nas(actor=seat_of(actor), name=name, address=address, **wanted)


def at_peer(actor: User, peer: FreeRadius, name: str = "Core", address: str = "127.0.0.1", **details: Any) -> Nas:
    """Add the NAS device that freeradius is."""
    return add_nas(actor, name, address, coa_port=peer.port, **details)


def limit(reseller: Reseller, *devices: Nas) -> None:
    """Give the reseller a list of NAS devices of its own."""
    Reseller.objects.filter(pk=reseller.pk).update(nas_is_limited=True)
    reseller.nas_devices.set(devices)


def disconnect(nas: Nas | None, line: Subscriber, *, username: str = "", **details: Any) -> CoaRequest:
    """Have a line disconnected, by the worker unless somebody else is named."""
    wanted = {"actor": SYSTEM, "reason": "Expired", "now": NOW} | details
    return operations.disconnect(nas=nas, subscriber_id=line.pk, username=username or line.username, **wanted)


def set_speed(nas: Nas | None, line: Subscriber, download: int = 50_000, upload: int = 10_000) -> CoaRequest:
    """Have a line's speed changed by the worker."""
    return operations.set_speed(
        actor=SYSTEM,
        nas=nas,
        subscriber_id=line.pk,
        username=line.username,
        reason="Plan changed",
        download_kbps=download,
        upload_kbps=upload,
        now=NOW,
    )
