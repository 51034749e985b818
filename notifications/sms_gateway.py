"""Handing SMS to a provider that takes them by HTTP, in the provider's own format."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from http import HTTPStatus
from types import TracebackType
from typing import Self
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape

import httpx
from django.utils.translation import gettext as _

from notifications.handing_over import PATIENCE, Answer, Letter, MayGo, Verdict, hidden, in_short, no_connection
from notifications.models import Channel, ContentType, Method
from notifications.templating import fill

#: How much of an answer is read, in bytes.
MOST_READ = 64 * 1024
MEDIA_TYPES = {
    ContentType.JSON: "application/json",
    ContentType.FORM: "application/x-www-form-urlencoded",
    ContentType.XML: "text/xml; charset=utf-8",
    ContentType.PLAIN: "text/plain; charset=utf-8",
}
#: Statuses of the channel's trouble: wrong keys, nothing left to pay with.
LETS_NOBODY_IN = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.PAYMENT_REQUIRED, HTTPStatus.FORBIDDEN})
#: Statuses that say that nothing was done, and may be done later.
LATER = frozenset(
    {
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_EARLY,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.SERVICE_UNAVAILABLE,
    }
)
#: What ends a line, or is no sign at all; marks of direction stay.
CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
#: What no XML may hold.
NO_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
#: Nothing has gone out yet.
NOT_CONNECTED = (httpx.ConnectError, httpx.ConnectTimeout)


class SmsGateway:
    """The gateway of a channel. Each SMS has a connection of its own, so that none goes out on one that is dead."""

    def __init__(self, channel: Channel, secrets: dict[str, str]) -> None:
        self.channel, self.secrets = channel, secrets
        self.client = httpx.Client(
            timeout=PATIENCE,
            follow_redirects=False,
            trust_env=False,
            limits=httpx.Limits(max_keepalive_connections=0),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.client.close()

    def hand_over(self, letter: Letter, may_go: MayGo) -> Answer:
        """Hand an SMS to the gateway."""
        try:
            request = self._request(letter)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, ValueError, TypeError):
            return Answer(Verdict.REFUSED, _("The gateway’s URL, headers and body do not make a request."))
        if not may_go():
            return Answer(Verdict.NOT_OURS)
        try:
            response = self.client.send(request, stream=True)
        except NOT_CONNECTED as problem:
            return Answer(Verdict.UNREACHABLE, no_connection(problem, request.url.netloc.decode()))
        except httpx.HTTPError as problem:
            words = _("The connection ended before the gateway answered: %(reason)s")
            return Answer(Verdict.UNKNOWN, in_short(words % {"reason": str(problem) or type(problem).__name__}))
        try:
            return self._judged(response)
        finally:
            response.close()

    def _request(self, letter: Letter) -> httpx.Request:
        channel = self.channel
        values = {
            "to": letter.to,
            "text": letter.text,
            "message_id": letter.public_id,
            "from": channel.from_name,
            "key": self.secrets.get("key", ""),
        }
        headers = [("User-Agent", "ISPanel"), *headers_in(self.secrets.get("headers", ""))]
        content = b""
        if channel.method == Method.POST:
            kind = ContentType(channel.content_type)
            content = fill(channel.body, values, escape=ESCAPES[kind]).encode()
            headers.append(("Content-Type", MEDIA_TYPES[kind]))
        url = fill(channel.url, values, escape=in_url)
        return self.client.build_request(channel.method, url, headers=headers, content=content)

    def _judged(self, response: httpx.Response) -> Answer:
        """Return what the gateway means: taken is a status of success, and the words that the channel looks for.

        A success without those words may have been sent all the same, so it is not tried again by itself.
        """
        text, is_whole = read(response)
        brief = f"HTTP {response.status_code}"
        shown = hidden(text, self._secrets_sent())
        words = in_short(f"{brief}: {shown}" if shown.strip() else brief)
        looked_for = self.channel.answer_contains
        if not response.is_success:
            return Answer(verdict_of(response.status_code), words, brief)
        if looked_for and looked_for not in text:
            if not is_whole:
                return Answer(Verdict.UNKNOWN, words, brief)
            missing = _("The answer does not contain “%(words)s”.") % {"words": looked_for}
            return Answer(Verdict.REFUSED, in_short(f"{missing} {words}"), in_short(f"{missing} {brief}"))
        return Answer(Verdict.ACCEPTED, words, brief)

    def _secrets_sent(self) -> set[str]:
        """Return the key and what the headers say, in each form in which a gateway may repeat them."""
        said = {self.secrets.get("key", "")}
        for _name, value in headers_in(self.secrets.get("headers", "")):
            said |= {value, value.rpartition(" ")[2]}
        return said | {written(each) for each in said for written in (*ESCAPES.values(), in_url)}


def verdict_of(status: int) -> Verdict:
    """Return what a status means that is none of success.

    A proxy's or a program's fault (5xx) comes after the SMS may have gone on, and a redirect too.
    """
    if status in LETS_NOBODY_IN:
        return Verdict.UNREACHABLE
    if status in LATER:
        return Verdict.NOT_NOW
    return Verdict.UNKNOWN if status >= HTTPStatus.INTERNAL_SERVER_ERROR else Verdict.REFUSED


def read(response: httpx.Response) -> tuple[str, bool]:
    """Return the beginning of the answer, and whether it is all of it; what trickles in for long is cut off."""
    read, until = b"", time.monotonic() + PATIENCE
    try:
        for chunk in response.iter_bytes():
            read += chunk
            if len(read) > MOST_READ or time.monotonic() > until:
                return read[:MOST_READ].decode("utf-8", "replace"), False
    except (httpx.HTTPError, httpx.StreamError):
        return read.decode("utf-8", "replace"), False
    return read.decode("utf-8", "replace"), True


def headers_in(text: str) -> list[tuple[str, str]]:
    """Return the headers that a text names, a line each."""
    lines = [line.partition(":") for line in text.splitlines() if line.strip()]
    return [(name.strip(), value.strip()) for name, _colon, value in lines]


def in_url(value: str) -> str:
    return quote(value, safe="")


def in_json(value: str) -> str:
    """Return the value as it stands within a JSON string."""
    return json.dumps(value)[1:-1]


def in_xml(value: str) -> str:
    """Return the value as it stands within an element or an attribute."""
    return escape(NO_XML.sub("", value), {'"': "&quot;", "'": "&apos;", "\n": "&#10;", "\r": "&#13;"})


def in_one_line(value: str) -> str:
    """Return the value as it can begin no line of its own."""
    return CONTROLS.sub(" ", value)


ESCAPES: dict[ContentType, Callable[[str], str]] = {
    ContentType.JSON: in_json,
    ContentType.FORM: quote_plus,
    ContentType.XML: in_xml,
    ContentType.PLAIN: in_one_line,
}
