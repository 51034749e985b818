"""Settings → Service groups: made, changed, deleted; and which of them hold a plan."""

from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from audit.actions import Action
from audit.models import AuditEntry
from ispanel.refusals import Forbidden
from plans.models import Plan, ServiceGroup
from resellers import operations
from resellers.models import Reseller
from tests.cast import NOW, make_plan, make_reseller, seat_of, signed_in
from tests.pages import body, counts, error_at, filled, links_of, rows_of, send
from tests.resellers.scopes import all_plans, give, keeps_renewing, line_of, make_service_group

LIST, NEW = "/settings/service-groups/", "/settings/service-groups/new"


@pytest.fixture
def night(db: None) -> Plan:
    return make_plan("Night", "6.00")


@pytest.fixture
def fibre(asha: User, home: Plan, night: Plan) -> ServiceGroup:
    """Return a service group with the plans Home and Night."""
    return make_service_group(asha, "Fibre", home, night, sentence="For towns with fibre.")


def page_of(group: ServiceGroup, act: str = "edit") -> str:
    return f"{LIST}{group.pk}/{act}/"


def go_on(client: Client, url: str, held_back: HttpResponse, **typed: Any) -> HttpResponse:
    """Save again what was held back, as the page shows it."""
    return client.post(url, filled(held_back, shown=held_back.context["form"].taking.digest, **typed))


def plans_of(group: ServiceGroup) -> list[str]:
    return sorted(group.plans.values_list("name", flat=True))


# --- the list ---------------------------------------------------------------------------------------------------------


def test_a_row_says_how_many_plans_and_resellers_there_are(
    asha: User, north: Reseller, south: Reseller, fibre: ServiceGroup
) -> None:
    give(asha, north, fibre)
    gone = make_reseller(asha, "gone", "Gone Net", service_groups=[fibre])
    Reseller.objects.filter(pk=gone.pk).update(deleted_at=NOW)

    assert [row[:4] for row in rows_of(signed_in(asha).get(LIST))] == [
        ["All plans Every plan, those to come as well.", "Default", "Every plan, 2", "1"],
        ["Fibre For towns with fibre.", "—", "2", "1"],
    ]


def test_the_number_of_queries_does_not_grow(asha: User, home: Plan) -> None:
    client, costs = signed_in(asha), set()

    for more in (1, 6):
        for number in range(more):
            make_service_group(asha, f"Group {more} {number}", home)
        with CaptureQueriesContext(connection) as captured:
            client.get(LIST)
        costs.add(len(captured))

    assert len(costs) == 1
    assert max(costs) <= 10


# --- making one -------------------------------------------------------------------------------------------------------


def test_an_admin_makes_one(asha: User, home: Plan, night: Plan) -> None:
    response = send(signed_in(asha), NEW, name="Rural", sentence="By air.", is_default="on", plans=[night.pk])

    group = ServiceGroup.objects.get(name="Rural")
    assert (response.status_code, response.url) == (303, LIST)
    assert (group.sentence, group.is_default, group.holds_every_plan) == ("By air.", True, False)
    assert plans_of(group) == ["Night"]


def test_making_one_is_audited(asha: User, home: Plan, night: Plan) -> None:
    send(signed_in(asha), NEW, name="Rural", plans=[home.pk, night.pk])

    entry = AuditEntry.objects.latest("id")
    assert (entry.action, entry.object_name) == (Action.SERVICE_GROUP_CREATED, "Rural")
    assert entry.changes["plans"] == [None, "Home, Night"]


@pytest.mark.parametrize(
    ("name", "message"),
    [("", "This field is required."), (" Fibre ", "There is a service group named “Fibre” already.")],
)
def test_making_one_is_refused_at_its_name(asha: User, fibre: ServiceGroup, name: str, message: str) -> None:
    client, before = signed_in(asha), counts()

    response = send(client, NEW, name=name)

    assert (response.status_code, error_at(response, "name")) == (422, message)
    assert counts() == before


# --- changing one -----------------------------------------------------------------------------------------------------


def test_it_is_changed_and_audited_with_old_and_new(asha: User, fibre: ServiceGroup, home: Plan) -> None:
    client = signed_in(asha)

    response = send(client, page_of(fibre), name="Fibre 2", is_default="on", plans=[home.pk])

    entry = AuditEntry.objects.latest("id")
    fibre.refresh_from_db()
    assert (response.status_code, fibre.name, plans_of(fibre)) == (303, "Fibre 2", ["Home"])
    assert entry.action == Action.SERVICE_GROUP_EDITED
    assert entry.changes == {
        "name": ["Fibre", "Fibre 2"],
        "is_default": [False, True],
        "plans": ["Home, Night", "Home"],
    }
    assert page_of(fibre) in links_of(client.get(f"/audit/{entry.pk}/"))


def test_saving_what_was_there_leaves_no_trace(asha: User, fibre: ServiceGroup) -> None:
    client, before = signed_in(asha), counts()

    assert send(client, page_of(fibre)).status_code == 303

    assert counts() == before


