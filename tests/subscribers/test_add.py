"""Adding a subscriber: activated and charged, or saved unpaid."""

from datetime import timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from accounts.models import PermissionGroup, User
from audit.actions import Action
from audit.models import AuditEntry
from ispanel import crypto
from plans.models import Plan, ServiceGroup
from resellers.models import Reseller
from resellers.operations import delete_reseller
from resellers.terms import PlanNotOnSale
from subscribers.models import PeriodKind, Renewal, Status, Subscriber, purpose_of_subscriber_password
from subscribers.operations import ResellerOutOfScope, SubscriberNameTaken
from tests.cast import NOW, fund, group, make_plan, make_reseller, make_staff, new_key, seat_of, signed_in
from tests.failing import FailsAt
from tests.network.devices import add_nas, limit
from tests.pages import body, error_at, filled, send
from tests.subscribers.lines import LINE_PASSWORD, add, balance_of, everything
from tests.threads import at_once
from wallet.ledger import InsufficientFunds
from wallet.models import Transfer, TransferKind

NEW = "/subscribers/new"


def wish(plan: Plan, /, **typed: Any) -> dict[str, Any]:
    """Return what a reseller types for the subscriber amal."""
    return {"username": "amal", "password": LINE_PASSWORD, "plan": plan.pk} | typed


def amal() -> Subscriber:
    return Subscriber.objects.get(username="amal")


@pytest.fixture
def funded(asha: User, north: Reseller) -> Reseller:
    """Return North with 1,000.00."""
    fund(north.wallet, "1000", actor=asha)
    return north


# --- it works ---------------------------------------------------------------------------------------------------------


def test_adding_activates_the_line_for_the_plans_duration(nadia: User, funded: Reseller, home: Plan) -> None:
    before = timezone.now()

    response = send(signed_in(nadia), NEW, **wish(home, full_name="Amal Haddad"))

    subscriber, period = amal(), Renewal.objects.get()
    assert (response.status_code, response.url) == (303, f"/subscribers/{subscriber.pk}/")
    assert (subscriber.full_name, subscriber.reseller, subscriber.status) == ("Amal Haddad", funded, Status.ACTIVE)
    assert before + timedelta(days=30) <= period.ends_at <= timezone.now() + timedelta(days=30)
    assert subscriber.expires_at == period.ends_at
    assert period.kind == PeriodKind.ACTIVATION


def test_adding_charges_the_wallet(nadia: User, funded: Reseller, home: Plan) -> None:
    send(signed_in(nadia), NEW, **wish(home))

    period = Renewal.objects.select_related("transfer").get()
    assert balance_of(funded) == 975
    assert (period.price, period.retail_price, period.reseller) == (25, 25, funded)
    assert period.transfer
    assert (period.transfer.kind, period.transfer.amount, period.transfer.note) == (
        TransferKind.ACTIVATION,
        25,
        "amal · Home",
    )
    assert set(period.transfer.entries.values_list("account__kind", "direction")) == {
        ("wallet", "debit"),
        ("income", "credit"),
    }


def test_it_is_audited_with_what_was_charged(nadia: User, funded: Reseller, home: Plan) -> None:
    client = signed_in(nadia)

    response = send(client, NEW, **wish(home))

    charged, created = AuditEntry.objects.order_by("-id")[:2]
    assert "amal is added." in body(client.get(response.url))
    assert [entry.action for entry in (created, charged)] == [Action.SUBSCRIBER_CREATED, Action.SUBSCRIBER_ACTIVATED]
    assert {(entry.actor_name, entry.object_name, entry.reseller_id) for entry in (created, charged)} == {
        ("nadia", "amal", funded.pk)
    }
    assert created.changes == {"plan": [None, "Home"], "reseller": [None, "North Net"]}
    assert charged.changes["charged"] == [None, "25"]


def test_unpaid_is_saved_as_expired_and_charges_nothing(nadia: User, funded: Reseller, home: Plan) -> None:
    send(signed_in(nadia), NEW, **wish(home, activate=None))

    assert (amal().expires_at, amal().status) == (None, Status.EXPIRED)
    assert balance_of(funded) == 1000
    assert not Renewal.objects.exists()


def test_a_price_of_nothing_makes_a_period_and_no_transfer(nadia: User, north: Reseller) -> None:
    send(signed_in(nadia), NEW, **wish(make_plan("Staff", "0")))

    period = Renewal.objects.get()
    assert (period.price, period.transfer) == (0, None)
    assert amal().status == Status.ACTIVE
    assert not Transfer.objects.exists()


