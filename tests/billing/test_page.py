"""The page of an invoice: what stands on it, what may be done from it, and by whom."""

from typing import Any
from urllib.parse import quote

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from django.utils.dateformat import format as date_format

from accounts.models import PermissionGroup, User
from accounts.seats import Seat
from audit.actions import Action
from audit.models import AuditEntry
from billing.models import CreditNote, Invoice, InvoiceStatus
from billing.operations import cancel_invoice, change_billing_settings, make_link, mark_paid
from ispanel.issuer import panel_issuer
from ispanel.models import PanelSettings
from plans.models import Plan
from resellers.models import Reseller
from subscribers import operations as subscribers
from subscribers.models import Subscriber
from tests.billing.papers import change
from tests.billing.sold import refund, sell
from tests.billing.test_pdf import text_of
from tests.cast import NOW, fund, make_plan, make_staff, seat_of, signed_in
from tests.pages import body, error_at, links_of, send
from tests.pictures import a_logo

IN_DIALOG = {"HX-Request": "true", "HX-Target": "dialog-slot"}


@pytest.fixture
def invoice(asha: User, north: Reseller, home: Plan) -> Invoice:
    """Return what Amal owes North for her first period."""
    details = {"full_name": "Amal Haddad", "address": "5 Hill Road\nTyre"}
    return sell(asha, north, home, "amal", **details)


def page_of(invoice: Invoice, part: str = "") -> str:
    return f"/invoices/{invoice.pk}/{part}"


def shown(user: User, invoice: Invoice) -> str:
    """Return the text of the invoice's page."""
    return body(signed_in(user).get(page_of(invoice)))


def acted(user: User, invoice: Invoice, part: str, **typed: Any) -> HttpResponse:
    """Open the act's form, fill it in and send it."""
    return send(signed_in(user), page_of(invoice, part), **typed)


def fresh(invoice: Invoice) -> Invoice:
    return Invoice.objects.get(pk=invoice.pk)


# --- what stands on it ------------------------------------------------------------------------------------------------


def test_its_days_stay_when_the_time_zone_is_changed(nadia: User, invoice: Invoice) -> None:
    PanelSettings.objects.update(time_zone="Pacific/Honolulu")
    link = make_link(actor=seat_of(nadia), invoice=invoice, now=NOW).rpartition("/i/")[2]

    for page in (shown(nadia, invoice), body(Client().get(f"/i/{link}"))):
        assert "Issued 14 May 2026" in page
        assert "14 May 2026 – 13 Jun 2026" in page


def test_it_says_who_issued_it_who_sold_what_to_whom_and_what_is_due(nadia: User, invoice: Invoice) -> None:
    page = shown(nadia, invoice)

    for words in (
        f"Invoice {invoice}", "ISPanel", "To Amal Haddad 5 Hill Road Tyre Subscriber amal", "Issued 14 May 2026",
        "Status Pending", "Sold by North Net", f"{invoice.description} 14 May 2026 – 13 Jun 2026 25.00",
        "Total 25.00 USD", "Due 25.00 USD",
    ):  # fmt: skip
        assert words in page, (words, page)


@pytest.mark.parametrize("reseller_issues", [False, True])
def test_it_carries_the_issuer_that_the_setting_said_on_its_day(
    asha: User, north: Reseller, home: Plan, reseller_issues: bool
) -> None:
    house = {"company_name": "Al-Noor ISP", "company_address": "1 Main Street", "tax_line": "VAT LB 1"}
    Reseller.objects.filter(pk=north.pk).update(address="2 North Road", tax_line="VAT NN 2", invoice_prefix="NN-")
    actor = seat_of(asha)
    change_billing_settings(actor=actor, **house, reseller_is_issuer=reseller_issues, logo=a_logo(), now=NOW)
    north.refresh_from_db()
    invoice = sell(asha, north, home, "amal")
    change_billing_settings(actor=actor, company_name="Renamed", reseller_is_issuer=not reseller_issues, now=NOW)
    client = signed_in(asha)

    page = client.get(page_of(invoice))
    paper = text_of(client.get(page_of(invoice, "pdf")).content)

    block = "North Net 2 North Road VAT NN 2" if reseller_issues else "Al-Noor ISP 1 Main Street VAT LB 1"
    assert str(invoice) == ("NN-000001" if reseller_issues else "INV-000001")
    assert block in body(page)
    assert paper.startswith(block)
    for words in ("Renamed", "Al-Noor ISP" if reseller_issues else "VAT NN 2"):
        assert words not in text_of_paper(page)
        assert words not in paper
    assert "Sold by North Net" in paper
    # The house's logo is the house's: a reseller has one with its branding.
    assert client.get(page_of(invoice, "logo")).status_code == (404 if reseller_issues else 200)
    assert panel_issuer().name == "Renamed"


