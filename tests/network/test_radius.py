"""What goes over the wire, before a real server and before ones that misbehave."""

import dataclasses
import hashlib
import hmac
import random
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from pyrad import packet

from network import radius
from network.radius import Answer, Command, Server, Timing, Verdict, change_speed, disconnect, exchange
from tests.network import freeradius
from tests.network.devices import FAST
from tests.network.freeradius import (
    ACKED,
    ACKED_AND_SIGNED,
    IGNORED,
    NOT_CONNECTED,
    REFUSED_WITHOUT_CAUSE,
    SECRET,
    FreeRadius,
)


def tell(server: Server, *commands: Command, timing: Timing = FAST) -> list[Answer]:
    """Send the commands, and return the answers in their order."""
    answers = {command.key: answer for command, answer in exchange(server, commands, timing=timing)}
    return [answers[command.key] for command in commands]


def speed(username: str, kind: str, download: int = 50_000, upload: int = 10_000) -> Command:
    return change_speed(1, username, kind=kind, download_kbps=download, upload_kbps=upload)


# --- freeradius -------------------------------------------------------------------------------------------------------


@pytest.fixture
def server(peer: FreeRadius) -> Server:
    return Server("127.0.0.1", peer.port, SECRET)


def test_a_disconnect_is_acknowledged_and_says_whom_and_when(peer: FreeRadius, server: Server) -> None:
    [answer] = tell(server, disconnect(1, ACKED))

    assert answer == Answer(Verdict.ACK, "", 1)
    sent = peer.packets(ACKED)[-1]
    assert sent.kind == "Disconnect-Request"
    assert sent.attributes.keys() == {"User-Name", "Event-Timestamp", "Message-Authenticator"}
    stamp = time.strptime(sent.attributes["Event-Timestamp"].removesuffix(" UTC"), "%b %d %Y %H:%M:%S")
    assert abs(time.mktime(stamp) - time.mktime(time.gmtime())) < 60


def test_a_mikrotik_is_told_the_upload_first(peer: FreeRadius, server: Server) -> None:
    [answer] = tell(server, speed(ACKED, "mikrotik", download=50_000, upload=10_000))

    assert answer.verdict is Verdict.ACK
    sent = peer.packets(ACKED)[-1]
    assert sent.kind == "CoA-Request"
    assert sent.attributes["Mikrotik-Rate-Limit"] == "10000k/50000k"


def test_others_are_told_in_bits(peer: FreeRadius, server: Server) -> None:
    [answer] = tell(server, speed(ACKED, "wispr", download=50_000, upload=10_000))

    assert answer.verdict is Verdict.ACK
    sent = peer.packets(ACKED)[-1].attributes
    assert (sent["WISPr-Bandwidth-Max-Up"], sent["WISPr-Bandwidth-Max-Down"]) == ("10000000", "50000000")
    assert "Mikrotik-Rate-Limit" not in sent


def test_what_32_bits_cannot_hold_is_the_highest_they_can(peer: FreeRadius, server: Server) -> None:
    tell(server, speed(ACKED, "wispr", download=10_000_000, upload=4_000_000))

    sent = peer.packets(ACKED)[-1].attributes
    assert (sent["WISPr-Bandwidth-Max-Up"], sent["WISPr-Bandwidth-Max-Down"]) == ("4000000000", "4294967295")


@pytest.mark.parametrize(
    ("username", "words"),
    [
        (NOT_CONNECTED, "503 Session Context Not Found: the line is not connected."),
        (REFUSED_WITHOUT_CAUSE, "The device gives no reason."),
    ],
)
def test_a_nak_tells_its_cause_in_words(server: Server, username: str, words: str) -> None:
    assert (
        tell(server, disconnect(1, username), dataclasses.replace(speed(username, "mikrotik"), key=2))
        == [Answer(Verdict.NAK, words, 1)] * 2
    )


def test_silence_ends_when_the_patience_does_and_the_same_packet_was_sent_again(
    peer: FreeRadius, server: Server
) -> None:
    before, begun = len(peer.packets(IGNORED)), time.monotonic()

    [answer] = tell(server, disconnect(1, IGNORED))

    assert answer == Answer(Verdict.SILENCE, f"No answer from 127.0.0.1, UDP port {peer.port}.", 3)
    assert FAST.patience <= time.monotonic() - begun < FAST.patience + 1
    # The second and third time it is known for the same request: the log shows it once.
    assert len(peer.packets(IGNORED)) == before + 1