def test_the_password_is_kept_encrypted_and_stands_nowhere_else(nadia: User, funded: Reseller, home: Plan) -> None:
    client = signed_in(nadia)

    response = send(client, NEW, **wish(home))

    kept = bytes(amal().password_ciphertext)
    assert LINE_PASSWORD.encode() not in kept
    assert crypto.decrypt(kept, purpose=purpose_of_subscriber_password("amal")) == LINE_PASSWORD
    assert LINE_PASSWORD not in str(list(AuditEntry.objects.values()))
    assert LINE_PASSWORD not in client.get(response.url).content.decode()


@pytest.mark.parametrize("typed", ["Amal", "  AMAL "])
def test_the_username_is_folded(nadia: User, funded: Reseller, home: Plan, typed: str) -> None:
    send(signed_in(nadia), NEW, **wish(home, username=typed))

    assert amal()


def test_the_longest_names_fit_into_the_charges_note(asha: User, funded: Reseller) -> None:
    plan = make_plan("p" * 100)

    add(asha, funded, plan, "a" * 150)

    assert Transfer.objects.latest("id").note.startswith("a" * 150)


def test_while_a_plan_is_chosen_the_page_says_what_it_costs(nadia: User, funded: Reseller, home: Plan) -> None:
    chosen = {"plan": home.pk, "reseller": funded.pk, "activate": "on"}

    response: Any = signed_in(nadia).get(NEW, chosen, headers={"HX-Request": "true", "HX-Target": "quote"})

    assert "North Net 1,000.00 → 975.00 Wholesale 25.00 USD They pay 25.00 USD Margin 0.00 USD" in body(response)
    assert not Subscriber.objects.exists()


def test_an_admin_in_north_s_seat_is_named_beside_it(asha: User, funded: Reseller, home: Plan) -> None:
    client = signed_in(asha)
    send(client, f"/resellers/{funded.pk}/seats/", reason="to help")

    send(client, NEW, **wish(home))

    entry = AuditEntry.objects.get(action=Action.SUBSCRIBER_ACTIVATED)
    assert (entry.actor_name, entry.on_behalf_of_name) == ("asha", "nadia")
    assert balance_of(funded) == 975


# --- whose it may be --------------------------------------------------------------------------------------------------


def test_an_admin_adds_to_any_reseller_and_that_one_pays(
    asha: User, north: Reseller, northeast: Reseller, home: Plan
) -> None:
    fund(northeast.wallet, "100", actor=asha)

    send(signed_in(asha), NEW, **wish(home, reseller=northeast.pk))

    assert amal().reseller == northeast
    assert (balance_of(northeast), balance_of(north)) == (75, 0)


def test_an_admin_has_to_say_whose_it_is(asha: User, north: Reseller, home: Plan) -> None:
    response = send(signed_in(asha), NEW, **wish(home))

    assert (response.status_code, error_at(response, "reseller")) == (422, "This field is required.")


def test_a_reseller_adds_to_its_sub_and_the_sub_pays(
    asha: User, nadia: User, funded: Reseller, northeast: Reseller, home: Plan
) -> None:
    fund(northeast.wallet, "100", actor=asha)

    send(signed_in(nadia), NEW, **wish(home, reseller=northeast.pk))

    assert amal().reseller == northeast
    assert (balance_of(northeast), balance_of(funded)) == (75, 1000)


def test_a_sub_reseller_adds_to_itself_whatever_is_posted(
    asha: User, noora: User, funded: Reseller, northeast: Reseller, home: Plan
) -> None:
    fund(northeast.wallet, "100", actor=asha)

    response = send(signed_in(noora), NEW, **wish(home, reseller=funded.pk))

    assert response.status_code == 303
    assert amal().reseller == northeast
    assert balance_of(funded) == 1000


def test_a_foreign_reseller_is_refused(asha: User, nadia: User, north: Reseller, south: Reseller, home: Plan) -> None:
    fund(south.wallet, "100", actor=asha)
    client = signed_in(nadia)
    before = everything()

    response = send(client, NEW, **wish(home, reseller=south.pk))

    assert (response.status_code, set(response.context["form"].errors)) == (422, {"reseller"})
    assert "South Net" not in body(response)
    assert everything() == before


def test_the_operation_refuses_a_foreign_reseller_too(
    asha: User, nadia: User, noora: User, south: Reseller, north: Reseller, home: Plan
) -> None:
    before = everything()

    for actor, reseller in ((nadia, south), (noora, north)):
        with pytest.raises(ResellerOutOfScope, match="Choose yourself or one of your sub-resellers"):
            add(actor, reseller, home)

    assert everything() == before