def text_of_paper(page: HttpResponse) -> str:
    """Return the text of the paper on the page, without what the panel says around it."""
    markup = page.content.decode()
    return markup[markup.index("<article") : markup.index("</article>")]


def test_what_was_credited_and_why_stands_on_it(asha: User, nadia: User, invoice: Invoice) -> None:
    note = refund(asha, invoice)

    response = signed_in(nadia).get(page_of(invoice))
    page = body(response)

    assert f"Credit note {note}" in page
    assert "Refund −25.00 USD Due 0.00 USD" in page
    assert "The tower was down" not in text_of_paper(response)
    assert "Credited 25.00 USD" in page
    assert "Mark as paid" not in page
    response = signed_in(nadia).get(f"/credit-notes/{note.pk}/pdf")
    assert response.headers["Content-Disposition"] == f'attachment; filename="{note}.pdf"'
    assert f"Of invoice {invoice}" in text_of(response.content)


def test_its_pdf_is_called_by_its_number(nadia: User, invoice: Invoice) -> None:
    response = signed_in(nadia).get(page_of(invoice, "pdf"))

    assert response.headers["Content-Type"] == "application/pdf"
    assert response.headers["Content-Disposition"] == f'attachment; filename="{invoice}.pdf"'
    assert "Due 25.00 USD" in text_of(response.content)


def test_the_wholesale_price_is_on_no_paper(asha: User, nadia: User, north: Reseller, home: Plan) -> None:
    invoice = sell(asha, north, home, "bilal", retail_price=31)
    client = signed_in(nadia)

    assert (invoice.amount, invoice.renewal.price) == (31, 25)
    assert "25.00" not in text_of_paper(client.get(page_of(invoice)))
    assert "25.00" not in text_of(client.get(page_of(invoice, "pdf")).content)


def test_the_page_of_the_line_shows_its_latest_invoices(asha: User, nadia: User, invoice: Invoice) -> None:
    page = signed_in(nadia).get(f"/subscribers/{invoice.subscriber_id}/")

    assert page_of(invoice) in links_of(page)
    assert "/invoices/?subscriber=amal" in links_of(page)


def test_there_it_shows_those_of_the_own_tree_alone(
    asha: User, nadia: User, sami: User, north: Reseller, south: Reseller, invoice: Invoice
) -> None:
    Subscriber.objects.filter(pk=invoice.subscriber_id).update(reseller=south)

    page = signed_in(sami).get(f"/subscribers/{invoice.subscriber_id}/")

    assert page_of(invoice) not in links_of(page)
    assert "Nothing was invoiced to this line." in body(page)


# --- what it leads to -------------------------------------------------------------------------------------------------


def transfer_page(pk: int | None) -> str:
    return f"/transfers/{pk}/"


def give_rights(reseller: Reseller, *codes: str) -> None:
    """Let the reseller do what these codes say, and nothing else."""
    reseller.permission_group = PermissionGroup.objects.create(name="SOME", codes=codes)
    reseller.save(update_fields=["permission_group"])


def test_invoice_charge_refund_and_credit_note_lead_to_each_other(asha: User, nadia: User, invoice: Invoice) -> None:
    note = refund(asha, invoice)
    charge, taken_back = invoice.renewal.transfer_id, note.refund_id

    for user in (nadia, asha):
        page = signed_in(user).get(page_of(invoice))
        assert {transfer_page(charge), transfer_page(taken_back), f"/credit-notes/{note.pk}/pdf"} <= links_of(page)
        for transfer in (charge, taken_back):
            assert page_of(invoice) in links_of(signed_in(user).get(transfer_page(transfer)))


def test_each_period_of_a_line_leads_to_its_charge_and_its_invoice(
    asha: User, nadia: User, sami: User, north: Reseller, south: Reseller, invoice: Invoice
) -> None:
    line = f"/subscribers/{invoice.subscriber_id}/"
    clerk = make_staff(asha, north, "clerk", PermissionGroup.objects.create(name="LINES", codes=["subscribers.view"]))
    its_own = {transfer_page(invoice.renewal.transfer_id), page_of(invoice)}

    for user in (asha, nadia):
        assert its_own <= links_of(signed_in(user).get(line))
    assert not its_own & links_of(signed_in(clerk).get(line))
    Subscriber.objects.filter(pk=invoice.subscriber_id).update(reseller=south)
    assert not its_own & links_of(signed_in(sami).get(line))


