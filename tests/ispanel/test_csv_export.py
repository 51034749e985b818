"""Lists as CSV files: what a cell becomes, and that a long list needs no more memory than a short one."""

import csv
import io
import itertools
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils.translation import gettext_lazy
from hypothesis import given
from hypothesis import strategies as st

from ispanel.csv_export import CHUNK, Verbatim, chunks, csv_response, harmless, original

BEIRUT = ZoneInfo("Asia/Beirut")


def file_of(*rows: list[Any], columns: tuple[str, ...] = ("One", "Two")) -> str:
    return "".join(chunks(columns, rows, zone=BEIRUT))


def read(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")))


def test_a_file_has_a_mark_its_columns_and_a_line_for_each_row() -> None:
    assert file_of(["a", "b"], ["ü", ""]) == "\ufeffOne,Two\r\na,b\r\nü,\r\n"


def test_commas_quotes_and_line_ends_are_kept() -> None:
    row = ["a,b", 'say "x"\r\nand more\n']

    assert file_of(row) == '\ufeffOne,Two\r\n"a,b","say ""x""\r\nand more\n"\r\n'
    assert read(file_of(row))[1] == row


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+961 3 555", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "＝1", "＋1", "－1", "＠x", "\u3000=1"],
)
def test_what_looks_like_a_formula_gets_an_apostrophe(text: str) -> None:
    assert read(file_of([text, "x"]))[1] == [f"'{text}", "x"]
    assert read(file_of(columns=(text, "x")))[0] == [f"'{text}", "x"]


@pytest.mark.parametrize("text", ["a=1", "1-2", "'quoted", "", " ", "a\t=b"])
def test_other_text_stays_as_it_is(text: str) -> None:
    assert read(file_of([text, "x"]))[1] == [text, "x"]


@pytest.mark.parametrize("text", ["'=1", "''+1", "' -1"])
def test_a_formula_behind_apostrophes_gets_one_more(text: str) -> None:
    assert read(file_of([text, "x"]))[1] == [f"'{text}", "x"]


@given(st.text(alphabet="'=+-@ \t\nxü＝", max_size=6))
def test_what_was_written_is_told_from_what_stands_there(text: str) -> None:
    assert original(harmless(text)) == text


def test_a_password_stands_there_as_it_is() -> None:
    assert read(file_of([Verbatim("=secret"), "x"]))[1] == ["=secret", "x"]


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (None, ""),
        (-7, "-7"),
        (Decimal("-35.50"), "-35.50"),
        (Decimal("1E+3"), "1000"),
        (date(2026, 5, 14), "2026-05-14"),
        (datetime(2026, 5, 14, 9, 30, 5, 123, tzinfo=UTC), "2026-05-14T12:30:05+03:00"),
        (str(gettext_lazy("Who")), "Who"),
    ],
)
def test_values_are_written_for_programs_to_read(value: Any, cell: str) -> None:
    assert read(file_of([value, "x"]))[1] == [cell, "x"]


def test_a_long_list_is_made_while_it_is_sent() -> None:
    taken, longest = 0, 0

    def rows() -> Iterator[list[str]]:
        nonlocal taken
        for taken in range(1, 100_001):
            yield [f"row {taken}", "x" * 50]

    counts = []
    for chunk in chunks(("One", "Two"), rows(), zone=BEIRUT):
        counts.append(taken)
        longest = max(longest, len(chunk))

    assert counts[0] < 500
    assert max(later - earlier for earlier, later in itertools.pairwise(counts)) < 500
    assert longest < 2 * CHUNK
    assert taken == 100_000


def test_the_answer_is_a_file_to_keep() -> None:
    response = csv_response("audit-trail", ["One"], [["a"]], zone=BEIRUT)

    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert response.headers["Content-Disposition"] == 'attachment; filename="audit-trail.csv"'
    assert response.getvalue().decode() == "\ufeffOne\r\na\r\n"
