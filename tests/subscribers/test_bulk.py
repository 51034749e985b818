"""Acts on many subscribers at once: looked over first, each told of afterwards, and never done twice."""

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.db import OperationalError, connection, transaction
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import PermissionGroup, User
from audit.actions import Action
from audit.models import AuditEntry, Grade
from network.models import CoaRequest
from plans.models import Plan
from resellers.models import Reseller
from subscribers.models import BulkAct, Renewal, Status, Subscriber
from subscribers.operations import (
    AT_MOST,
    CHANGES_AT_MOST,
    TooManyAtOnce,
    change_plan_of_many,
    renew_many,
    resume_many,
    suspend_many,
)
from tests.cast import NOW, fund, group, make_plan, make_reseller, make_staff, new_key, seat_of, signed_in
from tests.failing import FailsAt
from tests.pages import body, links_of, rows_of
from tests.subscribers.lines import add, balance_of, everything
from tests.threads import at_once
from wallet.ledger import FormAlreadyUsed
from wallet.models import Transfer, TransferKind

BULK = "/subscribers/bulk/"
ACTS = ("renewal", "suspension", "resumption", "plan-change", "move")


@pytest.fixture
def lines(asha: User, north: Reseller, northeast: Reseller, south: Reseller, home: Plan) -> dict[str, Subscriber]:
    """North's amal, badr and carla, Northeast's dana, and South's salma, all never paid; 60.00, 100.00 and 100.00."""
    for reseller, amount in ((north, "60"), (northeast, "100"), (south, "100")):
        fund(reseller.wallet, amount, actor=asha)
    owners = {"amal": north, "badr": north, "carla": north, "dana": northeast, "salma": south}
    return {name: add(asha, owner, home, name, activate=False) for name, owner in owners.items()}


def ids(*lines: Subscriber) -> list[int]:
    return [line.pk for line in lines]


def look_at(client: Client, act: str, *lines: Subscriber, **chosen: Any) -> HttpResponse:
    """Pick the lines on the list and press the act's button."""
    return client.get(f"{BULK}{act}/", {"pick": ids(*lines), **chosen})


def hidden_in(response: HttpResponse) -> dict[str, str]:
    """Return what the form that confirms carries."""
    return dict(
        re.findall(
            r'<input type="hidden" name="(\w+)" value="([^"]*)"',
            response.content.decode().split('method="post" novalidate')[-1],
        )
    )


def confirm(client: Client, act: str, looked: HttpResponse, **typed: Any) -> HttpResponse:
    """Press the button on the page where the act is looked over."""
    return client.post(f"{BULK}{act}/", hidden_in(looked) | typed)


def outcomes(client: Client, response: HttpResponse) -> dict[str, str]:
    """Return what the outcome's page says of each."""
    assert response.status_code == 303, body(response)
    page = client.get(response.url).content.decode()
    found = re.findall(r"<tr>\s*<td>(.*?)</td>\s*<td[^>]*>(.*?)</td>", page, re.DOTALL)
    return {re.sub(r"<[^>]*>", "", name).strip(): re.sub(r"<[^>]*>", "", words).strip() for name, words in found}


def do(client: Client, act: str, *lines: Subscriber, **chosen: Any) -> dict[str, str]:
    return outcomes(client, confirm(client, act, look_at(client, act, *lines, **chosen)))


# --- renewing ---------------------------------------------------------------------------------------------------------


def test_renewing_says_before_what_it_costs_which_wallet(nadia: User, lines: dict[str, Subscriber]) -> None:
    looked = look_at(signed_in(nadia), "renewal", lines["amal"], lines["badr"], lines["dana"])

    assert rows_of(looked) == [
        ["North Net", "2", "50.00", "50.00", "60.00", "10.00"],
        ["Northeast Net", "1", "25.00", "25.00", "100.00", "75.00"],
    ]
    assert "Wholesale 75.00 USD They pay 75.00 USD Margin 0.00 USD" in body(looked)
    assert "Renew for 75.00 USD" in body(looked)
    assert Renewal.objects.count() == 0


