"""What resellers may sell and where, and what becomes of the lines that it is taken from.

Whatever narrows a scope is written first, in the transaction of the act, and then looked at: lines whose plan or NAS
device was within their reseller's scope before and is not any more are touched. Unless the person was shown exactly
these, `TakesAway` rolls all of it back. They run to their expiry, and renew after it only where an admin lets them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.db.models import Count, Exists, Model, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.seats import Seat
from ispanel.refusals import Refusal
from network.models import Nas
from plans.models import Plan, ServiceGroup
from resellers.models import Reseller
from resellers.operations.rules import in_words

Changes = dict[str, tuple[Any, Any]]

#: How many lines are named of those that are touched.
NAMED = 20


class GroupsBeyondParent(Refusal):
    """A sub-reseller sells from its parent's service groups alone."""

    field = "service_groups"

    def __init__(self, parent: Reseller, groups: Iterable[ServiceGroup]) -> None:
        super().__init__(
            _("%(parent)s does not have %(groups)s. A sub-reseller sells from its parent's service groups alone.")
            % {"parent": parent.public_name, "groups": in_words(groups)}
        )


class DevicesBeyondParent(Refusal):
    """A sub-reseller uses its parent's NAS devices alone."""

    field = "nas_devices"

    def __init__(self, parent: Reseller, devices: Iterable[Nas]) -> None:
        super().__init__(
            _("%(parent)s may not use %(devices)s. A sub-reseller uses its parent's NAS devices alone.")
            % {"parent": parent.public_name, "devices": in_words(devices)}
        )


class GroupDeletedMeanwhile(Refusal):
    """A service group was deleted since the form was shown."""

    field = "service_groups"

    def __init__(self, groups: Iterable[ServiceGroup]) -> None:
        super().__init__(_("Somebody deleted %(groups)s meanwhile. Choose again.") % {"groups": in_words(groups)})


class TakesAway(Refusal):
    """The act takes something that lines use, or that sub-resellers have, and the person has not seen it yet."""

    def __init__(self, taking: Taking) -> None:
        self.taking = taking
        lines = ngettext(
            "This takes from %(count)d subscriber what it uses.",
            "This takes from %(count)d subscribers what they use.",
            taking.lines,
        ) % {"count": taking.lines}
        sentences = [lines if taking.lines else "", _("Look at what is taken, and save again to go on.")]
        super().__init__(" ".join(filter(None, sentences)))


@dataclass(frozen=True, slots=True)
class Cut:
    """What a reseller loses because its parent does not have it."""

    reseller: Reseller
    service_groups: list[ServiceGroup]
    nas_devices: list[Nas]

    @property
    def words(self) -> str:
        return in_words([*self.service_groups, *self.nas_devices])


@dataclass(frozen=True, slots=True)
class Loss:
    """How many lines of a reseller lose their plan, or their NAS device."""

    reseller: Reseller
    what: Plan | Nas
    lines: int


@dataclass(frozen=True, slots=True)
class Taking:
    """All that an act takes away, from resellers and from lines."""

    cuts: Sequence[Cut] = ()
    losses: Sequence[Loss] = ()
    #: How many lines that are in all of each reseller, by its id; one that loses plan and NAS device counts once.
    lines_by_reseller: Mapping[int, int] = field(default_factory=dict)
    #: The first of them by username.
    names: Sequence[str] = ()

    @property
    def lines(self) -> int:
        """How many lines are touched."""
        return sum(self.lines_by_reseller.values())

    @property
    def digest(self) -> str:
        """What tells this taking from any other, for the form that showed it."""
        cuts = [[cut.reseller.pk, ids_of(cut.service_groups), ids_of(cut.nas_devices)] for cut in self.cuts]
        losses = [[loss.reseller.pk, loss.what._meta.label, loss.what.pk, loss.lines] for loss in self.losses]
        return hashlib.sha256(json.dumps([sorted(cuts), sorted(losses)]).encode()).hexdigest()[:16]

    @property
    def unnamed(self) -> int:
        """How many lines are not named."""
        return self.lines - len(self.names)


