"""Settings → Billing: the company on papers, the prefixes of their numbers, and who issues those of subscribers.

Its logo is in tests/ispanel/test_logo.py.
"""

from typing import Any

import pytest
from django.http import HttpResponse

from accounts.models import User
from audit.actions import Action
from audit.models import AuditEntry
from billing.operations import change_billing_settings
from ispanel.issuer import Issuer
from ispanel.models import PanelSettings
from ispanel.refusals import Forbidden
from resellers.models import Reseller
from tests.cast import NOW, group, make_staff, seat_of, signed_in
from tests.pages import body, error_at, links_of, send

SETTINGS = "/settings/billing/"
SHIPPED = {
    "company_name": "", "company_address": "", "tax_line": "", "reseller_is_issuer": False,
    "invoice_prefix": "INV-", "credit_note_prefix": "CN-",
}  # fmt: skip


def in_force() -> dict[str, Any]:
    return PanelSettings.objects.values(*SHIPPED).get()


def saved(user: User, **typed: Any) -> HttpResponse:
    """Open the page, change what is typed and send it."""
    return send(signed_in(user), SETTINGS, logo=None, **typed)


# --- it works ---------------------------------------------------------------------------------------------------------


def test_an_admin_saves_them(asha: User) -> None:
    response = saved(
        asha,
        company_name="Al-Noor ISP",
        company_address="1 Main Street\r\nBeirut",
        tax_line="VAT LB 601 233",
        reseller_is_issuer=True,
        invoice_prefix="2026/INV-",
        credit_note_prefix="",
    )

    assert (response.status_code, response.url) == (303, SETTINGS)
    assert in_force() == {
        "company_name": "Al-Noor ISP", "company_address": "1 Main Street\nBeirut", "tax_line": "VAT LB 601 233",
        "reseller_is_issuer": True, "invoice_prefix": "2026/INV-", "credit_note_prefix": "",
    }  # fmt: skip


def test_the_switch_decides_who_issues_the_papers_of_a_reseller(asha: User, north: Reseller) -> None:
    saved(asha, company_name="Al-Noor ISP", tax_line="VAT LB 601 233")
    Reseller.objects.filter(pk=north.pk).update(address="2 North Road", tax_line="VAT 77")
    north.refresh_from_db()

    assert north.issuer == Issuer("Al-Noor ISP", tax_line="VAT LB 601 233")

    saved(asha, reseller_is_issuer=True)

    assert north.issuer == Issuer("North Net", "2 North Road", "VAT 77")


def test_the_switch_says_what_it_decides(asha: User) -> None:
    page = body(signed_in(asha).get(SETTINGS))

    assert "each reseller issues the invoices of its own subscribers" in page
    assert "the company above issues all of them, in one series" in page
    assert "invoices that are issued already stay as they are" in page


def test_the_switch_says_how_many_resellers_have_no_prefix_of_their_own(
    asha: User, north: Reseller, northeast: Reseller, south: Reseller
) -> None:
    client = signed_in(asha)

    page = client.get(SETTINGS)
    assert "3 resellers have no invoice prefix of their own." in body(page)
    assert "A reseller’s prefix is set under Edit, Company: Resellers" in body(page)
    assert "/resellers/" in links_of(page)

    Reseller.objects.filter(pk__in=[north.pk, northeast.pk]).update(invoice_prefix="NN-")
    assert "1 reseller has no invoice prefix of its own." in body(client.get(SETTINGS))
    Reseller.objects.filter(pk=south.pk).update(deleted_at=NOW)
    assert "invoice prefix of" not in body(client.get(SETTINGS))


def test_the_general_settings_lead_there(asha: User) -> None:
    page = signed_in(asha).get("/settings/")

    assert f'href="{SETTINGS}"' in page.content.decode()
    assert "Company name" not in body(page)


# --- it is audited ----------------------------------------------------------------------------------------------------


def test_it_is_audited_with_old_and_new(asha: User) -> None:
    saved(asha, tax_line="VAT LB 601 233", reseller_is_issuer=True)

    entry = AuditEntry.objects.latest("id")
    assert (entry.action, entry.actor_name) == (Action.BILLING_SETTINGS_CHANGED, "asha")
    assert entry.changes == {"tax_line": ["", "VAT LB 601 233"], "reseller_is_issuer": [False, True]}


def test_saving_what_was_there_leaves_no_trace(asha: User) -> None:
    before = AuditEntry.objects.count()

    assert saved(asha).status_code == 303

    assert AuditEntry.objects.count() == before


# --- refused ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("field", ["invoice_prefix", "credit_note_prefix"])
@pytest.mark.parametrize("typed", ["INV 1", "فا-", "INV#", "<b>", "INV\N{NO-BREAK SPACE}1", 'INV"'])
def test_a_prefix_takes_letters_digits_and_a_few_marks_only(asha: User, field: str, typed: str) -> None:
    response = saved(asha, **{field: typed})

    assert response.status_code == 422
    assert error_at(response, field) == "Use letters of the Latin alphabet, digits and / . _ - only."
    assert in_force() == SHIPPED


def test_a_prefix_has_12_characters_at_most(asha: User) -> None:
    assert "at most 12 characters" in error_at(saved(asha, invoice_prefix="x" * 13), "invoice_prefix")


@pytest.mark.parametrize("method", ["get", "post"])
def test_nobody_but_an_admin_reaches_them(
    asha: User, nadia: User, sami: User, noor: User, petra: User, north: Reseller, method: str
) -> None:
    for user in (nadia, sami, noor, petra, make_staff(asha, north, "clerk", group("SALES"))):
        assert getattr(signed_in(user), method)(SETTINGS, {"company_name": "Mine"}).status_code == 403, user

    assert in_force() == SHIPPED


def test_the_act_itself_refuses_anybody_else(nadia: User) -> None:
    with pytest.raises(Forbidden):
        change_billing_settings(actor=seat_of(nadia), company_name="Mine", now=NOW)

    assert in_force() == SHIPPED
