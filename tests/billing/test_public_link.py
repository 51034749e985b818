"""The invoice as its subscriber reads it: by a link, without signing in, and nothing but that invoice."""

import re
from logging import makeLogRecord

import pytest
from django.conf import settings
from django.http import HttpResponse
from django.test import Client
from structlog.stdlib import ProcessorFormatter

from accounts.models import FailureCount, User
from billing.models import Invoice, InvoiceLink
from billing.operations import change_billing_settings, make_link, mark_paid, revoke_links
from billing.views import public
from plans.models import Plan
from resellers.models import CustomDomain, Reseller
from tests.billing.sold import refund, sell
from tests.billing.test_pdf import text_of
from tests.cast import NOW, seat_of, signed_in
from tests.pages import body, links_of
from tests.pictures import a_logo

WRONG = "/i/" + "w" * 43
DOMAIN = "panel.north.example"


@pytest.fixture
def invoice(asha: User, north: Reseller, home: Plan) -> Invoice:
    """Return an invoice for more than the wallet was charged, with the house's logo."""
    change_billing_settings(actor=seat_of(asha), company_name="Al-Noor ISP", logo=a_logo(), now=NOW)
    return sell(asha, north, home, "amal", full_name="Amal Haddad", retail_price=31)


@pytest.fixture
def path(asha: User, invoice: Invoice) -> str:
    """Return the path of a link to the invoice."""
    return path_to(asha, invoice)


def path_to(user: User, invoice: Invoice) -> str:
    return "/i/" + make_link(actor=seat_of(user), invoice=invoice, now=NOW).partition("/i/")[2]


def opened(path: str, *, host: str = "testserver", address: str = "203.0.113.9") -> HttpResponse:
    """Ask for the path as a stranger does."""
    return Client().get(path, headers={"host": host}, REMOTE_ADDR=address)


def give_domain(reseller: Reseller, name: str = DOMAIN) -> None:
    """Let the reseller's panel stand at the domain."""
    Reseller.objects.filter(pk=reseller.pk).update(has_branding=True)
    CustomDomain.objects.create(reseller=reseller, name=name, challenge="x", verified_at=NOW, created_at=NOW)


def without_ids(response: HttpResponse) -> tuple[int, str, dict[str, str]]:
    """Return all of an answer that does not change from request to request."""
    headers = {name: value for name, value in response.items() if name != "X-Request-ID"}
    return response.status_code, re.sub(r"[0-9a-f]{32}", "", response.content.decode()), headers


# --- it works ---------------------------------------------------------------------------------------------------------


def test_whoever_has_the_link_reads_the_invoice(invoice: Invoice, path: str) -> None:
    page = opened(path)

    assert page.status_code == 200
    for words in (f"Invoice {invoice}", "Al-Noor ISP", "Amal Haddad", "Sold by North Net", "Due 31.00 USD"):
        assert words in body(page), words
    assert opened(f"{path}/logo").headers["Content-Type"] == "image/png"


def test_and_takes_its_pdf(invoice: Invoice, path: str) -> None:
    response = opened(f"{path}/pdf")

    assert response.headers["Content-Disposition"] == f'attachment; filename="{invoice}.pdf"'
    assert "Due 31.00 USD" in text_of(response.content)


def test_it_shows_what_became_of_the_invoice(asha: User, invoice: Invoice, path: str) -> None:
    mark_paid(actor=seat_of(asha), invoice_id=invoice.pk, note="cash, at the shop", now=NOW)
    assert "Status Paid 14 May 2026" in body(opened(path))

    note = refund(asha, invoice)

    assert f"Credit note {note}" in body(opened(path))
    assert "Status Refunded" in body(opened(path))


def test_no_cache_no_search_engine_and_no_other_site_learns_of_it(path: str) -> None:
    for each in (path, f"{path}/pdf", WRONG):
        headers = opened(each).headers
        assert headers["Cache-Control"] == "no-store"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["X-Robots-Tag"] == "noindex, nofollow"
    assert '<meta name="robots" content="noindex, nofollow">' in opened(path).content.decode()


def test_the_first_time_it_is_opened_is_kept(invoice: Invoice, path: str, nadia: User) -> None:
    opened(path)

    assert InvoiceLink.objects.get().opened_at is not None
    assert "Not opened yet" not in body(signed_in(nadia).get(f"/invoices/{invoice.pk}/"))


# --- nothing else is in it --------------------------------------------------------------------------------------------


def test_nothing_of_the_panel_is_in_it(asha: User, invoice: Invoice, path: str) -> None:
    mark_paid(actor=seat_of(asha), invoice_id=invoice.pk, note="cash, at the shop", now=NOW)
    page, paper = opened(path), text_of(opened(f"{path}/pdf").content)

    for words in ("25.00", "75.00", "100.00", "cash", "asha", "nadia", "wholesale", "balance"):
        assert words not in body(page), words
        assert words not in paper, words
    leads_to = {link for link in links_of(page) if not link.startswith("/static/")}
    assert leads_to == {f"{path}/pdf"}


def test_a_signed_in_reader_sees_the_same(nadia: User, path: str) -> None:
    assert signed_in(nadia).get(path).content == opened(path).content