def test_each_reseller_pays_for_its_own_and_each_line_is_told_of(
    nadia: User, north: Reseller, northeast: Reseller, lines: dict[str, Subscriber]
) -> None:
    told = do(signed_in(nadia), "renewal", lines["amal"], lines["dana"], lines["badr"])

    until = f"{Renewal.objects.latest('id').ends_at:%-d %b %Y}"
    assert told == dict.fromkeys(["amal", "dana", "badr"], f"25.00 USD, until {until}")
    assert (balance_of(north), balance_of(northeast)) == (10, 75)


def test_as_far_as_the_wallet_goes_and_the_others_are_named(
    nadia: User, north: Reseller, lines: dict[str, Subscriber]
) -> None:
    client = signed_in(nadia)
    looked = look_at(client, "renewal", lines["carla"], lines["amal"], lines["badr"], lines["dana"])
    assert "15.00 USD is missing. It pays for the first 2 of 3" in body(looked)

    told = outcomes(client, confirm(client, "renewal", looked))

    assert told["badr"] == "15.00 USD is missing: 25.00 USD is needed and 10.00 USD is available."
    assert "25.00 USD, until" in told["carla"]
    assert "25.00 USD, until" in told["dana"]
    assert balance_of(north) == 10
    assert Subscriber.objects.get(username="badr").status == Status.EXPIRED


def test_who_cannot_be_renewed_is_named_before_and_after(nadia: User, lines: dict[str, Subscriber]) -> None:
    Subscriber.objects.filter(username="badr").update(terminated_at=NOW)
    client = signed_in(nadia)

    looked = look_at(client, "renewal", lines["amal"], lines["badr"])
    told = outcomes(client, confirm(client, "renewal", looked))

    reason = "This subscriber is terminated: that is for ever."
    assert "1 is left as it is" in body(looked)
    assert f"badr {reason}" in body(looked)
    assert told["badr"] == reason


def test_sent_twice_it_charges_once_and_leads_to_the_same_outcome(
    nadia: User, north: Reseller, lines: dict[str, Subscriber]
) -> None:
    client = signed_in(nadia)
    looked = look_at(client, "renewal", lines["amal"], lines["dana"])

    first, second = confirm(client, "renewal", looked), confirm(client, "renewal", looked)

    assert first.url == second.url
    assert (Renewal.objects.count(), balance_of(north), BulkAct.objects.count()) == (2, 35, 1)
    assert client.get(first.url).status_code == client.get(first.url).status_code == 200
    assert Renewal.objects.count() == 2


def test_the_same_form_with_other_subscribers_is_refused(
    nadia: User, north: Reseller, lines: dict[str, Subscriber]
) -> None:
    client = signed_in(nadia)
    looked = look_at(client, "renewal", lines["amal"])
    confirm(client, "renewal", looked)

    response = confirm(client, "renewal", looked, ids=str(lines["badr"].pk))

    assert response.status_code == 422
    assert "This form was already used" in body(response)
    assert balance_of(north) == 35


def test_another_total_than_the_one_that_was_shown_is_refused_and_shown_anew(
    nadia: User, lines: dict[str, Subscriber]
) -> None:
    client = signed_in(nadia)
    looked = look_at(client, "renewal", lines["amal"], lines["dana"])
    Plan.objects.update(price=Decimal(26))
    before = everything()

    response = confirm(client, "renewal", looked)

    assert response.status_code == 422
    assert "The price has changed to 52.00 USD meanwhile." in body(response)
    assert "Renew for 52.00 USD" in body(response)
    assert everything() == before
    assert confirm(client, "renewal", response).status_code == 303


def test_two_presses_at_the_same_moment_charge_once(
    committing: None, nadia: User, north: Reseller, lines: dict[str, Subscriber]
) -> None:
    key = new_key("renew_many")

    def press() -> BulkAct:
        chosen = ids(lines["amal"], lines["dana"])
        return renew_many(actor=seat_of(nadia), subscriber_ids=chosen, key=key, now=timezone.now())

    first, second = at_once(press, press)

    assert first.pk == second.pk
    assert (Renewal.objects.count(), balance_of(north)) == (2, 35)


