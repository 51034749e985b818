"""Short words for what the tests of scope do over and over."""

from typing import Any

from accounts.models import User
from network.models import Nas
from plans.models import Level, Plan, ServiceGroup
from resellers.models import Reseller
from resellers.operations import change_scope, create_service_group
from subscribers.models import Subscriber
from tests.cast import NOW, seat_of


def level(name: str) -> Level:
    """Return a shipped level: BRONZE, SILVER, GOLD or PLATINUM."""
    return Level.objects.get(name=name)


def all_plans() -> ServiceGroup:
    """Return the shipped service group that keeps every plan."""
    return ServiceGroup.objects.get(holds_every_plan=True)


def make_service_group(actor: User, name: str, *plans: Plan, **details: Any) -> ServiceGroup:
    return create_service_group(actor=seat_of(actor), name=name, plans=plans, now=NOW, **details)


def make_nas(name: str, number: int = 1) -> Nas:
    return Nas.objects.create(
        name=name, address=f"192.0.2.{number}", secret_ciphertext=b"x", created_at=NOW, updated_at=NOW
    )


def line_of(reseller: Reseller, plan: Plan, username: str = "amal", **details: Any) -> Subscriber:
    """Insert a subscriber as it is once something was sold to it, without selling anything."""
    return Subscriber.objects.create(
        username=username, plan=plan, reseller=reseller, password_ciphertext=b"x", created_at=NOW, updated_at=NOW,
        **details,
    )  # fmt: skip


def give(
    actor: User, reseller: Reseller, *groups: ServiceGroup, devices: list[Nas] | None = None, **options: Any
) -> Reseller:
    """Set the reseller's service groups and, where they are named, its NAS devices."""
    limited = devices is not None or reseller.nas_is_limited
    return change_scope(
        actor=seat_of(actor),
        reseller_id=reseller.pk,
        service_groups=groups,
        nas_is_limited=limited,
        nas_devices=list(reseller.nas_devices.all()) if devices is None else devices,
        now=NOW,
        **options,
    )


def groups_of(reseller: Reseller) -> list[str]:
    """Return the names of the reseller's service groups."""
    return sorted(reseller.service_groups.values_list("name", flat=True))


def devices_of(reseller: Reseller) -> list[str]:
    """Return the names of the NAS devices that its lines may be on, as they are now."""
    fresh = Reseller.objects.select_related("parent").get(pk=reseller.pk)
    return sorted(fresh.nas_in_scope().values_list("name", flat=True))


def keeps_renewing(*lines: Subscriber) -> list[bool]:
    """Return of each line whether it may keep renewing what its reseller lost."""
    for line in lines:
        line.refresh_from_db()
    return [line.may_keep_renewing for line in lines]
