"""The page of one transfer: both its entries, what it undid, what it paid for, and its row in the trail."""

import pytest
from django.utils import timezone

from accounts.models import PermissionGroup, User
from audit.actions import Action
from audit.models import AuditEntry
from plans.models import Plan
from resellers.models import Reseller
from subscribers import operations as subscribers
from subscribers.models import Renewal, Subscriber
from tests.cast import fund, group, make_staff, seat_of, signed_in
from tests.pages import body, links_of, rows_of, send
from tests.wallet.moves import undo
from wallet import ledger
from wallet.models import Transfer, TransferKind


def url_of(transfer: Transfer) -> str:
    return f"/transfers/{transfer.pk}/"


@pytest.fixture
def settled(asha: User, north: Reseller, northeast: Reseller) -> Transfer:
    """Return a transfer of North to Northeast."""
    fund(north.wallet, "1000", actor=asha)
    send(signed_in(north.user), f"/resellers/{northeast.pk}/transfers/", amount="120.50", note="Settlement <May>")
    return Transfer.objects.latest("id")


@pytest.fixture
def line(asha: User, north: Reseller, home: Plan) -> Subscriber:
    """Return a subscriber of North who has just been activated."""
    fund(north.wallet, "100", actor=asha)
    return subscribers.add_subscriber(
        actor=seat_of(asha), reseller=north, plan=home, username="amal", password="line-password", now=timezone.now()
    )


# --- what stands there ------------------------------------------------------------------------------------------------


def test_it_says_how_much_from_where_to_where_by_whom_and_why(settled: Transfer, nadia: User) -> None:
    page = body(signed_in(nadia).get(url_of(settled)))

    for text in ("Transfer 120.50 USD", "North Net", "Northeast Net", "Settlement <May>", "nadia"):
        assert text in page, text


def test_its_entries_stand_as_debit_and_credit_with_the_balance_after(settled: Transfer, asha: User) -> None:
    assert rows_of(signed_in(asha).get(url_of(settled))) == [
        ["North Net", "120.50", "—", "879.50"],
        ["Northeast Net", "—", "120.50", "120.50"],
    ]


def test_the_balance_of_an_account_that_one_does_not_see_stays_its_owners(settled: Transfer, noora: User) -> None:
    assert rows_of(signed_in(noora).get(url_of(settled))) == [
        ["North Net", "120.50", "—", "—"],
        ["Northeast Net", "—", "120.50", "120.50"],
    ]
    assert "879.50" not in signed_in(noora).get(url_of(settled)).content.decode()


def test_a_transfer_and_its_reversal_lead_to_each_other(asha: User, nadia: User, north: Reseller) -> None:
    fund(north.wallet, "100", actor=asha)
    moved = Transfer.objects.with_sides().latest("id")
    taken_back = undo(asha, moved, TransferKind.REVERSAL)

    first, second = (signed_in(nadia).get(url_of(transfer)) for transfer in (moved, taken_back))

    assert "Reversed" in body(first)
    assert f"Reversal, transfer {taken_back.pk}" in body(first)
    assert url_of(taken_back) in links_of(first)
    assert f"Transfer, transfer {moved.pk}" in body(second)
    assert url_of(moved) in links_of(second)


def test_a_charge_leads_to_its_subscriber(line: Subscriber, nadia: User, asha: User) -> None:
    charged = Transfer.objects.get(kind=TransferKind.ACTIVATION)

    for user in (nadia, asha):
        assert f"/subscribers/{line.pk}/" in links_of(signed_in(user).get(url_of(charged)))


def test_a_charge_for_a_line_that_is_anothers_now_names_it_and_leads_nowhere(
    line: Subscriber, asha: User, nadia: User, south: Reseller
) -> None:
    charged = Transfer.objects.get(kind=TransferKind.ACTIVATION)
    Subscriber.objects.filter(pk=line.pk).update(reseller=south)

    page = signed_in(nadia).get(url_of(charged))

    assert "Subscriber amal" in body(page)
    assert f"/subscribers/{line.pk}/" not in links_of(page)
    assert f"/subscribers/{line.pk}/" in links_of(signed_in(asha).get(url_of(charged)))


