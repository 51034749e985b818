"""Invoices and credit notes on paper: what stands on them, that it is their own row's, and how names are set."""

import io
import unicodedata
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.utils import translation
from pypdf import PdfReader

from billing.models import CreditNote, Invoice, InvoiceStatus
from billing.paper_pdf import credit_note_pdf, file_name, invoice_pdf
from ispanel.logos import kept_picture
from ispanel.models import PanelSettings
from tests.pictures import a_logo

DAY = datetime(2026, 5, 14, 9, 30, tzinfo=UTC)


def an_invoice(**values: Any) -> Invoice:
    """Return an invoice that no database has."""
    usual = {
        "prefix": "INV-", "number": 12, "status": InvoiceStatus.PENDING, "amount": Decimal("1234.5"), "issued_at": DAY,
        "time_zone": "UTC",
        "issuer_name": "Al-Noor ISP", "issuer_address": "1 Main Street\nBeirut", "issuer_tax_line": "VAT LB 601 233",
        "seller_name": "North Net", "subscriber_username": "amal-7", "subscriber_name": "Amal Haddad",
        "subscriber_address": "5 Hill Road\nTyre", "description": "Renewal: Home 50", "starts_at": DAY,
        "ends_at": datetime(2026, 6, 13, 9, 30, tzinfo=UTC),
    }  # fmt: skip
    return Invoice(**usual | values)


def a_credit_note(invoice: Invoice, **values: Any) -> CreditNote:
    usual = {"prefix": "CN-", "number": 3, "amount": Decimal(100), "reason": "Refunded", "issued_at": DAY}
    return CreditNote(invoice=invoice, **usual | values)


def text_of(file: bytes) -> str:
    """Return what stands on the paper, which is one page, on one line."""
    [page] = PdfReader(io.BytesIO(file)).pages
    return " ".join(page.extract_text().split())


# --- what stands on it ------------------------------------------------------------------------------------------------


def test_an_invoice_says_who_issues_it_who_sold_what_to_whom_and_what_is_due(db: None) -> None:
    paper = text_of(invoice_pdf(an_invoice()))

    for words in (
        "Al-Noor ISP 1 Main Street Beirut VAT LB 601 233", "To Amal Haddad 5 Hill Road Tyre Subscriber amal-7",
        "Number INV-000012", "Issued 14 May 2026", "Status Pending", "Sold by North Net",
        "Renewal: Home 50 14 May 2026 – 13 Jun 2026 1,234.50", "Total 1,234.50 USD", "Due 1,234.50 USD",
    ):  # fmt: skip
        assert words in paper, (words, paper)


def test_what_was_credited_stands_on_it(db: None) -> None:
    invoice = an_invoice(credited=Decimal(100))

    paper = text_of(invoice_pdf(invoice, [a_credit_note(invoice)]))

    assert "Total 1,234.50 USD Credit note CN-000003, 14 May 2026 −100.00 USD Due 1,134.50 USD" in paper


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"status": InvoiceStatus.PAID, "paid_at": DAY}, "Status Paid, 14 May 2026"),
        ({"status": InvoiceStatus.CANCELLED, "cancelled_at": DAY}, "Status Cancelled, 14 May 2026"),
        ({"status": InvoiceStatus.REFUNDED, "credited": Decimal("1234.5")}, "Status Refunded"),
    ],
)
def test_nothing_is_due_of_one_that_is_settled(db: None, values: dict[str, Any], words: str) -> None:
    paper = text_of(invoice_pdf(an_invoice(**values)))

    assert words in paper
    assert "Due 0.00 USD" in paper


def test_who_marked_it_and_why_is_nobodys_business(db: None) -> None:
    paper = text_of(
        invoice_pdf(
            an_invoice(status=InvoiceStatus.PAID, paid_at=DAY, paid_by="nadia", payment_note="cash, at the shop")
        )
    )

    assert "nadia" not in paper
    assert "cash" not in paper


def test_a_credit_note_says_of_which_invoice_and_why(db: None) -> None:
    paper = text_of(credit_note_pdf(a_credit_note(an_invoice())))

    for words in (
        "Credit note", "Number CN-000003", "Of invoice INV-000012, 14 May 2026", "Sold by North Net",
        "Renewal: Home 50 Refunded 100.00", "Amount of the invoice 1,234.50 USD", "Credited 100.00 USD",
    ):  # fmt: skip
        assert words in paper, (words, paper)


def test_it_is_as_it_was_on_its_day_whatever_the_settings_say_now(db: None) -> None:
    PanelSettings.objects.update(
        company_name="Renamed",
        company_address="Elsewhere",
        tax_line="VAT 0",
        invoice_prefix="NEW-",
        reseller_is_issuer=True,
    )

    for paper in (text_of(invoice_pdf(an_invoice())), text_of(credit_note_pdf(a_credit_note(an_invoice())))):
        assert "Al-Noor ISP 1 Main Street Beirut VAT LB 601 233" in paper
        assert not any(words in paper for words in ("Renamed", "Elsewhere", "VAT 0", "NEW-"))


def test_the_logo_is_that_of_its_day(db: None) -> None:
    kept = kept_picture(a_logo())

    with_logo, without = (PdfReader(io.BytesIO(invoice_pdf(an_invoice(issuer_logo=logo)))) for logo in (kept, None))

    assert [has_picture(reader) for reader in (with_logo, without)] == [True, False]