class Beyond(NamedTuple):
    """What lines use that is out of their reseller's scope: pairs of a reseller and a plan, or a NAS device."""

    plans: frozenset[tuple[int, int]]
    devices: frozenset[tuple[int, int]]


def ids_of(rows: Iterable[Model]) -> list[int]:
    return sorted(row.pk for row in rows)


def lines_of(reseller_ids: Collection[int]) -> QuerySet[Any]:
    """Return the subscribers of the resellers that are not terminated."""
    every_subscriber: Any = Reseller._meta.get_field("subscribers").related_model
    rows: QuerySet[Any] = every_subscriber.objects.kept().filter(reseller__in=reseller_ids)
    return rows


def beyond_scope(reseller_ids: Collection[int]) -> Beyond:
    """Return what the lines of these resellers use, and the resellers may not sell or use any more."""
    groups = Reseller.service_groups.through.objects.filter(reseller=OuterRef("reseller"))
    holding = ServiceGroup.plans.through.objects.filter(
        servicegroup__resellers=OuterRef("reseller"), plan=OuterRef("plan")
    )
    devices = Reseller.nas_devices.through.objects.filter(nas=OuterRef("nas"))
    own, of_parent = (devices.filter(reseller=OuterRef(name)) for name in ("reseller", "reseller__parent"))
    lines = lines_of(reseller_ids)
    without_plan = lines.filter(~Exists(groups.filter(servicegroup__holds_every_plan=True)), ~Exists(holding))
    without_device = lines.filter(nas__isnull=False).filter(
        Q(~Exists(own), reseller__nas_is_limited=True) | Q(~Exists(of_parent), reseller__parent__nas_is_limited=True)
    )
    return Beyond(
        frozenset(without_plan.values_list("reseller", "plan").distinct()),
        frozenset(without_device.values_list("reseller", "nas").distinct()),
    )


def settle(
    actor: Seat,
    reseller_ids: Collection[int],
    *,
    before: Beyond,
    cuts: Sequence[Cut] = (),
    shown: str | None,
    may_keep_renewing: bool,
) -> Taking:
    """Say what was taken since ``before``, and let the lines that it touches renew after their expiry, or not.

    The resellers are locked, so that none of them sells anything meanwhile.

    :param shown: the `Taking.digest` that the person was shown, or an empty text; any other one than this is held back.
        None is for callers who show nothing.
    :param may_keep_renewing: counts from an admin alone.
    :raises TakesAway: and with it the whole act is undone.
    """
    after = beyond_scope(reseller_ids)
    of_plan = among("plan", after.plans - before.plans)
    of_device = among("nas", after.devices - before.devices)
    touched = lines_of(reseller_ids).filter(of_plan | of_device)
    taking = Taking(
        cuts=cuts,
        losses=sorted(
            [
                *losses(lines_of(reseller_ids).filter(of_plan), "plan", Plan),
                *losses(lines_of(reseller_ids).filter(of_device), "nas", Nas),
            ],
            key=lambda loss: (loss.reseller.public_name, loss.reseller.pk, str(loss.what)),
        ),
        lines_by_reseller=dict(touched.order_by().values_list("reseller").annotate(Count("pk"))),
        names=list(touched.order_by("username").values_list("username", flat=True)[:NAMED]),
    )
    if shown is not None and (taking.lines or taking.cuts) and shown != taking.digest:
        raise TakesAway(taking)
    # Locked in the order of their ids, as everywhere.
    list(touched.order_by("pk").select_for_update(no_key=True).values_list("pk", flat=True))
    touched.update(may_keep_renewing=may_keep_renewing and actor.is_admin)
    return taking


def among(name: str, pairs: Iterable[tuple[int, int]]) -> Q:
    """Return the condition for lines of these pairs of a reseller and a plan, or a NAS device."""
    resellers: dict[int, list[int]] = {}
    for reseller_id, thing_id in pairs:
        resellers.setdefault(thing_id, []).append(reseller_id)
    found = Q(pk__in=[])
    for thing_id, reseller_ids in resellers.items():
        found |= Q(**{name: thing_id}, reseller__in=reseller_ids)
    return found