def test_it_says_who_refunded_it_when_and_why(asha: User, nadia: User, invoice: Invoice) -> None:
    note = refund(asha, invoice, reason="The tower was down")

    page = shown(nadia, invoice)

    day = date_format(timezone.localtime(note.issued_at), "j M Y")
    assert f"Charge Activation, transfer {invoice.renewal.transfer_id} 14 May 2026" in page
    assert f"Refund Refund, transfer {note.refund_id} {day}" in page
    assert "· asha Reason The tower was down" in page
    assert f"Credit note {note} PDF {day}" in page


def test_what_was_charged_from_a_borrowed_seat_names_both(asha: User, nadia: User, north: Reseller, home: Plan) -> None:
    fund(north.wallet, "100", actor=asha)
    borrowed = Seat(login=seat_of(asha).login, user=seat_of(nadia).user)
    subscribers.add_subscriber(
        actor=borrowed, reseller=north, plan=home, username="bilal", password="line-password", now=NOW
    )

    assert "· asha as nadia" in shown(nadia, Invoice.objects.get())


def test_what_a_change_of_plan_credited_says_when_and_by_which_change(
    asha: User, nadia: User, invoice: Invoice
) -> None:
    change(asha, invoice.subscriber, make_plan("Cheap", "5.00"), now=NOW)
    note = CreditNote.objects.get()

    page = signed_in(nadia).get(page_of(invoice))

    assert f"Credit note {note} PDF 14 May 2026" in body(page)
    assert "Plan change · Cheap" in body(page)
    assert f"/credit-notes/{note.pk}/pdf" in links_of(page)
    assert "Reason" not in body(page)


def test_nobody_is_led_to_what_they_may_not_open(asha: User, north: Reseller, invoice: Invoice) -> None:
    note = refund(asha, invoice)
    papers = PermissionGroup.objects.create(name="PAPERS", codes=["invoices.view"])
    money = PermissionGroup.objects.create(name="MONEY", codes=["transactions.view"])
    clerk, teller = make_staff(asha, north, "clerk", papers), make_staff(asha, north, "teller", money)

    page = signed_in(clerk).get(page_of(invoice))
    assert not any(link.startswith("/transfers/") for link in links_of(page))
    assert not any(words in body(page) for words in ("asha", "The tower was down"))
    assert f"Credit note {note} PDF" in body(page)
    for transfer in (invoice.renewal.transfer_id, note.refund_id):
        assert page_of(invoice) not in links_of(signed_in(teller).get(transfer_page(transfer)))


def test_who_sees_the_money_of_others_is_led_to_no_invoice_of_theirs(
    sami: User, south: Reseller, invoice: Invoice
) -> None:
    give_rights(south, "transactions.view", "transactions.view_all", "invoices.view")

    page = signed_in(sami).get(transfer_page(invoice.renewal.transfer_id))

    assert "25.00" in body(page)
    assert page_of(invoice) not in links_of(page)


def test_who_sees_the_invoices_of_others_is_led_to_no_transfer_of_theirs(
    sami: User, south: Reseller, invoice: Invoice
) -> None:
    give_rights(south, "transactions.view", "invoices.view", "invoices.view_all")

    page = signed_in(sami).get(page_of(invoice))

    assert "Total 25.00 USD" in body(page)
    assert transfer_page(invoice.renewal.transfer_id) not in links_of(page)


def test_the_page_of_a_reseller_leads_to_its_invoices(
    asha: User, nadia: User, noor: User, sami: User, south: Reseller, invoice: Invoice
) -> None:
    north = invoice.reseller
    give_rights(south, "resellers.view", "resellers.view_all", "invoices.view")

    for user in (asha, nadia, noor):
        page = signed_in(user).get(f"/resellers/{north.pk}/")
        assert f"/invoices/?reseller={north.pk}" in links_of(page)
        listed = signed_in(user).get(f"/invoices/?reseller={north.pk}")
        assert page_of(invoice) in links_of(listed)
        assert "Reseller: North Net" in body(listed)
    assert f"/invoices/?reseller={north.pk}" not in links_of(signed_in(sami).get(f"/resellers/{north.pk}/"))


# --- what may be done -------------------------------------------------------------------------------------------------


