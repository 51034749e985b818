"""The statement on paper: what stands on it, on every page, and that nothing on it is ever taken for markup."""

import io
import time
import unicodedata
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.utils import translation
from pypdf import PdfReader

from accounts.models import User
from audit.models import AuditEntry
from ispanel import pdf as papers
from ispanel.issuer import Issuer
from ispanel.logos import kept_picture
from ispanel.models import PanelSettings
from resellers.models import Reseller
from tests.cast import fund, make_reseller, signed_in
from tests.pages import error_at
from tests.pictures import a_logo
from wallet import statement_pdf as pdf
from wallet.models import AccountKind, LedgerAccount, TransferKind
from wallet.statements import Line, Period, Statement
from wallet.views import statements as views

MAY = Period(date(2026, 5, 1), date(2026, 5, 31))
ISSUER = Issuer("Al-Noor ISP", "1 Main Street\nBeirut", "VAT LB 601 233")


def a_statement(lines: int = 3, *, name: str = "North Net", other: str = "Income", note: str = "amal") -> Statement:
    """Return a statement of May, one line a minute, without a database."""
    account = LedgerAccount(pk=1, kind=AccountKind.WALLET, name=name)
    made = [
        Line(
            transfer_id=number,
            at=datetime(2026, 5, 14, 9 + number // 600 % 12, number % 60, tzinfo=UTC),
            kind=TransferKind.RENEWAL if number % 2 else TransferKind.TRANSFER,
            other=other,
            note=note,
            amount=Decimal("-1234.5") if number % 2 else Decimal(2000),
            balance=Decimal(-100) + number,
        )
        for number in range(lines)
    ]
    return Statement(account, MAY, Decimal(1000), made)


def pages_of(file: bytes) -> list[str]:
    """Return the text of each page, on one line."""
    return [" ".join(page.extract_text().split()) for page in PdfReader(io.BytesIO(file)).pages]


def text_of(statement: Statement, issuer: Issuer = ISSUER) -> str:
    return " ".join(pages_of(pdf.statement_pdf(statement, issuer)))


# --- what stands on it ------------------------------------------------------------------------------------------------


def test_it_says_who_issues_it_whose_wallet_it_is_and_for_when(db: None) -> None:
    page = text_of(a_statement())

    for text in (
        "Al-Noor ISP",
        "1 Main Street",
        "Beirut VAT LB 601 233",
        "North Net",
        "1 May 2026 – 31 May 2026",
        "USD",
    ):
        assert text in page, text


def test_amounts_are_written_as_on_screen(db: None) -> None:
    page = text_of(a_statement())

    for text in (
        "Opening balance 1,000.00", "14 May 2026, 09:01 Renewal Income amal −1,234.50 −99.00", "2,000.00 −100.00",
        "Closing balance 3,765.50", "Renewal 1 0.00 −1,234.50", "Transfer 2 4,000.00 0.00",
    ):  # fmt: skip
        assert text in page, text
    assert "1,000.00 USD 4,000.00 USD −1,234.50 USD 3,765.50 USD" in page


def test_money_has_the_decimals_of_its_currency_and_time_is_the_installations(db: None) -> None:
    PanelSettings.objects.update(currency_code="KWD", currency_decimals=3, time_zone="Asia/Dhaka")

    page = text_of(a_statement())

    assert "14 May 2026, 15:01 Renewal Income amal −1,234.500 −99.000" in page
    assert "1,000.000 KWD" in page


def test_every_page_has_its_number_and_the_head_of_the_table(db: None) -> None:
    pages = pages_of(pdf.statement_pdf(a_statement(200), ISSUER))

    assert len(pages) > 3
    for number, page in enumerate(pages, start=1):
        assert f"Page {number} of {len(pages)}" in page
    assert all("Date Kind From or to, and note Amount Balance" in page for page in pages[:-1])


def test_it_is_a4(db: None) -> None:
    for page in PdfReader(io.BytesIO(pdf.statement_pdf(a_statement(100), ISSUER))).pages:
        assert (round(page.mediabox.width), round(page.mediabox.height)) == (595, 842)


def test_the_logo_stands_on_it_where_there_is_one(db: None) -> None:
    with_logo, without = (
        PdfReader(io.BytesIO(pdf.statement_pdf(a_statement(), issuer)))
        for issuer in (replace(ISSUER, logo_id=kept_picture(a_logo()).pk), ISSUER)
    )

    assert [has_picture(reader) for reader in (with_logo, without)] == [True, False]


def has_picture(reader: PdfReader) -> bool:
    objects = (reader.get_object(number) for number in range(1, int(reader.trailer["/Size"])))
    return any(isinstance(each, dict) and each.get("/Subtype") == "/Image" for each in objects)


def test_a_period_without_lines_has_a_statement_too(db: None) -> None:
    page = text_of(a_statement(0))

    assert "Opening balance 1,000.00 Closing balance 1,000.00" in page
    assert "Page 1 of 1" in page


# --- what people typed ------------------------------------------------------------------------------------------------

TYPED = (
    "#panic()", "*bold* _it_", "$x^2$", "a \\ b", "`raw`", "<label> @ref", "= Heading", "#{1+1}", "// gone",
    "[content]", '"quoted"', "#import \"/etc/passwd\"", "a\tb", "{pages}", "~ -- --- ...", "https://example.com",
)  # fmt: skip


@pytest.mark.parametrize("typed", TYPED)
def test_nothing_that_somebody_typed_is_markup(db: None, typed: str) -> None:
    statement = a_statement(name=typed, other=typed, note=typed)

    page = text_of(statement, Issuer(typed, typed))

    assert page.count(" ".join(typed.split())) >= 3 * 2 + 3


def test_an_empty_note_and_a_long_one_fit(db: None) -> None:
    assert "14 May 2026, 09:01 Renewal Income −1,234.50" in text_of(a_statement(note=""))
    assert len(pages_of(pdf.statement_pdf(a_statement(name="x" * 150, other="y" * 150, note="z" * 200), ISSUER))) == 1


@pytest.mark.parametrize("name", ["شركة النور للاتصالات", "Ελλάδα Νετ", "Связь", "רשת צפון"])
@pytest.mark.parametrize("has_system_fonts", [True, False])
def test_other_scripts_are_drawn_with_letters_that_are_there(
    db: None, name: str, has_system_fonts: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not has_system_fonts:
        embedded = papers.typst.Fonts(include_system_fonts=False)
        monkeypatch.setattr(papers, "fonts", lambda: embedded)
        monkeypatch.setattr(papers, "families", lambda: ["Libertinus Serif", "DejaVu Sans Mono"])

    file = pdf.statement_pdf(a_statement(name=name, other=name), ISSUER)

    drawn = "".join(pages_of(file))
    assert not missing_letters(name, drawn), drawn[:300]


def missing_letters(name: str, drawn: str) -> set[str]:
    """Return the letters that no font had: what stands for them has no meaning that a reader could copy."""
    there = set(unicodedata.normalize("NFKC", drawn))
    return {letter for letter in name if not letter.isspace()} - there


def test_it_is_in_the_language_of_whoever_asks(db: None) -> None:
    with translation.override("ar"):
        file = pdf.statement_pdf(a_statement(), ISSUER)

    assert PdfReader(io.BytesIO(file)).root_object["/Lang"] == "ar"


# --- from the page ----------------------------------------------------------------------------------------------------


def test_the_page_gives_it_out(asha: User, north: Reseller) -> None:
    fund(north.wallet, "100", actor=asha)
    reseller = make_reseller(asha, "elnoor", "شركة النور")
    fund(reseller.wallet, "5", actor=asha)
    PanelSettings.objects.update(company_name="Al-Noor ISP")

    response: Any = signed_in(reseller.user).get(
        f"/wallets/{reseller.wallet_id}/statement/pdf?start=2026-05-01&end=2026-05-31"
    )

    assert response.headers["Content-Type"] == "application/pdf"
    [page] = pages_of(response.content)
    assert "Al-Noor ISP" in page
    assert "Closing balance 5.00" in page


def test_a_period_that_is_too_long_is_refused_with_the_way_out(
    asha: User, north: Reseller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "MOST_LINES_OF_PDF", 2)
    for _number in range(3):
        fund(north.wallet, "1", actor=asha)
    before = AuditEntry.objects.count()

    response = signed_in(asha).get(f"/wallets/{north.wallet_id}/statement/pdf?start=2026-05-01&end=2026-05-31")

    assert response.status_code == 422
    assert error_at(response, "end") == (
        "This period has 3 lines, and a PDF holds 2. Choose a shorter one, or take the CSV file."
    )
    assert AuditEntry.objects.count() == before


def test_a_thousand_lines_keep_the_processor_busy_for_less_than_a_second(db: None) -> None:
    pdf.statement_pdf(a_statement(1), ISSUER)  # fonts are looked for once

    start = time.process_time()  # not the clock on the wall, which others' work moves on too
    pdf.statement_pdf(a_statement(1_000), ISSUER)

    assert time.process_time() - start < 1
