"""Changing a reseller's details."""

from typing import Any

import pytest

from accounts.models import LoginName, User
from audit.actions import Action
from audit.models import AuditEntry
from resellers.models import Reseller
from resellers.operations import edit_reseller
from tests.cast import NOW, fund, group, make_reseller, seat_of, signed_in
from tests.pages import body, counts, error_at, filled, send


def edit_of(reseller: Reseller) -> str:
    return f"/resellers/{reseller.pk}/edit/"


def fresh(reseller: Reseller) -> Reseller:
    return Reseller.objects.select_related("user", "wallet").get(pk=reseller.pk)


def test_an_admin_changes_what_there_is(asha: User, north: Reseller) -> None:
    response = send(
        signed_in(asha),
        edit_of(north),
        company_name="North Wireless",
        display_name="Northie",
        email="office@north.example",
        credit_limit="-500",
        allowed_ips="203.0.113.7",
    )

    north = fresh(north)
    assert (response.status_code, response.url) == (303, f"/resellers/{north.pk}/")
    assert (north.company_name, north.public_name, north.wallet.name) == ("North Wireless", "Northie", "Northie")
    assert (north.user.email, north.wallet.credit_limit, north.allowed_ips) == (
        "office@north.example",
        500,
        "203.0.113.7",
    )


def test_one_audit_entry_has_old_and_new_of_what_changed_and_nothing_else(asha: User, north: Reseller) -> None:
    client = signed_in(asha)
    before = counts()

    send(client, edit_of(north), company_name="North Wireless", credit_limit="500")

    entry = AuditEntry.objects.latest("id")
    assert counts() == before | {"audit_entries": before["audit_entries"] + 1}
    assert (entry.action, entry.reseller_id) == (Action.RESELLER_EDITED, north.pk)
    assert entry.changes == {"company_name": ["North Net", "North Wireless"], "credit_limit": ["0", "500"]}


def test_what_stands_on_its_papers_is_for_admins_and_parents(
    asha: User, nadia: User, north: Reseller, northeast: Reseller
) -> None:
    send(signed_in(asha), edit_of(north), tax_line="VAT 77", invoice_prefix="NN-")
    send(signed_in(nadia), edit_of(northeast), tax_line="VAT 78", invoice_prefix="NE/")

    told = AuditEntry.objects.latest("id")
    assert [(each.tax_line, each.invoice_prefix) for each in map(fresh, (north, northeast))] == [
        ("VAT 77", "NN-"),
        ("VAT 78", "NE/"),
    ]
    assert told.changes == {"tax_line": ["", "VAT 78"], "invoice_prefix": ["", "NE/"]}
    page = body(signed_in(nadia).get(f"/resellers/{northeast.pk}/"))
    assert "Tax line VAT 78 Invoice prefix NE/" in page


def test_saving_what_is_there_changes_and_records_nothing(asha: User, north: Reseller, northeast: Reseller) -> None:
    client = signed_in(asha)
    before = counts()

    for reseller in (north, northeast):
        assert send(client, edit_of(reseller)).status_code == 303

    assert counts() == before
    assert fresh(northeast).parent == north


def test_the_credit_limit_may_go_below_the_present_debt(asha: User, north: Reseller) -> None:
    send(signed_in(asha), edit_of(north), credit_limit="100")

    send(signed_in(asha), edit_of(north), credit_limit="0")

    assert fresh(north).wallet.credit_limit == 0


@pytest.mark.parametrize(
    ("field", "typed", "message"),
    [
        ("company_name", "", "This field is required."),
        ("credit_limit", "abc", "Enter digits with a point for decimals, for example 25.00."),
        ("email", "SAMI@South.example", "This email belongs to another login. Enter a different one."),
        ("email", "sami", "Enter a valid email address."),
        ("invoice_prefix", "NN 1", "Use letters of the Latin alphabet, digits and / . _ - only."),
        ("invoice_prefix", "x" * 13, "Ensure this value has at most 12 characters (it has 13)."),
        (
            "allowed_ips",
            "10.0.0.0/33",
            "“10.0.0.0/33” is no IP address and no CIDR block, as in 203.0.113.7 or 10.0.0.0/24.",
        ),
    ],
)
def test_editing_is_refused_at_the_field(
    asha: User, north: Reseller, south: Reseller, field: str, typed: str, message: str
) -> None:
    User.objects.filter(pk=south.user_id).update(email="sami@south.example")
    client = signed_in(asha)
    before = counts()

    response = send(client, edit_of(north), **{"full_name": "Nadia N.", field: typed})

    assert response.status_code == 422
    assert error_at(response, field) == message
    assert counts() == before
    assert fresh(north).user.full_name == ""


