"""Telling an access server to disconnect a line, or at which speed to serve it: RFC 5176 over UDP.

Nothing here knows of the database. Whoever calls waits no longer than the `Timing` says.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import ipaddress
import random
import select
import socket
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import cache
from pathlib import Path

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from pyrad import packet
from pyrad.dictionary import Dictionary
from pyrad.packet import CoAPacket, PacketError

from network.models import NasKind

#: How many requests may be on their way to one server at a time.
WINDOW = 32
#: RFC 2865, section 3: the Identifier is one octet. A socket never uses one twice, so that no answer is taken for
#: another request's.
MOST = 256
#: RFC 2865, section 3: no packet is shorter, or longer.
SHORTEST, LONGEST = 20, 4096
#: RFC 2865, section 5: what a number can hold. WISPr counts in bit/s, so it says nothing above 4.29 Gbit/s.
HIGHEST_NUMBER = 2**32 - 1

#: RFC 5176, section 3: the answer that says yes, and the one that says no, to each request.
ANSWERS = {
    packet.DisconnectRequest: (packet.DisconnectACK, packet.DisconnectNAK),
    packet.CoARequest: (packet.CoAACK, packet.CoANAK),
}
#: RFC 5176, section 3.5, and what it means for whoever runs the panel, where that needs saying.
CAUSES: dict[int, tuple[str, Promise | str]] = {
    201: ("Residual Session Context Removed", gettext_lazy("only leftovers of the session were there, and are gone")),
    202: ("Invalid EAP Packet (Ignored)", ""),
    401: ("Unsupported Attribute", gettext_lazy("the device does not know an attribute; look at the kind of this NAS")),
    402: ("Missing Attribute", gettext_lazy("the device wants an attribute that the panel does not send")),
    403: ("NAS Identification Mismatch", gettext_lazy("the device takes the request for another one's")),
    404: ("Invalid Request", ""),
    405: ("Unsupported Service", ""),
    406: ("Unsupported Extension", gettext_lazy("the device does not do this")),
    407: ("Invalid Attribute Value", gettext_lazy("look at the kind of this NAS and at the speeds of the plan")),
    501: ("Administratively Prohibited", gettext_lazy("the device does not take this from the panel; allow it there")),
    502: ("Request Not Routable (Proxy)", ""),
    503: ("Session Context Not Found", gettext_lazy("the line is not connected")),
    504: ("Session Context Not Removable", ""),
    505: ("Other Proxy Processing Error", ""),
    506: ("Resources Unavailable", gettext_lazy("the device is too busy")),
    507: ("Request Initiated", gettext_lazy("the device will ask for the line's terms anew")),
    508: ("Multiple Session Selection Unsupported", gettext_lazy("the line is connected more than once")),
}


@dataclass(frozen=True, slots=True)
class Server:
    """An access server: where it listens, IPv4 or IPv6, and the secret that it shares with the panel."""

    address: str
    port: int
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Command:
    """What to tell a server about a line; ``key`` is by what the caller knows it."""

    key: int
    code: int
    username: str
    attributes: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Timing:
    """When a request is sent, and when it is given up, in seconds after the first time.

    RFC 5080, section 2.2.1, wants pauses of seconds, and an end.
    """

    sends: tuple[float, ...] = (0, 2, 4)
    patience: float = 6


TIMING = Timing()


class Verdict(Enum):
    ACK = auto()
    NAK = auto()
    SILENCE = auto()


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, in words, after so many sends: none where the server was already known to be silent."""

    verdict: Verdict
    words: str
    sends: int


def disconnect(key: int, username: str) -> Command:
    """Return the request to end a line's sessions (RFC 5176, section 2.1)."""
    return Command(key, packet.DisconnectRequest, username)


def change_speed(key: int, username: str, *, kind: str, download_kbps: int, upload_kbps: int) -> Command:
    """Return the request to serve a line at these speeds, in kbit/s (RFC 5176, section 2.2)."""
    speeds = speed_attributes(kind, download_kbps=download_kbps, upload_kbps=upload_kbps)
    return Command(key, packet.CoARequest, username, speeds)


def speed_attributes(kind: str, *, download_kbps: int, upload_kbps: int) -> dict[str, str | int]:
    """Return the attributes that tell this kind of server a speed; download is towards the subscriber.

    MikroTik's manual, "RADIUS Client": ``Mikrotik-Rate-Limit`` (vendor 14988, attribute 8) is ``rx/tx`` as the router
    sees it, so what the subscriber uploads comes first; ``k`` stands for 1,000 bit/s. The Wi-Fi Alliance's "Best
    Current Practices for Wireless Internet Service Provider (WISP) Roaming", 1.0: ``WISPr-Bandwidth-Max-Up`` and
    ``-Down`` (vendor 14122, attributes 7 and 8) are in bit/s.
    """
    if kind == NasKind.MIKROTIK:
        return {"Mikrotik-Rate-Limit": f"{upload_kbps}k/{download_kbps}k"}
    return {
        "WISPr-Bandwidth-Max-Up": min(upload_kbps * 1000, HIGHEST_NUMBER),
        "WISPr-Bandwidth-Max-Down": min(download_kbps * 1000, HIGHEST_NUMBER),
    }