def test_whatever_statement_fails_all_of_it_is_undone(nadia: User, lines: dict[str, Subscriber]) -> None:
    chosen, key, before = ids(lines["amal"], lines["dana"]), new_key("renew_many"), everything()

    def press() -> None:
        with transaction.atomic():
            renew_many(actor=seat_of(nadia), subscriber_ids=chosen, key=key, now=timezone.now())

    number = 0
    while number := number + 1:
        fails = FailsAt(number)
        try:
            with connection.execute_wrapper(fails):
                press()
        except OperationalError:
            assert (everything(), BulkAct.objects.count()) == (before, 0), fails.seen[-1]
            continue
        break

    assert number > 20
    assert BulkAct.objects.count() == 1
    assert Renewal.objects.count() == 2


# --- suspending and resuming ------------------------------------------------------------------------------------------


def test_suspending_tells_each_nas_and_the_trail(
    asha: User, nadia: User, north: Reseller, lines: dict[str, Subscriber]
) -> None:
    Subscriber.objects.filter(username="badr").update(suspended_at=NOW)
    client = signed_in(nadia)
    looked = look_at(client, "suspension", lines["amal"], lines["badr"], lines["dana"])

    told = outcomes(client, confirm(client, "suspension", looked, reason="Unpaid"))

    assert "Suspend 2" in body(looked)
    assert told == {"badr": "This subscriber is suspended already.", "amal": "Suspended", "dana": "Suspended"}
    assert {line.username for line in Subscriber.objects.exclude(suspended_at=None)} == {"amal", "badr", "dana"}
    assert set(CoaRequest.objects.values_list("username", "reason")) == {("amal", "Suspended"), ("dana", "Suspended")}
    rows = AuditEntry.objects.filter(action=Action.SUBSCRIBER_SUSPENDED)
    assert {(row.object_name, row.detail, row.reseller_id) for row in rows} == {
        ("amal", "Unpaid", north.pk),
        ("dana", "Unpaid", lines["dana"].reseller_id),
    }


def test_resuming_does_so_for_those_that_are_suspended(nadia: User, lines: dict[str, Subscriber]) -> None:
    Subscriber.objects.filter(username="badr").update(suspended_at=NOW)

    told = do(signed_in(nadia), "resumption", lines["amal"], lines["badr"])

    assert told == {"amal": "This subscriber is not suspended.", "badr": "Resumed"}
    assert not Subscriber.objects.exclude(suspended_at=None).exists()
    assert AuditEntry.objects.filter(action=Action.SUBSCRIBER_RESUMED).count() == 1


def test_suspending_costs_a_number_of_queries_that_does_not_grow(nadia: User, lines: dict[str, Subscriber]) -> None:
    def queries(*chosen: Subscriber) -> int:
        with CaptureQueriesContext(connection) as captured:
            suspend_many(actor=seat_of(nadia), subscriber_ids=ids(*chosen), key=new_key("suspend_many"), now=NOW)
        resume_many(actor=seat_of(nadia), subscriber_ids=ids(*chosen), key=new_key("resume_many"), now=NOW)
        return len(captured)

    assert queries(lines["amal"]) == queries(lines["amal"], lines["badr"], lines["carla"])


# --- changing the plan ------------------------------------------------------------------------------------------------


@pytest.fixture
def plus(db: None) -> Plan:
    return make_plan("Plus", "45.00")


def paid(asha: User, *lines: Subscriber) -> None:
    """Let the lines have paid their plan 15 of 30 days ago."""
    renew_many(
        actor=seat_of(asha),
        subscriber_ids=ids(*lines),
        key=new_key("renew_many"),
        now=timezone.now() - timedelta(days=15) + timedelta(minutes=1),
    )


