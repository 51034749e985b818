"""Handing mails to an SMTP server (RFC 5321), step by step, so that one is known to be sent, or known not to be."""

from __future__ import annotations

import re
import smtplib
import ssl
from collections.abc import Iterator
from email import policy
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext as _

from notifications.handing_over import (
    PATIENCE,
    Answer,
    Letter,
    MayGo,
    Verdict,
    hidden,
    in_short,
    no_connection,
    one_line,
)
from notifications.models import Channel, Security

#: How long the server may look at a mail before it says whether it takes it, in seconds.
PATIENCE_AT_THE_END = 20.0
#: 7 bits, which every server takes.
POLICY = policy.SMTP.clone(cte_type="7bit")
#: The answers after which the next step comes.
GOING_ON = frozenset({250, 251, 354})
SENDER = "MAIL"
LEADING_DOT = re.compile(rb"^\.", re.MULTILINE)


class MailServer:
    """A connection to the mail server of a channel, made when it is first needed and kept for what follows."""

    def __init__(self, channel: Channel, secrets: dict[str, str], *, house: str) -> None:
        """Say where it is.

        :param house: whose name a mail carries that has none of its own.
        """
        self.channel, self.password = channel, secrets.get("password", "")
        self.from_name = channel.from_name or house
        self.smtp: smtplib.SMTP | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()

    def hand_over(self, letter: Letter, may_go: MayGo) -> Answer:
        """Hand a mail to the server."""
        try:
            recipient, mail = in_ascii(letter.to), self._mail(letter)
        except (ValueError, MessageError):
            return Answer(Verdict.REFUSED, _("This is no address that a mail can be sent to."))
        is_old = self.smtp is not None
        announced = self._announce(recipient)
        if isinstance(announced, Answer) and is_old and self.smtp is None:
            # The server ended a connection that had nothing to say for a while, or that had said enough.
            announced = self._announce(recipient)
        if isinstance(announced, Answer):
            return announced
        if not may_go():
            self._drop()
            return Answer(Verdict.NOT_OURS)
        return self._give(announced, mail)

    def _mail(self, letter: Letter) -> bytes:
        """Return the mail as it goes over the wire.

        :raises ValueError: for what cannot stand in a header.
        """
        sender = self.channel.from_address
        domain = sender.rpartition("@")[2]
        mail = EmailMessage(policy=POLICY)
        mail["From"] = Address(one_line(letter.from_name or self.from_name), addr_spec=in_ascii(sender))
        mail["To"] = Address(addr_spec=in_ascii(letter.to))
        mail["Subject"] = one_line(letter.subject)
        mail["Date"] = letter.at
        mail["Message-ID"] = f"<{letter.public_id}@{domain.encode('idna').decode()}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(letter.text)
        return mail.as_bytes()

    def _announce(self, recipient: str) -> smtplib.SMTP | Answer:
        """Come as far as the server's word that the mail may follow; nothing of it has gone out then."""
        try:
            smtp = self.smtp or self._connected()
            for step, (code, said) in steps(smtp, in_ascii(self.channel.from_address), recipient):
                if code not in GOING_ON:
                    self._start_over(smtp, code)
                    return refusal(code, said, is_of_mail=step != SENDER)
            return smtp
        except smtplib.SMTPResponseException as refused:
            # Of the connection or the sign-in, not of this mail: somebody mends the channel, and it goes.
            self._drop()
            words = said_of(refused.smtp_code, refused.smtp_error)
            return Answer(Verdict.UNREACHABLE, hidden(words, [self.password]))
        except (OSError, smtplib.SMTPException, ValueError) as problem:
            self._drop()
            return Answer(Verdict.UNREACHABLE, no_connection(problem, f"{self.channel.host}:{self.channel.port}"))

    def _connected(self) -> smtplib.SMTP:
        """Connect, encrypt and sign in, as the channel says; never with less encryption than that."""
        channel, context = self.channel, ssl.create_default_context()
        name = urlsplit(settings.PANEL_URL).hostname
        smtp: smtplib.SMTP
        if channel.security == Security.TLS:
            smtp = smtplib.SMTP_SSL(channel.host, channel.port, local_hostname=name, timeout=PATIENCE, context=context)
        else:
            smtp = smtplib.SMTP(channel.host, channel.port, local_hostname=name, timeout=PATIENCE)
        self.smtp = smtp
        smtp.ehlo_or_helo_if_needed()
        if channel.security == Security.STARTTLS:
            smtp.starttls(context=context)
            smtp.ehlo()
        if channel.username:
            smtp.login(channel.username, self.password)
        return smtp

    def _give(self, smtp: smtplib.SMTP, mail: bytes) -> Answer:
        """Send the mail itself, and hear whether the server takes it."""
        try:
            assert smtp.sock is not None
            smtp.sock.settimeout(PATIENCE_AT_THE_END)
            smtp.send(LEADING_DOT.sub(b"..", mail) + (b"" if mail.endswith(b"\r\n") else b"\r\n") + b".\r\n")
            code, said = smtp.getreply()
            smtp.sock.settimeout(PATIENCE)
        except (OSError, smtplib.SMTPException) as problem:
            self._drop()
            words = _("The connection ended before the server said whether it took the mail: %(reason)s")
            return Answer(Verdict.UNKNOWN, in_short(words % {"reason": problem}))
        if code != 250:
            self._start_over(smtp, code)
            return refusal(code, said)
        return Answer(Verdict.ACCEPTED, said_of(code, said))

    def _start_over(self, smtp: smtplib.SMTP, code: int) -> None:
        """Let the next mail begin afresh, on this connection where the server stays on it."""
        try:
            if code == 421 or smtp.rset()[0] != 250:
                self._drop()
        except (OSError, smtplib.SMTPException):
            self._drop()

    def _drop(self) -> None:
        if self.smtp is not None:
            self.smtp.close()
            self.smtp = None

    def _leave(self) -> None:
        if self.smtp is not None:
            try:
                self.smtp.quit()
            except (OSError, smtplib.SMTPException):
                self.smtp.close()
            self.smtp = None


def steps(smtp: smtplib.SMTP, sender: str, recipient: str) -> Iterator[tuple[str, tuple[int, bytes]]]:
    """Say whom a mail is from and for, and ask to send it, a step each time that the next answer is asked for."""
    yield SENDER, smtp.mail(sender)
    yield "RCPT", smtp.rcpt(recipient)
    yield "DATA", smtp.docmd("DATA")


def in_ascii(address: str) -> str:
    """Return the address as every server reads it.

    :raises ValueError: where it cannot be written so.
    """
    local, _at, domain = address.rpartition("@")
    ascii_address = f"{local}@{domain.encode('idna').decode()}"
    ascii_address.encode("ascii")
    if not local or not domain or not ascii_address.isprintable() or " " in ascii_address:
        raise ValueError("no address")
    return ascii_address


def refusal(code: int, said: bytes | str, *, is_of_mail: bool = True) -> Answer:
    """Return what a server means that does not take a mail: 4yz for now, 5yz for good.

    :param is_of_mail: whether it looked at anything but the sender, which is the same for all that the channel sends.
    """
    if not is_of_mail:
        return Answer(Verdict.UNREACHABLE, said_of(code, said))
    verdict = Verdict.REFUSED if 500 <= code < 600 else Verdict.NOT_NOW
    return Answer(verdict, said_of(code, said))


def said_of(code: int, said: bytes | str) -> str:
    words = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return in_short(f"{code} {words}")
