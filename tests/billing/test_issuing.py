"""Everything that is sold leaves its invoice at retail, in the same act."""

from collections.abc import Collection
from datetime import timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from accounts.models import User
from billing import tasks
from billing.models import Invoice, InvoiceLink
from billing.operations import issuing, opened
from ispanel import messages
from ispanel.messages import Event, Occurrence, Way
from notifications.models import Channel, Rule
from plans.models import Plan
from resellers.models import Reseller, RetailPrice
from subscribers.models import Renewal, Subscriber
from subscribers.operations import change_plan_of_many, renew_due, renew_many, renew_subscribers
from tests.billing.papers import billing_settings, change, credit_notes, invoices, numbers_of, sell, series
from tests.cast import NOW, fund, make_plan, new_key, seat_of, signed_in
from tests.failing import FailsAfter, FailsAt
from tests.jobs import run_inline
from tests.pages import filled, send
from tests.subscribers.files import csv_of, imported
from tests.subscribers.lines import LINE_PASSWORD, add, balance_of, everything, findings, renew
from wallet.ledger import InsufficientFunds

DAY = timedelta(days=1)
DUE = NOW + 30 * DAY


@pytest.fixture
def funded(asha: User, north: Reseller) -> Reseller:
    """Return North with 1,000.00, which asks 40.00 for Home."""
    fund(north.wallet, "1000", actor=asha)
    return north


@pytest.fixture
def dear(funded: Reseller, home: Plan) -> Plan:
    """Return Home, for which North asks 40.00 and is charged 25.00."""
    RetailPrice.objects.create(reseller=funded, plan=home, price=Decimal(40))
    return home


# --- each way of selling ----------------------------------------------------------------------------------------------


def test_an_activation_leaves_an_invoice_at_retail_with_all_that_stands_on_it(
    asha: User, funded: Reseller, dear: Plan
) -> None:
    billing_settings(company_name="Cedar Telecom", company_address="1 Port Road\nBeirut", tax_line="VAT LB 601 233")

    amal = add(asha, funded, dear, full_name="Amal Haddad", address="4 Main Street, Sidon")

    invoice = Invoice.objects.get()
    assert (invoice.shown_number, invoice.amount, invoice.status, invoice.due) == ("INV-000001", 40, "pending", 40)
    assert (invoice.issuer, invoice.issuer_name, invoice.issuer_address, invoice.issuer_tax_line) == (
        None, "Cedar Telecom", "1 Port Road\nBeirut", "VAT LB 601 233",
    )  # fmt: skip
    assert (invoice.reseller, invoice.seller_name, invoice.subscriber) == (funded, "North Net", amal)
    assert (invoice.subscriber_username, invoice.subscriber_name) == ("amal", "Amal Haddad")
    assert invoice.subscriber_address == "4 Main Street, Sidon"
    assert (invoice.description, invoice.issued_at) == ("Activation · Home", NOW)
    assert (invoice.renewal, invoice.starts_at, invoice.ends_at) == (Renewal.objects.get(), NOW, NOW + 30 * DAY)
    assert balance_of(funded) == 975


def test_the_pages_form_leaves_an_invoice_once_however_often_it_is_sent(
    nadia: User, asha: User, funded: Reseller, home: Plan
) -> None:
    amal = add(asha, funded, home, now=timezone.now(), activate=False)
    client, address = signed_in(nadia), f"/subscribers/{amal.pk}/renewals/"
    form = filled(client.get(address))

    assert client.post(address, form).status_code == 303
    client.post(address, form)

    assert invoices() == [("INV-000001", "pending", 25)]


def test_a_renewal_by_the_page_leaves_an_invoice(nadia: User, asha: User, funded: Reseller, home: Plan) -> None:
    amal = add(asha, funded, home, now=timezone.now())

    send(signed_in(nadia), f"/subscribers/{amal.pk}/renewals/")

    assert [each.description for each in Invoice.objects.order_by("pk")] == ["Activation · Home", "Renewal · Home"]


def test_a_batch_leaves_an_invoice_for_each_that_was_paid(asha: User, north: Reseller, home: Plan) -> None:
    fund(north.wallet, "50", actor=asha)
    lines = [add(asha, north, home, name, activate=False) for name in ("amal", "badr", "carla")]

    renew_subscribers(
        actor=seat_of(asha),
        reseller_id=north.pk,
        subscriber_ids=[line.pk for line in lines],
        key=new_key("renew_subscribers"),
        now=NOW,
    )

    assert list(Invoice.objects.order_by("number").values_list("subscriber_username", flat=True)) == ["amal", "badr"]
    assert numbers_of() == [1, 2]