def test_a_refund_leads_to_its_subscriber(line: Subscriber, asha: User) -> None:
    charged = Transfer.objects.with_sides().get(kind=TransferKind.ACTIVATION)
    refund = undo(asha, charged, TransferKind.REFUND)
    Renewal.objects.filter(transfer=charged).update(refund=refund, refunded_at=timezone.now())

    assert f"/subscribers/{line.pk}/" in links_of(signed_in(asha).get(url_of(refund)))


def test_those_who_see_no_subscribers_are_led_to_none(asha: User, north: Reseller, line: Subscriber) -> None:
    money_only = PermissionGroup.objects.create(name="BOOKS", codes=["transactions.view", "transactions.view_all"])
    clerk = make_staff(asha, north, "clerk", money_only)
    charged = Transfer.objects.get(kind=TransferKind.ACTIVATION)

    page = signed_in(clerk).get(url_of(charged))

    assert page.status_code == 200
    assert f"/subscribers/{line.pk}/" not in links_of(page)


def test_a_charge_that_is_seen_by_way_of_a_view_all_leads_to_no_subscriber_of_others(
    asha: User, south: Reseller, line: Subscriber
) -> None:
    codes = ["transactions.view", "transactions.view_all", "subscribers.view"]
    south.permission_group = PermissionGroup.objects.create(name="BOOKS", codes=codes)
    south.save(update_fields=["permission_group"])

    page = signed_in(south.user).get(url_of(Transfer.objects.get(kind=TransferKind.ACTIVATION)))

    assert "25.00" in body(page)
    assert f"/subscribers/{line.pk}/" not in links_of(page)


def test_the_row_of_the_trail_and_the_transfer_lead_to_each_other(settled: Transfer, nadia: User, noora: User) -> None:
    entry = AuditEntry.objects.filter(action=Action.FUNDS_TRANSFERRED).latest("id")
    assert settled.audit_entry == entry

    for user in (nadia, noora):
        assert f"/audit/{entry.pk}/" in links_of(signed_in(user).get(url_of(settled)))
        assert url_of(settled) in links_of(signed_in(user).get(f"/audit/{entry.pk}/"))


def test_neither_is_linked_for_those_who_may_not_open_it(settled: Transfer, asha: User, north: Reseller) -> None:
    books = PermissionGroup.objects.create(name="BOOKS", codes=["transactions.view"])
    trail = PermissionGroup.objects.create(name="TRAIL", codes=["audit.view"])
    reader, auditor = make_staff(asha, north, "reader", books), make_staff(asha, north, "auditor", trail)
    entry = settled.audit_entry
    assert entry

    assert f"/audit/{entry.pk}/" not in links_of(signed_in(reader).get(url_of(settled)))
    assert url_of(settled) not in links_of(signed_in(auditor).get(f"/audit/{entry.pk}/"))


def test_a_row_of_the_trail_without_a_transfer_has_no_link_to_one(asha: User, north: Reseller) -> None:
    entry = AuditEntry.objects.filter(action=Action.RESELLER_CREATED).latest("id")

    assert "Its transfer" not in body(signed_in(asha).get(f"/audit/{entry.pk}/"))


# --- whose it is ------------------------------------------------------------------------------------------------------


def test_a_transfer_of_others_does_not_exist(settled: Transfer, sami: User) -> None:
    theirs, nobodys = (signed_in(sami).get(url) for url in (url_of(settled), "/transfers/987654/"))

    assert (theirs.status_code, nobodys.status_code) == (404, 404)


def test_the_permission_is_asked_for(settled: Transfer, asha: User, north: Reseller) -> None:
    clerk = make_staff(asha, north, "clerk", group("SUPPORT"))

    assert signed_in(clerk).get(url_of(settled)).status_code == 403


def test_the_accounts_of_the_house_lead_an_admin_to_their_statements(asha: User, nadia: User, north: Reseller) -> None:
    fund(north.wallet, "5", actor=asha)
    url, house = url_of(Transfer.objects.latest("id")), f"/wallets/{ledger.platform_account().pk}/statement/"

    assert house in links_of(signed_in(asha).get(url))
    assert house not in links_of(signed_in(nadia).get(url))