def test_the_plan_is_chosen_then_looked_over_then_changed(
    asha: User, nadia: User, north: Reseller, northeast: Reseller, plus: Plan, lines: dict[str, Subscriber]
) -> None:
    paid(asha, lines["amal"], lines["dana"])
    client, chosen = signed_in(nadia), (lines["amal"], lines["badr"], lines["dana"])

    asked = look_at(client, "plan-change", *chosen)
    looked = look_at(client, "plan-change", *chosen, to_plan=plus.pk)
    told = outcomes(client, confirm(client, "plan-change", looked))

    assert "Show what it costs" in body(asked)
    assert "Due in all" not in body(asked)
    assert "Due in all 20.00 USD" in body(looked)
    assert [row[:3] for row in rows_of(looked)] == [["North Net", "2", "10.00"], ["Northeast Net", "1", "10.00"]]
    assert told == {
        "amal": "Home → Plus, 10.00 USD charged",
        "badr": "Home → Plus, from the next renewal on",
        "dana": "Home → Plus, 10.00 USD charged",
    }
    assert (balance_of(north), balance_of(northeast)) == (25, 65)


def test_a_change_that_the_wallet_does_not_pay_is_left_and_the_others_are_done(
    asha: User, nadia: User, north: Reseller, plus: Plan, lines: dict[str, Subscriber]
) -> None:
    paid(asha, lines["amal"], lines["badr"])

    told = do(signed_in(nadia), "plan-change", lines["amal"], lines["badr"], to_plan=plus.pk)

    assert told["amal"] == "Home → Plus, 10.00 USD charged"
    assert told["badr"] == "10.00 USD is missing: 10.00 USD is needed and 0.00 USD is available."
    assert Subscriber.objects.get(username="badr").plan != plus
    assert balance_of(north) == 0


def test_changing_down_gives_back(asha: User, nadia: User, north: Reseller, lines: dict[str, Subscriber]) -> None:
    paid(asha, lines["amal"])
    night = make_plan("Night", "10.00")
    client = signed_in(nadia)

    looked = look_at(client, "plan-change", lines["amal"], to_plan=night.pk)
    told = outcomes(client, confirm(client, "plan-change", looked))

    assert "Given back in all 7.50 USD" in body(looked)
    assert rows_of(looked) == [["North Net", "1", "0.00", "7.50", "−7.50", "35.00", "42.50"]]
    assert told == {"amal": "Home → Night, 7.50 USD given back"}
    assert balance_of(north) == Decimal("42.5")


def test_a_changed_price_or_what_was_never_shown_changes_no_plan(
    asha: User, nadia: User, plus: Plan, lines: dict[str, Subscriber]
) -> None:
    paid(asha, lines["amal"])
    client = signed_in(nadia)
    looked = look_at(client, "plan-change", lines["amal"], to_plan=plus.pk)
    before = everything()

    unseen = confirm(client, "plan-change", looked, ids=str(lines["badr"].pk))
    Plan.objects.filter(pk=plus.pk).update(price=60)
    dearer = confirm(client, "plan-change", looked)

    assert unseen.status_code == 200
    assert dearer.status_code == 422
    assert "The price has changed to" in body(dearer)
    assert everything() == before


def test_sent_twice_the_plan_changes_once(
    asha: User, nadia: User, north: Reseller, plus: Plan, lines: dict[str, Subscriber]
) -> None:
    paid(asha, lines["amal"])
    client = signed_in(nadia)
    looked = look_at(client, "plan-change", lines["amal"], to_plan=plus.pk)

    assert confirm(client, "plan-change", looked).url == confirm(client, "plan-change", looked).url

    assert balance_of(north) == 25
    assert Transfer.objects.filter(kind=TransferKind.PLAN_CHANGE).count() == 1


# --- moving -----------------------------------------------------------------------------------------------------------


