"""A mail server and an SMS gateway on loopback, which answer as a test says, and keep what they took."""

import asyncio
import email
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ispanel import crypto
from ispanel.messages import Event, Way
from notifications.models import Channel, Rule, purpose_of_channel_secrets
from tests.serving import free_port

TAKEN = "250 2.0.0 Taken as 4711"


@dataclass
class MailPeer:
    """A real SMTP server. Each of the answers may be a code with words; the last one takes ``seconds`` to come."""

    to_mail: str = "250 OK"
    to_rcpt: str = "250 OK"
    to_data: str = TAKEN
    seconds: float = 0
    #: How long it thinks about a recipient, which is before anything of the mail has gone out.
    seconds_at_rcpt: float = 0
    asked: int = 0
    most_on_a_connection: int = 1000
    mails: list[EmailMessage] = field(default_factory=list)
    #: Data that has arrived, whatever was answered.
    arrived: int = 0
    port: int = 0

    async def handle_MAIL(  # noqa: N802
        self, _server: SMTP, session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        begun = getattr(session, "begun", 0) + 1
        session.begun = begun  # type: ignore[attr-defined]
        if begun > self.most_on_a_connection:
            return "421 4.7.0 Too many on this connection"
        if self.to_mail.startswith("250"):
            envelope.mail_from = address
        return self.to_mail

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        self.asked += 1
        await asyncio.sleep(self.seconds_at_rcpt)
        if self.to_rcpt.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.to_rcpt

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.arrived += 1
        mail = email.message_from_bytes(bytes(envelope.content or b""), policy=policy.default)
        if self.to_data.startswith("250"):
            self.mails.append(mail)  # type: ignore[arg-type]
        await asyncio.sleep(self.seconds)
        return self.to_data


def signs_in(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
    right = isinstance(data, LoginPassword) and data.password == b"open-sesame"
    return AuthResult(success=right, handled=False) if right else AuthResult(success=False, handled=False)


@contextmanager
def mail_server(
    *, asks_to_sign_in: bool = False, starttls: ssl.SSLContext | None = None, tls: ssl.SSLContext | None = None
) -> Iterator[MailPeer]:
    """Run a mail server for the length of the block."""
    peer = MailPeer()
    more = {"authenticator": signs_in, "auth_required": True, "auth_require_tls": False} if asks_to_sign_in else {}
    if starttls:
        more |= {"tls_context": starttls, "require_starttls": True}
    controller = Controller(peer, hostname="127.0.0.1", port=free_port(), ssl_context=tls, **more)  # type: ignore[arg-type]
    controller.start()
    peer.port = controller.port
    try:
        yield peer
    finally:
        controller.stop(no_assert=True)


def certified(name: str, folder: Path) -> tuple[ssl.SSLContext, Path]:
    """Return a server's side of TLS with a certificate for this name, and the file that makes it trusted."""
    key = ec.generate_private_key(ec.SECP256R1())
    who, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    chain, secret = folder / "chain.pem", folder / "key.pem"
    chain.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, secret)
    return context, chain


@dataclass
class GatewayPeer:
    """A real HTTP server. It answers with this status and body, after ``seconds``."""

    status: int = 200
    answer: str = '{"result": "queued"}'
    seconds: float = 0
    location: str = ""
    requests: list[dict[str, Any]] = field(default_factory=list)
    port: int = 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def texts(self) -> list[str]:
        """What the JSON bodies say."""
        return [json.loads(request["body"])["text"] for request in self.requests]


@contextmanager
def gateway() -> Iterator[GatewayPeer]:
    """Run an SMS gateway for the length of the block."""
    peer = GatewayPeer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            peer.requests.append(
                {"path": self.path, "headers": dict(self.headers), "body": body, "method": self.command}
            )
            time.sleep(peer.seconds)
            self.send_response(peer.status)
            if peer.location:
                self.send_header("Location", peer.location)
            self.end_headers()
            self.wfile.write(peer.answer.encode())

        do_GET = do_POST  # noqa: N815

        def log_message(self, *_args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    peer.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield peer
    finally:
        server.shutdown()
        server.server_close()


def email_through(peer: MailPeer, **details: Any) -> Channel:
    """Set up the email channel as going through this server, and turn it on."""
    wanted = {"host": "127.0.0.1", "port": peer.port, "security": "none", "from_address": "panel@isp.example"}
    Channel.objects.filter(way=Way.EMAIL).update(**wanted | {"is_on": True} | details)
    return Channel.objects.get(way=Way.EMAIL)


JSON_BODY = '{"to": "{{ to }}", "text": "{{ text }}", "id": "{{ message_id }}"}'


def sms_through(peer: GatewayPeer, **details: Any) -> Channel:
    """Set up the SMS channel as going through this gateway, and turn it on."""
    wanted = {"url": f"{peer.address}/send", "body": JSON_BODY, "content_type": "json", "method": "POST"}
    Channel.objects.filter(way=Way.SMS).update(**wanted | {"is_on": True} | details)
    return Channel.objects.get(way=Way.SMS)


def keep_secrets(channel: Channel, **secrets: str) -> None:
    """Give a channel what it keeps encrypted."""
    text = crypto.encrypt(json.dumps(secrets), purpose=purpose_of_channel_secrets(channel.way))
    Channel.objects.filter(pk=channel.pk).update(secrets_ciphertext=text)


def tell(event: Event, *recipients: str, way: Way = Way.EMAIL, **details: Any) -> Rule:
    """Turn the rule of an event on, as telling these."""
    Rule.objects.filter(event=event, way=way).update(is_on=True, recipients=list(recipients), **details)
    return Rule.objects.get(event=event, way=way)


def until(is_so: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.05)
