"""Reading the files that people's spreadsheets make, and guessing what their columns hold."""

import pytest

from accounts.models import User
from accounts.seats import Seat
from subscribers.imports.fields import guessed, head_of
from subscribers.imports.reading import HIGHEST_COLUMNS, HIGHEST_ROWS, Table, UnusableFile, count_rows, read, table_of
from tests.cast import group, make_staff, seat_of


def rows(table: Table) -> list[tuple[int, list[str]]]:
    return [(row.number, row.cells) for row in table.rows()]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_commas_semicolons_and_tabs_are_told_apart_with_a_byte_order_mark_or_without(
    delimiter: str, mark: bytes, line_end: str
) -> None:
    lines = [delimiter.join(("username", "full name", "phone")), delimiter.join(("amal", "أمل حداد", "0700"))]

    table = read(mark + line_end.join(lines).encode())

    assert table.columns == ["username", "full name", "phone"]
    assert rows(table) == [(2, ["amal", "أمل حداد", "0700"])]


def test_a_delimiter_within_quotes_is_none() -> None:
    table = table_of('"a, b, c";"d"\n"1, 2";3\n')

    assert table.columns == ["a, b, c", "d"]
    assert rows(table) == [(2, ["1, 2", "3"])]


def test_quotes_and_line_breaks_within_quotes_belong_to_the_value() -> None:
    table = table_of('username,address\namal,"5 ""Sea"" Road\r\nSidon"\nbadr,x\n')

    assert rows(table) == [(2, ["amal", '5 "Sea" Road\r\nSidon']), (3, ["badr", "x"])]


def test_empty_rows_are_passed_over_and_counted_as_a_spreadsheet_does() -> None:
    table = table_of("\n , \nusername,plan\n\namal,Home\n,\nbadr,Home\n")

    assert table.columns == ["username", "plan"]
    assert rows(table) == [(5, ["amal", "Home"]), (7, ["badr", "Home"])]
    assert count_rows(table) == 2


def test_one_column_is_a_table_too() -> None:
    assert rows(table_of("username\namal\n")) == [(2, ["amal"])]


UNUSABLE = {
    "Latin-1": ("username,full name\namal,Zoë\n".encode("latin-1"), "The file is not in UTF-8"),
    "Arabic of Windows": ("username,full name\namal,أمل\n".encode("cp1256"), "save it as “CSV UTF-8”"),
    "UTF-16": ("username\namal\n".encode("utf-16"), "The file is not in UTF-8"),
    "a workbook": (b"PK\x03\x04...", "This is a workbook, not a CSV file. Save it as “CSV UTF-8”"),
    "nothing": (b"", "The file is empty. Its first row has to hold the names of the columns."),
    "blanks": (b"\n  \n", "The file is empty."),
    "more than 20 MB": (b"x" * (20 * 1024 * 1024 + 1), "The file has more than 20 MB. Split it into several files."),
    "a null character in a head": (b"user\0name,plan\n", "There is a null character in the names of the columns."),
    "too many columns": (b"," * HIGHEST_COLUMNS + b"x", "The file has more than 100 columns."),
}


@pytest.mark.parametrize(("content", "sentence"), UNUSABLE.values(), ids=UNUSABLE)
def test_what_cannot_be_read_is_refused_with_what_to_do(content: bytes, sentence: str) -> None:
    with pytest.raises(UnusableFile, match=sentence):
        read(content)


@pytest.mark.parametrize(
    ("text", "row"), [('username,note\namal,"x\nbadr,y\n', 2), ('username\n\namal\n"a"b\n', 4), ('"username', 1)]
)
def test_quotation_marks_that_do_not_add_up_are_named_by_their_row(text: str, row: int) -> None:
    with pytest.raises(UnusableFile, match=f"Row {row} cannot be read: a quotation mark is missing or too many"):
        count_rows(table_of(text))


def test_a_cell_of_a_hundred_kilobytes_is_read() -> None:
    assert len(rows(table_of(f"username,note\namal,{'x' * 200_000}\n"))[0][1][1]) == 200_000


def test_20_000_rows_are_the_most() -> None:
    assert count_rows(table_of("username\n" + "x\n" * HIGHEST_ROWS)) == HIGHEST_ROWS

    with pytest.raises(UnusableFile, match=r"The file has 20,001 rows, and 20,000 is the most\. Split it"):
        count_rows(table_of("username\n" + "x\n" * (HIGHEST_ROWS + 1)))


def test_a_head_alone_is_refused() -> None:
    with pytest.raises(UnusableFile, match="There is no row under the names of the columns"):
        count_rows(table_of("username,plan\n\n"))


# --- what the columns hold --------------------------------------------------------------------------------------------


def test_columns_are_guessed_by_their_heads_however_they_are_written(asha: User) -> None:
    heads = ["User", "PASSWORD", "Full name", "Mobile", "E-mail", "package", "Static-IP", "MAC Address", "x", ""]

    matching = guessed(heads, seat_of(asha))

    assert matching == ["username", "password", "full_name", "phone", "email", "plan", "static_ip", "mac", "", ""]


def test_of_two_columns_of_one_name_the_second_is_left_out(asha: User) -> None:
    assert guessed(["phone", "username", "Phone", "mobile"], seat_of(asha)) == ["phone", "username", "", ""]


def test_what_a_seat_may_not_import_is_left_out(asha: User, nadia: User) -> None:
    clerk = make_staff(asha, nadia.reseller, "clerk", group("SUPPORT"))  # type: ignore[arg-type]

    def of(user: User) -> list[str]:
        seat: Seat = seat_of(user)
        return guessed(["expires_at", "retail_price", "status"], seat)

    assert of(asha) == ["expires_at", "retail_price", ""]
    assert of(nadia) == ["", "retail_price", ""]
    assert of(clerk) == ["", "", ""]


def test_columns_without_a_head_are_called_as_in_a_spreadsheet() -> None:
    columns = ["username", *[""] * 30]

    assert [head_of(columns, at) for at in (0, 1, 25, 26, 28)] == [
        "username", "Column B", "Column Z", "Column AA", "Column AC"
    ]  # fmt: skip