def test_of_two_invoices_it_shows_its_own(asha: User, north: Reseller, home: Plan, path: str) -> None:
    other = sell(asha, north, home, "bilal", full_name="Bilal Costa")

    assert "Bilal" not in body(opened(path))
    assert "Bilal" in body(opened(path_to(asha, other)))


# --- what shows nothing -----------------------------------------------------------------------------------------------


def test_unknown_revoked_and_foreign_links_are_answered_alike(
    asha: User, invoice: Invoice, path: str, south: Reseller
) -> None:
    give_domain(south, "panel.south.example")
    foreign, unknown = (without_ids(opened(each, host="panel.south.example")) for each in (path, WRONG))
    revoke_links(actor=seat_of(asha), invoice_id=invoice.pk, now=NOW)

    answers = [without_ids(opened(each)) for each in (path, f"{path}/pdf", WRONG, f"{WRONG}/pdf", "/i/x", f"{path}x")]

    assert all(answer == answers[0] for answer in answers)
    assert foreign == unknown
    assert (answers[0][0], foreign[0]) == (404, 404)


def test_whoever_has_a_link_that_shows_nothing_reads_whom_to_ask_and_is_led_to_no_sign_in(
    asha: User, invoice: Invoice, path: str, north: Reseller
) -> None:
    give_domain(north)
    revoke_links(actor=seat_of(asha), invoice_id=invoice.pk, now=NOW)

    for page in (opened(path), opened(WRONG), opened(path, host=DOMAIN)):
        assert "This link does not work" in body(page)
        assert "Ask your provider for a new link to your invoice." in body(page)
        assert "start page" not in body(page)
        assert not {link for link in links_of(page) if not link.startswith("/static/")}
    assert "North Net" in body(opened(path, host=DOMAIN))


def test_a_reseller_s_own_domain_shows_the_invoices_of_its_tree(
    asha: User, north: Reseller, northeast: Reseller, home: Plan, path: str
) -> None:
    give_domain(north)
    sub = path_to(asha, sell(asha, northeast, home, "dana"))

    assert [opened(each, host=DOMAIN).status_code for each in (path, sub)] == [200, 200]
    assert [opened(each).status_code for each in (path, sub)] == [200, 200]


def test_a_sub_s_own_domain_shows_none_of_its_parent(north: Reseller, northeast: Reseller, path: str) -> None:
    give_domain(northeast)

    assert opened(path, host=DOMAIN).status_code == 404
    assert InvoiceLink.objects.get().opened_at is None


def test_the_link_is_made_for_the_reseller_s_own_domain(asha: User, north: Reseller, invoice: Invoice) -> None:
    give_domain(north)

    assert make_link(actor=seat_of(asha), invoice=invoice, now=NOW).partition("://")[2].startswith(f"{DOMAIN}/i/")


def test_where_a_domain_goes_its_links_go_and_new_ones_work(asha: User, north: Reseller, invoice: Invoice) -> None:
    give_domain(north)
    path = path_to(asha, invoice)
    assert opened(path, host=DOMAIN).status_code == 200

    CustomDomain.objects.all().delete()

    assert opened(path, host=DOMAIN).status_code == 404
    assert opened(path).status_code == 200
    address = make_link(actor=seat_of(asha), invoice=invoice, now=NOW)
    assert address.startswith(f"{settings.PANEL_URL}/i/")
    assert opened(address.removeprefix(settings.PANEL_URL)).status_code == 200


# --- guessing ---------------------------------------------------------------------------------------------------------


def test_an_address_has_so_many_wrong_links_which_keep_no_right_one_out(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(public, "MOST", 3)
    for number in range(3):
        assert opened(f"/i/{number}", address="203.0.113.9").status_code == 404

    refused = opened("/i/3", address="203.0.113.9")

    assert (refused.status_code, "Retry-After" in refused.headers) == (429, True)
    assert "Too many attempts. Try again in 15 minutes." in body(refused)
    assert not [link for link in links_of(refused) if not link.startswith("/static/")]
    assert opened("/i/3", address="203.0.113.10").status_code == 404
    assert opened(path, address="203.0.113.9").status_code == 200


def test_right_links_count_for_nothing(path: str) -> None:
    for _number in range(3):
        opened(path)

    assert not FailureCount.objects.exists()


def test_links_do_not_grow_by_being_long(path: str) -> None:
    assert opened("/i/" + "x" * 5_000).status_code == 404
    assert opened("/i/%ff%00%d8").status_code == 404
    assert opened("/i/").status_code == 404


def test_no_log_has_a_link(path: str) -> None:
    shape = {name: value for name, value in settings.LOGGING["formatters"]["json"].items() if name != "()"}
    formatter, token = ProcessorFormatter(**shape), path.rpartition("/")[2]

    for address in (path, f"{path}/pdf", f"{path}?x=1", f"'{path}'"):
        line = formatter.format(makeLogRecord({"msg": "%s: %s", "args": ("Not Found", address), "levelname": "INFO"}))
        assert token not in line
        assert "Not Found" in line


def test_only_the_digest_of_a_token_is_kept(path: str) -> None:
    token = path.rpartition("/")[2]

    assert token not in str(InvoiceLink.objects.values().get())