@cache
def dictionary() -> Dictionary:
    return Dictionary(str(Path(__file__).with_name("radius.dictionary")))


def request_of(command: Command, *, identifier: int, secret: str, at: float) -> CoAPacket:
    """Return the packet of a command, still to be encoded.

    User-Name says whose sessions are meant (RFC 5176, section 3: session identification). Event-Timestamp lets the
    server refuse what somebody recorded and sends again (section 6.3). Message-Authenticator is over the packet with
    zeros for the authenticator (section 3.4, and RFC 3579, section 3.2).

    NAS-IP-Address is left out on purpose: it has to be what the device calls itself, which behind NAT, or with several
    addresses, is not where the panel reaches it; a device that is told another one answers 403. There is no proxy on
    the way that would need it.
    """
    request = CoAPacket(command.code, identifier, secret.encode(), dict=dictionary(), message_authenticator=True)
    request["User-Name"] = command.username
    request["Event-Timestamp"] = int(at)
    for name, value in command.attributes.items():
        request[name] = value
    return request


@dataclass(slots=True)
class Pending:
    """A request that is on its way.

    It is sent again as it is, with the same Identifier from the same port (RFC 5176, section 2.3), so that a server
    which answered already knows it and repeats its answer (RFC 5080, section 2.2.2), in place of saying that the
    session is gone.
    """

    command: Command
    request: CoAPacket
    encoded: bytes
    begun: float
    sends: int = 0
    trouble: str = ""

    def due_at(self, timing: Timing) -> float:
        """Return when something is to be done about it: the next send, or the end."""
        after = timing.sends[self.sends] if self.sends < len(timing.sends) else timing.patience
        return self.begun + after

    def is_over(self, timing: Timing, now: float) -> bool:
        return now >= self.begun + timing.patience


def exchange(
    server: Server, commands: Iterable[Command], *, timing: Timing = TIMING
) -> Iterator[tuple[Command, Answer]]:
    """Send the commands, at most 256 of them, and yield the answer to each as soon as it is there.

    Several are on their way at once. Where a request gets no answer and nothing at all was heard from the server, it
    is taken for dead: those that are not sent yet are answered with silence and no send.
    """
    todo = deque(commands)
    if len(todo) > MOST:
        raise ValueError(f"At most {MOST} requests go through one socket, not {len(todo)}.")
    with Channel(server) as channel:
        yield from Exchange(channel, todo, timing).answers()


class Exchange:
    """Requests that go through one socket, and what is still awaited."""

    def __init__(self, channel: Channel, todo: deque[Command], timing: Timing) -> None:
        self.channel = channel
        self.todo = todo
        self.timing = timing
        self.pending: dict[int, Pending] = {}
        self.heard = False
        # RFC 2865 asks of Identifiers that they differ, not that nobody guesses them.
        first = random.randrange(MOST)  # noqa: S311
        self.identifiers = ((first + number) % MOST for number in range(MOST))

    def answers(self) -> Iterator[tuple[Command, Answer]]:
        while self.todo or self.pending:
            self.begin()
            yield from self.send_or_give_up()
            yield from self.hear()

    def begin(self) -> None:
        """Let as many commands be on their way as may."""
        while self.todo and len(self.pending) < WINDOW:
            identifier, command = next(self.identifiers), self.todo.popleft()
            request = request_of(command, identifier=identifier, secret=self.channel.server.secret, at=time.time())
            self.pending[identifier] = Pending(command, request, request.RequestPacket(), time.monotonic())

    def send_or_give_up(self) -> Iterator[tuple[Command, Answer]]:
        """Send what is due, and yield those for which it is too late."""
        now = time.monotonic()
        for identifier, each in list(self.pending.items()):
            if each.is_over(self.timing, now):
                del self.pending[identifier]
                yield each.command, self.silence(each.sends, each.trouble)
                if not self.heard:
                    yield from self.leave_rest()
            elif now >= each.due_at(self.timing):
                self.channel.send(each.encoded)
                each.sends += 1

    def leave_rest(self) -> Iterator[tuple[Command, Answer]]:
        while self.todo:
            yield self.todo.popleft(), self.silence(0)

    def silence(self, sends: int, trouble: str = "") -> Answer:
        """Return that there was no answer, and why, as far as that is known."""
        words = trouble or self.channel.trouble or _("No answer from %(where)s.") % {"where": self.channel.where}
        return Answer(Verdict.SILENCE, words, sends)

    def hear(self) -> Iterator[tuple[Command, Answer]]:
        """Wait until something comes or is due, and yield the answers among what comes."""
        if not self.pending:
            return
        for raw in self.channel.received_until(min(each.due_at(self.timing) for each in self.pending.values())):
            self.heard = True
            asked = self.pending.get(raw[1])
            if asked is None:
                continue
            if answer := answer_of(asked, raw):
                del self.pending[raw[1]]
                yield asked.command, answer
            else:
                asked.trouble = _("An answer came that this secret does not fit: compare it with the device’s.")


