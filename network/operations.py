"""What is done to access servers, and what they are told about lines."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypedDict, Unpack

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.seats import Seat
from audit import operations as audit
from audit.actions import Action
from audit.identity import Actor
from audit.models import Grade
from ispanel import crypto
from ispanel.jobs import enqueue
from ispanel.refusals import Forbidden, Refusal
from network import tasks
from network.models import CoaKind, CoaRequest, CoaStatus, Nas, purpose_of_nas_secret

# --- what lines' servers are told -------------------------------------------------------------------------------------


class Line(NamedTuple):
    """A line and the access server that carries it, if there is one."""

    nas_id: int | None
    subscriber_id: int
    username: str


def disconnect(
    *, actor: Actor, nas: Nas | None, subscriber_id: int, username: str, reason: str, now: datetime
) -> CoaRequest:
    """Have a line's sessions ended once this transaction is committed; the line may sign in again.

    The line's own act tells the trail of it.
    """
    line = Line(nas.pk if nas else None, subscriber_id, username)
    [request] = disconnect_many(actor=actor, lines=[line], reason=reason, now=now)
    return request


def disconnect_many(*, actor: Actor, lines: Sequence[Line], reason: str, now: datetime) -> list[CoaRequest]:
    """Have the sessions of many lines ended once this transaction is committed; see `disconnect`."""
    return ask([request_about(line, CoaKind.DISCONNECT, actor=actor, reason=reason, now=now) for line in lines])


def set_speed(
    *,
    actor: Actor,
    nas: Nas | None,
    subscriber_id: int,
    username: str,
    reason: str,
    download_kbps: int,
    upload_kbps: int,
    now: datetime,
) -> CoaRequest:
    """Have a line served at these speeds, in kbit/s, once this transaction is committed.

    The line's own act tells the trail of it.
    """
    line = Line(nas.pk if nas else None, subscriber_id, username)
    request = request_about(line, CoaKind.SPEED, actor=actor, reason=reason, now=now)
    request.download_kbps, request.upload_kbps = download_kbps, upload_kbps
    [asked] = ask([request])
    return asked


def request_about(line: Line, kind: CoaKind, *, actor: Actor, reason: str, now: datetime) -> CoaRequest:
    """Return a request that is not asked yet; without a server it is closed from the start."""
    has_nas = line.nas_id is not None
    return CoaRequest(
        kind=kind,
        nas_id=line.nas_id,
        subscriber_id=line.subscriber_id,
        username=line.username,
        reason=reason[:100],
        status=CoaStatus.WAITING if has_nas else CoaStatus.NO_NAS,
        asked_by=actor.identity.spoken[:254],
        created_at=now,
        due_at=now,
        answered_at=None if has_nas else now,
    )


@transaction.atomic
def ask(requests: Iterable[CoaRequest]) -> list[CoaRequest]:
    """Insert the requests, with one job for each of their servers: both are there once the transaction is committed."""
    requests = list(requests)
    subscribers: Any = CoaRequest._meta.get_field("subscriber").related_model
    owners = subscribers.objects.in_bulk([request.subscriber_id for request in requests])
    for request in requests:
        request.reseller_id = owners[request.subscriber_id].reseller_id
    asked = CoaRequest.objects.bulk_create(requests)
    for nas_id in sorted({request.nas_id for request in asked if request.nas_id is not None}):
        enqueue(tasks.send, lane=tasks.lane_of(nas_id), nas_id=nas_id)
    return asked


# --- the servers themselves -------------------------------------------------------------------------------------------


class NasTaken(Refusal):
    """Another NAS device has this name, or this address."""

    def __init__(self, field: str, other: Nas) -> None:
        self.field = field
        sentences = {
            "name": _("There is a NAS device named “%(name)s” already."),
            "address": _("%(name)s has this address already."),
        }
        super().__init__(sentences[field] % {"name": other.name})


class UnusableAddress(Refusal):
    """No device has such an address."""

    field = "address"

    def __init__(self, address: str) -> None:
        super().__init__(_("%(address)s is no address that a device can have.") % {"address": address})


class SecretNeeded(Refusal):
    """The present secret cannot be read, so that it cannot be kept."""

    field = "secret"

    def __init__(self) -> None:
        super().__init__(_("The present secret cannot be read. Enter it anew."))


class NasInUse(Refusal):
    """Lines, requests or resellers name the NAS device."""


class NasDetails(TypedDict):
    """What a NAS device is; `network.models.Nas` says what each means."""

    name: str
    address: str
    kind: str
    coa_port: int
    probe_port: int
    note: str


@transaction.atomic
def add_nas(*, actor: Seat, secret: str, now: datetime, **details: Unpack[NasDetails]) -> Nas:
    """Insert a NAS device.

    :raises NasTaken, UnusableAddress:
    """
    check_admin(actor)
    details["address"] = normalised(details["address"])
    nas = Nas(**details, created_at=now, updated_at=now)
    nas.secret_ciphertext = crypto.encrypt(secret, purpose=purpose_of_nas_secret(nas.address))
    save_nas(nas)
    changes: dict[str, tuple[Any, Any]] = {name: (None, value) for name, value in details.items()}
    record(actor, Action.NAS_CREATED, nas, changes, now)
    return nas


@transaction.atomic
def edit_nas(*, actor: Seat, nas_id: int, secret: str = "", now: datetime, **details: Unpack[NasDetails]) -> Nas:
    """Change a NAS device. An empty secret keeps the present one. What a probe found of another address is forgotten.

    :raises NasTaken, UnusableAddress, SecretNeeded:
    """
    check_admin(actor)
    nas = Nas.objects.select_for_update(no_key=True).get(pk=nas_id)
    old_purpose = purpose_of_nas_secret(nas.address)
    details["address"] = normalised(details["address"])
    changes = audit.changed_fields(nas, details)
    fields = [*changes, "updated_at"]
    if secret or "address" in changes:
        nas.secret_ciphertext = crypto.encrypt(
            secret or present_secret(nas, old_purpose), purpose=purpose_of_nas_secret(nas.address)
        )
        fields.append("secret_ciphertext")
    if secret:
        changes["secret"] = (None, "changed")
    if {"address", "probe_port"} & changes.keys():
        nas.is_reachable, nas.probed_at, nas.probe_answer = None, None, ""
        fields += ["is_reachable", "probed_at", "probe_answer"]
    if changes:
        nas.updated_at = now
        save_nas(nas, fields=fields)
        record(actor, Action.NAS_EDITED, nas, changes, now)
    return nas


def check_admin(actor: Seat) -> None:
    """:raises Forbidden: NAS devices are the admins'."""
    if not actor.is_admin:
        raise Forbidden


