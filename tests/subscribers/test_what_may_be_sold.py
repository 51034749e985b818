"""A plan outside the reseller's service groups, or a NAS device outside its scope, is refused at every door."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest

from accounts.models import User
from ispanel.refusals import Refusal
from network.models import Nas
from network.operations import add_nas
from plans.models import Plan, ServiceGroup
from resellers.models import Reseller
from resellers.terms import NasOutOfReach, NoServiceGroups, PlanOutOfReach
from subscribers.models import Renewal, Subscriber
from subscribers.operations import (
    MoveRefused,
    change_plan,
    edit_subscriber,
    move_subscribers,
    renew_due,
    renew_subscribers,
)
from tests.cast import NOW, fund, make_plan, new_key, seat_of
from tests.subscribers.lines import add, balance_of, everything, renew

DUE = NOW + timedelta(days=30)
OUT_OF_REACH = "The plan Home is in none of the service groups of North Net."


@pytest.fixture
def amal(asha: User, north: Reseller, home: Plan) -> Subscriber:
    """Return North's line on Home, which is then taken out of North's reach; 75.00 are left."""
    fund(north.wallet, "100", actor=asha)
    amal = add(asha, north, home, auto_renew=True)
    other = make_plan("Other", "10.00")
    group = ServiceGroup.objects.create(name="Others")
    group.plans.add(other)
    north.service_groups.set([group])
    return amal


def create(actor: User, line: Subscriber, plan: Plan) -> None:
    add(actor, line.reseller, plan, "badr")


def renew_one(actor: User, line: Subscriber, plan: Plan) -> None:
    renew(actor, line)


def change(actor: User, line: Subscriber, plan: Plan) -> None:
    Subscriber.objects.update(plan=Plan.objects.get(name="Other"))
    change_plan(actor=seat_of(actor), subscriber_id=line.pk, plan=plan, now=NOW)


DOORS = {"create": create, "renew": renew_one, "change": change}


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS.keys())
@pytest.mark.parametrize("who", ["admin", "reseller"])
def test_a_plan_outside_the_groups_is_refused(
    asha: User,
    nadia: User,
    north: Reseller,
    home: Plan,
    amal: Subscriber,
    door: Callable[[User, Subscriber, Plan], None],
    who: str,
) -> None:
    before = everything()

    with pytest.raises(PlanOutOfReach) as refusal:
        door(asha if who == "admin" else nadia, amal, home)

    assert str(refusal.value) == OUT_OF_REACH
    assert (everything(), balance_of(north)) == (before, Decimal("75.00"))


def test_a_batch_leaves_such_a_line_out_and_says_why(nadia: User, north: Reseller, amal: Subscriber) -> None:
    ids = [amal.pk]

    batch = renew_subscribers(
        actor=seat_of(nadia), reseller_id=north.pk, subscriber_ids=ids, key=new_key("renew_subscribers"), now=NOW
    )

    assert [(each.renewal_id, each.reason) for each in batch.results] == [(None, OUT_OF_REACH)]
    assert balance_of(north) == Decimal("75.00")


def test_the_worker_leaves_it_out_and_says_why(north: Reseller, amal: Subscriber) -> None:
    renew_due(reseller_id=north.pk, now=DUE)

    amal.refresh_from_db()
    assert (amal.renewal_failure, amal.expires_at) == (OUT_OF_REACH, DUE)


def test_moving_there_is_refused(asha: User, nadia: User, north: Reseller, northeast: Reseller, home: Plan) -> None:
    fund(north.wallet, "100", actor=asha)
    line = add(asha, north, home)
    northeast.service_groups.clear()

    with pytest.raises(MoveRefused, match="amal: Northeast Net has no service group, so it can sell nothing"):
        move_subscribers(actor=seat_of(nadia), subscriber_ids=[line.pk], to=northeast, now=NOW)


def test_without_any_group_it_says_whom_to_ask(
    asha: User, noora: User, north: Reseller, northeast: Reseller, home: Plan
) -> None:
    north.service_groups.through.objects.filter(reseller=northeast).delete()
    with pytest.raises(NoServiceGroups, match=r"Northeast Net has no service group.* Ask North Net for one"):
        add(noora, northeast, home)

    north.service_groups.clear()
    with pytest.raises(NoServiceGroups, match=r"North Net has no service group.* Ask the administrator for one"):
        add(asha, north, home)


def test_every_plan_is_every_plan_those_to_come_as_well(asha: User, north: Reseller) -> None:
    fund(north.wallet, "100", actor=asha)

    add(asha, north, make_plan("Brand new", "1.00"))

    assert Renewal.objects.get().plan.name == "Brand new"


def test_what_an_admin_lets_keep_renewing_is_renewed_and_not_sold_to_others(
    nadia: User, north: Reseller, amal: Subscriber, home: Plan
) -> None:
    Subscriber.objects.update(may_keep_renewing=True)

    assert renew(nadia, amal).price == Decimal("25.00")
    with pytest.raises(PlanOutOfReach):
        add(nadia, north, home, "badr")


# --- NAS devices ------------------------------------------------------------------------------------------------------


@pytest.fixture
def tower(asha: User) -> Nas:
    return make_nas(asha, "Tower", "192.0.2.1")


def make_nas(asha: User, name: str, address: str) -> Nas:
    return add_nas(
        actor=seat_of(asha),
        secret="radius-secret",
        name=name,
        address=address,
        kind="mikrotik",
        coa_port=3799,
        probe_port=443,
        note="",
        now=NOW,
    )


@pytest.fixture
def elsewhere(asha: User, north: Reseller, tower: Nas) -> Nas:
    """Return a device that North may not use: it has the tower alone."""
    fund(north.wallet, "100", actor=asha)
    Reseller.objects.filter(pk=north.pk).update(nas_is_limited=True)
    north.nas_devices.set([tower])
    north.refresh_from_db()
    return make_nas(asha, "Elsewhere", "192.0.2.2")


def test_a_device_of_the_scope_is_fine_and_another_refused(
    nadia: User, north: Reseller, home: Plan, tower: Nas, elsewhere: Nas
) -> None:
    amal = add(nadia, north, home, nas=tower)

    with pytest.raises(NasOutOfReach, match="The NAS device Elsewhere is not within the scope of North Net"):
        add(nadia, north, home, "badr", nas=elsewhere)
    with pytest.raises(NasOutOfReach):
        edit_subscriber(actor=seat_of(nadia), subscriber_id=amal.pk, nas=elsewhere, now=NOW)


def test_a_line_on_a_device_that_was_taken_away_runs_and_is_not_renewed(
    asha: User, nadia: User, north: Reseller, home: Plan, tower: Nas, elsewhere: Nas
) -> None:
    amal = add(nadia, north, home, nas=tower)
    north.nas_devices.set([elsewhere])

    with pytest.raises(NasOutOfReach):
        renew(nadia, amal)
    Subscriber.objects.update(may_keep_renewing=True)
    assert renew(nadia, amal)


def test_a_sub_uses_what_its_parent_may_use(
    asha: User, north: Reseller, northeast: Reseller, home: Plan, tower: Nas, elsewhere: Nas
) -> None:
    fund(northeast.wallet, "100", actor=asha)
    northeast = Reseller.objects.select_related("parent").get(pk=northeast.pk)
    assert set(northeast.nas_in_scope()) == {tower}

    with pytest.raises(Refusal, match="Elsewhere is not within the scope of Northeast Net"):
        add(asha, northeast, home, nas=elsewhere)
    assert add(asha, northeast, home, nas=tower)


def test_narrowing_a_sub_below_its_parent_holds(
    asha: User, north: Reseller, northeast: Reseller, home: Plan, tower: Nas
) -> None:
    other = make_nas(asha, "Other", "192.0.2.3")
    Reseller.objects.filter(pk=northeast.pk).update(nas_is_limited=True)
    northeast.nas_devices.set([other])
    sub = Reseller.objects.select_related("parent").get(pk=northeast.pk)

    assert set(sub.nas_in_scope()) == {other}
    assert set(north.nas_in_scope()) == {tower, other}
