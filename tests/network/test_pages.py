"""The list of NAS devices, and the page of each with what it was told."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.template.loader import render_to_string
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import PermissionGroup, User
from network.models import CoaRequest, Nas
from plans.models import Plan
from resellers.models import Reseller, WanCheck
from subscribers.models import Subscriber
from tests.cast import NOW, make_staff, signed_in
from tests.network.devices import add_nas, disconnect, limit, set_speed
from tests.pages import body, links_of, rows_of
from tests.subscribers.lines import add

LIST = "/nas/"


@pytest.fixture
def core(asha: User) -> Nas:
    return add_nas(asha, note="In the cellar")


@pytest.fixture
def edge(asha: User) -> Nas:
    return add_nas(asha, "Edge", "2001:db8::2", kind="wispr")


@pytest.fixture
def lines(
    asha: User, north: Reseller, northeast: Reseller, south: Reseller, home: Plan, core: Nas
) -> dict[str, Subscriber]:
    """Return a line of each of three resellers, all on Core."""
    made = {
        name: add(asha, reseller, home, f"line.of.{name}", activate=False)
        for name, reseller in {"north": north, "northeast": northeast, "south": south}.items()
    }
    Subscriber.objects.update(nas=core)
    return made


def names(client: Client, query: str = "") -> list[str]:
    return [row[0] for row in rows_of(client.get(f"{LIST}?{query}"))]


# --- the list ---------------------------------------------------------------------------------------------------------


def test_a_row_says_what_and_where_it_is(asha: User, core: Nas, edge: Nas, lines: dict[str, Subscriber]) -> None:
    Nas.objects.filter(pk=core.pk).update(is_reachable=True, probed_at=NOW)

    rows = rows_of(signed_in(asha).get(LIST))

    assert [row[:7] for row in rows] == [
        ["Core In the cellar", "Reachable", "192.0.2.1", "MikroTik", "Off", "14 May 2026, 09:30", "3"],
        ["Edge", "Never probed", "2001:db8::2", "WISPr (others)", "Off", "—", "0"],
    ]


def test_the_lines_are_counted_within_the_scope(
    asha: User, nadia: User, noora: User, sami: User, noor: User, lines: dict[str, Subscriber]
) -> None:
    Subscriber.objects.filter(pk=lines["north"].pk).update(terminated_at=NOW)

    counted = {user.username: rows_of(signed_in(user).get(LIST))[0][6] for user in (asha, nadia, noora, sami, noor)}

    assert counted == {"asha": "2", "nadia": "1", "noora": "1", "sami": "1", "noor": "2"}


def test_resellers_see_those_of_their_scope_and_change_none(
    asha: User,
    nadia: User,
    noora: User,
    sami: User,
    noor: User,
    north: Reseller,
    partner: Reseller,
    core: Nas,
    edge: Nas,
) -> None:
    limit(north, edge)
    limit(partner)

    seen = {user.username: names(signed_in(user)) for user in (nadia, noora, sami, noor)}

    both = ["Core In the cellar", "Edge"]
    assert seen == {"nadia": ["Edge"], "noora": ["Edge"], "sami": both, "noor": both}
    links = links_of(signed_in(nadia).get(LIST))
    assert not {"/nas/new", f"/nas/{edge.pk}/edit/", f"/nas/{edge.pk}/probes/"} & links
    assert signed_in(nadia).get(f"/nas/{core.pk}/").status_code == 404
    assert signed_in(nadia).get(f"/nas/{edge.pk}/").status_code == 200


def test_those_without_the_permission_are_told_so(asha: User, petra: User, north: Reseller, core: Nas) -> None:
    none = make_staff(asha, north, "none", PermissionGroup.objects.create(name="None", codes=["dashboard.view"]))

    for user in (petra, none):
        assert signed_in(user).get(LIST).status_code == 403
    assert "/nas/" not in links_of(signed_in(none).get("/"))
    assert "/nas/" in links_of(signed_in(asha).get("/"))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["Core", "Edge", "Hill"]),
        ("sort=-name", ["Hill", "Edge", "Core"]),
        ("sort=address", ["Hill", "Core", "Edge"]),
        ("sort=-lines", ["Core", "Hill", "Edge"]),
        ("q=hil", ["Hill"]),
        ("q=CELLAR", ["Core"]),
        ("q=2001:db8", ["Edge"]),
        ("q=nothing", []),
        ("view=reachable", ["Hill"]),
        ("view=unreachable", ["Edge"]),
        ("view=zzz&sort=zzz&page=abc&q=%00", ["Core", "Edge", "Hill"]),
    ],
)
def test_the_address_says_which_and_in_what_order(
    asha: User, core: Nas, edge: Nas, lines: dict[str, Subscriber], query: str, expected: list[str]
) -> None:
    hill = add_nas(asha, "Hill", "10.0.0.1")
    Nas.objects.filter(pk=hill.pk).update(is_reachable=True, probed_at=NOW)
    Nas.objects.filter(pk=edge.pk).update(is_reachable=False, probed_at=NOW)

    assert [name.split()[0] for name in names(signed_in(asha), query)] == expected


def test_without_devices_it_says_what_one_is(asha: User, nadia: User) -> None:
    assert "A NAS device is the access server that carries lines." in body(signed_in(asha).get(LIST))
    assert "/nas/new" in links_of(signed_in(asha).get(LIST))
    assert "/nas/new" not in links_of(signed_in(nadia).get(LIST))


@pytest.mark.parametrize("who", ["asha", "nadia", "noor"])
def test_the_number_of_queries_does_not_grow(
    asha: User, nadia: User, noor: User, lines: dict[str, Subscriber], who: str
) -> None:
    client = signed_in({"asha": asha, "nadia": nadia, "noor": noor}[who])
    costs = []

    for more in (1, 6):
        for number in range(more):
            add_nas(asha, f"Nas {more} {number}", f"198.51.100.{10 * more + number}")
        with CaptureQueriesContext(connection) as captured:
            assert client.get(LIST).status_code == 200
        costs.append(len(captured))

    assert costs[0] == costs[1] <= 10, captured.captured_queries


# --- the page ---------------------------------------------------------------------------------------------------------


def test_the_page_tells_what_it_was_told_and_what_it_answered(
    asha: User, core: Nas, lines: dict[str, Subscriber]
) -> None:
    disconnect(core, lines["north"], reason="Suspended")
    set_speed(core, lines["south"], 50_000, 10_000)
    CoaRequest.objects.filter(kind="disconnect").update(
        status="nak", answer="503 Session Context Not Found: the line is not connected.", attempts=1, answered_at=NOW
    )

    rows = rows_of(signed_in(asha).get(f"/nas/{core.pk}/"))

    asked = "14 May 2026, 09:30:00 system"
    assert rows == [
        [asked, "line.of.south", "Change of speed 50 / 10 Mbit/s", "Plan changed", "Waiting", "—"],
        [
            asked,
            "line.of.north",
            "Disconnect",
            "Suspended",
            "Nak 503 Session Context Not Found: the line is not connected.",
            "14 May 2026, 09:30:00",
        ],
    ]


def test_of_a_shared_nas_one_reads_the_requests_about_own_lines_alone(
    nadia: User, noora: User, sami: User, noor: User, core: Nas, lines: dict[str, Subscriber]
) -> None:
    for line in lines.values():
        disconnect(core, line)

    seen = {
        user.username: sorted(row[1] for row in rows_of(signed_in(user).get(f"/nas/{core.pk}/")))
        for user in (nadia, noora, sami, noor)
    }

    assert seen == {
        "nadia": ["line.of.north", "line.of.northeast"],
        "noora": ["line.of.northeast"],
        "sami": ["line.of.south"],
        "noor": ["line.of.north", "line.of.northeast", "line.of.south"],
    }


@pytest.mark.parametrize("count", [1, 8])
def test_the_page_asks_as_often_for_many_requests_as_for_one(
    asha: User, core: Nas, lines: dict[str, Subscriber], count: int
) -> None:
    for _number in range(count):
        disconnect(core, lines["north"])
    client = signed_in(asha)

    with CaptureQueriesContext(connection) as captured:
        client.get(f"/nas/{core.pk}/")

    assert len(captured) <= 10, captured.captured_queries


# --- a line's requests ------------------------------------------------------------------------------------------------


def shown(requests: Any) -> str:
    """Return the part that a subscriber's page includes."""
    context = {"requests": requests, "request": RequestFactory().get("/subscribers/7/?tab=line")}
    return render_to_string("network/_coa_requests.html", context)