def test_a_bulk_act_over_several_wallets_leaves_an_invoice_for_each(
    asha: User, funded: Reseller, south: Reseller, home: Plan
) -> None:
    fund(south.wallet, "30", actor=asha)
    owners = {"amal": funded, "salma": south, "badr": funded, "sarah": south}
    lines = [add(asha, owner, home, name, activate=False) for name, owner in owners.items()]

    renew_many(actor=seat_of(asha), subscriber_ids=[line.pk for line in lines], key=new_key("renew_many"), now=NOW)

    sold = Invoice.objects.order_by("number").values_list("seller_name", "subscriber_username")
    assert list(sold) == [("North Net", "amal"), ("North Net", "badr"), ("South Net", "salma")]
    assert findings() == []


def test_the_worker_leaves_an_invoice_for_each_line_that_it_renews(asha: User, funded: Reseller, home: Plan) -> None:
    for name in ("amal", "badr"):
        add(asha, funded, home, name, auto_renew=True)

    renew_due(reseller_id=funded.pk, now=DUE)

    assert [each[0] for each in invoices(issued_at=DUE)] == ["INV-000003", "INV-000004"]
    assert findings() == []


def test_an_import_that_charges_leaves_invoices_and_one_that_does_not_leaves_none(
    asha: User, nadia: User, funded: Reseller, dear: Plan
) -> None:
    columns = ("username", "password", "plan", "full_name", "address")
    imported(nadia, funded, csv_of(["amal", LINE_PASSWORD, "Home", "Amal Haddad", "Sidon"], columns=columns))
    day = (timezone.now() + 9 * DAY).date().isoformat()
    moved = csv_of(["badr", LINE_PASSWORD, "Home", day], columns=("username", "password", "plan", "expires_at"))

    imported(asha, funded, moved, activates=False)

    invoice = Invoice.objects.get()
    assert (invoice.subscriber.username, invoice.amount, invoice.description) == ("amal", 40, "Activation · Home")
    assert (invoice.subscriber_name, invoice.subscriber_address) == ("Amal Haddad", "Sidon")
    assert invoice.renewal == Renewal.objects.get(subscriber__username="amal")
    assert Renewal.objects.filter(subscriber__username="badr").exists()
    assert findings() == []


def test_data_has_its_own_invoice(asha: User, funded: Reseller, home: Plan) -> None:
    amal = add(asha, funded, home)

    sell(asha, amal, "5.00")

    invoice = Invoice.objects.latest("pk")
    assert (invoice.amount, invoice.description) == (5, "Data top-up · 10 GB")


def test_a_change_to_a_dearer_plan_has_an_invoice_of_what_is_due(asha: User, funded: Reseller, home: Plan) -> None:
    amal = add(asha, funded, home)

    change(asha, amal, make_plan("Office", "45.00"), now=NOW + 18 * DAY)

    assert invoices() == [("INV-000001", "pending", 25), ("INV-000002", "pending", 8)]
    assert Invoice.objects.latest("pk").description == "Plan change · Office"
    assert credit_notes() == []


# --- what is free -----------------------------------------------------------------------------------------------------


def test_what_costs_nobody_anything_has_no_paper(asha: User, north: Reseller) -> None:
    add(asha, north, make_plan("Free", "0"))

    assert Renewal.objects.count() == 1
    assert (invoices(), series()) == ([], {})


def test_what_is_charged_and_given_away_has_an_invoice_that_is_paid(asha: User, funded: Reseller, home: Plan) -> None:
    amal = add(asha, funded, home, retail_price=Decimal(0))

    assert invoices() == [("INV-000001", "paid", 0)]
    assert Invoice.objects.get().paid_at == NOW
    assert balance_of(funded) == 975
    assert Renewal.objects.get(subscriber=amal).retail_price == 0
    assert findings() == []


def test_what_is_asked_for_and_not_charged_has_an_invoice(asha: User, north: Reseller) -> None:
    free = make_plan("Free", "0")
    RetailPrice.objects.create(reseller=north, plan=free, price=Decimal(7))

    add(asha, north, free)

    assert invoices() == [("INV-000001", "pending", 7)]


def test_data_that_goes_on_with_another_plan_has_no_second_paper(asha: User, funded: Reseller) -> None:
    small, large = make_plan("Small", "30.00", quota_mb=10_000), make_plan("Large", "60.00", quota_mb=20_000)
    amal = add(asha, funded, small)
    sell(asha, amal, "5.00")

    change(asha, amal, large, now=NOW + 15 * DAY)

    assert Renewal.objects.filter(kind="data_top_up").count() == 2
    assert [each.description for each in Invoice.objects.order_by("pk")] == [
        "Activation · Small",
        "Data top-up · 10 GB",
        "Plan change · Large",
    ]


def test_a_change_for_a_line_without_time_left_has_no_paper(asha: User, funded: Reseller, home: Plan) -> None:
    amal = add(asha, funded, home, activate=False)

    change(asha, amal, make_plan("Office", "45.00"))

    assert (invoices(), credit_notes()) == ([], [])