def test_a_reseller_with_subs_cannot_be_put_under_a_parent(
    asha: User, north: Reseller, northeast: Reseller, south: Reseller
) -> None:
    response = send(signed_in(asha), edit_of(north), parent=south.pk)

    assert response.status_code == 422
    assert error_at(response, "parent") == "This reseller has sub-resellers, so it cannot be put under a parent."
    assert fresh(north).parent is None


def test_a_reseller_is_not_its_own_parent(asha: User, north: Reseller) -> None:
    response = send(signed_in(asha), edit_of(north), parent=north.pk)

    assert response.status_code == 422
    assert error_at(response, "parent") == "A reseller cannot be its own parent."


def test_a_sub_is_no_parent(asha: User, south: Reseller, northeast: Reseller) -> None:
    assert send(signed_in(asha), edit_of(south), parent=northeast.pk).status_code == 422
    assert fresh(south).parent is None


def test_an_admin_moves_a_sub_to_another_parent(asha: User, south: Reseller, northeast: Reseller) -> None:
    send(signed_in(asha), edit_of(northeast), parent=south.pk)

    assert fresh(northeast).parent == south


def test_the_old_email_stays_reserved(asha: User, north: Reseller) -> None:
    for email in ("one@north.example", "two@north.example", ""):
        send(signed_in(asha), edit_of(north), email=email)

    assert fresh(north).user.email is None
    assert set(LoginName.objects.filter(user=north.user).values_list("name", flat=True)) == {
        "nadia",
        "one@north.example",
        "two@north.example",
    }


def test_a_reseller_edits_its_sub(nadia: User, northeast: Reseller) -> None:
    response = send(
        signed_in(nadia), edit_of(northeast), company_name="Northeast Fibre", permission_group=group("SUPPORT").pk
    )

    assert response.status_code == 303
    assert fresh(northeast).company_name == "Northeast Fibre"
    assert fresh(northeast).permission_group == group("SUPPORT")


def test_what_is_the_admins_is_ignored_from_a_reseller(
    nadia: User, north: Reseller, south: Reseller, northeast: Reseller
) -> None:
    client = signed_in(nadia)
    contents = filled(client.get(edit_of(northeast)))
    forged = {"parent": south.pk, "credit_limit": "1000", "allowed_ips": "10.0.0.1", "wan_check": "on"}

    client.post(edit_of(northeast), contents | forged)
    edit_reseller(actor=seat_of(nadia), reseller_id=northeast.pk, now=NOW, parent=south, credit_limit=1000)  # type: ignore[typeddict-item]

    sub = fresh(northeast)
    assert (sub.parent, sub.wallet.credit_limit, sub.allowed_ips, sub.wan_check) == (north, 0, "", "inherit")


@pytest.mark.parametrize("name", ["PARTNER", None])
def test_a_reseller_gives_no_group_beyond_its_own_rights(nadia: User, northeast: Reseller, name: str | None) -> None:
    response = send(signed_in(nadia), edit_of(northeast), permission_group=group(name).pk if name else "")

    assert response.status_code == 422
    assert error_at(response, "permission_group")
    assert fresh(northeast).permission_group == group("SALES")


@pytest.mark.parametrize("method", ["get", "post"])
def test_south_cannot(sami: User, northeast: Reseller, method: str) -> None:
    response = getattr(signed_in(sami), method)(edit_of(northeast), {"company_name": "Mine"})

    assert response.status_code == 404
    assert fresh(northeast).company_name == "Northeast Net"


def test_a_reseller_does_not_edit_itself(nadia: User, north: Reseller) -> None:
    response = signed_in(nadia).post(edit_of(north), {"company_name": "Renamed"})

    assert response.status_code == 403
    assert fresh(north).company_name == "North Net"


def test_a_change_of_group_counts_on_the_next_request(asha: User, north: Reseller, nadia: User) -> None:
    client = signed_in(nadia)
    assert client.get("/resellers/new").status_code == 200

    send(signed_in(asha), edit_of(north), permission_group=group("SUPPORT").pk)

    assert client.get("/resellers/new").status_code == 403


def test_html_in_a_name_is_shown_as_typed(asha: User) -> None:
    name = "<script>alert('x')</script> & \"Sons\""
    reseller = make_reseller(asha, "odd", name)
    client = signed_in(asha)

    for url in ("/resellers/", f"/resellers/{reseller.pk}/", edit_of(reseller), f"/resellers/{reseller.pk}/transfers/"):
        page: Any = client.get(url)
        assert "<script>alert" not in page.content.decode()
        assert name in body(page) or url == edit_of(reseller)


def test_the_wallets_money_is_untouched_by_an_edit(asha: User, north: Reseller) -> None:
    fund(north.wallet, "100", actor=asha)

    send(signed_in(asha), edit_of(north), company_name="North Wireless", credit_limit="5")

    assert fresh(north).wallet.balance == 100
