"""The WAN check: which NAS devices are probed, what a probe finds, and where it is shown."""

import logging
import socket
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import User
from network import probing, tasks
from network.models import Nas
from network.probing import Finding, probe
from plans.models import Plan
from resellers.models import Reseller, WanCheck
from subscribers.models import Subscriber
from tests.cast import NOW, signed_in
from tests.jobs import enqueued, run_inline, run_jobs
from tests.network.devices import add_nas, limit
from tests.pages import body
from tests.subscribers.lines import add

# --- one probe --------------------------------------------------------------------------------------------------------


@pytest.fixture
def open_port() -> Iterator[int]:
    """Return a port of the loopback that accepts connections."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.fixture
def closed_port() -> int:
    """Return a port of the loopback at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Return a port of the loopback at which connections are neither accepted nor refused: its queue is full."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        waiting = [socket.socket() for _number in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(("127.0.0.1", port))
        time.sleep(0.05)
        yield port
        for each in waiting:
            each.close()


def test_who_accepts_is_there(open_port: int) -> None:
    assert probe("127.0.0.1", open_port) == Finding(True, f"Accepted a connection to port {open_port}.")


def test_who_refuses_is_there_too(closed_port: int) -> None:
    assert probe("127.0.0.1", closed_port) == Finding(True, f"Refused a connection to port {closed_port}: it is there.")


def test_who_says_nothing_is_not_and_is_not_waited_for(silent_port: int) -> None:
    begun = time.monotonic()

    finding = probe("127.0.0.1", silent_port, timeout=0.3)

    assert finding == Finding(False, f"No answer at port {silent_port} within 0.3 s.")
    assert time.monotonic() - begun < 1


def test_where_no_way_leads_nobody_is() -> None:
    assert not probe("255.255.255.255", 443, timeout=0.3).is_reachable


# --- what is kept -----------------------------------------------------------------------------------------------------


def test_the_finding_is_kept_and_a_change_logged(
    asha: User, open_port: int, silent_port: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "network.probing")
    add_nas(asha, address="127.0.0.1", probe_port=open_port)
    probing.probe_all(Nas.objects.all(), now=NOW)
    nas = Nas.objects.get()
    assert (nas.is_reachable, nas.probed_at) == (True, NOW)
    assert nas.probe_answer == f"Accepted a connection to port {open_port}."
    assert caplog.messages == []

    for port in (silent_port, silent_port, open_port):
        Nas.objects.update(probe_port=port)
        probing.probe_all(Nas.objects.all(), now=NOW, timeout=0.2)

    assert caplog.messages == ["NAS Core is not reachable", "NAS Core is reachable again"]


def test_many_that_are_silent_are_waited_for_together(asha: User, silent_port: int) -> None:
    for number in range(1, 21):
        add_nas(asha, f"Nas {number}", f"127.0.0.{number}", probe_port=silent_port)
    Nas.objects.exclude(address="127.0.0.1").update(probe_port=1)
    begun = time.monotonic()

    probing.probe_all(Nas.objects.all(), now=NOW, timeout=0.5)

    assert time.monotonic() - begun < 2
    assert Nas.objects.filter(is_reachable=True).count() == 19


def test_a_finding_about_an_address_that_it_no_longer_has_is_none(asha: User, open_port: int) -> None:
    nas = add_nas(asha, address="127.0.0.1", probe_port=open_port)
    Nas.objects.update(address="192.0.2.77")

    probing.probe_all([nas], now=NOW)

    assert Nas.objects.get().is_reachable is None


# --- which are probed -------------------------------------------------------------------------------------------------


def check(reseller: Reseller, wan_check: WanCheck) -> None:
    Reseller.objects.filter(pk=reseller.pk).update(wan_check=wan_check)


def watched() -> list[str]:
    return sorted(Nas.objects.watched().values_list("name", flat=True))


@pytest.fixture
def two(asha: User) -> tuple[Nas, Nas]:
    """Return the NAS devices Core and Edge."""
    return add_nas(asha), add_nas(asha, "Edge", "192.0.2.2")


def test_without_a_reseller_that_wants_it_none_is_probed(north: Reseller, northeast: Reseller, two: object) -> None:
    check(northeast, WanCheck.OFF)

    assert watched() == []


def test_all_are_that_a_reseller_without_a_list_may_use(north: Reseller, two: object) -> None:
    check(north, WanCheck.ON)

    assert watched() == ["Core", "Edge"]