def has_picture(reader: PdfReader) -> bool:
    objects = (reader.get_object(number) for number in range(1, int(reader.trailer["/Size"])))
    return any(isinstance(each, dict) and each.get("/Subtype") == "/Image" for each in objects)


def test_money_has_the_decimals_of_its_currency(db: None) -> None:
    PanelSettings.objects.update(currency_code="KWD", currency_decimals=3)

    assert "Due 1,234.500 KWD" in text_of(invoice_pdf(an_invoice()))


def test_days_are_those_of_the_time_zone_in_which_it_was_issued(db: None) -> None:
    PanelSettings.objects.update(time_zone="America/Los_Angeles")
    evening = datetime(2026, 5, 14, 20, 0, tzinfo=UTC)
    invoice = an_invoice(issued_at=evening, status=InvoiceStatus.PAID, paid_at=evening, time_zone="Pacific/Auckland")
    note = a_credit_note(invoice, issued_at=evening)

    papers = text_of(invoice_pdf(invoice, [note])), text_of(credit_note_pdf(note))

    for words in ("Issued 15 May 2026", "Status Paid, 15 May 2026", "Credit note CN-000003, 15 May 2026"):
        assert words in papers[0]
    for words in ("Issued 15 May 2026", "Of invoice INV-000012, 15 May 2026"):
        assert words in papers[1]


def test_a_long_name_stays_in_its_column(db: None) -> None:
    name = f"{'W' * 40}@{'w' * 60}.example"
    [page] = PdfReader(io.BytesIO(invoice_pdf(an_invoice(subscriber_name="", subscriber_username=name)))).pages

    lines = page.extract_text().splitlines()

    assert name in "".join(lines).replace("\u200b", "")
    assert not any("W" * 23 in line or "w" * 23 in line for line in lines)


def test_it_is_one_a4_page_in_the_language_of_whoever_asks(db: None) -> None:
    long = dict.fromkeys(("issuer_name", "seller_name", "subscriber_username", "subscriber_name"), "x" * 150)
    with translation.override("ar"):
        reader = PdfReader(io.BytesIO(invoice_pdf(an_invoice(**long, description="y" * 200))))

    [page] = reader.pages
    assert (round(page.mediabox.width), round(page.mediabox.height)) == (595, 842)
    assert reader.root_object["/Lang"] == "ar"


# --- names of all kinds -----------------------------------------------------------------------------------------------

TYPED = (
    "#panic()",
    "*bold* _it_",
    "$x^2$",
    "a \\ b",
    "`raw`",
    "<label> @ref",
    "= Heading",
    "#{1+1}",
    "// gone",
    "a\tb",
)


@pytest.mark.parametrize("typed", TYPED)
def test_nothing_that_somebody_typed_is_markup(db: None, typed: str) -> None:
    texts = ("issuer_name", "issuer_address", "seller_name", "subscriber_name", "subscriber_address", "description")
    invoice = an_invoice(**dict.fromkeys(texts, typed))

    drawn = " ".join(typed.split())
    assert text_of(invoice_pdf(invoice)).count(drawn) >= len(texts)
    assert text_of(credit_note_pdf(a_credit_note(invoice, reason=typed))).count(drawn) >= len(texts) + 1


@pytest.mark.parametrize("name", ["شركة النور للاتصالات", "Ελλάδα Νετ", "Связь", "רשת צפון", "Kıyı Telekom"])
def test_other_scripts_are_drawn_with_letters_that_are_there(db: None, name: str) -> None:
    drawn = text_of(invoice_pdf(an_invoice(issuer_name=name, subscriber_name=name, seller_name=name)))

    there = set(unicodedata.normalize("NFKC", drawn))
    assert not {letter for letter in name if not letter.isspace()} - there, drawn


def test_an_arabic_address_runs_from_right_to_left_and_its_numbers_do_not(db: None) -> None:
    name, address = "شركة النور", "شارع 25 آب"
    reader = PdfReader(io.BytesIO(invoice_pdf(an_invoice(issuer_name=name, issuer_address=address))))

    assert words_from_the_left(reader, "شارع", "25", "آب") == ["آب", "25", "شارع"]


def words_from_the_left(reader: PdfReader, *words: str) -> list[str]:
    """Return the words in the order in which they stand on the page, the leftmost first."""
    found: dict[str, float] = {}

    def visit(text: str, matrix: list[float], *_others: Any) -> None:
        for word in words:
            if word in unicodedata.normalize("NFKC", text):
                found.setdefault(word, matrix[4])

    reader.pages[0].extract_text(visitor_text=visit)
    assert set(found) == set(words), found
    return sorted(words, key=lambda word: found[word])


# --- its file ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prefix", "name"),
    [
        ("INV-", "INV-000012.pdf"),
        ("", "000012.pdf"),
        ("2026/N.", "2026-N.000012.pdf"),
        ("../", "000012.pdf"),
        (".-_", "_000012.pdf"),
    ],
)
def test_a_file_is_called_by_its_number_made_safe(prefix: str, name: str) -> None:
    assert file_name(an_invoice(prefix=prefix)) == name
