"""What lines' servers are told: asked in the act's transaction, sent by the worker, the answer kept."""

import socket
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from accounts.seats import Seat
from audit.models import AuditEntry
from network import operations, radius, sending, tasks
from network.models import CoaKind, CoaRequest, CoaStatus, Nas
from network.operations import Line
from plans.models import Plan
from resellers.models import Reseller
from subscribers.models import Subscriber
from tests.cast import NOW, seat_of
from tests.jobs import enqueued, run_inline, run_jobs, waiting
from tests.network.devices import DETAILS, FAST, add_nas, at_peer, disconnect, set_speed
from tests.network.freeradius import ACKED, IGNORED, NOT_CONNECTED, FreeRadius
from tests.subscribers.lines import add


@pytest.fixture
def line(asha: User, north: Reseller, home: Plan) -> Subscriber:
    """Return a line that freeradius knows."""
    return add(asha, north, home, ACKED, activate=False)


@pytest.fixture
def core(asha: User, peer: FreeRadius) -> Nas:
    """Return the NAS device that freeradius is."""
    return at_peer(asha, peer)


@pytest.fixture
def dead(asha: User) -> Iterator[Nas]:
    """Return a NAS device that takes everything and answers nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.2", 0))
        yield add_nas(asha, "Dead", "127.0.0.2", coa_port=silent.getsockname()[1])


def rest_over(*requests: CoaRequest) -> None:
    """Let the pause of the requests be over."""
    CoaRequest.objects.filter(pk__in=[request.pk for request in requests]).update(due_at=timezone.now())


def send(nas: Nas) -> None:
    sending.send_due(nas_id=nas.pk, timing=FAST)


def status_of(request: CoaRequest) -> str:
    request.refresh_from_db()
    return request.status


# --- asking -----------------------------------------------------------------------------------------------------------


def test_it_waits_with_a_job_in_the_lane_of_its_nas(core: Nas, line: Subscriber) -> None:
    request = disconnect(core, line, reason="Suspended")

    assert (request.status, request.username, request.reason) == (CoaStatus.WAITING, ACKED, "Suspended")
    assert (request.asked_by, request.created_at, request.answered_at) == ("system", NOW, None)
    [job] = waiting(tasks.send)
    assert (job.args, job.lock) == ({"nas_id": core.pk}, f"nas:{core.pk}")


def test_who_asked_from_a_borrowed_seat_is_told_with_both_names(
    asha: User, nadia: User, core: Nas, line: Subscriber
) -> None:
    request = disconnect(core, line, actor=Seat(asha, nadia))

    assert request.asked_by == "asha as nadia"


def test_what_is_rolled_back_was_never_asked(core: Nas, line: Subscriber) -> None:
    with transaction.atomic():
        disconnect(core, line)
        transaction.set_rollback(True)

    assert not CoaRequest.objects.exists()
    assert not waiting(tasks.send)


def test_without_a_nas_there_is_nobody_to_tell(line: Subscriber) -> None:
    requests = [disconnect(None, line), set_speed(None, line)]

    assert [request.status for request in requests] == [CoaStatus.NO_NAS] * 2
    assert [request.answered_at for request in requests] == [NOW] * 2
    assert not waiting(tasks.send)


def test_many_lines_are_asked_for_at_once_with_a_job_for_each_nas(
    asha: User, north: Reseller, home: Plan, core: Nas, dead: Nas
) -> None:
    lines = [add(asha, north, home, f"line{number}", activate=False) for number in range(9)]
    carriers = [core.pk, dead.pk, None] * 3
    asked = [Line(nas, line.pk, line.username) for nas, line in zip(carriers, lines, strict=True)]

    with CaptureQueriesContext(connection) as captured:
        requests = operations.disconnect_many(actor=seat_of(asha), lines=asked, reason="Expired", now=NOW)

    assert [(request.nas_id, request.username) for request in requests] == [(each[0], each[2]) for each in asked]
    assert {request.status for request in requests if request.nas_id is None} == {CoaStatus.NO_NAS}
    assert sorted(job["nas_id"] for job in enqueued(tasks.send)) == sorted([core.pk, dead.pk])
    assert len([each for each in captured.captured_queries if "coa_requests" in each["sql"]]) == 1
    assert operations.disconnect_many(actor=seat_of(asha), lines=[], reason="Expired", now=NOW) == []


def test_the_trail_is_left_to_the_lines_own_act(core: Nas, line: Subscriber) -> None:
    before = AuditEntry.objects.count()

    disconnect(core, line)
    set_speed(core, line)

    assert AuditEntry.objects.count() == before


# --- the answer -------------------------------------------------------------------------------------------------------


def test_the_worker_disconnects_the_line_after_the_commit_and_keeps_the_ack(
    committing: None, core: Nas, line: Subscriber, peer: FreeRadius
) -> None:
    before = len(peer.packets(ACKED))
    with transaction.atomic():
        request = disconnect(core, line)
        assert len(peer.packets(ACKED)) == before

    run_jobs()

    request.refresh_from_db()
    assert (request.status, request.attempts, request.answer) == (CoaStatus.ACK, 1, "")
    assert request.answered_at is not None
    [sent] = peer.packets(ACKED)[before:]
    assert (sent.kind, sent.attributes["User-Name"]) == ("Disconnect-Request", ACKED)


def test_the_worker_sets_the_speed_and_keeps_the_ack(core: Nas, line: Subscriber, peer: FreeRadius) -> None:
    request = set_speed(core, line, download=50_000, upload=10_000)

    run_inline(tasks.send)

    assert status_of(request) == CoaStatus.ACK
    sent = peer.packets(ACKED)[-1]
    assert (sent.kind, sent.attributes["Mikrotik-Rate-Limit"]) == ("CoA-Request", "10000k/50000k")


def test_a_nas_of_another_kind_is_told_in_its_own_words(asha: User, line: Subscriber, peer: FreeRadius) -> None:
    request = set_speed(at_peer(asha, peer, kind="wispr"), line)

    run_inline(tasks.send)

    assert status_of(request) == CoaStatus.ACK
    assert peer.packets(ACKED)[-1].attributes["WISPr-Bandwidth-Max-Down"] == "50000000"


def test_a_nak_is_kept_with_its_cause(core: Nas, line: Subscriber, peer: FreeRadius) -> None:
    request = disconnect(core, line, username=NOT_CONNECTED)

    run_inline(tasks.send)

    request.refresh_from_db()
    assert (request.status, request.attempts) == (CoaStatus.NAK, 1)
    assert request.answer == "503 Session Context Not Found: the line is not connected."
    assert peer.packets(NOT_CONNECTED)[-1].kind == "Disconnect-Request"


def test_silence_is_waited_out_in_rounds_and_then_kept(core: Nas, line: Subscriber, peer: FreeRadius) -> None:
    request = disconnect(core, line, username=IGNORED)
    rounds, before = [], len(peer.packets(IGNORED))

    for _round in range(sending.ROUNDS):
        rest_over(request)
        send(core)
        request.refresh_from_db()
        rounds.append((request.status, request.attempts, request.due_at > timezone.now()))

    assert rounds == [
        (CoaStatus.WAITING, 3, True),
        (CoaStatus.WAITING, 6, True),
        (CoaStatus.TIMEOUT, 9, False),
    ]
    assert request.answer == f"No answer from 127.0.0.1, UDP port {peer.port}."
    assert request.answered_at is not None
    # A round later than the last is a new request, with a new moment in it.
    assert len(peer.packets(IGNORED)) == before + sending.ROUNDS


def test_a_request_rests_between_the_rounds_and_is_taken_up_when_it_is_time(dead: Nas, line: Subscriber) -> None:
    request = disconnect(dead, line)
    send(dead)
    run_inline(tasks.send)  # whatever comes meanwhile leaves it alone
    tasks.send_again(now=timezone.now())
    request.refresh_from_db()
    assert (request.attempts, waiting(tasks.send)) == (3, [])

    tasks.send_again(now=request.due_at + timedelta(seconds=1))

    assert enqueued(tasks.send) == [{"nas_id": dead.pk}]
    assert request.due_at - timezone.now() > timedelta(seconds=25)


def test_what_a_killed_worker_left_is_taken_up_within_a_minute(core: Nas, line: Subscriber) -> None:
    request = disconnect(core, line)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs")

    tasks.send_again(now=timezone.now())
    tasks.send_again(now=timezone.now())  # and once is enough

    assert run_inline(tasks.send) == 1
    assert status_of(request) == CoaStatus.ACK


def test_sent_once_more_after_a_kill_it_is_answered_once_more(
    core: Nas, line: Subscriber, peer: FreeRadius, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = disconnect(core, line)
    before = len(peer.packets(ACKED))

    def killed(*_answer: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(sending, "keep", killed)
        with pytest.raises(SystemExit):
            send(core)
    assert status_of(request) == CoaStatus.WAITING
    send(core)

    assert status_of(request) == CoaStatus.ACK
    assert [sent.kind for sent in peer.packets(ACKED)[before:]] == ["Disconnect-Request"] * 2


def test_a_server_that_comes_back_gets_what_waits(asha: User, line: Subscriber, peer: FreeRadius) -> None:
    away = add_nas(asha, "Away", "127.0.0.1", coa_port=1)
    request = disconnect(away, line)
    send(away)
    assert (status_of(request), request.answer) == (
        CoaStatus.WAITING,
        "Nothing listens at 127.0.0.1, UDP port 1: allow CoA on the device.",
    )

    Nas.objects.update(coa_port=peer.port)
    rest_over(request)
    send(away)

    request.refresh_from_db()
    assert (request.status, request.rounds, request.attempts, request.answer) == (CoaStatus.ACK, 2, 4, "")


def test_a_wrong_secret_is_no_answer(asha: User, line: Subscriber, peer: FreeRadius) -> None:
    request = disconnect(at_peer(asha, peer, secret="not-the-one-it-has"), line)

    for _round in range(sending.ROUNDS):
        rest_over(request)
        sending.send_due(nas_id=request.nas_id or 0, timing=FAST)

    assert status_of(request) == CoaStatus.TIMEOUT


def test_a_secret_that_cannot_be_read_is_said(core: Nas, line: Subscriber) -> None:
    Nas.objects.update(secret_ciphertext=b"x")
    request = disconnect(core, line)

    send(core)

    request.refresh_from_db()
    assert (request.status, request.attempts) == (CoaStatus.TIMEOUT, 0)
    assert request.answer == "The NAS device’s secret cannot be read: enter it anew."


# --- order ------------------------------------------------------------------------------------------------------------


def test_a_speed_is_not_sent_over_a_newer_one(asha: User, dead: Nas, line: Subscriber, peer: FreeRadius) -> None:
    old, new = set_speed(dead, line, 1_000, 1_000), set_speed(dead, line, 90_000, 9_000)
    details = DETAILS | {"name": "Back", "address": "127.0.0.1", "coa_port": peer.port}
    operations.edit_nas(actor=seat_of(asha), nas_id=dead.pk, now=NOW, **details)
    before = len(peer.packets(ACKED))

    send(dead)

    assert [status_of(old), status_of(new)] == [CoaStatus.OVERTAKEN, CoaStatus.ACK]
    assert old.answer == "A newer one took its place."
    sent = [packet.attributes["Mikrotik-Rate-Limit"] for packet in peer.packets(ACKED)[before:]]
    assert sent == ["9000k/90000k"]


def test_one_that_was_left_unanswered_is_not_sent_again_over_a_newer_one(core: Nas, line: Subscriber) -> None:
    old = set_speed(core, line, 1_000, 1_000)
    CoaRequest.objects.update(username=IGNORED)
    send(core)
    new = set_speed(core, line, 90_000, 9_000)
    send(core)
    assert [status_of(old), status_of(new)] == [CoaStatus.OVERTAKEN, CoaStatus.ACK]

    rest_over(old)
    send(core)

    assert status_of(old) == CoaStatus.OVERTAKEN


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("disconnect", "disconnect", [CoaStatus.OVERTAKEN, CoaStatus.ACK]),
        ("speed", "disconnect", [CoaStatus.OVERTAKEN, CoaStatus.ACK]),
        ("disconnect", "speed", [CoaStatus.ACK, CoaStatus.ACK]),
    ],
)
def test_what_the_newer_one_makes_needless_is_left_out_and_the_rest_keeps_its_order(
    core: Nas, line: Subscriber, peer: FreeRadius, first: str, second: str, expected: list[CoaStatus]
) -> None:
    ask = {"disconnect": disconnect, "speed": set_speed}
    requests = [ask[each](core, line) for each in (first, second)]
    before = len(peer.packets(ACKED))

    send(core)

    assert [status_of(request) for request in requests] == expected
    kinds = {CoaKind.DISCONNECT: "Disconnect-Request", CoaKind.SPEED: "CoA-Request"}
    sent = [kinds[CoaKind(request.kind)] for request in requests if request.status == CoaStatus.ACK]
    assert [packet.kind for packet in peer.packets(ACKED)[before:]] == sent


def test_a_line_of_another_nas_or_another_line_overtakes_nothing(
    asha: User, north: Reseller, home: Plan, core: Nas, dead: Nas, line: Subscriber
) -> None:
    other = add(asha, north, home, "other", activate=False)
    request = set_speed(core, line)
    set_speed(dead, line)
    CoaRequest.objects.filter(pk=set_speed(core, other).pk).update(username=ACKED)

    send(core)

    assert status_of(request) == CoaStatus.ACK


# --- one dead server --------------------------------------------------------------------------------------------------


def test_a_dead_nas_holds_up_no_other_one(
    committing: None, core: Nas, dead: Nas, line: Subscriber, monkeypatch: pytest.MonkeyPatch
) -> None:
    unanswered = [disconnect(dead, line), set_speed(dead, line)]
    answered = disconnect(core, line)
    monkeypatch.setattr(sending.send_due, "__kwdefaults__", {"timing": radius.Timing((0, 0.5, 1), 1.5)})

    run_jobs(concurrency=2)

    for request in (*unanswered, answered):
        request.refresh_from_db()
    assert answered.status == CoaStatus.ACK
    assert answered.answered_at is not None
    assert answered.answered_at < unanswered[0].due_at - sending.PAUSES[0]
    assert [request.status for request in unanswered] == [CoaStatus.WAITING] * 2


def test_behind_a_dead_nas_thousands_wait_a_moment_and_not_for_each_other(
    asha: User, north: Reseller, home: Plan, dead: Nas, line: Subscriber
) -> None:
    count = 600
    lines = Subscriber.objects.bulk_create(
        Subscriber(
            username=f"line{number}",
            plan=home,
            reseller=north,
            password_ciphertext=b"x",
            created_at=NOW,
            updated_at=NOW,
        )
        for number in range(count)
    )
    asked = [Line(dead.pk, each.pk, each.username) for each in lines]
    operations.disconnect_many(actor=seat_of(asha), lines=asked, reason="Expired", now=timezone.now())
    begun = time.monotonic()

    send(dead)

    assert time.monotonic() - begun < 2
    sent = CoaRequest.objects.filter(attempts__gt=0)
    assert sent.count() == radius.WINDOW
    assert CoaRequest.objects.waiting().filter(due_at__gt=timezone.now()).count() == count
    assert set(CoaRequest.objects.values_list("answer", flat=True)) == {
        f"No answer from 127.0.0.2, UDP port {dead.coa_port}."
    }


def test_what_never_came_to_be_sent_is_given_up_in_the_end(
    asha: User, north: Reseller, home: Plan, dead: Nas, line: Subscriber
) -> None:
    names = [f"line{number}" for number in range(radius.WINDOW + 1)]
    lines = [add(asha, north, home, name, activate=False) for name in names]
    long_ago = timezone.now() - sending.PATIENCE - timedelta(seconds=1)
    asked = [Line(dead.pk, each.pk, each.username) for each in lines]
    requests = operations.disconnect_many(actor=seat_of(asha), lines=asked, reason="Expired", now=long_ago)

    send(dead)

    last = requests[-1]
    assert (status_of(last), last.attempts) == (CoaStatus.TIMEOUT, 0)
    assert status_of(requests[0]) == CoaStatus.WAITING


# --- the database has the last word -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        "status = 'maybe'",
        "kind = 'reboot'",
        "status = 'no_nas'",
        "status = 'ack'",
        "answered_at = now()",
        "download_kbps = 5",
        "kind = 'speed'",
        "nas_id = NULL",
    ],
)
def test_the_database_refuses_what_is_no_request(dead: Nas, line: Subscriber, wrong: str) -> None:
    disconnect(dead, line)

    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE coa_requests SET {wrong}")