def test_a_server_with_another_secret_says_nothing_and_takes_nothing(peer: FreeRadius) -> None:
    since = len(peer.log.read_text())

    [answer] = tell(Server("127.0.0.1", peer.port, "another-secret"), disconnect(1, ACKED))

    assert answer.verdict is Verdict.SILENCE
    peer.wait_for("invalid Message-Authenticator!  (Shared secret is incorrect.)", since=since)
    assert "Sent Disconnect-ACK" not in peer.log.read_text()[since:]


def test_an_answer_with_the_message_authenticator_of_freeradius_is_taken(server: Server) -> None:
    assert tell(server, disconnect(1, ACKED_AND_SIGNED)) == [Answer(Verdict.ACK, "", 1)]


@pytest.mark.skipif(not freeradius.has_ipv6(), reason="this machine has no IPv6 loopback")
def test_ipv6_goes_as_well(peer: FreeRadius) -> None:
    assert tell(Server("::1", peer.port, SECRET), disconnect(1, ACKED)) == [Answer(Verdict.ACK, "", 1)]


def test_as_many_as_a_socket_takes_are_answered_each_on_its_own(server: Server) -> None:
    names = (ACKED, NOT_CONNECTED, IGNORED)
    commands = [disconnect(number, names[number % 3]) for number in range(radius.MOST)]

    answers = tell(server, *commands)

    expected = {0: Verdict.ACK, 1: Verdict.NAK, 2: Verdict.SILENCE}
    assert [answer.verdict for answer in answers] == [expected[number % 3] for number in range(radius.MOST)]
    with pytest.raises(ValueError, match="At most 256"):
        list(exchange(server, [*commands, disconnect(999, ACKED)]))


# --- ones that misbehave ----------------------------------------------------------------------------------------------

Reaction = Callable[[bytes], list[bytes]]


@contextmanager
def answering(react: Reaction) -> Iterator[tuple[Server, list[bytes]]]:
    """Run a server that answers each datagram with what `react` returns; yield it and what it got."""
    got: list[bytes] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.settimeout(0.05)
        over = threading.Event()

        def listen() -> None:
            while not over.is_set():
                try:
                    raw, sender = listener.recvfrom(4096)
                except TimeoutError:
                    continue
                got.append(raw)
                for datagram in react(raw):
                    listener.sendto(datagram, sender)

        thread = threading.Thread(target=listen)
        thread.start()
        try:
            yield Server("127.0.0.1", listener.getsockname()[1], SECRET), got
        finally:
            over.set()
            thread.join()


def reply(request: bytes, code: int, attributes: bytes = b"", *, secret: str = SECRET) -> bytes:
    """Return an answer, signed by hand as RFC 2865, section 3, says."""
    head = struct.pack("!BBH", code, request[1], 20 + len(attributes))
    return head + hashlib.md5(head + request[4:20] + attributes + secret.encode()).digest() + attributes


def signed_reply(request: bytes, code: int, *, secret: str = SECRET, spoilt: bool = False) -> bytes:
    """Return an answer with a Message-Authenticator, as RFC 3579, section 3.2, says."""
    head = struct.pack("!BBH", code, request[1], 38)
    seal = hmac.new(secret.encode(), head + request[4:20] + b"\x50\x12" + bytes(16), "md5").digest()
    return reply(request, code, b"\x50\x12" + (bytes(16) if spoilt else seal))


def test_an_answer_with_a_good_message_authenticator_counts() -> None:
    with answering(lambda raw: [signed_reply(raw, packet.DisconnectACK)]) as (server, _got):
        assert tell(server, disconnect(1, "amal"))[0].verdict is Verdict.ACK


FORGED: dict[str, Reaction] = {
    "signed with another secret": lambda raw: [reply(raw, packet.DisconnectACK, secret="another")],
    "with a wrong message authenticator": lambda raw: [signed_reply(raw, packet.DisconnectACK, spoilt=True)],
    "to another identifier": lambda raw: [reply(raw[:1] + bytes([raw[1] ^ 1]) + raw[2:], packet.DisconnectACK)],
    "of another kind": lambda raw: [reply(raw, packet.CoAACK)],
    "of no kind": lambda raw: [reply(raw, 99)],
    "cut off": lambda raw: [reply(raw, packet.DisconnectACK)[:19]],
    "with a broken attribute": lambda raw: [reply(raw, packet.DisconnectACK, b"\x65\x01")],
    "empty": lambda _raw: [b""],
    "the request itself": lambda raw: [raw],
}


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED)
def test_what_is_not_signed_as_an_answer_to_this_request_is_none(forged: Reaction) -> None:
    with answering(forged) as (server, _got):
        [answer] = tell(server, disconnect(1, "amal"))

    assert answer.verdict is Verdict.SILENCE


