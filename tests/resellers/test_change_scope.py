"""Service groups and NAS devices: given, taken away, and what becomes of the lines that use them."""

from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from accounts.models import User
from audit.actions import Action
from audit.models import AuditEntry
from ispanel.refusals import Forbidden
from network.models import Nas
from plans.models import Plan, ServiceGroup
from resellers import operations
from resellers.models import Reseller
from resellers.operations import TakesAway
from tests.cast import NOW, group, make_plan, make_staff, seat_of, signed_in
from tests.pages import body, counts, error_at, filled, send
from tests.resellers.scopes import (
    all_plans,
    devices_of,
    give,
    groups_of,
    keeps_renewing,
    line_of,
    make_nas,
    make_service_group,
)
from tests.threads import at_once


@pytest.fixture
def fibre(asha: User, home: Plan) -> ServiceGroup:
    """Return a service group with the plan Home alone."""
    return make_service_group(asha, "Fibre", home)


@pytest.fixture
def night(db: None) -> Plan:
    return make_plan("Night", "6.00")


@pytest.fixture
def tower(db: None) -> Nas:
    return make_nas("Tower", 1)


@pytest.fixture
def mast(db: None) -> Nas:
    return make_nas("Mast", 2)


def page_of(reseller: Reseller) -> str:
    return f"/resellers/{reseller.pk}/scope/"


def ask(client: Client, reseller: Reseller, **typed: Any) -> HttpResponse:
    """Open the page, change what is typed, and save."""
    return send(client, page_of(reseller), **typed)


def go_on(client: Client, held_back: HttpResponse, reseller: Reseller, **typed: Any) -> HttpResponse:
    """Save again what was held back, as the page shows it."""
    shown = held_back.context["form"].taking.digest
    return client.post(page_of(reseller), filled(held_back, shown=shown, **typed))


def last_of(reseller: Reseller) -> AuditEntry:
    return AuditEntry.objects.filter(reseller_id=reseller.pk).latest("id")


# --- giving -----------------------------------------------------------------------------------------------------------


def test_an_admin_gives_groups_and_devices(
    asha: User, north: Reseller, fibre: ServiceGroup, tower: Nas, mast: Nas
) -> None:
    response = ask(signed_in(asha), north, service_groups=[fibre.pk], nas_scope="list", nas_devices=[tower.pk])

    assert (response.status_code, response.url) == (303, f"/resellers/{north.pk}/")
    assert (groups_of(north), devices_of(north)) == (["Fibre"], ["Tower"])


def test_it_is_audited_with_old_and_new(asha: User, north: Reseller, fibre: ServiceGroup, tower: Nas) -> None:
    ask(signed_in(asha), north, service_groups=[fibre.pk], nas_scope="list", nas_devices=[tower.pk])

    entry = last_of(north)
    assert (entry.action, entry.actor_name) == (Action.RESELLER_SCOPE_CHANGED, "asha")
    assert entry.changes == {"service_groups": ["All plans", "Fibre"], "nas_devices": ["all", "Tower"]}


def test_saving_what_is_there_changes_and_records_nothing(asha: User, north: Reseller, tower: Nas) -> None:
    client, before, updated_at = signed_in(asha), counts(), north.updated_at

    assert ask(client, north).status_code == 303

    north.refresh_from_db()
    assert (counts(), north.updated_at) == (before, updated_at)


def test_all_devices_means_those_to_come_as_well(asha: User, north: Reseller, tower: Nas, mast: Nas) -> None:
    give(asha, north, all_plans(), devices=[tower])

    ask(signed_in(asha), north, nas_scope="all")

    assert devices_of(north) == ["Mast", "Tower"]


def test_a_list_of_no_devices_is_refused_at_the_field(asha: User, north: Reseller, tower: Nas) -> None:
    response = ask(signed_in(asha), north, nas_scope="list")

    assert response.status_code == 422
    assert error_at(response, "nas_devices") == "Tick at least one NAS device, or choose all."


def test_without_any_device_there_none_are_asked_for(asha: User, north: Reseller) -> None:
    form = signed_in(asha).get(page_of(north)).context["form"]

    assert "nas_scope" not in form.fields


def test_a_limit_that_was_not_asked_about_stays(
    asha: User, north: Reseller, northeast: Reseller, fibre: ServiceGroup, tower: Nas
) -> None:
    Reseller.objects.filter(pk__in=[north.pk, northeast.pk]).update(nas_is_limited=True)

    response = ask(signed_in(asha), northeast, service_groups=[all_plans().pk])

    northeast.refresh_from_db()
    assert "nas_scope" not in signed_in(asha).get(page_of(northeast)).context["form"].fields
    assert response.status_code == 303
    assert northeast.nas_is_limited
    assert not northeast.nas_in_scope().exists()


