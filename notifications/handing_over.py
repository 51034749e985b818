"""What every channel hands over, and what it answers."""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from types import TracebackType
from typing import Protocol, Self

from django.utils.translation import gettext as _

#: How long a peer may be silent, in seconds.
PATIENCE = 10.0
#: How much of an answer is kept.
LONGEST_ANSWER = 500

#: What is shorter stands by chance in every other answer.
SHORTEST_SECRET = 4

#: Asked right before the point of no return: whether the message may go. After a yes it counts as handed over.
MayGo = Callable[[], bool]


class Verdict(Enum):
    """What became of a message that was to be handed over."""

    ACCEPTED = auto()
    #: It may be taken later.
    NOT_NOW = auto()
    #: It is never taken.
    REFUSED = auto()
    #: The channel takes nothing at all at present.
    UNREACHABLE = auto()
    #: It went out, and there is no telling whether it arrived.
    UNKNOWN = auto()
    #: Somebody else has it by now; nothing went out.
    NOT_OURS = auto()


@dataclass(frozen=True, slots=True)
class Answer:
    """The verdict, with the provider's words."""

    verdict: Verdict
    words: str = ""
    #: The words, without what the provider may have repeated of the message.
    brief: str = ""

    @property
    def is_good(self) -> bool:
        return self.verdict is Verdict.ACCEPTED


@dataclass(frozen=True, slots=True)
class Letter:
    """What goes out; ``public_id`` is the same however often it is tried."""

    public_id: str
    to: str
    subject: str
    text: str
    from_name: str
    at: datetime


class Outlet(Protocol):
    """A channel that takes letters, one after the other, until it is closed."""

    def hand_over(self, letter: Letter, may_go: MayGo) -> Answer:
        """Do all that may fail beforehand, ask whether it may go, and hand it over."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def one_line(text: str) -> str:
    """Return the text on one line, without control characters: fit for a header."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def hidden(text: str, secrets: Iterable[str]) -> str:
    """Return the text with these taken out, lest what a provider repeats of them is kept."""
    for secret in sorted((each for each in secrets if len(each) >= SHORTEST_SECRET), key=len, reverse=True):
        text = text.replace(secret, "•••")
    return text


def in_short(text: str) -> str:
    """Return what is kept of a provider's words."""
    printable = "".join(sign if sign.isprintable() or sign == "\n" else " " for sign in text).strip()
    return printable[:LONGEST_ANSWER]


def no_connection(problem: BaseException, where: str) -> str:
    """Return what to check where no connection came about, with the system's own words after it."""
    own_words = str(problem) or type(problem).__name__
    while origin := problem.__cause__ or problem.__context__:
        problem = origin
    match problem:
        case ssl.SSLCertVerificationError():
            words = _("The certificate of %(where)s is not valid for this name: check the server and its certificate.")
        case ssl.SSLError():
            words = _("%(where)s does not encrypt as the channel asks: check port and encryption.")
        case smtplib.SMTPNotSupportedError():
            words = _("%(where)s does not offer what the channel asks for: check encryption, port and username.")
        case smtplib.SMTPServerDisconnected():
            words = _("%(where)s ended the connection: check port and encryption.")
        case socket.gaierror() | UnicodeError():
            words = _("The name of %(where)s is not known: check the server, and the DNS of this machine.")
        case TimeoutError():
            words = _("%(where)s does not answer: check server and port, and whether a firewall stands between.")
        case ConnectionRefusedError():
            words = _("%(where)s took no connection: check server and port.")
        case OSError() if not isinstance(problem, smtplib.SMTPException):
            words = _("%(where)s is not to be reached: check server and port, and the network of this machine.")
        case _other:
            return in_short(own_words)
    return in_short(f"{words % {'where': where}} {own_words}")
