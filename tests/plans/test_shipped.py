"""What the migrations ship: the levels, and All plans for the resellers that were there before service groups."""

from importlib import import_module

import pytest
from django.apps import apps
from django.db import connection

from accounts.models import User
from plans.models import Level, ServiceGroup
from resellers.models import Reseller
from tests.resellers.scopes import groups_of

SHIP = import_module("plans.migrations.0003_ship_levels_and_all_plans")
GIVE = import_module("resellers.migrations.0009_give_all_plans_to_those_there")


def test_the_levels_are_shipped_with_their_limits_and_discounts(db: None) -> None:
    shipped = Level.objects.order_by("rank").values_list(
        "name", "default_credit_limit", "highest_credit_limit", "discount", "has_priority_support"
    )

    assert list(shipped) == [
        ("BRONZE", 0, 500, 0, False),
        ("SILVER", 500, 2_000, 5, False),
        ("GOLD", 2_000, 10_000, 10, True),
        ("PLATINUM", 5_000, None, 15, True),
    ]
    assert {level.default_permission_group.name for level in Level.objects.all() if level.default_permission_group} == {
        "SALES"
    }


def test_they_can_be_taken_back_and_shipped_again(db: None) -> None:
    with connection.schema_editor(atomic=False) as editor:
        SHIP.take_back(apps, editor)
        left = (Level.objects.count(), ServiceGroup.objects.count())
        SHIP.ship(apps, editor)

    assert left == (0, 0)
    assert (Level.objects.count(), ServiceGroup.objects.get().name) == (4, "All plans")


def test_whoever_was_there_sells_every_plan_as_before_subs_and_deleted_ones_too(
    asha: User, north: Reseller, northeast: Reseller, south: Reseller
) -> None:
    Reseller.objects.filter(pk=south.pk).update(deleted_at=south.created_at)
    held = Reseller.service_groups.through.objects
    held.filter(reseller=northeast).delete()
    held.all().delete()

    GIVE.give(apps, connection.schema_editor())

    assert [groups_of(each) for each in (north, northeast, south)] == [["All plans"]] * 3


def test_all_plans_holds_those_to_come_as_well(north: Reseller, home: object) -> None:
    assert list(north.plans_for_sale()) == [home]


@pytest.mark.parametrize("name", ["service_groups_are_within_the_parents", "service_groups_are_within_the_new_parents"])
def test_the_triggers_are_installed(db: None, name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_trigger WHERE tgname = %s AND tgenabled = 'O'", [name])
        assert cursor.fetchone() == (1,)