# --- all or nothing ---------------------------------------------------------------------------------------------------


def test_what_cannot_be_paid_uses_no_number_up(asha: User, north: Reseller, home: Plan) -> None:
    amal = add(asha, north, home, activate=False)
    with pytest.raises(InsufficientFunds):
        renew(asha, amal)
    fund(north.wallet, "25", actor=asha)

    renew(asha, amal)

    assert invoices() == [("INV-000001", "pending", 25)]


@pytest.mark.parametrize("failing", [FailsAt, FailsAfter])
def test_a_batch_leaves_all_or_nothing_wherever_it_fails(
    committing: None, asha: User, funded: Reseller, home: Plan, failing: type[FailsAt]
) -> None:
    ids = [add(asha, funded, home, name, activate=False).pk for name in ("amal", "badr")]
    before = everything()

    for number in count(1):
        fails = failing(number)
        try:
            with connection.execute_wrapper(fails):
                renew_subscribers(
                    actor=seat_of(asha), reseller_id=funded.pk, subscriber_ids=ids, key=new_key("x"), now=NOW
                )
            break
        except OperationalError:
            assert (everything(), balance_of(funded)) == (before, 1000), fails.seen[-1]

    assert any('INTO "invoices"' in statement for statement in fails.seen)
    assert numbers_of() == [1, 2]
    assert findings() == []


def test_a_change_that_pays_back_leaves_all_or_nothing_wherever_it_fails(
    committing: None, asha: User, funded: Reseller, home: Plan
) -> None:
    amal, cheap = add(asha, funded, home), make_plan("Cheap", "10.00")
    before = everything()

    for number in count(1):
        fails = FailsAfter(number)
        try:
            with connection.execute_wrapper(fails):
                change(asha, amal, cheap, now=NOW + 15 * DAY)
            break
        except OperationalError:
            assert (everything(), balance_of(funded)) == (before, 975), fails.seen[-1]
            assert Invoice.objects.get().credited == 0

    assert any('INTO "credit_notes"' in statement for statement in fails.seen)
    assert credit_notes() == [("CN-000001", "INV-000001", Decimal("7.50"))]
    assert findings() == []


def test_a_change_of_many_of_whom_one_cannot_pay_leaves_the_papers_of_the_others(
    asha: User, north: Reseller, home: Plan
) -> None:
    fund(north.wallet, "60", actor=asha)
    lines = [add(asha, north, home, name) for name in ("amal", "badr")]

    change_plan_of_many(
        actor=seat_of(asha),
        subscriber_ids=[line.pk for line in lines],
        plan=make_plan("Office", "45.00"),
        key=new_key("change_plan_of_many"),
        shown_at=NOW + 18 * DAY,
        now=NOW + 18 * DAY,
    )

    assert invoices()[2:] == [("INV-000003", "pending", 8)]
    assert findings() == []


# --- what is said of it -----------------------------------------------------------------------------------------------


class Carrier:
    """Takes down what is announced, as whoever carries messages would."""

    def __init__(self, *wanted: Event, tells_by: Collection[Way] = (Way.EMAIL,)) -> None:
        self.wanted, self.tells_by, self.taken = wanted, frozenset(tells_by), list[Occurrence]()

    def take(self, occurrences: Any) -> None:
        self.taken += [each for each in occurrences if each.event == Event.INVOICE_ISSUED]

    def wants(self, event: Event) -> bool:
        return event in self.wanted

    def ways(self) -> frozenset[Any]:
        return frozenset(Way)

    def ways_to_subscriber(self, event: Event) -> frozenset[Any]:
        return self.tells_by


@pytest.fixture
def carried_by(monkeypatch: pytest.MonkeyPatch) -> Any:
    def carry(carrier: Carrier) -> Carrier:
        monkeypatch.setattr(messages, "_carriers", [carrier])
        return carrier

    return carry


def test_each_invoice_is_announced_with_a_link_of_its_own(
    carried_by: Any, asha: User, funded: Reseller, home: Plan
) -> None:
    carrier = carried_by(Carrier(Event.INVOICE_ISSUED))

    amal = add(asha, funded, home, full_name="Amal Haddad", email="amal@mail.test")

    [told], invoice = carrier.taken, Invoice.objects.get()
    link = told.facts["link"]
    assert (told.key, told.reseller, told.subscriber) == (f"invoice:{invoice.pk}", funded, amal)
    assert dict(told.facts) == {
        "number": "INV-000001",
        "amount": "25.00 USD",
        "description": "Activation · Home",
        "expires_on": "13 Jun 2026",
        "subscriber": "Amal Haddad",
        "issuer": "ISPanel",
        "link": link,
    }
    assert link.startswith("http")
    assert "/i/" in link
    assert opened(link.rpartition("/")[2], NOW) == invoice
    assert InvoiceLink.objects.get().created_by == ""