def test_another_groups_name_is_taken(asha: User, fibre: ServiceGroup) -> None:
    response = send(signed_in(asha), page_of(fibre), name="All plans")

    assert error_at(response, "name") == "There is a service group named “All plans” already."


def test_a_stale_form_is_refused(asha: User, fibre: ServiceGroup) -> None:
    client = signed_in(asha)
    stale = filled(client.get(page_of(fibre)), name="Mine")
    send(client, page_of(fibre), sentence="Another")

    response = client.post(page_of(fibre), stale)

    fibre.refresh_from_db()
    assert "Somebody changed this meanwhile." in body(response)
    assert fibre.name == "Fibre"


def test_all_plans_keeps_every_plan_whatever_is_posted(asha: User, north: Reseller, home: Plan) -> None:
    line = line_of(north, home)

    response = send(signed_in(asha), page_of(all_plans()), plans=[], sentence="Everything.")

    assert response.status_code == 303
    assert "plans" not in signed_in(asha).get(page_of(all_plans())).context["form"].fields
    assert list(north.plans_for_sale()) == [home]
    assert keeps_renewing(line) == [False]


def test_a_plan_that_is_taken_out_is_taken_from_lines_after_showing_them(
    asha: User, north: Reseller, northeast: Reseller, south: Reseller, fibre: ServiceGroup, home: Plan, night: Plan
) -> None:
    give(asha, north, fibre)
    give(asha, northeast, fibre)
    own, of_sub = line_of(north, night, "nour"), line_of(northeast, night, "nabil")
    kept, elsewhere = line_of(north, home, "hadi"), line_of(south, night, "sara")
    client = signed_in(asha)

    held_back = send(client, page_of(fibre), plans=[home.pk])
    had = plans_of(fibre)
    response = go_on(client, page_of(fibre), held_back, may_keep_renewing="on")

    assert held_back.status_code == 422
    assert "This takes from 2 subscribers what they use." in body(held_back)
    assert "North Net Night 1 Northeast Net Night 1" in body(held_back)
    assert had == ["Home", "Night"]
    assert (response.status_code, plans_of(fibre)) == (303, ["Home"])
    assert keeps_renewing(own, of_sub, kept, elsewhere) == [True, True, False, False]
    entry = AuditEntry.objects.get(action=Action.SERVICE_GROUP_EDITED)
    assert entry.changes == {"plans": ["Home, Night", "Home"], "subscribers_touched": [None, 2]}


def test_it_stands_in_the_trail_of_each_reseller_that_it_touches(
    asha: User, nadia: User, north: Reseller, fibre: ServiceGroup, home: Plan, night: Plan
) -> None:
    give(asha, north, fibre)
    line_of(north, night)
    client = signed_in(asha)

    go_on(client, page_of(fibre), send(client, page_of(fibre), plans=[home.pk]))

    entry = AuditEntry.objects.filter(reseller_id=north.pk).latest("id")
    assert entry.action == Action.RESELLER_SCOPE_CHANGED
    assert entry.detail == "Plans were taken out of the service group Fibre."
    assert entry.changes == {"subscribers_touched": [None, 1]}
    assert "Plans were taken out of the service group Fibre." in body(
        signed_in(nadia).get(f"/resellers/{north.pk}/audit/")
    )


def test_a_reseller_that_has_the_plan_by_another_group_loses_nothing(
    asha: User, north: Reseller, fibre: ServiceGroup, home: Plan, night: Plan
) -> None:
    give(asha, north, fibre, all_plans())
    line_of(north, night)

    assert send(signed_in(asha), page_of(fibre), plans=[home.pk]).status_code == 303


# --- deleting one -----------------------------------------------------------------------------------------------------


def test_one_that_no_reseller_has_is_deleted_and_audited(asha: User, fibre: ServiceGroup) -> None:
    response = send(signed_in(asha), page_of(fibre, "deletion"))

    entry = AuditEntry.objects.latest("id")
    assert (response.status_code, response.url) == (303, LIST)
    assert not ServiceGroup.objects.filter(name="Fibre").exists()
    assert (entry.action, entry.changes) == (Action.SERVICE_GROUP_DELETED, {"plans": ["Home, Night", None]})


def test_one_that_resellers_have_stays_and_names_them(
    asha: User, north: Reseller, south: Reseller, fibre: ServiceGroup
) -> None:
    give(asha, north, fibre)
    give(asha, south, fibre)
    Reseller.objects.filter(pk=south.pk).update(deleted_at=NOW)
    client, url = signed_in(asha), page_of(fibre, "deletion")

    asked, sent = client.get(url), client.post(url)

    sentence = "It belongs to North Net, South Net (deleted). Take it from them first."
    assert sentence in body(asked)
    assert "Delete service group" not in body(asked)
    assert sent.status_code == 422
    assert sentence in body(sent)