def test_it_is_marked_as_paid_with_a_note(nadia: User, invoice: Invoice) -> None:
    response = acted(nadia, invoice, "payment/", note="cash, receipt 12")

    assert (response.status_code, response.url) == (303, page_of(invoice))
    assert fresh(invoice).status == InvoiceStatus.PAID
    page = shown(nadia, invoice)
    assert f"{invoice} is paid." in page or "Marked by nadia" in page
    assert "cash, receipt 12" in page
    assert "Due 0.00 USD" in page
    assert "Changed" not in page
    assert AuditEntry.objects.filter(action=Action.INVOICE_PAID, object_id=invoice.pk).count() == 1
    assert "Marked an invoice as paid" in page


def test_it_is_cancelled_with_a_reason(nadia: User, invoice: Invoice) -> None:
    response = acted(nadia, invoice, "cancellation/", reason="Given for free")

    assert (response.status_code, response.url) == (303, page_of(invoice))
    page = shown(nadia, invoice)
    assert "Status Cancelled" in page
    assert "By nadia" in page
    assert "Reason Given for free" in page
    assert "Mark as paid" not in page


def test_a_reason_is_needed(nadia: User, invoice: Invoice) -> None:
    response = acted(nadia, invoice, "cancellation/")

    assert (response.status_code, error_at(response, "reason")) == (422, "This field is required.")
    assert fresh(invoice).status == InvoiceStatus.PENDING


def test_what_is_settled_is_refused_in_the_dialog(asha: User, nadia: User, invoice: Invoice) -> None:
    mark_paid(actor=seat_of(asha), invoice_id=invoice.pk, now=NOW)

    for part, typed in (("payment/", {}), ("cancellation/", {"reason": "x"})):
        response = acted(nadia, invoice, part, **typed)
        assert response.status_code == 422
        assert f"The invoice {invoice} is marked as paid already." in body(response)


def refund_from(invoice: Invoice, back: str | None = None) -> str:
    """Return the address of the refund of what the invoice is for, as the page there links it."""
    return f"/transfers/{invoice.renewal.transfer_id}/refund/?back={quote(back or page_of(invoice))}"


def test_an_admin_is_led_to_the_refund_and_nobody_else(asha: User, nadia: User, invoice: Invoice) -> None:
    assert refund_from(invoice) in links_of(signed_in(asha).get(page_of(invoice)))
    assert "/refund/" not in signed_in(nadia).get(page_of(invoice)).content.decode()
    refund(asha, invoice)
    assert "/refund/" not in signed_in(asha).get(page_of(invoice)).content.decode()


def test_a_refund_leads_back_to_where_it_was_pressed(asha: User, north: Reseller, home: Plan) -> None:
    client = signed_in(asha)
    for name, place in (("amal", page_of), ("bilal", lambda each: transfer_page(each.renewal.transfer_id))):
        invoice = sell(asha, north, home, name)
        act = refund_from(invoice, place(invoice))
        assert act in links_of(client.get(place(invoice)))

        assert place(invoice) in links_of(client.get(act))
        assert {act} <= links_of(client.get(act, headers=IN_DIALOG))
        response = send(client, act, reason="The tower was down")

        assert (response.status_code, response.url) == (303, place(invoice))
        assert "25.00 USD is refunded." in body(client.get(response.url))


@pytest.mark.parametrize(
    "elsewhere",
    ["//evil.example/", "https://evil.example/", "/\\evil.example", "javascript:alert(1)", "evil", "http:///evil", ""],
)
def test_and_never_out_of_the_panel(asha: User, invoice: Invoice, elsewhere: str) -> None:
    act = f"/transfers/{invoice.renewal.transfer_id}/refund/?back={quote(elsewhere, safe='')}"
    line = f"/subscribers/{invoice.subscriber_id}/"

    assert elsewhere not in links_of(signed_in(asha).get(act)) - {""}
    assert send(signed_in(asha), act, reason="The tower was down").url == line


def test_the_refund_says_what_becomes_of_the_invoice(asha: User, nadia: User, north: Reseller, home: Plan) -> None:
    invoice = sell(asha, north, home, "amal", retail_price=31)
    client, owed = signed_in(asha), "what the subscriber paid, the reseller has to give back itself"

    asked = body(client.get(refund_from(invoice)))
    assert "Amount 25.00 USD Expires" in asked
    assert f"Invoice {invoice} Pending Credit note 31.00 USD" in asked
    assert owed not in asked

    mark_paid(actor=seat_of(nadia), invoice_id=invoice.pk, now=NOW)
    asked = body(client.get(refund_from(invoice)))
    assert f"Invoice {invoice} Paid Credit note 31.00 USD" in asked
    assert owed in asked

    refund(asha, invoice)
    assert f"Invoice {invoice}" not in body(client.get(refund_from(invoice)))