def test_those_that_may_are_moved_and_those_that_may_not_are_told_as_a_matter_of_security(
    asha: User, nadia: User, north: Reseller, northeast: Reseller, lines: dict[str, Subscriber]
) -> None:
    Subscriber.objects.filter(username="badr").update(terminated_at=NOW)
    client, chosen = signed_in(nadia), (lines["amal"], lines["badr"], lines["dana"])

    looked = look_at(client, "move", *chosen, to_reseller=northeast.pk)
    told = outcomes(client, confirm(client, "move", looked))

    assert "1 subscriber goes to Northeast Net." in body(looked)
    assert told == {
        "amal": "North Net → Northeast Net",
        "badr": "badr is terminated: that is for ever.",
        "dana": "It is one of Northeast Net already.",
    }
    assert Subscriber.objects.get(username="amal").reseller == northeast
    moved = AuditEntry.objects.filter(action=Action.SUBSCRIBER_MOVED)
    assert {row.object_name for row in moved} == {"amal"}
    assert {row.reseller_id for row in moved} == {north.pk, northeast.pk}
    [refused] = AuditEntry.objects.filter(action=Action.SUBSCRIBER_MOVE_REFUSED)
    assert (refused.object_name, refused.grade) == ("badr", Grade.SECURITY)


def test_moving_to_a_stranger_is_refused_as_a_whole_and_told_once(
    nadia: User, south: Reseller, northeast: Reseller, lines: dict[str, Subscriber]
) -> None:
    client = signed_in(nadia)
    looked = look_at(client, "move", lines["amal"], lines["badr"], to_reseller=northeast.pk)
    before = everything()

    response = confirm(client, "move", looked, to_reseller=str(south.pk))

    assert response.status_code == 422
    assert "You can move subscribers to yourself and your own sub-resellers only." in body(response)
    assert "South" not in body(response)
    assert everything() == before | {"audit_entries": before["audit_entries"] + 1}
    assert AuditEntry.objects.latest("id").grade == Grade.SECURITY
    assert "South" not in body(look_at(client, "move", lines["amal"], to_reseller=south.pk))


# --- who, and which ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("act", ACTS)
def test_south_cannot(sami: User, northeast: Reseller, plus: Plan, lines: dict[str, Subscriber], act: str) -> None:
    client = signed_in(sami)
    before = everything()

    looked = look_at(client, act, lines["amal"])
    form = {"ids": str(lines["amal"].pk), "idempotency_key": str(uuid4()), "to_plan": plus.pk}
    response = client.post(f"{BULK}{act}/", form | {"to_reseller": lines["salma"].reseller_id})

    assert "None of these can be changed by you." in body(looked)
    assert "amal" not in body(looked)
    # A change of plan is looked over once more first, since nothing was shown of it.
    assert response.status_code == (200 if act == "plan-change" else 403)
    assert everything() | {"audit_entries": 0} == before | {"audit_entries": 0}
    assert not Subscriber.objects.exclude(suspended_at=None).exists()


def test_what_is_seen_by_a_view_all_is_named_and_left_alone(
    asha: User, north: Reseller, lines: dict[str, Subscriber]
) -> None:
    north.permission_group = PermissionGroup.objects.create(
        name="Far-sighted", codes=[*group("SALES").codes, "subscribers.view_all"]
    )
    north.save(update_fields=["permission_group"])
    client = signed_in(north.user)

    looked = look_at(client, "suspension", lines["amal"], lines["salma"])
    told = outcomes(client, confirm(client, "suspension", looked))

    assert "salma You can see this subscriber, but not change it." in body(looked)
    assert told == {"amal": "Suspended"}
    assert "All 4 that match" in body(client.get("/subscribers/"))
    assert "salma" not in body(client.get(f"{BULK}resumption/", {"all": "1"}))


def test_all_that_match_are_those_of_the_filters_and_the_tab(nadia: User, lines: dict[str, Subscriber]) -> None:
    client = signed_in(nadia)
    Subscriber.objects.filter(username="badr").update(suspended_at=NOW)

    looked = client.get(f"{BULK}suspension/", {"all": "1", "status": "expired", "q": "a", "sort": "username"})

    assert "3 lines are off" in body(looked)
    assert [Subscriber.objects.get(pk=pk).username for pk in hidden_in(looked)["ids"].split(",")] == [
        "amal",
        "carla",
        "dana",
    ]