def test_what_was_deleted_for_good_holds_no_service_group(
    asha: User, north: Reseller, northeast: Reseller, fibre: ServiceGroup
) -> None:
    give(asha, north, fibre)
    give(asha, northeast, fibre)
    Reseller.objects.filter(pk__in=[north.pk, northeast.pk]).update(deleted_at=NOW, purged_at=NOW)

    assert send(signed_in(asha), page_of(fibre, "deletion")).status_code == 303


def test_the_one_that_keeps_every_plan_stays(asha: User) -> None:
    response = send(signed_in(asha), page_of(all_plans(), "deletion"))

    assert "All plans keeps every plan, and stays." in body(response)
    assert all_plans()


# --- of a plan --------------------------------------------------------------------------------------------------------


def test_a_plan_is_put_into_groups_and_taken_out_after_showing_what_that_takes(
    asha: User, north: Reseller, fibre: ServiceGroup, home: Plan, night: Plan
) -> None:
    other = make_service_group(asha, "Other")
    give(asha, north, fibre)
    line, url = line_of(north, night), f"/plans/{night.pk}/service-groups/"
    client = signed_in(asha)

    held_back = send(client, url, service_groups=[other.pk])
    response = go_on(client, url, held_back)

    assert "North Net Night 1" in body(held_back)
    assert (response.status_code, response.url) == (303, f"/plans/{night.pk}/edit/")
    assert [str(each) for each in night.service_groups.all()] == ["Other"]
    assert keeps_renewing(line) == [False]
    entry = AuditEntry.objects.get(action=Action.PLAN_EDITED)
    assert entry.changes == {"service_groups": ["Fibre", "Other"], "subscribers_touched": [None, 1]}


def test_saving_a_plans_groups_as_they_are_leaves_no_trace(asha: User, fibre: ServiceGroup, night: Plan) -> None:
    client, before = signed_in(asha), counts()

    assert send(client, f"/plans/{night.pk}/service-groups/").status_code == 303

    assert counts() == before


def test_a_stale_form_of_a_plans_groups_is_refused(asha: User, fibre: ServiceGroup, night: Plan) -> None:
    other, url = make_service_group(asha, "Other"), f"/plans/{night.pk}/service-groups/"
    client = signed_in(asha)
    page = client.get(url)
    stale = filled(page, service_groups=[])
    send(client, url, service_groups=[fibre.pk, other.pk])

    response = client.post(url, stale)

    assert f'value="{stale["seen"]}"' in page.content.decode()
    assert response.status_code == 422
    assert "Somebody changed this meanwhile." in body(response)
    assert sorted(map(str, night.service_groups.all())) == ["Fibre", "Other"]


def test_the_page_of_a_plan_says_who_holds_it(asha: User, fibre: ServiceGroup, night: Plan) -> None:
    held = make_plan("Alone")
    client = signed_in(asha)

    assert "All plans , Fibre Change service groups" in body(client.get(f"/plans/{night.pk}/edit/"))
    assert "All plans Change service groups" in body(client.get(f"/plans/{held.pk}/edit/"))


# --- only admins ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["get", "post"])
def test_nobody_but_an_admin_reaches_them(
    nadia: User, sami: User, noor: User, petra: User, fibre: ServiceGroup, night: Plan, method: str
) -> None:
    urls = [LIST, NEW, page_of(fibre), page_of(fibre, "deletion"), f"/plans/{night.pk}/service-groups/"]

    for user in (nadia, sami, noor, petra):
        for url in urls:
            response = getattr(signed_in(user), method)(url, {"name": "Mine"})
            assert response.status_code == 403, (user, url)

    assert plans_of(fibre) == ["Home", "Night"]


def test_the_operations_refuse_everybody_else_too(
    nadia: User, north: Reseller, fibre: ServiceGroup, night: Plan
) -> None:
    seat = seat_of(nadia)

    with pytest.raises(Forbidden):
        operations.create_service_group(actor=seat, name="Mine", now=NOW)
    with pytest.raises(Forbidden):
        operations.edit_service_group(
            actor=seat, group_id=fibre.pk, name="Mine", sentence="", is_default=True, plans=[], now=NOW
        )
    with pytest.raises(Forbidden):
        operations.delete_service_group(actor=seat, group_id=fibre.pk, now=NOW)
    with pytest.raises(Forbidden):
        operations.set_groups_of_plan(actor=seat, plan_id=night.pk, service_groups=[], now=NOW)


def test_a_group_that_is_gone_is_not_changed(asha: User, fibre: ServiceGroup) -> None:
    gone = fibre.pk
    ServiceGroup.objects.filter(pk=gone).delete()

    with pytest.raises(operations.ServiceGroupChangedMeanwhile):
        operations.edit_service_group(
            actor=seat_of(asha), group_id=gone, name="Mine", sentence="", is_default=True, plans=[], now=NOW
        )
    with pytest.raises(operations.ServiceGroupChangedMeanwhile):
        operations.delete_service_group(actor=seat_of(asha), group_id=gone, now=NOW)