def test_the_refund_says_so_where_nothing_is_credited(
    asha: User, nadia: User, north: Reseller, home: Plan, invoice: Invoice
) -> None:
    cancel_invoice(actor=seat_of(nadia), invoice_id=invoice.pk, reason="Given for free", now=NOW)
    free = sell(asha, north, home, "bilal", retail_price=0)
    client = signed_in(asha)

    assert "Credit note None: the invoice is cancelled" in body(client.get(refund_from(invoice)))
    assert "Credit note None: nothing is left of the invoice" in body(client.get(refund_from(free)))


def test_a_link_is_shown_once_with_a_button_to_copy_it(nadia: User, invoice: Invoice) -> None:
    response = acted(nadia, invoice, "links/")

    page = response.content.decode()
    link = invoice.links.get()
    assert (response.status_code, "http://localhost/i/" in page or "/i/" in page) == (200, True)
    assert 'data-copy-from="#invoice-link"' in page
    assert link.token_digest not in page
    assert "Made by nadia" in shown(nadia, invoice)
    assert "/i/" not in signed_in(nadia).get(page_of(invoice)).content.decode()


def test_looking_at_the_form_makes_no_link(nadia: User, invoice: Invoice) -> None:
    signed_in(nadia).get(page_of(invoice, "links/"))

    assert not invoice.links.exists()


def test_its_links_are_revoked(nadia: User, invoice: Invoice) -> None:
    for _number in range(2):
        make_link(actor=seat_of(nadia), invoice=invoice, now=NOW)
    assert "2 links show this invoice." in body(signed_in(nadia).get(page_of(invoice, "links/revocation/")))

    response = acted(nadia, invoice, "links/revocation/")

    assert response.url == page_of(invoice)
    assert not invoice.links.in_force().exists()
    assert AuditEntry.objects.latest("id").action == Action.INVOICE_LINKS_REVOKED
    assert "There is none." in shown(nadia, invoice)


# --- by whom ----------------------------------------------------------------------------------------------------------

ACTS = {"payment/": {}, "cancellation/": {"reason": "x"}, "links/": {}, "links/revocation/": {}}


def test_a_stranger_finds_nothing(sami: User, invoice: Invoice, asha: User) -> None:
    note, client = refund(asha, invoice), signed_in(sami)

    for part in ("", "pdf", "logo", *ACTS):
        assert client.get(page_of(invoice, part)).status_code == 404, part
    assert client.get(f"/credit-notes/{note.pk}/pdf").status_code == 404


@pytest.mark.parametrize("part", ACTS)
def test_who_sees_all_does_nothing_to_it(noor: User, invoice: Invoice, part: str) -> None:
    client = signed_in(noor)

    assert client.get(page_of(invoice)).status_code == 200
    assert client.post(page_of(invoice, part), ACTS[part]).status_code == 403
    assert fresh(invoice).status == InvoiceStatus.PENDING
    page = body(client.get(page_of(invoice)))
    assert not any(words in page for words in ("Mark as paid", "Cancel invoice", "Make link", "Refund"))


def test_who_only_reads_is_offered_no_act(asha: User, north: Reseller, invoice: Invoice) -> None:
    clerk = make_staff(asha, north, "clerk", PermissionGroup.objects.create(name="BOOKS", codes=["invoices.view"]))
    client = signed_in(clerk)

    page = client.get(page_of(invoice))
    assert not any(words in body(page) for words in ("Mark as paid", "Cancel invoice", "Make link", "Audit trail"))
    assert f"/subscribers/{invoice.subscriber_id}/" not in links_of(page)
    assert all(client.post(page_of(invoice, part), typed).status_code == 403 for part, typed in ACTS.items())


def test_a_parent_marks_the_invoices_of_its_subs(
    asha: User, nadia: User, noora: User, northeast: Reseller, home: Plan
) -> None:
    invoice = sell(asha, northeast, home, "dana")

    assert acted(nadia, invoice, "payment/").status_code == 303
    assert "Marked by nadia" in shown(noora, invoice)


def test_a_sub_sees_none_of_its_parent(noora: User, invoice: Invoice) -> None:
    assert signed_in(noora).get(page_of(invoice)).status_code == 404


def test_the_trail_leads_to_the_page(asha: User, nadia: User, invoice: Invoice) -> None:
    mark_paid(actor=seat_of(nadia), invoice_id=invoice.pk, now=NOW)
    entry = AuditEntry.objects.get(action=Action.INVOICE_PAID)

    assert page_of(invoice) in links_of(signed_in(asha).get(f"/audit/{entry.pk}/"))
    assert CreditNote.objects.count() == 0