def test_a_reseller_gives_its_sub_what_it_has_itself(
    asha: User, nadia: User, north: Reseller, northeast: Reseller, fibre: ServiceGroup, tower: Nas, mast: Nas
) -> None:
    give(asha, north, fibre, all_plans(), devices=[tower])

    form = signed_in(nadia).get(page_of(northeast)).context["form"]
    response = ask(signed_in(nadia), northeast, service_groups=[fibre.pk], nas_scope="list", nas_devices=[tower.pk])

    assert [str(each) for each in form.fields["service_groups"].queryset] == ["All plans", "Fibre"]
    assert [str(each) for each in form.fields["nas_devices"].queryset] == ["Tower"]
    assert response.status_code == 303
    assert (groups_of(northeast), devices_of(northeast)) == (["Fibre"], ["Tower"])


def test_a_reseller_gives_nothing_that_it_has_not(
    asha: User, nadia: User, north: Reseller, northeast: Reseller, fibre: ServiceGroup, tower: Nas, mast: Nas
) -> None:
    give(asha, north, all_plans(), devices=[tower])
    client = signed_in(nadia)

    beyond = ask(client, northeast, service_groups=[fibre.pk])
    elsewhere = ask(client, northeast, nas_scope="list", nas_devices=[mast.pk])

    assert "is not one of the available choices" in error_at(beyond, "service_groups")
    assert "is not one of the available choices" in error_at(elsewhere, "nas_devices")
    assert (groups_of(northeast), devices_of(northeast)) == (["All plans"], ["Tower"])


def test_the_operation_refuses_a_sub_more_than_its_parent_has_whoever_asks(
    asha: User, north: Reseller, northeast: Reseller, fibre: ServiceGroup, tower: Nas, mast: Nas
) -> None:
    give(asha, north, all_plans(), devices=[tower])

    with pytest.raises(operations.GroupsBeyondParent, match="North Net does not have Fibre"):
        give(asha, northeast, fibre)
    with pytest.raises(operations.DevicesBeyondParent, match="North Net may not use Mast"):
        give(asha, northeast, all_plans(), devices=[mast])


def test_a_group_that_was_deleted_meanwhile_is_not_given(asha: User, north: Reseller, fibre: ServiceGroup) -> None:
    ServiceGroup.objects.filter(pk=fibre.pk).delete()

    with pytest.raises(operations.GroupDeletedMeanwhile, match="Somebody deleted Fibre meanwhile"):
        give(asha, north, fibre)


def test_a_stale_form_is_refused(asha: User, north: Reseller, fibre: ServiceGroup) -> None:
    client = signed_in(asha)
    stale = filled(client.get(page_of(north)), service_groups=[fibre.pk])
    operations.edit_reseller(actor=seat_of(asha), reseller_id=north.pk, company_name="North", now=timezone.now())

    response = client.post(page_of(north), stale)

    assert "Somebody changed this reseller meanwhile." in body(response)
    assert groups_of(north) == ["All plans"]


# --- who may ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["get", "post"])
def test_south_cannot(sami: User, north: Reseller, northeast: Reseller, fibre: ServiceGroup, method: str) -> None:
    for reseller in (north, northeast):
        response = getattr(signed_in(sami), method)(page_of(reseller), {"service_groups": [fibre.pk]})
        assert response.status_code == 404

    assert (groups_of(north), groups_of(northeast)) == (["All plans"], ["All plans"])


def test_a_reseller_changes_neither_its_own_scope_nor_anothers(
    nadia: User, north: Reseller, south: Reseller, fibre: ServiceGroup
) -> None:
    assert signed_in(nadia).post(page_of(north), {"service_groups": [fibre.pk]}).status_code == 403
    for reseller in (north, south):
        with pytest.raises(Forbidden):
            give(nadia, reseller, fibre)


def test_staff_need_the_permission(asha: User, north: Reseller, northeast: Reseller) -> None:
    helper = make_staff(asha, north, "helper", group("SUPPORT"))

    assert signed_in(helper).get(page_of(northeast)).status_code in (403, 404)


# --- taking -----------------------------------------------------------------------------------------------------------


