"""Using a page as a person does: read its form, fill it in, send it, read what stands at a field."""

import csv
import html
import io
import re
from collections.abc import Mapping
from typing import Any

from django.db import connection
from django.forms import BaseForm
from django.http import HttpResponse
from django.test import Client

#: Every table in which an act of onboarding leaves something.
TABLES = (
    "users",
    "resellers",
    "ledger_accounts",
    "login_names",
    "initial_passwords",
    "transfers",
    "entries",
    "audit_entries",
    "idempotency_keys",
    "subscribers",
    "plans",
)


def counts() -> dict[str, int]:
    """Return how many rows each table has."""
    columns = ", ".join(f"(SELECT count(*) FROM {table})" for table in TABLES)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {columns}")
        return dict(zip(TABLES, cursor.fetchone(), strict=True))


def refused(before: dict[str, int], message: str) -> dict[str, int]:
    """Return the counts after a refusal: as before, but for the row that tells of a wrong own password."""
    return before | {"audit_entries": before["audit_entries"] + (message == "This is not your password.")}


def filled(response: HttpResponse, **typed: Any) -> dict[str, Any]:
    """Return what a browser would send of the form on the page, with what is typed over it.

    A field that is typed as None is left out, as an unticked box is.
    """
    form: BaseForm = response.context["form"]
    values = {name: form[name].value() for name in form.fields} | typed
    return {name: "on" if value is True else value for name, value in values.items() if value not in (None, False)}


def send(client: Client, url: str, **typed: Any) -> HttpResponse:
    """Open the page, fill its form in and send it."""
    return client.post(url, filled(client.get(url), **typed))


def text_of(markup: str) -> str:
    """Return what is left of the markup for a reader, on one line."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", markup)).split())


def body(response: HttpResponse) -> str:
    """Return the text of the page."""
    return text_of(response.content.decode())


def error_at(response: HttpResponse, field: str) -> str:
    """Return what stands in red at the field, or nothing."""
    found = re.search(rf'<div id="id_{field}_error">(.*?)</div>', response.content.decode(), re.DOTALL)
    return text_of(found[1]) if found else ""


def rows_of(response: HttpResponse) -> list[list[str]]:
    """Return the cells of the page's first table, row by row, without its head."""
    found = re.search(r"<tbody>(.*?)</tbody>", response.content.decode(), re.DOTALL)
    rows = re.findall(r"<tr>(.*?)</tr>", found[1], re.DOTALL) if found else []
    return [[text_of(cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL)] for row in rows]


def lines_of(response: Any) -> list[dict[str, str]]:
    """Return the lines of a CSV file by the names of its columns."""
    assert (response.status_code, response.headers["Content-Type"]) == (200, "text/csv; charset=utf-8")
    text = response.getvalue().decode()
    assert text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))


def links_of(response: HttpResponse) -> set[str]:
    """Return where the page's links and forms lead."""
    return set(map(html.unescape, re.findall(r'(?:href|action)="([^"]+)"', response.content.decode())))


def without(held: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Return the form's contents without some of its fields."""
    return {name: value for name, value in held.items() if name not in names}
