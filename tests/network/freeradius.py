"""A real RADIUS peer: Debian's freeradius, which takes CoA and Disconnect on loopback and logs each packet.

What it answers goes by the User-Name: to some it says Ack, to some Nak, and to anybody else nothing.
"""

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SECRET = "a-secret-of-freeradius"
ACKED, ACKED_AND_SIGNED, NOT_CONNECTED, REFUSED_WITHOUT_CAUSE, IGNORED = "amal", "signed", "badr", "curt", "nobody"

CONFIG = """
name = coa
prefix = {folder}
logdir = {folder}
run_dir = {folder}
max_requests = 4096
security {{
    allow_core_dumps = no
    allow_vulnerable_openssl = yes
}}
modules {{
    always ok {{ rcode = ok }}
    always reject {{ rcode = reject }}
    always handled {{ rcode = handled }}
}}
client panel {{
    ipaddr = 127.0.0.1
    secret = {secret}
}}
client panel_over_ipv6 {{
    ipv6addr = ::1
    secret = {secret}
}}
{listeners}
server coa {{
    recv-coa {{
        if (&User-Name == "{acked}") {{
            ok
        }}
        elsif (&User-Name == "{acked_and_signed}") {{
            update reply {{
                &Message-Authenticator := 0x00
            }}
            ok
        }}
        elsif (&User-Name == "{not_connected}") {{
            update reply {{
                &Error-Cause := Session-Context-Not-Found
            }}
            reject
        }}
        elsif (&User-Name == "{refused_without_cause}") {{
            reject
        }}
        else {{
            handled
        }}
    }}
    send-coa {{
    }}
}}
"""
LISTENER = """
listen {{
    type = coa
    {family} = {address}
    port = {port}
    virtual_server = coa
}}
"""
RECEIVED = re.compile(r"^\((\d+)\) Received (\S+) Id", re.MULTILINE)


def find() -> str | None:
    """Return the path of freeradius; None where it is not installed."""
    candidates = ["/usr/sbin/freeradius", shutil.which("freeradius")]
    return next((path for path in candidates if path and Path(path).is_file()), None)


def is_required() -> bool:
    """Say whether its absence is a failure: in CI."""
    return os.environ.get("CI", "").lower() in {"1", "true"}


def has_ipv6() -> bool:
    """Say whether this machine has an IPv6 loopback."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


@dataclass(frozen=True)
class Packet:
    """A request as the server's log shows it."""

    kind: str
    attributes: dict[str, str]


@dataclass(frozen=True)
class FreeRadius:
    """A running server."""

    port: int
    log: Path

    def packets(self, username: str) -> list[Packet]:
        """Return the requests about a username that the log shows, each as often as it was taken for a new one."""
        text = self.log.read_text(encoding="utf-8", errors="replace")
        found = [Packet(kind, attributes_of(text, number)) for number, kind in RECEIVED.findall(text)]
        return [packet for packet in found if packet.attributes.get("User-Name") == username]

    def wait_for(self, words: str, *, since: int = 0, seconds: float = 5) -> None:
        """Wait for words in the log behind its first ``since`` characters."""
        deadline = time.monotonic() + seconds
        while words not in self.log.read_text(encoding="utf-8", errors="replace")[since:]:
            assert time.monotonic() < deadline, f"freeradius did not log {words!r}:\n{self.log.read_text()[-2000:]}"
            time.sleep(0.02)


def attributes_of(text: str, number: str) -> dict[str, str]:
    """Return the attributes in the lines that follow the arrival of a numbered request."""
    lines = re.search(rf"^\({number}\) Received .*\n((?:\({number}\)   \S+ = .*\n)*)", text, re.MULTILINE)
    pairs = re.findall(r"\)   (\S+) = (.*)\n", lines[1]) if lines else []
    return {name: value.strip('"') for name, value in pairs}


@contextmanager
def running(folder: Path) -> Iterator[FreeRadius]:
    """Run a server in the foreground, with its configuration and log in the folder, until the block ends."""
    path = find()
    assert path, "The tests of CoA and Disconnect need freeradius: apt install freeradius."
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    listeners = LISTENER.format(family="ipaddr", address="127.0.0.1", port=port)
    if has_ipv6():
        listeners += LISTENER.format(family="ipv6addr", address="::1", port=port)
    names = {
        "acked": ACKED,
        "acked_and_signed": ACKED_AND_SIGNED,
        "not_connected": NOT_CONNECTED,
        "refused_without_cause": REFUSED_WITHOUT_CAUSE,
    }
    config = CONFIG.format(folder=folder, secret=SECRET, listeners=listeners, **names)
    (folder / "radiusd.conf").write_text(config, encoding="utf-8")
    server = FreeRadius(port, folder / "radius.log")
    with server.log.open("w", encoding="utf-8") as log:
        command = [path, "-f", "-xx", "-l", "stdout", "-d", str(folder), "-n", "radiusd"]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
    try:
        server.wait_for("Ready to process requests", seconds=30)
        yield server
    finally:
        process.terminate()
        process.wait(10)