def test_what_lines_use_is_shown_before_it_is_taken(
    asha: User, north: Reseller, home: Plan, night: Plan, fibre: ServiceGroup
) -> None:
    line_of(north, night, "nour")
    line_of(north, night, "nabil")
    line_of(north, home, "hadi")
    client, before = signed_in(asha), counts()

    response = ask(client, north, service_groups=[fibre.pk])

    shown = body(response)
    assert response.status_code == 422
    assert "This takes from 2 subscribers what they use. Look at what is taken, and save again to go on." in shown
    assert "North Net Night 2 nabil , nour" in shown
    assert "They run to their expiry." in shown
    assert "hadi" not in shown
    assert (groups_of(north), counts()) == (["All plans"], before)


def test_saved_again_it_is_taken_and_the_lines_do_not_renew(
    asha: User, north: Reseller, home: Plan, night: Plan, fibre: ServiceGroup
) -> None:
    lost, kept = line_of(north, night, "nour", may_keep_renewing=True), line_of(north, home, "hadi")
    client = signed_in(asha)

    response = go_on(client, ask(client, north, service_groups=[fibre.pk]), north)

    assert response.status_code == 303
    assert groups_of(north) == ["Fibre"]
    assert keeps_renewing(lost, kept) == [False, False]
    assert last_of(north).changes == {"service_groups": ["All plans", "Fibre"], "subscribers_touched": [None, 1]}


def test_an_admin_may_let_those_and_no_others_keep_renewing(
    asha: User, north: Reseller, home: Plan, night: Plan, fibre: ServiceGroup
) -> None:
    lost, kept = line_of(north, night, "nour"), line_of(north, home, "hadi")
    client = signed_in(asha)
    held_back = ask(client, north, service_groups=[fibre.pk])

    go_on(client, held_back, north, may_keep_renewing="on")

    assert keeps_renewing(lost, kept) == [True, False]


def test_a_reseller_cannot_let_them_renew(
    asha: User, nadia: User, north: Reseller, northeast: Reseller, night: Plan, fibre: ServiceGroup
) -> None:
    give(asha, north, fibre, all_plans())
    lost, client = line_of(northeast, night), signed_in(nadia)

    held_back = ask(client, northeast, service_groups=[fibre.pk])
    go_on(client, held_back, northeast, may_keep_renewing="on")

    assert "They run to their expiry, and are not renewed after it." in body(held_back)
    assert "These may keep renewing" not in body(held_back)
    assert groups_of(northeast) == ["Fibre"]
    assert keeps_renewing(lost) == [False]


def test_what_changed_since_it_was_shown_is_shown_again(
    asha: User, north: Reseller, night: Plan, fibre: ServiceGroup
) -> None:
    line_of(north, night, "nour")
    client = signed_in(asha)
    held_back = ask(client, north, service_groups=[fibre.pk])
    line_of(north, night, "nabil")

    again = go_on(client, held_back, north)

    assert again.status_code == 422
    assert "This takes from 2 subscribers what they use." in body(again)
    assert groups_of(north) == ["All plans"]


def test_a_plan_that_another_group_holds_too_is_not_lost(
    asha: User, north: Reseller, home: Plan, fibre: ServiceGroup
) -> None:
    line = line_of(north, home)
    both = make_service_group(asha, "Both", home)
    give(asha, north, fibre, both)

    assert ask(signed_in(asha), north, service_groups=[both.pk]).status_code == 303
    assert keeps_renewing(line) == [False]


def test_terminated_lines_lose_nothing(asha: User, north: Reseller, night: Plan, fibre: ServiceGroup) -> None:
    line_of(north, night, terminated_at=NOW)

    assert ask(signed_in(asha), north, service_groups=[fibre.pk]).status_code == 303


def test_lines_that_had_lost_theirs_before_stay_as_they_are(
    asha: User, north: Reseller, night: Plan, fibre: ServiceGroup, tower: Nas
) -> None:
    earlier = line_of(north, night)
    give(asha, north, fibre, may_keep_renewing=True)
    other = make_service_group(asha, "Other")

    response = ask(signed_in(asha), north, service_groups=[fibre.pk, other.pk])

    assert response.status_code == 303
    assert keeps_renewing(earlier) == [True]


def test_the_first_twenty_are_named_and_the_others_counted(
    asha: User, north: Reseller, night: Plan, fibre: ServiceGroup
) -> None:
    for number in range(23):
        line_of(north, night, f"line-{number:02}")

    shown = body(ask(signed_in(asha), north, service_groups=[fibre.pk]))

    assert "line-19 and 3 more" in shown
    assert "line-20" not in shown


