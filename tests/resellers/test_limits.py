"""What a wallet warns of and what it may owe: the low-balance threshold and the credit limit."""

from decimal import Decimal

import pytest

from accounts.models import User
from audit.actions import Action
from audit.models import AuditEntry
from ispanel.refusals import Forbidden
from plans.models import Plan
from resellers.models import Reseller
from resellers.operations import ResellerDeleted, delete_reseller, set_low_balance_threshold
from tests.cast import NOW, fund, group, make_staff, seat_of, signed_in
from tests.pages import body, counts, error_at, links_of, rows_of, send
from tests.subscribers.lines import add, balance_of, renew
from wallet.ledger import InsufficientFunds

OWN = "/transactions/low-balance-threshold/"


def threshold_of(reseller: Reseller) -> str:
    return f"/resellers/{reseller.pk}/low-balance-threshold/"


def low(user: User) -> list[str]:
    """Return who is on the tab of those who are low on balance."""
    return [row[0] for row in rows_of(signed_in(user).get("/resellers/?view=low"))]


# --- the low-balance threshold ----------------------------------------------------------------------------------------


def test_at_the_threshold_or_below_a_wallet_is_listed_as_low(asha: User, north: Reseller) -> None:
    fund(north.wallet, "100", actor=asha)
    client = signed_in(asha)
    assert low(asha) == []

    for threshold, is_low in (("99.99", False), ("100", True), ("500", True), ("0", False)):
        assert send(client, threshold_of(north), threshold=threshold).status_code == 303
        assert bool(low(asha)) == is_low, threshold
        assert ("Low balance" in rows_of(client.get("/resellers/"))[0][1]) == is_low, threshold


def test_setting_it_is_audited_with_old_and_new(asha: User, north: Reseller) -> None:
    send(signed_in(asha), threshold_of(north), threshold="50")
    send(signed_in(asha), threshold_of(north), threshold="75.50")
    send(signed_in(asha), threshold_of(north), threshold="75.5")

    entry = AuditEntry.objects.latest("id")
    assert (entry.action, entry.object_name, entry.reseller_id) == (
        Action.LOW_BALANCE_THRESHOLD_SET,
        "North Net",
        north.pk,
    )
    assert entry.changes == {"low_balance_threshold": ["50", "75.5"]}


def test_a_reseller_sets_its_own_and_its_subs(nadia: User, north: Reseller, northeast: Reseller) -> None:
    client = signed_in(nadia)

    response = send(client, OWN, threshold="50")
    send(client, threshold_of(northeast), threshold="20")

    assert response.url == f"/resellers/{north.pk}/transactions/"
    assert set(Reseller.objects.values_list("company_name", "low_balance_threshold")) == {
        ("North Net", Decimal(50)),
        ("Northeast Net", Decimal(20)),
    }
    assert OWN in links_of(client.get(response.url))


def test_who_only_reads_sets_none(asha: User, noor: User, north: Reseller) -> None:
    helper = make_staff(asha, north, "helper", group("SUPPORT"))

    for user in (noor, helper):
        for url in (OWN, threshold_of(north)):
            assert signed_in(user).post(url, {"threshold": "5"}).status_code == 403
    assert OWN not in links_of(signed_in(noor).get(f"/resellers/{noor.reseller_id}/"))


def test_an_admin_has_none_of_their_own(asha: User) -> None:
    assert signed_in(asha).get(OWN).status_code == 403


def test_south_sets_none_for_north(nadia: User, sami: User, north: Reseller, northeast: Reseller) -> None:
    assert signed_in(sami).post(threshold_of(north), {"threshold": "5"}).status_code == 404
    with pytest.raises(Forbidden):
        set_low_balance_threshold(actor=seat_of(sami), reseller_id=northeast.pk, threshold=Decimal(5), now=NOW)


def test_a_deleted_reseller_has_none(asha: User, north: Reseller) -> None:
    delete_reseller(actor=seat_of(asha), reseller_id=north.pk, now=NOW)

    with pytest.raises(ResellerDeleted):
        set_low_balance_threshold(actor=seat_of(asha), reseller_id=north.pk, threshold=Decimal(5), now=NOW)


@pytest.mark.parametrize("typed", ["-5", "1e3", "NaN", "1.234", "99999999999999", ""])
def test_what_is_no_amount_is_refused_at_its_field(asha: User, north: Reseller, typed: str) -> None:
    before = counts()

    response = send(signed_in(asha), threshold_of(north), threshold=typed)

    assert response.status_code == 422
    assert error_at(response, "threshold")
    assert counts() == before


# --- a credit limit below the debt ------------------------------------------------------------------------------------


@pytest.fixture
def indebted(asha: User, north: Reseller, home: Plan) -> Reseller:
    """Return North, which owes 50.00 of a limit of 100.00."""
    send(signed_in(asha), f"/resellers/{north.pk}/edit/", credit_limit="100")
    renew(asha, add(asha, north, home, now=NOW), now=NOW)
    assert balance_of(north) == -50
    return north


def test_a_limit_below_the_debt_is_accepted_and_says_what_it_means(asha: User, indebted: Reseller) -> None:
    client = signed_in(asha)

    response = send(client, f"/resellers/{indebted.pk}/edit/", credit_limit="30")

    page = body(client.get(response.url))
    assert response.status_code == 303
    assert "North Net owes more than that: charges are refused until 20.00 USD come in." in page
    assert "The wallet owes more than its credit limit: charges are refused until money comes in." in page
    assert AuditEntry.objects.latest("id").action == Action.RESELLER_EDITED
    assert AuditEntry.objects.latest("id").changes == {"credit_limit": ["100", "30"]}


def test_a_limit_that_covers_the_debt_says_nothing(asha: User, indebted: Reseller) -> None:
    client = signed_in(asha)

    response = send(client, f"/resellers/{indebted.pk}/edit/", credit_limit="50")

    assert "charges are refused" not in body(client.get(response.url))
    assert rows_of(client.get("/resellers/?view=over")) == []


def test_over_its_limit_a_wallet_is_listed_refuses_charges_and_takes_deposits(
    asha: User, indebted: Reseller, home: Plan
) -> None:
    client = signed_in(asha)
    send(client, f"/resellers/{indebted.pk}/edit/", credit_limit="30")
    [row] = rows_of(client.get("/resellers/?view=over"))
    assert row[:2] == ["North Net nadia", "Over limit"]

    with pytest.raises(InsufficientFunds, match="the wallet is over its credit limit"):
        add(asha, indebted, home, "badr")
    assert send(client, f"/resellers/{indebted.pk}/transfers/", amount="20").status_code == 303

    assert balance_of(indebted) == -30
    assert rows_of(client.get("/resellers/?view=over")) == []
