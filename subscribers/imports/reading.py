"""Reading CSV files as people's spreadsheets make them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

from django.utils.translation import gettext as _

from ispanel.csv_export import BYTE_ORDER_MARK
from ispanel.refusals import Refusal

HIGHEST_BYTES = 20 * 1024 * 1024
HIGHEST_ROWS = 20_000
HIGHEST_COLUMNS = 100
#: How much of a column's name is kept.
HEAD_LENGTH = 100
DELIMITERS = ",;\t"
#: With these begin a workbook of Excel, and the same of LibreOffice: both are archives.
ARCHIVE = b"PK\x03\x04"


class UnusableFile(Refusal):
    """The file cannot be read as a list; the sentence says what to do."""

    field = "file"


class Row(NamedTuple):
    """A row of the file, with its number as a spreadsheet shows it: the head is row 1, unless empty rows are before."""

    number: int
    cells: list[str]


@dataclass(frozen=True, slots=True)
class Table:
    """A file's text, and the heads of its columns."""

    text: str
    delimiter: str
    columns: list[str]

    def rows(self) -> Iterator[Row]:
        """Yield the rows under the head that are not empty.

        :raises UnusableFile: where the quotation marks do not add up.
        """
        rows = records(self.text, self.delimiter)
        next(rows)
        yield from rows


def read(content: bytes) -> Table:
    """Return what is in an uploaded file.

    :raises UnusableFile:
    """
    return table_of(text_of(content))


def text_of(content: bytes) -> str:
    """Return the file's text, without a byte order mark.

    :raises UnusableFile: for anything but UTF-8.
    """
    check_size(len(content))
    if content.startswith(ARCHIVE):
        raise UnusableFile(
            _("This is a workbook, not a CSV file. Save it as “CSV UTF-8” in your spreadsheet, and upload that file.")
        )
    try:
        return content.decode("utf-8").removeprefix(BYTE_ORDER_MARK)
    except UnicodeDecodeError as problem:
        raise UnusableFile(
            _(
                "The file is not in UTF-8, so its letters cannot be told apart. In Excel save it as “CSV UTF-8”; in "
                "LibreOffice choose the character set “Unicode (UTF-8)” while saving."
            )
        ) from problem


def check_size(size: int) -> None:
    """:raises UnusableFile: for more bytes than a file may have."""
    if size > HIGHEST_BYTES:
        raise UnusableFile(
            _("The file has more than %(most)d MB. Split it into several files.") % {"most": HIGHEST_BYTES // 2**20}
        )


def table_of(text: str) -> Table:
    """Return the table in a text, whichever of the delimiters it is written with.

    :raises UnusableFile: where there is no head.
    """
    heads = {delimiter: head_of(text, delimiter) for delimiter in DELIMITERS}
    delimiter = max(DELIMITERS, key=lambda each: len(heads[each]))
    head = heads[delimiter]
    if not head:
        # Said of the first delimiter: it is empty, or its quotation marks do not add up.
        next(records(text, delimiter), None)
        raise UnusableFile(_("The file is empty. Its first row has to hold the names of the columns."))
    if len(head) > HIGHEST_COLUMNS:
        raise UnusableFile(
            _("The file has more than %(most)d columns. Take out those that are not needed.")
            % {"most": HIGHEST_COLUMNS}
        )
    if any("\0" in cell for cell in head):
        raise UnusableFile(_("There is a null character in the names of the columns. Take it out."))
    return Table(text, delimiter, [cell.strip()[:HEAD_LENGTH] for cell in head])


def head_of(text: str, delimiter: str) -> list[str]:
    """Return the first row that is not empty, read with this delimiter; nothing where it cannot be read so."""
    with suppress(UnusableFile):
        return next((row.cells for row in records(text, delimiter)), [])
    return []


def records(text: str, delimiter: str) -> Iterator[Row]:
    """Yield the rows that are not empty, the head among them.

    :raises UnusableFile:
    """
    # A cell may be as long as the file: what is too long for its field is told of that field.
    csv.field_size_limit(HIGHEST_BYTES)
    number = 0
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        number += 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as problem:
            raise UnusableFile(
                _(
                    "Row %(row)d cannot be read: a quotation mark is missing or too many. Put a value that holds one "
                    "between quotation marks, and double it there."
                )
                % {"row": number}
            ) from problem
        if any(cell and not cell.isspace() for cell in cells):
            yield Row(number, cells)


def count_rows(table: Table) -> int:
    """Return how many rows are to be imported.

    :raises UnusableFile: for none, or more than there may be.
    """
    count = sum(1 for _row in table.rows())
    if count == 0:
        raise UnusableFile(_("There is no row under the names of the columns."))
    if count > HIGHEST_ROWS:
        raise UnusableFile(
            _("The file has %(count)s rows, and %(most)s is the most. Split it into several files.")
            % {"count": f"{count:,}", "most": f"{HIGHEST_ROWS:,}"}
        )
    return count
