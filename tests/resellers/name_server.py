"""A name server on this machine that knows the records it is told, and who asked for what."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from threading import Thread
from time import sleep

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset


class NameServer:
    """Answers over UDP. A name that it does not know does not exist; while it is silent it says nothing at all."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = int(self.socket.getsockname()[1])
        self.records: dict[str, list[str]] = {}
        self.addresses: dict[str, list[str]] = {}
        self.aliases: dict[str, str] = {}
        self.asked: list[str] = []
        self.is_silent = False
        #: Seconds before each answer.
        self.pause = 0.0

    def answer(self) -> None:
        """Answer until the socket is closed."""
        while True:
            try:
                packet, sender = self.socket.recvfrom(4096)
            except OSError:
                return
            if not packet:
                return
            query = dns.message.from_wire(packet)
            name = query.question[0].name.to_text(omit_final_dot=True).lower()
            self.asked.append(name)
            if self.is_silent:
                continue
            sleep(self.pause)
            response = dns.message.make_response(query)
            response.flags |= dns.flags.RA
            while target := self.aliases.get(name):
                response.answer.append(dns.rrset.from_text(f"{name}.", 60, "IN", "CNAME", f"{target}."))
                name = target
            kind = dns.rdatatype.to_text(query.question[0].rdtype)
            if found := self.of_kind(kind, name):
                response.answer.append(dns.rrset.from_text(f"{name}.", 60, "IN", kind, *found))
            elif name not in self.records and name not in self.addresses:
                response.set_rcode(dns.rcode.NXDOMAIN)
            self.socket.sendto(response.to_wire(), sender)

    def of_kind(self, kind: str, name: str) -> list[str]:
        """Return what the records of one kind say, as in a zone's file."""
        if kind == "TXT":
            texts = self.records.get(name, [])
            return [" ".join(f'"{text[at : at + 200]}"' for at in range(0, len(text), 200)) for text in texts]
        version = {"A": 4, "AAAA": 6}[kind]
        return [each for each in self.addresses.get(name, []) if ip_address(each).version == version]


@contextmanager
def serving() -> Iterator[NameServer]:
    """Run a name server for the length of the block."""
    server = NameServer()
    thread = Thread(target=server.answer, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", ("127.0.0.1", server.port))
        thread.join(5)
        server.socket.close()