def test_more_than_one_act_takes_is_refused_before_and_after(
    monkeypatch: pytest.MonkeyPatch, nadia: User, lines: dict[str, Subscriber]
) -> None:
    monkeypatch.setattr("subscribers.forms.bulk.AT_MOST", 3)
    client = signed_in(nadia)

    looked = client.get(f"{BULK}renewal/", {"all": "1"})
    sent = client.post(f"{BULK}renewal/", {"ids": "1,2,3,4", "idempotency_key": str(uuid4())})

    sentence = "4 subscribers are more than the 3 that one act takes. Filter the list, or pick fewer."
    assert sentence in body(looked)
    assert sentence in body(sent)
    assert sent.status_code == 422
    with pytest.raises(TooManyAtOnce):
        renew_many(actor=seat_of(nadia), subscriber_ids=range(AT_MOST + 1), key=new_key("renew_many"), now=NOW)
    assert AT_MOST == 1000


def test_fewer_changes_of_plan_go_into_one_act(
    monkeypatch: pytest.MonkeyPatch, nadia: User, plus: Plan, lines: dict[str, Subscriber]
) -> None:
    monkeypatch.setattr("subscribers.operations.CHANGES_AT_MOST", 2)
    chosen = (lines["amal"], lines["badr"], lines["carla"])

    looked = look_at(signed_in(nadia), "plan-change", *chosen, to_plan=plus.pk)

    assert "3 subscribers are more than the 2 that one act takes." in body(looked)
    monkeypatch.undo()
    with pytest.raises(TooManyAtOnce):
        change_plan_of_many(
            actor=seat_of(nadia), subscriber_ids=range(CHANGES_AT_MOST + 1), plan=plus, key=new_key("change"), now=NOW
        )


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("picked", [{}, {"pick": ["x", "9" * 30, "-1", "\0"]}, {"all": "1", "q": "zzz"}])
def test_nothing_picked_is_said(nadia: User, lines: dict[str, Subscriber], act: str, picked: dict[str, Any]) -> None:
    response = signed_in(nadia).get(f"{BULK}{act}/", picked)

    assert response.status_code == 200
    assert "You have picked nobody. Pick subscribers on the list first." in body(response)


@pytest.mark.parametrize(
    ("act", "name", "message"),
    [("plan-change", "to_plan", "Choose a plan."), ("move", "to_reseller", "Choose a reseller.")],
)
def test_a_choice_that_is_missing_or_wrong_is_asked_for(
    nadia: User, lines: dict[str, Subscriber], act: str, name: str, message: str
) -> None:
    client = signed_in(nadia)

    assert message not in body(look_at(client, act, lines["amal"]))
    for typed in ("", "x", "999999"):
        assert message in body(look_at(client, act, lines["amal"], **{name: typed}))


@pytest.mark.parametrize("act", [*ACTS, "list"])
def test_looking_over_twenty_costs_no_more_queries_than_two(
    asha: User, nadia: User, north: Reseller, northeast: Reseller, home: Plan, act: str
) -> None:
    fund(north.wallet, "1000", actor=asha)
    few = [add(asha, north, home, f"few-{each}", activate=False) for each in range(2)]
    many = few + [add(asha, north, home, f"many-{each}", activate=False) for each in range(18)]
    paid(asha, *many)
    chosen = {"to_plan": make_plan("Slow", "5.00").pk, "to_reseller": northeast.pk}
    client = signed_in(nadia)

    def queries(name: str, *lines: Subscriber) -> int:
        with CaptureQueriesContext(connection) as captured:
            looked = (
                client.get("/subscribers/", {"q": name}) if act == "list" else look_at(client, act, *lines, **chosen)
            )
        assert all(line.username in body(looked) for line in lines)
        return len(captured)

    assert queries("few-", *few) == queries("-", *many)