def test_seeing_all_does_not_widen_whom_one_adds_to(asha: User, south: Reseller, home: Plan) -> None:
    codes = ["subscribers.create", "subscribers.view_all", "resellers.view_all"]
    far = make_reseller(
        asha, "farah", "Far Net", permission_group=PermissionGroup.objects.create(name="F", codes=codes)
    )
    client = signed_in(far.user)
    assert "South Net" not in body(client.get(NEW))

    response = send(client, NEW, **wish(home, reseller=south.pk))

    assert (response.status_code, set(response.context["form"].errors)) == (422, {"reseller"})
    assert not Subscriber.objects.exists()


@pytest.mark.parametrize("method", ["get", "post"])
def test_those_who_may_not_add_are_told_so(
    asha: User, noor: User, petra: User, north: Reseller, home: Plan, method: str
) -> None:
    helper = make_staff(asha, north, "helper", group("SUPPORT"))

    for user in (noor, petra, helper):
        assert getattr(signed_in(user), method)(NEW, wish(home)).status_code == 403, user

    assert not Subscriber.objects.exists()


# --- refused, with the field's own message ----------------------------------------------------------------------------


CHARACTERS = "Use only letters a to z, digits and . _ + @ - in the username, without spaces."
NO_CHOICE = "Select a valid choice. That choice is not one of the available choices."
NOT_SOLD = "This plan is not sold here. Choose another one."
MAC = "Enter twelve hexadecimal digits, as in AA:BB:CC:DD:EE:FF."
REFUSALS = {
    "username with a space": ("username", "am al", CHARACTERS),
    "username in other letters": ("username", "أمل", CHARACTERS),
    "username with a null byte": ("username", "am\0al", f"{CHARACTERS} Null characters are not allowed."),
    "username of 300": ("username", "a" * 300, "Ensure this value has at most 150 characters (it has 300)."),
    "username missing": ("username", "", "This field is required."),
    "username of blanks": ("username", "   ", "This field is required."),
    "password missing": ("password", "", "This field is required."),
    "password of 129": ("password", "x" * 129, "Ensure this value has at most 128 characters (it has 129)."),
    "plan missing": ("plan", "", "This field is required."),
    "plan that is none": ("plan", "0", NOT_SOLD),
    "plan beyond every number": ("plan", "9" * 30, NOT_SOLD),
    "email that is none": ("email", "amal", "Enter a valid email address."),
    "static IP that is none": ("static_ip", "10.0.0.256", "Enter a valid IPv4 or IPv6 address."),
    "MAC address that is none": ("mac", "AA:BB", MAC),
}


@pytest.mark.parametrize(("field", "typed", "message"), REFUSALS.values(), ids=REFUSALS)
def test_adding_is_refused_at_the_field(
    nadia: User, funded: Reseller, home: Plan, field: str, typed: str, message: str
) -> None:
    client = signed_in(nadia)
    before = everything()

    response = send(client, NEW, **wish(home, **{field: typed}))

    assert (response.status_code, set(response.context["form"].errors)) == (422, {field})
    assert error_at(response, field) == message
    assert everything() == before


@pytest.mark.parametrize("typed", ["amal", "AMAL"])
@pytest.mark.parametrize("terminated", [False, True])
def test_a_taken_username_stays_taken_also_by_a_terminated_one(
    asha: User, sami: User, funded: Reseller, south: Reseller, home: Plan, terminated: bool, typed: str
) -> None:
    add(asha, funded, home)
    Subscriber.objects.update(terminated_at=NOW if terminated else None)
    client = signed_in(sami)
    before = everything()

    response = send(client, NEW, **wish(home, username=typed))

    assert response.status_code == 422
    assert error_at(response, "username") == "The username “amal” is taken. Choose another one."
    assert everything() == before


def test_a_plan_that_is_no_longer_sold_is_no_choice(nadia: User, funded: Reseller) -> None:
    old = make_plan("Old", is_on_sale=False)

    response = send(signed_in(nadia), NEW, **wish(old))

    assert (response.status_code, error_at(response, "plan")) == (422, NOT_SOLD)


def test_the_operation_refuses_a_plan_that_is_no_longer_sold(asha: User, funded: Reseller) -> None:
    with pytest.raises(PlanNotOnSale, match="The plan Old is no longer sold"):
        add(asha, funded, make_plan("Old", is_on_sale=False))


# --- money ------------------------------------------------------------------------------------------------------------


def test_without_funds_nothing_is_written_and_the_message_says_what_is_missing(
    asha: User, nadia: User, north: Reseller, home: Plan
) -> None:
    fund(north.wallet, "10.50", actor=asha)
    client = signed_in(nadia)
    before = everything()

    response = send(client, NEW, **wish(home))

    assert response.status_code == 422
    assert "14.50 USD is missing: 25.00 USD is needed and 10.50 USD is available." in body(response)
    assert everything() == before
    assert balance_of(north) == Decimal("10.50")