def losses(lines: QuerySet[Any], name: str, model: type[Plan] | type[Nas]) -> list[Loss]:
    """Count the lines by reseller and by what they lose."""
    counted = list(lines.order_by().values_list("reseller", name).annotate(Count("pk")))
    resellers = Reseller.objects.in_bulk({reseller_id for reseller_id, _thing, _count in counted})
    things: dict[int, Any] = model._default_manager.in_bulk({thing_id for _reseller, thing_id, _count in counted})
    return [Loss(resellers[reseller_id], things[thing_id], count) for reseller_id, thing_id, count in counted]


def cut_to_parent(reseller: Reseller, parent: Reseller | None) -> Cut | None:
    """Take from the locked reseller what a new parent does not have; return it, or None where that is nothing."""
    if parent is None:
        return None
    groups, devices = parent.service_groups.values_list("pk", flat=True), parent.nas_in_scope()
    return cut_to(reseller, groups=groups, devices=devices.values_list("pk", flat=True))


def cut_to(reseller: Reseller, *, groups: Collection[int], devices: Collection[int] | None) -> Cut | None:
    """Take from the locked reseller what is not among these ids; return it, or None where that is nothing.

    :param devices: None is every one.
    """
    lost_devices = reseller.nas_devices.none() if devices is None else reseller.nas_devices.exclude(pk__in=devices)
    cut = Cut(
        reseller,
        list(reseller.service_groups.exclude(pk__in=groups).order_by("name")),
        list(lost_devices.order_by("name")),
    )
    if not (cut.service_groups or cut.nas_devices):
        return None
    reseller.service_groups.remove(*cut.service_groups)
    reseller.nas_devices.remove(*cut.nas_devices)
    return cut


def held_service_groups(groups: Iterable[ServiceGroup]) -> list[ServiceGroup]:
    """Return the groups as they are now; nobody edits or deletes them before this transaction ends.

    :raises GroupDeletedMeanwhile:
    """
    wanted = {group.pk: group for group in groups}
    rows = ServiceGroup.objects.raw(
        "SELECT * FROM service_groups WHERE id = ANY(%s) ORDER BY id FOR SHARE", [sorted(wanted)]
    )
    held = {group.pk: group for group in rows}
    if gone := [group for pk, group in wanted.items() if pk not in held]:
        raise GroupDeletedMeanwhile(gone)
    return sorted(held.values(), key=str)


def check_groups_within(groups: Iterable[ServiceGroup], parent: Reseller | None) -> None:
    """:raises GroupsBeyondParent: The database holds it too, whoever writes at the same moment."""
    if parent is None:
        return
    there = set(parent.service_groups.values_list("pk", flat=True))
    if beyond := [group for group in groups if group.pk not in there]:
        raise GroupsBeyondParent(parent, beyond)


def check_devices_within(devices: Iterable[Nas], parent: Reseller | None) -> None:
    """:raises DevicesBeyondParent:"""
    if parent is None:
        return
    there = set(parent.nas_in_scope().values_list("pk", flat=True))
    if beyond := [device for device in devices if device.pk not in there]:
        raise DevicesBeyondParent(parent, beyond)


class ScopeInWords(NamedTuple):
    """A reseller's scope as the trail tells it."""

    service_groups: str | None
    nas_devices: str


def scope_in_words(reseller: Reseller) -> ScopeInWords:
    """Return what the reseller has now."""
    return ScopeInWords(
        in_words(reseller.service_groups.order_by("name")) or None,
        devices_in_words(limited=reseller.nas_is_limited, devices=reseller.nas_devices.order_by("name")),
    )


def devices_in_words(*, limited: bool, devices: Iterable[Nas]) -> str:
    """Return the NAS devices as the trail tells them."""
    if not limited:
        return _("all")
    return in_words(devices) or _("none")


def changes_of_scope(old: ScopeInWords, new: ScopeInWords, lines: int) -> Changes:
    """Return what the trail tells of a change of scope: old and new, and how many subscribers it touched."""
    changes: Changes = {
        name: (had, has) for name, had, has in zip(ScopeInWords._fields, old, new, strict=True) if had != has
    }
    return changes | ({"subscribers_touched": (None, lines)} if lines else {})