def present_secret(nas: Nas, purpose: str) -> str:
    """:raises SecretNeeded:"""
    try:
        return crypto.decrypt(bytes(nas.secret_ciphertext), purpose=purpose)
    except crypto.Undecryptable as problem:
        raise SecretNeeded from problem


@transaction.atomic
def remove_nas(*, actor: Seat, nas_id: int, now: datetime) -> None:
    """Remove a NAS device that nothing names.

    :raises NasInUse:
    """
    check_admin(actor)
    nas = Nas.objects.select_for_update().get(pk=nas_id)
    if refusal := why_nas_stays(nas):
        raise refusal
    details = {name: (getattr(nas, name), None) for name in NasDetails.__annotations__}
    record(actor, Action.NAS_DELETED, nas, details, now)
    nas.delete()


def why_nas_stays(nas: Nas) -> NasInUse | None:
    """Return why the NAS device cannot be removed; None where it can."""
    sentences = []
    if lines := nas.subscribers.kept().count():
        words = ngettext(
            "%(count)d subscriber is on it. Move it to another NAS device first.",
            "%(count)d subscribers are on it. Move them to another NAS device first.",
            lines,
        )
        sentences.append(words % {"count": lines})
    if listed := nas.resellers.count():
        words = ngettext(
            "It is in the list of NAS devices of %(count)d reseller. Take it out there first.",
            "It is in the lists of NAS devices of %(count)d resellers. Take it out there first.",
            listed,
        )
        sentences.append(words % {"count": listed})
    if not sentences and (nas.subscribers.exists() or nas.coa_requests.exists()):
        sentences.append(_("Terminated subscribers, or requests that it was sent, name it, and history is kept."))
    return NasInUse(" ".join(sentences)) if sentences else None


@transaction.atomic
def ask_for_probe(*, nas_id: int, now: datetime) -> None:
    """Have a NAS device probed by the worker, now."""
    Nas.objects.filter(pk=nas_id).update(probe_asked_at=now)
    enqueue(tasks.probe, once=f"{tasks.lane_of(nas_id)}:probe", nas_id=nas_id)


def record(actor: Seat, action: Action, nas: Nas, changes: dict[str, tuple[Any, Any]], now: datetime) -> None:
    audit.record(actor=actor, action=action, obj=nas, changes=changes, grade=Grade.SECURITY, now=now)


def normalised(address: str) -> str:
    """Return the address as PostgreSQL writes it, an IPv4 address within IPv6 as plain IPv4.

    :raises UnusableAddress:
    """
    try:
        found = ipaddress.ip_address(address)
    except ValueError as problem:
        raise UnusableAddress(address) from problem
    found = getattr(found, "ipv4_mapped", None) or found
    # Below 2^32 IPv6 has no addresses but the loopback: RFC 4291, section 2.5.5.1, took the others back.
    is_old = found.version == 6 and int(found) < 2**32 and not found.is_loopback
    if found.is_multicast or found.is_unspecified or is_old:
        raise UnusableAddress(address)
    return str(found)


def save_nas(nas: Nas, *, fields: list[str] | None = None) -> None:
    """:raises NasTaken:"""
    try:
        with transaction.atomic():
            nas.save(update_fields=fields)
    except IntegrityError as problem:
        others = Nas.objects.exclude(pk=nas.pk)
        for field in ("name", "address"):
            if other := others.filter(**{field: getattr(nas, field)}).first():
                raise NasTaken(field, other) from problem
        raise