class Channel:
    """A UDP socket that hears this server alone; what goes wrong with it is kept in words, and waited out."""

    def __init__(self, server: Server) -> None:
        self.server = server
        #: What the network said last: it may change its mind before the patience ends.
        self.trouble = ""
        version = ipaddress.ip_address(server.address).version
        self.socket = socket.socket(socket.AF_INET if version == 4 else socket.AF_INET6, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.is_connected = False

    def __enter__(self) -> Channel:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.socket.close()

    @property
    def where(self) -> str:
        return _("%(address)s, UDP port %(port)d") % {"address": self.server.address, "port": self.server.port}

    def send(self, encoded: bytes) -> None:
        with self.troubles():
            if not self.is_connected:
                self.socket.connect((self.server.address, self.server.port))
                self.is_connected = True
            self.socket.send(encoded)

    def received_until(self, moment: float) -> list[bytes]:
        """Wait for datagrams until ``moment`` (of `time.monotonic`), and return those that could be packets."""
        poll = select.poll()  # unlike `select`, it takes the high descriptors of a busy process
        poll.register(self.socket, select.POLLIN)
        found: list[bytes] = []
        if poll.poll(max(0.0, moment - time.monotonic()) * 1000 + 1):
            with self.troubles():
                while len(found) < WINDOW:
                    found.append(self.socket.recv(LONGEST))
        return [raw for raw in found if len(raw) >= SHORTEST]

    @contextlib.contextmanager
    def troubles(self) -> Iterator[None]:
        """Keep what the network refuses in words."""
        try:
            yield
        except BlockingIOError:
            pass
        except ConnectionRefusedError:
            self.trouble = _("Nothing listens at %(where)s: allow CoA on the device.") % {"where": self.where}
        except OSError as problem:
            said = {"where": self.where, "problem": problem.strerror or type(problem).__name__}
            self.trouble = _("%(where)s cannot be reached: %(problem)s.") % said


def answer_of(asked: Pending, raw: bytes) -> Answer | None:
    """Return the answer that a datagram is; None for one that is not signed as an answer to this request."""
    request = asked.request
    try:
        reply = request.CreateReply(packet=raw)
    except (PacketError, ValueError):
        return None
    ack, nak = ANSWERS[request.code]
    if reply.code not in (ack, nak) or not is_signed(reply, request):
        return None
    cause = cause_of(reply)
    if reply.code == ack:
        return Answer(Verdict.ACK, cause, asked.sends)
    return Answer(Verdict.NAK, cause or _("The device gives no reason."), asked.sends)


def is_signed(reply: CoAPacket, request: CoAPacket) -> bool:
    """Say whether an answer was made by somebody who has the secret, and to this request.

    The Response Authenticator is over the request's and the secret (RFC 5176, section 2.3). A Message-Authenticator is
    not asked of an answer, but has to be right where there is one (section 3.4), with the request's authenticator; or
    with zeros, as FreeRADIUS 3 makes it.
    """
    raw = reply.raw_packet
    expected = hashlib.md5(raw[:4] + request.authenticator + raw[20:] + request.secret)  # noqa: S324
    if not hmac.compare_digest(expected.digest(), raw[4:20]):
        return False
    if not reply.message_authenticator:
        return True
    return any(
        reply.verify_message_authenticator(original_authenticator=authenticator, original_code=request.code)
        for authenticator in (request.authenticator, bytes(16))
    )


def cause_of(reply: CoAPacket) -> str:
    """Return an answer's Error-Cause (RFC 5176, section 3.5) in words; an empty text where it has none."""
    if 101 not in reply:
        return ""
    number = int.from_bytes(reply[101][0], "big")
    name, meaning = CAUSES.get(number, (_("unknown cause"), ""))
    return f"{number} {name}: {meaning}." if meaning else f"{number} {name}."