def of(line: Subscriber) -> Any:
    return CoaRequest.objects.filter(subscriber=line).for_list()


def test_the_part_asks_again_while_an_answer_is_awaited_and_then_stops(core: Nas, lines: dict[str, Subscriber]) -> None:
    line = lines["north"]
    disconnect(core, line, now=timezone.now())
    assert 'hx-get="/subscribers/7/?tab=line"' in shown(of(line))
    assert 'hx-trigger="every 2s"' in shown(of(line))

    CoaRequest.objects.update(status="ack", answered_at=timezone.now())

    assert "hx-" not in shown(of(line))
    assert "Ack" in shown(of(line))


def test_what_asks_again_is_answered_with_that_part_alone(asha: User, core: Nas, lines: dict[str, Subscriber]) -> None:
    for url in (f"/nas/{core.pk}/", f"/subscribers/{lines['north'].pk}/"):
        part = signed_in(asha).get(url, headers={"HX-Request": "true", "HX-Target": "coa-requests"})

        assert part.content.decode().strip().startswith('<div id="coa-requests"')
        assert "HX-Target" in part["Vary"]


def test_it_stops_asking_for_what_no_worker_takes(core: Nas, lines: dict[str, Subscriber]) -> None:
    disconnect(core, lines["north"], now=timezone.now() - timedelta(minutes=11))

    assert "hx-" not in shown(of(lines["north"]))


def test_without_a_nas_it_says_so(lines: dict[str, Subscriber]) -> None:
    disconnect(None, lines["north"])

    assert "No NAS" in shown(of(lines["north"]))


def test_without_requests_it_says_what_they_are(lines: dict[str, Subscriber]) -> None:
    assert "No requests yet" in shown(of(lines["north"]))


# --- the WAN check ----------------------------------------------------------------------------------------------------


def test_the_list_and_the_page_say_whether_it_is_probed_each_minute(
    asha: User, north: Reseller, core: Nas, edge: Nas
) -> None:
    limit(north, core)
    Reseller.objects.filter(pk=north.pk).update(wan_check=WanCheck.ON)
    client = signed_in(asha)

    assert {row[0].split()[0]: row[4] for row in rows_of(client.get(LIST))} == {"Core": "On", "Edge": "Off"}
    assert "On: probed each minute" in body(client.get(f"/nas/{core.pk}/"))
    assert "Off: no reseller with WAN check uses it" in body(client.get(f"/nas/{edge.pk}/"))