def test_what_a_parent_loses_its_subs_lose_in_the_same_act(
    asha: User, north: Reseller, northeast: Reseller, night: Plan, fibre: ServiceGroup
) -> None:
    give(asha, north, fibre, all_plans())
    give(asha, northeast, fibre, all_plans())
    own, of_sub = line_of(north, night, "nour"), line_of(northeast, night, "nabil")
    client = signed_in(asha)

    held_back = ask(client, north, service_groups=[fibre.pk])
    go_on(client, held_back, north, may_keep_renewing="on")

    assert "Northeast Net loses All plans." in body(held_back)
    assert "North Net Night 1 Northeast Net Night 1" in body(held_back)
    assert (groups_of(north), groups_of(northeast)) == (["Fibre"], ["Fibre"])
    assert keeps_renewing(own, of_sub) == [True, True]
    assert last_of(north).changes["subscribers_touched"] == [None, 2]
    assert last_of(northeast).changes == {
        "service_groups": ["All plans, Fibre", "Fibre"],
        "subscribers_touched": [None, 1],
    }


def test_a_deleted_sub_loses_it_too_so_that_it_comes_back_within_its_parents(
    asha: User, north: Reseller, northeast: Reseller, fibre: ServiceGroup
) -> None:
    operations.delete_reseller(actor=seat_of(asha), reseller_id=northeast.pk, now=NOW)

    give(asha, north, fibre)
    operations.restore_reseller(actor=seat_of(asha), reseller_id=northeast.pk, now=NOW)

    assert groups_of(northeast) == []


def test_a_device_that_is_taken_touches_the_lines_on_it(
    asha: User, north: Reseller, northeast: Reseller, home: Plan, tower: Nas, mast: Nas
) -> None:
    give(asha, northeast, all_plans(), devices=[mast])
    on_tower, nowhere = line_of(north, home, "nour", nas=tower), line_of(north, home, "nabil")
    of_sub = line_of(northeast, home, "hadi", nas=mast)
    client = signed_in(asha)

    held_back = ask(client, north, nas_scope="list", nas_devices=[tower.pk])
    go_on(client, held_back, north, may_keep_renewing="on")

    assert "Northeast Net loses Mast." in body(held_back)
    assert "Northeast Net Mast 1" in body(held_back)
    assert (devices_of(north), devices_of(northeast)) == (["Tower"], [])
    assert keeps_renewing(on_tower, nowhere, of_sub) == [False, False, True]


def test_a_device_that_is_given_back_to_a_parent_is_not_its_subs_again(
    asha: User, north: Reseller, northeast: Reseller, tower: Nas, mast: Nas
) -> None:
    give(asha, northeast, all_plans(), devices=[tower, mast])
    give(asha, north, all_plans(), devices=[tower])

    give(asha, north, all_plans(), devices=[tower, mast])

    assert devices_of(northeast) == ["Tower"]


def test_a_sub_that_inherits_loses_what_its_parent_loses(
    asha: User, north: Reseller, northeast: Reseller, home: Plan, tower: Nas, mast: Nas
) -> None:
    line = line_of(northeast, home, nas=mast)

    with pytest.raises(TakesAway) as held_back:
        give(asha, north, all_plans(), devices=[tower], shown="")
    give(asha, north, all_plans(), devices=[tower], may_keep_renewing=True)

    [loss] = held_back.value.taking.losses
    assert (loss.reseller, loss.what, loss.lines) == (northeast, mast, 1)
    assert keeps_renewing(line) == [True]
    assert last_of(northeast).changes == {"subscribers_touched": [None, 1]}


def test_a_line_that_loses_plan_and_device_counts_once(
    asha: User, north: Reseller, night: Plan, fibre: ServiceGroup, tower: Nas, mast: Nas
) -> None:
    line_of(north, night, nas=mast)

    with pytest.raises(TakesAway, match="This takes from 1 subscriber what it uses"):
        give(asha, north, fibre, devices=[tower], shown="")


def test_a_caller_who_shows_nothing_takes_at_once(
    asha: User, north: Reseller, night: Plan, fibre: ServiceGroup
) -> None:
    line = line_of(north, night)

    give(asha, north, fibre)

    assert groups_of(north) == ["Fibre"]
    assert keeps_renewing(line) == [False]


# --- a new parent -----------------------------------------------------------------------------------------------------


def move(client: Client, reseller: Reseller, parent: Reseller, **typed: Any) -> HttpResponse:
    return send(client, f"/resellers/{reseller.pk}/edit/", parent=parent.pk, **typed)


