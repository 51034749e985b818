"""Lists as CSV files: RFC 4180, for spreadsheets, and harmless in them."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.http import StreamingHttpResponse

Value = str | int | Decimal | date | datetime | None

#: By this a spreadsheet tells UTF-8 from the code page of the country.
BYTE_ORDER_MARK = "\ufeff"
CHUNK = 16 * 1024
#: What a spreadsheet would take for a formula: = + - @, in full width too, blanks before them or not, tab and CR. Also
#: where apostrophes stand before it, so that `original` finds out which of them were put there.
FORMULA = re.compile(r"'*(?:[\t\r\n]|\s*[=+\-@＝＋－＠])")


class Verbatim(str):
    """A text that stands in its cell as it is, formula or not: one that nobody may change, as a password."""

    __slots__ = ()


def csv_response(
    name: str, columns: Sequence[str], rows: Iterable[Sequence[Value]], *, zone: ZoneInfo
) -> StreamingHttpResponse:
    """Answer with a file that is made while it is sent, in memory for one row at a time.

    :param name: the file's name, without its ending.
    :param columns: the names of the columns, in words.
    :param zone: in which moments are written; it is no longer in force when the rows are asked for.
    """
    response = StreamingHttpResponse(chunks(columns, rows, zone=zone), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


def chunks(columns: Sequence[str], rows: Iterable[Sequence[Value]], *, zone: ZoneInfo) -> Iterator[str]:
    """Yield the file, a few lines at a time."""
    held = io.StringIO(newline="")
    held.write(BYTE_ORDER_MARK)
    writer = csv.writer(held)
    writer.writerow(map(harmless, columns))
    for row in rows:
        writer.writerow(as_text(value, zone) for value in row)
        if held.tell() > CHUNK:
            yield held.getvalue()
            held.seek(0)
            held.truncate()
    yield held.getvalue()


def as_text(value: Value, zone: ZoneInfo) -> str:
    """Return what stands in a cell. Numbers are numbers, so a negative one keeps its sign."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(zone).isoformat(timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    return str(value) if isinstance(value, int | Verbatim) else harmless(value)


def harmless(text: str) -> str:
    """Return a text that no spreadsheet computes: an apostrophe goes before what looks like a formula."""
    return f"'{text}" if FORMULA.match(text) else text


def original(text: str) -> str:
    """Return the text that `harmless` was given."""
    return text[1:] if text.startswith("'") and FORMULA.match(text, 1) else text