@pytest.mark.parametrize("typed", ["", "x", "1,,2", "1;2", "9" * 30, "-1", "1.5"])
def test_ids_that_are_none_are_refused(nadia: User, lines: dict[str, Subscriber], typed: str) -> None:
    before = everything()

    response = signed_in(nadia).post(f"{BULK}renewal/", {"ids": typed, "idempotency_key": str(uuid4())})

    assert response.status_code == 422
    assert everything() == before


def test_each_act_asks_for_its_own_permission(asha: User, north: Reseller, lines: dict[str, Subscriber]) -> None:
    clerk = signed_in(make_staff(asha, north, "clerk", group("SUPPORT")))

    assert {clerk.get(f"{BULK}{act}/").status_code for act in ACTS} == {403}
    page = clerk.get("/subscribers/")
    assert "All on this page" not in body(page)
    assert 'name="pick"' not in page.content.decode()


def test_the_outcome_is_for_those_of_its_panel(
    asha: User, nadia: User, noora: User, sami: User, noor: User, north: Reseller, lines: dict[str, Subscriber]
) -> None:
    act = suspend_many(actor=seat_of(nadia), subscriber_ids=ids(*lines.values()), key=new_key("suspend_many"), now=NOW)
    clerk = make_staff(asha, north, "clerk", group("SUPPORT"))
    url = f"{BULK}{act.pk}/"

    assert [signed_in(user).get(url).status_code for user in (nadia, asha, clerk)] == [200] * 3
    assert [signed_in(user).get(url).status_code for user in (noora, sami, noor)] == [404] * 3


def test_the_outcome_links_to_those_that_are_still_seen(
    nadia: User, south: Reseller, lines: dict[str, Subscriber]
) -> None:
    act = suspend_many(
        actor=seat_of(nadia), subscriber_ids=ids(lines["amal"], lines["badr"]), key=new_key("suspend_many"), now=NOW
    )
    Subscriber.objects.filter(username="badr").update(reseller=south)

    page = signed_in(nadia).get(f"{BULK}{act.pk}/")

    links = links_of(page)
    assert f"/subscribers/{lines['amal'].pk}/" in links
    assert f"/subscribers/{lines['badr'].pk}/" not in links
    assert "badr" in body(page)


def test_who_is_none_of_the_actors_any_more_is_told_of_and_left_alone(
    nadia: User, south: Reseller, lines: dict[str, Subscriber]
) -> None:
    client = signed_in(nadia)
    looked = look_at(client, "suspension", lines["amal"], lines["badr"])
    Subscriber.objects.filter(username="badr").update(reseller=south)

    told = outcomes(client, confirm(client, "suspension", looked))

    assert told == {"—": "This is none of the subscribers that you may act on any more.", "amal": "Suspended"}
    assert Subscriber.objects.get(username="badr").suspended_at is None


def test_the_same_key_for_others_is_refused_by_the_operation(nadia: User, lines: dict[str, Subscriber]) -> None:
    first = new_key("suspend_many", subscribers=ids(lines["amal"]))
    suspend_many(actor=seat_of(nadia), subscriber_ids=ids(lines["amal"]), key=first, now=NOW)
    other = type(first)(first.act, first.key, {"subscribers": ids(lines["badr"])})

    with pytest.raises(FormAlreadyUsed):
        suspend_many(actor=seat_of(nadia), subscriber_ids=ids(lines["badr"]), key=other, now=NOW)


def test_an_admin_renews_lines_of_strangers_in_one_act(
    asha: User, north: Reseller, south: Reseller, lines: dict[str, Subscriber]
) -> None:
    make_reseller(asha, "extra", "Extra Net")

    told = do(signed_in(asha), "renewal", lines["amal"], lines["salma"])

    assert set(told) == {"amal", "salma"}
    assert (balance_of(north), balance_of(south)) == (35, 75)
    assert BulkAct.objects.get().reseller is None