def test_another_price_than_the_one_that_was_shown_is_refused(nadia: User, funded: Reseller, home: Plan) -> None:
    client = signed_in(nadia)
    before = everything()

    response = send(client, NEW, **wish(home, agreed_price="20"))

    assert response.status_code == 422
    assert "The price has changed to 25.00 USD meanwhile." in body(response)
    assert everything() == before


def test_the_credit_limit_pays_to_the_last_cent_and_no_further(asha: User) -> None:
    for name, price in (("reaches", "500"), ("exceeds", "500.01")):
        reseller = make_reseller(asha, name, f"{name} Net", credit_limit=Decimal(500))
        plan = make_plan(name, price)
        if name == "reaches":
            add(asha, reseller, plan, name)
            assert balance_of(reseller) == -500
        else:
            with pytest.raises(InsufficientFunds, match=r"^0\.01 USD is missing"):
                add(asha, reseller, plan, name)
            assert balance_of(reseller) == 0


def test_adding_leaves_nothing_behind_wherever_it_fails(
    committing: None, asha: User, funded: Reseller, home: Plan
) -> None:
    before = everything()

    for number in count(1):
        failing = FailsAt(number)
        try:
            with connection.execute_wrapper(failing):
                add(asha, funded, home, key=new_key("add_subscriber", username="amal"))
            break
        except OperationalError:
            assert everything() == before, f"statement {number} left something behind: {failing.seen[-1]}"
            assert balance_of(funded) == 1000

    left = {name: now - before[name] for name, now in everything().items() if now != before[name]}
    assert left == {
        "subscribers": 1, "renewals": 1, "transfers": 1, "entries": 2, "audit_entries": 2, "idempotency_keys": 1,
        "invoices": 1, "numbers": 1,
    }  # fmt: skip


# --- the same form twice ----------------------------------------------------------------------------------------------


def test_the_same_form_twice_adds_and_charges_once(nadia: User, funded: Reseller, home: Plan) -> None:
    client = signed_in(nadia)
    contents = filled(client.get(NEW), **wish(home))

    first, second = client.post(NEW, contents), client.post(NEW, contents)

    assert (second.status_code, second.url) == (first.status_code, first.url) == (303, f"/subscribers/{amal().pk}/")
    assert Renewal.objects.count() == 1
    assert balance_of(funded) == 975


@pytest.mark.parametrize("other", [{"username": "badr"}, {"full_name": "Badr"}, {"activate": ""}])
def test_other_contents_under_the_key_are_refused(
    nadia: User, funded: Reseller, home: Plan, other: dict[str, str]
) -> None:
    client = signed_in(nadia)
    contents = filled(client.get(NEW), **wish(home))
    client.post(NEW, contents)
    before = everything()

    response = client.post(NEW, contents | other)

    assert response.status_code == 422
    assert "This form was already used. Open it again to make another change." in body(response)
    assert everything() == before


def test_a_refusal_does_not_use_the_form_up(asha: User, nadia: User, north: Reseller, home: Plan) -> None:
    client = signed_in(nadia)
    contents = filled(client.get(NEW), **wish(home))
    assert client.post(NEW, contents).status_code == 422

    fund(north.wallet, "25", actor=asha)

    assert client.post(NEW, contents).status_code == 303
    assert balance_of(north) == 0


def test_a_repeated_form_gets_no_answer_once_the_reseller_is_out_of_reach(
    nadia: User, northeast: Reseller, home: Plan
) -> None:
    key = new_key("add_subscriber", username="amal")
    add(nadia, northeast, home, key=key, activate=False)
    Reseller.objects.filter(pk=northeast.pk).update(parent=None)

    with pytest.raises(ResellerOutOfScope):
        add(nadia, northeast, home, key=key, activate=False)


def test_a_repeated_form_gets_its_answer_though_the_reseller_is_deleted_meanwhile(
    asha: User, south: Reseller, home: Plan
) -> None:
    key = new_key("add_subscriber", username="amal")
    first = add(asha, south, home, key=key, activate=False)
    Subscriber.objects.update(terminated_at=NOW)
    delete_reseller(actor=seat_of(asha), reseller_id=south.pk, now=NOW)

    assert add(asha, south, home, key=key, activate=False) == first


def test_one_form_pressed_twice_at_once_charges_once(
    committing: None, nadia: User, funded: Reseller, home: Plan
) -> None:
    key = new_key("add_subscriber", username="amal")

    def press() -> Subscriber:
        return add(nadia, funded, home, key=key)

    first, second = at_once(press, press)

    assert first == second
    assert balance_of(funded) == 975