def test_nobody_makes_a_link_where_nobody_is_told(carried_by: Any, asha: User, funded: Reseller, home: Plan) -> None:
    carrier = carried_by(Carrier())

    add(asha, funded, home)

    assert (carrier.taken, InvoiceLink.objects.count(), Invoice.objects.count()) == ([], 0, 1)


@pytest.mark.parametrize(
    ("tells_by", "contact"), [((), {"email": "amal@mail.test"}), ((Way.SMS,), {"email": "amal@mail.test"}), (Way, {})]
)
def test_nobody_makes_a_link_that_reaches_no_subscriber(
    carried_by: Any, asha: User, funded: Reseller, home: Plan, tells_by: Any, contact: dict[str, str]
) -> None:
    carrier = carried_by(Carrier(Event.INVOICE_ISSUED, tells_by=tells_by))

    add(asha, funded, home, **contact)

    assert [told.facts["link"] for told in carrier.taken] == [""]
    assert InvoiceLink.objects.count() == 0


def test_a_link_is_made_where_it_goes_by_sms(carried_by: Any, asha: User, funded: Reseller, home: Plan) -> None:
    carrier = carried_by(Carrier(Event.INVOICE_ISSUED, tells_by=(Way.SMS,)))

    add(asha, funded, home, phone="+96170123456")

    assert ["/i/" in told.facts["link"] for told in carrier.taken] == [True]


def test_only_a_rule_for_subscribers_tells_subscribers(db: None) -> None:
    Channel.objects.filter(way=Way.EMAIL).update(
        host="127.0.0.1", port=1, security="none", from_address="a@isp.test", is_on=True
    )
    rule = Rule.objects.filter(event=Event.INVOICE_ISSUED, way=Way.EMAIL)

    rule.update(is_on=True, recipients=["reseller"])
    assert messages.ways_to_subscriber(Event.INVOICE_ISSUED) == frozenset()
    rule.update(recipients=["reseller", "subscriber"])
    assert messages.ways_to_subscriber(Event.INVOICE_ISSUED) == {Way.EMAIL}


def test_of_what_was_free_nobody_is_told(carried_by: Any, asha: User, funded: Reseller, home: Plan) -> None:
    carrier = carried_by(Carrier(Event.INVOICE_ISSUED))
    line = add(asha, funded, home, email="amal@mail.test", activate=False)
    Subscriber.objects.update(retail_price=0)

    renew(asha, line)

    assert (invoices(), carrier.taken) == ([("INV-000001", "paid", 0)], [])


def test_of_very_many_the_worker_tells_later_each_once(
    carried_by: Any, asha: User, funded: Reseller, home: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(issuing, "INSERTED_AT_ONCE", 2)
    monkeypatch.setattr(tasks, "TOLD_AT_ONCE", 2)
    carrier = carried_by(Carrier(Event.INVOICE_ISSUED))
    names = ("amal", "badr", "carla")
    text = csv_of(*([each, "Home", f"{each}@mail.test"] for each in names), columns=("username", "plan", "email"))

    imported(asha, funded, text)

    assert (carrier.taken, numbers_of()) == ([], [1, 2, 3])
    assert run_inline(tasks.tell) == 2
    assert [told.facts["number"] for told in carrier.taken] == ["INV-000001", "INV-000002", "INV-000003"]
    assert [opened(told.facts["link"].rpartition("/")[2], NOW) for told in carrier.taken] == list(
        Invoice.objects.order_by("number")
    )
    assert findings() == []


@pytest.mark.parametrize("contact", ["email", "phone"])
def test_whoever_is_imported_is_told_of_the_invoice(
    carried_by: Any, asha: User, funded: Reseller, home: Plan, contact: str
) -> None:
    carrier = carried_by(Carrier(Event.INVOICE_ISSUED, tells_by=Way))
    address = {"email": "amal@mail.test", "phone": "+96170123456"}[contact]

    imported(asha, funded, csv_of(["amal", "Home", address], columns=("username", "plan", contact)))

    [told] = carrier.taken
    assert getattr(told.subscriber, contact) == address
    assert "/i/" in told.facts["link"]


def test_announcing_many_takes_no_more_statements_than_announcing_one(
    carried_by: Any, asha: User, funded: Reseller, home: Plan, django_assert_max_num_queries: Any
) -> None:
    carrier = carried_by(Carrier(Event.INVOICE_ISSUED))
    for each in range(20):
        add(asha, funded, home, f"line-{each}", auto_renew=True, email=f"line-{each}@mail.test")
    carrier.taken.clear()

    with django_assert_max_num_queries(18):
        renew_due(reseller_id=funded.pk, now=DUE)

    assert len({each.key for each in carrier.taken}) == len({each.facts["link"] for each in carrier.taken}) == 20
