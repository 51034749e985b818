"""Real TLS proxies with the configuration that is shipped, and certificates of their own authority.

There are two: Debian's caddy, and the present release, which docker-compose.yml runs.
"""

import http.client
import os
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tests.serving import free_port

CADDYFILE = Path(__file__).parent.parent.parent / "deploy" / "Caddyfile"


#: As people set it for a Caddy that does not know the directive of today.
OF_OLD = {"BODY_BUFFERING": "buffer_requests\nmax_buffer_size 32MiB"}


def debians() -> str | None:
    """Return the path of Debian's caddy; None where it is not installed."""
    return shutil.which("caddy", path="/usr/local/bin:/usr/bin")


def present() -> str | None:
    """Return the path of the caddy that came with the packages for development."""
    return shutil.which("caddy", path=str(Path(sys.prefix) / "bin"))


def is_old(path: str) -> bool:
    """Say whether a caddy is of before 2.7."""
    version = subprocess.run([path, "version"], check=True, capture_output=True, text=True).stdout
    return tuple(map(int, version.removeprefix("v").split(".")[:2])) < (2, 7)


def is_required() -> bool:
    """Say whether its absence is a failure: in CI."""
    return os.environ.get("CI", "").lower() in {"1", "true"}


@dataclass(frozen=True)
class Answer:
    """What came back, and under which name the certificate was."""

    status: int
    headers: Mapping[str, str]
    body: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Caddy:
    """A running proxy."""

    path: str
    address: str
    http_port: int
    https_port: int
    folder: Path

    @property
    def log(self) -> Path:
        return self.folder / "caddy.log"

    @property
    def authority(self) -> Path:
        return self.folder / "caddy" / "pki" / "authorities" / "local" / "root.crt"

    def ask(
        self, host: str, path: str = "/", *, host_header: str = "", address: str = "127.0.0.1", **headers: str
    ) -> Answer:
        """Ask over TLS, from an address of loopback, and check the certificate for the host.

        :raises ssl.SSLError, ConnectionError: where the handshake is refused.
        """
        with self.connected(host, address) as secure:
            certificate = secure.getpeercert() or {}
            names = tuple(str(name) for _kind, name in certificate.get("subjectAltName", ()))
            answer = exchange(secure, host_header or host, path, headers)
        return Answer(answer.status, answer.headers, answer.body, names)

    @contextmanager
    def connected(self, host: str, address: str = "127.0.0.1") -> Iterator[ssl.SSLSocket]:
        """Connect over TLS, from an address of loopback, and check the certificate for the host."""
        context = ssl.create_default_context(cafile=str(self.authority))
        plain = socket.create_connection((self.address, self.https_port), timeout=30, source_address=(address, 0))
        with plain, context.wrap_socket(plain, server_hostname=host) as secure:
            yield secure

    def ask_plainly(self, host: str, path: str = "/") -> Answer:
        """Ask without TLS."""
        with socket.create_connection((self.address, self.http_port), timeout=30) as plain:
            return exchange(plain, host, path, {})


def own_address() -> str:
    """Return an address of loopback that no other process takes.

    Caddy shares a port with whoever has it, and then either of two proxies answers.
    """
    pid = os.getpid()
    return f"127.{64 + pid // 2**16}.{pid // 2**8 % 2**8}.{pid % 2**8}"


def exchange(connection: socket.socket, host: str, path: str, headers: Mapping[str, str]) -> Answer:
    """Send one request over the connection and read what comes back."""
    lines = [f"GET {path} HTTP/1.1", f"Host: {host}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    connection.sendall("\r\n".join([*lines, "", ""]).encode())
    response = http.client.HTTPResponse(connection)
    response.begin()
    body = response.read().decode()
    return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, body)


@contextmanager
def running(path: str, folder: Path, *, panel_url: str, upstream: str) -> Iterator[Caddy]:
    """Run this proxy on free ports of loopback in front of the panel, until the block ends."""
    caddy = Caddy(path, own_address(), free_port(), free_port(), folder)
    options = [
        "local_certs",
        "skip_install_trust",
        f"default_bind {caddy.address}",
        f"http_port {caddy.http_port}",
        f"https_port {caddy.https_port}",
    ]
    own = {
        "PANEL_URL": panel_url,
        "PANEL_UPSTREAM": upstream,
        "CADDY_OPTIONS": "\n".join(options),
        "XDG_DATA_HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder),
        "HOME": str(folder),
    }
    if is_old(path):
        own |= OF_OLD
    command = [path, "run", "--config", str(CADDYFILE), "--adapter", "caddyfile"]
    with caddy.log.open("w", encoding="utf-8") as out:
        process = subprocess.Popen(
            command, env=os.environ | own, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT
        )
    try:
        wait_until_ready(process, caddy, urlsplit(panel_url).hostname or "")
        yield caddy
    finally:
        process.terminate()
        process.wait(10)


def wait_until_ready(process: subprocess.Popen[bytes], caddy: Caddy, host: str) -> None:
    """Return once it has its own certificate for the host: it listens before that."""
    deadline = time.monotonic() + 30
    while True:
        assert process.poll() is None, caddy.log.read_text()
        assert time.monotonic() < deadline, caddy.log.read_text()[-3000:]
        try:
            with caddy.connected(host):
                return
        except OSError:
            time.sleep(0.05)