def test_the_real_answer_counts_though_forged_ones_come_first() -> None:
    def react(raw: bytes) -> list[bytes]:
        forged = [datagram for each in FORGED.values() for datagram in each(raw)]
        return [*forged, reply(raw, packet.DisconnectNAK, b"\x65\x06" + struct.pack("!I", 501))]

    with answering(react) as (server, _got):
        [answer] = tell(server, disconnect(1, "amal"))

    assert answer.verdict is Verdict.NAK
    assert answer.words.startswith("501 Administratively Prohibited")


def test_an_answer_of_another_secret_is_told_from_no_answer() -> None:
    with answering(FORGED["signed with another secret"]) as (server, _got):
        [answer] = tell(server, disconnect(1, "amal"))

    assert answer.words == "An answer came that this secret does not fit: compare it with the device’s."


def test_noise_is_waited_out() -> None:
    noise = random.Random(7)

    def react(raw: bytes) -> list[bytes]:
        attributes = noise.randbytes(noise.randrange(60))
        return [
            noise.randbytes(noise.randrange(80)),
            reply(raw, noise.randrange(256), attributes),
            raw[:2] + noise.randbytes(40),
        ]

    with answering(react) as (server, _got):
        answers = tell(server, *(disconnect(number, "amal") for number in range(200)))

    assert len(answers) == 200


def test_a_lost_answer_is_asked_for_with_the_very_same_packet() -> None:
    def react(raw: bytes) -> list[bytes]:
        return [reply(raw, packet.DisconnectACK)] if len(got) == 2 else []

    with answering(react) as (server, got):
        [answer] = tell(server, disconnect(1, "amal"))

    assert answer == Answer(Verdict.ACK, "", 2)
    assert got[0] == got[1]


def test_requests_that_follow_each_other_have_identifiers_of_their_own() -> None:
    with answering(lambda raw: [reply(raw, packet.DisconnectACK)]) as (server, got):
        tell(server, *(disconnect(number, "amal") for number in range(100)))

    assert len({raw[1] for raw in got}) == 100


def test_behind_what_a_dead_server_left_unanswered_nothing_more_is_sent() -> None:
    with answering(lambda _raw: []) as (server, got):
        begun = time.monotonic()
        answers = tell(server, *(disconnect(number, "amal") for number in range(100)))

    assert {answer.verdict for answer in answers} == {Verdict.SILENCE}
    assert [answer.sends for answer in answers] == [3] * radius.WINDOW + [0] * (100 - radius.WINDOW)
    assert len(got) == 3 * radius.WINDOW
    assert time.monotonic() - begun < FAST.patience + 1


def test_one_that_is_ignored_holds_up_none_of_the_others() -> None:
    def react(raw: bytes) -> list[bytes]:
        return [] if b"ignored" in raw else [reply(raw, packet.DisconnectACK)]

    with answering(react) as (server, _got):
        answers = tell(server, disconnect(0, "ignored"), *(disconnect(number, "amal") for number in range(1, 100)))

    assert [answer.verdict for answer in answers] == [Verdict.SILENCE] + [Verdict.ACK] * 99


def test_where_nothing_listens_that_is_said() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    [answer] = tell(Server("127.0.0.1", port, SECRET), disconnect(1, "amal"))

    assert answer == Answer(
        Verdict.SILENCE, f"Nothing listens at 127.0.0.1, UDP port {port}: allow CoA on the device.", 3
    )


def test_an_address_that_no_packet_reaches_is_waited_out_with_its_reason() -> None:
    [answer] = tell(Server("255.255.255.255", 3799, SECRET), disconnect(1, "amal"))

    assert answer.verdict is Verdict.SILENCE
    assert answer.words == "255.255.255.255, UDP port 3799 cannot be reached: Permission denied."


def test_a_secret_shows_in_no_representation() -> None:
    assert SECRET not in repr(Server("192.0.2.1", 3799, SECRET))