def test_of_a_reseller_with_a_list_those_are(north: Reseller, two: tuple[Nas, Nas]) -> None:
    check(north, WanCheck.ON)
    limit(north, two[1])

    assert watched() == ["Edge"]


def test_a_sub_inherits_the_check_and_the_list_of_its_parent(
    north: Reseller, northeast: Reseller, two: tuple[Nas, Nas]
) -> None:
    limit(north, two[0])
    check(northeast, WanCheck.ON)
    assert watched() == ["Core"]

    check(northeast, WanCheck.INHERIT)
    assert watched() == []
    check(north, WanCheck.ON)
    check(northeast, WanCheck.OFF)
    assert watched() == ["Core"]


def test_a_list_of_a_sub_counts_within_its_parents(north: Reseller, northeast: Reseller, two: tuple[Nas, Nas]) -> None:
    limit(north, two[0])
    limit(northeast, *two)
    check(northeast, WanCheck.ON)

    assert watched() == ["Core"]


def test_one_that_carries_a_line_is_though_it_left_the_list(
    asha: User, north: Reseller, home: Plan, two: tuple[Nas, Nas]
) -> None:
    add(asha, north, home, activate=False)
    Subscriber.objects.update(nas=two[0])
    check(north, WanCheck.ON)
    limit(north, two[1])

    assert watched() == ["Core", "Edge"]


def test_a_deleted_reseller_wants_nothing(north: Reseller, two: object) -> None:
    check(north, WanCheck.ON)
    Reseller.objects.update(deleted_at=NOW)

    assert watched() == []


def test_the_worker_probes_them_each_minute_and_no_others(asha: User, north: Reseller, open_port: int) -> None:
    core = add_nas(asha, address="127.0.0.1", probe_port=open_port)
    other = add_nas(asha, "Other", "127.0.0.2", probe_port=open_port)
    limit(north, core)
    check(north, WanCheck.ON)

    tasks.check_wan(now=NOW)

    core.refresh_from_db()
    other.refresh_from_db()
    assert (core.is_reachable, core.probed_at, other.is_reachable) == (True, NOW, None)


# --- Probe now --------------------------------------------------------------------------------------------------------


def test_probe_now_is_the_workers_for_any_of_them(committing: None, asha: User, open_port: int) -> None:
    nas = add_nas(asha, address="127.0.0.1", probe_port=open_port)
    client = signed_in(asha)

    response = client.post(f"/nas/{nas.pk}/probes/")
    assert (response.status_code, response.url) == (303, f"/nas/{nas.pk}/")
    awaited = client.get(response.url)
    assert "On its way…" in body(awaited)
    assert 'hx-select="#wan-check"' in awaited.content.decode()
    run_jobs()

    page = client.get(response.url)
    assert f"Accepted a connection to port {open_port}." in body(page)
    assert "hx-select" not in page.content.decode()


def test_pressed_twice_it_is_probed_once(asha: User, closed_port: int) -> None:
    nas = add_nas(asha, address="127.0.0.1", probe_port=closed_port)
    for _press in range(2):
        signed_in(asha).post(f"/nas/{nas.pk}/probes/")

    assert enqueued(tasks.probe) == [{"nas_id": nas.pk}]
    assert run_inline(tasks.probe) == 1
    nas.refresh_from_db()
    assert nas.is_reachable
    assert nas.probed_at
    assert timezone.now() - nas.probed_at < timedelta(seconds=30)


# --- on the reseller's page -------------------------------------------------------------------------------------------


def test_the_resellers_page_tells_what_is_in_effect_and_what_was_found(
    asha: User, nadia: User, north: Reseller, northeast: Reseller, two: tuple[Nas, Nas]
) -> None:
    client, page = signed_in(asha), f"/resellers/{northeast.pk}/"
    assert "WAN check Inherit (in effect: off)" in body(client.get(page))
    check(north, WanCheck.ON)
    Nas.objects.filter(name="Core").update(is_reachable=False, probed_at=NOW)
    Nas.objects.filter(name="Edge").update(is_reachable=True, probed_at=NOW)

    shown = body(client.get(page))

    assert "WAN check Inherit (in effect: on) 1 of 2 NAS devices reachable, 14 May 2026, 09:30" in shown
    assert "Not reachable Core" in shown
    assert "NAS devices reachable" not in body(signed_in(nadia).get(page))


def test_a_reseller_without_any_is_told_apart(asha: User, north: Reseller) -> None:
    check(north, WanCheck.ON)

    assert "(in effect: on) No NAS device in its scope" in body(signed_in(asha).get(f"/resellers/{north.pk}/"))