def test_a_new_parent_cuts_what_it_has_not_after_showing_it(
    asha: User, north: Reseller, northeast: Reseller, south: Reseller, night: Plan, fibre: ServiceGroup,
    tower: Nas, mast: Nas,
) -> None:  # fmt: skip
    give(asha, north, fibre, all_plans())
    give(asha, northeast, fibre, all_plans(), devices=[tower, mast])
    give(asha, south, fibre, devices=[tower])
    line, client = line_of(northeast, night, nas=mast), signed_in(asha)

    held_back = move(client, northeast, south)
    northeast.refresh_from_db()
    stayed = northeast.parent
    shown = held_back.context["form"].taking.digest
    client.post(f"/resellers/{northeast.pk}/edit/", filled(held_back, shown=shown, may_keep_renewing="on"))

    northeast.refresh_from_db()
    assert held_back.status_code == 422
    assert "Northeast Net loses All plans, Mast." in body(held_back)
    assert "Northeast Net Mast 1 Northeast Net Night 1" in body(held_back)
    assert (stayed, northeast.parent) == (north, south)
    assert (groups_of(northeast), devices_of(northeast)) == (["Fibre"], ["Tower"])
    assert keeps_renewing(line) == [True]
    assert last_of(northeast).changes == {
        "parent": ["North Net", "South Net"],
        "service_groups": ["All plans, Fibre", "Fibre"],
        "nas_devices": ["Mast, Tower", "Tower"],
        "subscribers_touched": [None, 1],
    }


def test_a_cut_without_lines_is_shown_too(
    asha: User, north: Reseller, northeast: Reseller, south: Reseller, fibre: ServiceGroup
) -> None:
    give(asha, south, fibre)

    held_back = move(signed_in(asha), northeast, south)

    assert held_back.status_code == 422
    assert "Northeast Net loses All plans." in body(held_back)
    assert "These may keep renewing" not in body(held_back)


def test_a_permission_group_beyond_the_new_parents_has_to_be_chosen_anew(
    asha: User, northeast: Reseller, partner: Reseller
) -> None:
    response = move(signed_in(asha), northeast, partner)

    assert error_at(response, "permission_group") == "SALES allows more than Partner Net may do."


# --- the database has the last word -----------------------------------------------------------------------------------


def test_the_database_keeps_a_subs_groups_within_its_parents(
    north: Reseller, northeast: Reseller, fibre: ServiceGroup
) -> None:
    with pytest.raises(IntegrityError, match="its parent has not"), transaction.atomic():
        northeast.service_groups.add(fibre)


def test_the_database_takes_nothing_from_a_parent_that_a_sub_has_still(north: Reseller, northeast: Reseller) -> None:
    with pytest.raises(IntegrityError, match=r"has service group \d+ still"), transaction.atomic():
        north.service_groups.clear()


def test_the_database_lets_nobody_under_a_parent_that_has_less(
    asha: User, north: Reseller, northeast: Reseller, south: Reseller, fibre: ServiceGroup
) -> None:
    give(asha, south, fibre)

    with pytest.raises(IntegrityError, match="has service groups that its parent has not"), transaction.atomic():
        Reseller.objects.filter(pk=northeast.pk).update(parent=south)


def test_a_group_is_not_given_to_a_sub_while_it_is_taken_from_its_parent(
    committing: None, asha: User, north: Reseller, northeast: Reseller, fibre: ServiceGroup
) -> None:
    through = Reseller.service_groups.through.objects
    through.filter(reseller=northeast).delete()

    def take() -> None:
        with transaction.atomic():
            through.filter(reseller=north).delete()

    def add() -> None:
        with transaction.atomic():
            through.create(reseller=northeast, servicegroup=all_plans())

    for _attempt in range(5):
        outcomes = at_once(take, add)
        refused = [each for each in outcomes if isinstance(each, IntegrityError)]
        beyond = through.filter(reseller=northeast).exclude(
            servicegroup__in=through.filter(reseller=north).values("servicegroup")
        )
        assert (len(refused), beyond.exists()) == (1, False), outcomes
        through.filter(reseller__in=[northeast]).delete()
        through.get_or_create(reseller=north, servicegroup=all_plans())


def test_two_who_change_parent_and_sub_at_once_leave_the_sub_within_its_parent(
    committing: None, asha: User, north: Reseller, northeast: Reseller, fibre: ServiceGroup
) -> None:
    give(asha, north, fibre, all_plans())

    outcomes = at_once(lambda: give(asha, north, all_plans()), lambda: give(asha, northeast, fibre, all_plans()))

    assert set(groups_of(northeast)) <= set(groups_of(north)), outcomes
    assert groups_of(north) == ["All plans"]