def test_one_name_wanted_by_two_at_once_is_had_by_one(
    committing: None, asha: User, funded: Reseller, home: Plan
) -> None:
    results = at_once(*[lambda: add(asha, funded, home)] * 2)

    assert sorted(type(result).__name__ for result in results) == ["Subscriber", SubscriberNameTaken.__name__]
    assert balance_of(funded) == 975


# --- strangers --------------------------------------------------------------------------------------------------------


def test_south_cannot(asha: User, sami: User, funded: Reseller, home: Plan) -> None:
    client = signed_in(sami)
    page = client.get(NEW)

    response = client.post(NEW, filled(page, **wish(home, reseller=funded.pk)))

    assert list(page.context["form"].fields["reseller"].queryset) == [sami.reseller]
    assert (response.status_code, set(response.context["form"].errors)) == (422, {"reseller"})
    assert not Subscriber.objects.exists()


# --- what is offered --------------------------------------------------------------------------------------------------


def offer(client: Client, reseller: Reseller, **typed: Any) -> HttpResponse:
    """Choose a reseller, as htmx asks what it may sell."""
    return client.get(NEW, {"reseller": reseller.pk} | typed, headers={"HX-Request": "true", "HX-Target": "offer"})


def test_the_plans_and_nas_devices_follow_the_reseller(
    asha: User, north: Reseller, south: Reseller, home: Plan
) -> None:
    night, _tower, mast = make_plan("Night", "5"), add_nas(asha, "tower"), add_nas(asha, "mast", "192.0.2.12")
    south.service_groups.set([ServiceGroup.objects.create(name="Nights")])
    ServiceGroup.objects.get(name="Nights").plans.add(night)
    limit(south, mast)
    client = signed_in(asha)

    of_north, of_south = body(offer(client, north)), body(offer(client, south))

    assert all(name in of_north for name in ("Home", "Night", "tower", "mast"))
    assert all(name in of_south for name in ("Night", "mast"))
    assert not [name for name in ("Home", "tower") if name in of_south]


def test_what_is_typed_stays_when_the_reseller_changes(asha: User, north: Reseller, home: Plan) -> None:
    response = offer(signed_in(asha), north, plan=home.pk, retail_price="31.50", activate="on")

    page = response.content.decode()
    assert f'<option value="{home.pk}" selected>' in page
    assert 'value="31.50"' in page
    assert "They pay 31.50 USD Margin 6.50 USD" in body(response)
    assert "This field is required" not in page


def test_without_scripts_a_plan_of_another_reseller_is_refused_in_words(
    asha: User, nadia: User, funded: Reseller, northeast: Reseller, home: Plan
) -> None:
    northeast.service_groups.clear()
    client = signed_in(nadia)
    before = everything()

    response = send(client, NEW, **wish(home, reseller=northeast.pk))

    sentence = "Northeast Net has no service group, so it can sell nothing. Ask North Net for one."
    assert (response.status_code, error_at(response, "plan")) == (422, sentence)
    assert everything() == before


def test_a_reseller_without_service_groups_is_told_whom_to_ask(nadia: User, north: Reseller, home: Plan) -> None:
    north.service_groups.clear()

    page = body(signed_in(nadia).get(NEW))

    assert "North Net has no service group, so it can sell nothing. Ask the administrator for one." in page
    assert "Home" not in page


def test_nas_auto_renewal_and_own_price_are_kept_from_the_start(
    asha: User, nadia: User, funded: Reseller, home: Plan
) -> None:
    tower = add_nas(asha)

    send(signed_in(nadia), NEW, **wish(home, nas=tower.pk, auto_renew="on", retail_price="31.5"))

    period = Renewal.objects.get()
    assert (amal().nas, amal().auto_renew, amal().retail_price) == (tower, True, Decimal("31.5"))
    assert (period.price, period.retail_price) == (25, Decimal("31.5"))
    created = AuditEntry.objects.get(action=Action.SUBSCRIBER_CREATED)
    assert created.changes == {"plan": [None, "Home"], "reseller": [None, "North Net"], "retail_price": [None, "31.5"]}


def test_a_nas_outside_the_scope_is_no_choice(asha: User, nadia: User, funded: Reseller, home: Plan) -> None:
    limit(funded)
    tower = add_nas(asha)
    before = everything()

    response = send(signed_in(nadia), NEW, **wish(home, nas=tower.pk))

    assert (response.status_code, bool(error_at(response, "nas"))) == (422, True)
    assert everything() == before
