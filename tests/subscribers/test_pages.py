"""The page of a subscriber: what it shows and offers, and to whom."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import PermissionGroup, User
from plans.models import Level, Plan
from resellers.models import Reseller
from subscribers.models import Subscriber
from tests.cast import fund, group, make_reseller, make_staff, signed_in
from tests.pages import body, links_of, rows_of, send
from tests.subscribers.lines import add, renew


@pytest.fixture
def amal(asha: User, north: Reseller, home: Plan) -> Subscriber:
    """Return a subscriber of North who has renewed once."""
    fund(north.wallet, "100", actor=asha)
    subscriber = add(
        asha, north, home, now=timezone.now(), full_name="Amal Haddad", phone="+961 1 2", mac="AA:BB:CC:DD:EE:FF"
    )
    renew(asha, subscriber, now=timezone.now())
    subscriber.refresh_from_db()
    return subscriber


TAILS = (
    "", "edit/", "renewals/", "plan-changes/", "data-top-ups/", "price/", "move/", "suspension/", "resumption/",
    "termination/", "disconnection/", "fup-reset/",
)  # fmt: skip


def page_of(subscriber: Subscriber) -> str:
    return f"/subscribers/{subscriber.pk}/"


def acts_on(subscriber: Subscriber) -> set[str]:
    return {f"{page_of(subscriber)}renewals/", f"{page_of(subscriber)}edit/"}


def test_it_says_who_and_on_what_terms(nadia: User, amal: Subscriber) -> None:
    page = body(signed_in(nadia).get(page_of(amal)))

    for text in ("amal", "Active", "Amal Haddad", "+961 1 2", "Home", "25.00 USD", "North Net", "50 / 10 Mbit/s",
                 "Unlimited", "AA:BB:CC:DD:EE:FF", f"{amal.expires_at:%-d %b %Y}"):  # fmt: skip
        assert text in page, text


def test_it_says_what_they_pay_what_it_costs_and_what_is_kept(nadia: User, north: Reseller, amal: Subscriber) -> None:
    north.level = Level.objects.get(name="GOLD")
    north.save(update_fields=["level"])

    page = body(signed_in(nadia).get(page_of(amal)))

    assert "They pay 25.00 USD Wholesale 22.50 USD Margin 2.50 USD" in page


def test_it_says_why_it_could_not_be_renewed_by_itself_to_those_whom_the_wallet_concerns(
    asha: User, nadia: User, north: Reseller, south: Reseller, amal: Subscriber
) -> None:
    reason = "15.00 USD is missing: 25.00 USD is needed and 10.00 USD is available."
    Subscriber.objects.update(renewal_failed_at=timezone.now(), renewal_failure=reason, auto_renew=True)
    south.permission_group = PermissionGroup.objects.create(name="Far-sighted", codes=["subscribers.view_all"])
    south.save(update_fields=["permission_group"])

    own, foreign = (body(signed_in(user).get(page_of(amal))) for user in (nadia, south.user))

    assert "It could not be renewed by itself" in own
    assert reason in own
    assert "On: renewed by itself when it expires" in own
    assert "It could not be renewed by itself" in foreign
    assert reason not in foreign


def test_partner_and_support_are_offered_what_they_may(
    asha: User, noor: User, north: Reseller, amal: Subscriber
) -> None:
    clerk = make_staff(asha, north, "clerk", group("SUPPORT"))

    def offered(user: User) -> set[str]:
        links = links_of(signed_in(user).get(page_of(amal)))
        return {link.removeprefix(page_of(amal)) for link in links if link.startswith(page_of(amal))} - {""}

    assert offered(noor) == set()
    assert offered(clerk) == {"disconnection/"}
    assert offered(north.user) == {
        "edit/", "renewals/", "plan-changes/", "data-top-ups/", "price/", "suspension/", "termination/",
        "disconnection/",
    }  # fmt: skip
    assert offered(asha) == offered(north.user) | {"move/"}


def test_it_lists_the_periods_the_newest_first(nadia: User, amal: Subscriber) -> None:
    rows = rows_of(signed_in(nadia).get(page_of(amal)))

    periods = [f"{period.starts_at:%-d %b %Y, %H:%M}" for period in amal.renewals.order_by("-id")]
    assert [row[1:3] + row[5:] for row in rows] == [
        ["Renewal", "Home", "North Net", "25.00", "25.00 INV-000002"],
        ["Activation", "Home", "North Net", "25.00", "25.00 INV-000001"],
    ]
    assert [row[3] for row in rows] == periods
    assert rows[1][4] == rows[0][3]


def test_a_line_that_was_never_paid_has_no_period_yet(asha: User, nadia: User, north: Reseller, home: Plan) -> None:
    badr = add(asha, north, home, "badr", activate=False)

    page = body(signed_in(nadia).get(page_of(badr)))

    assert "No period yet" in page
    assert "Expired" in page


def test_its_trail_stands_below(nadia: User, amal: Subscriber) -> None:
    send(signed_in(nadia), f"{page_of(amal)}edit/", full_name="Amal H.")

    page = body(signed_in(nadia).get(page_of(amal)))

    for text in ("Added subscriber", "Activated subscriber", "Renewed subscriber", "Amal Haddad → Amal H."):
        assert text in page, text


def test_the_trail_is_for_those_who_read_trails(asha: User, north: Reseller, amal: Subscriber) -> None:
    readers = PermissionGroup.objects.create(name="Readers", codes=["subscribers.view"])

    page = body(signed_in(make_staff(asha, north, "reader", readers)).get(page_of(amal)))

    assert "Renewal" in page
    assert "Added subscriber" not in page


def test_those_who_may_act_see_the_buttons(asha: User, nadia: User, amal: Subscriber) -> None:
    for user in (asha, nadia):
        for url in (page_of(amal), "/subscribers/"):
            assert acts_on(amal) <= links_of(signed_in(user).get(url)), (user, url)


def test_those_of_the_group_support_see_no_act(asha: User, north: Reseller, amal: Subscriber) -> None:
    client = signed_in(make_staff(asha, north, "helper", group("SUPPORT")))

    for url in (page_of(amal), "/subscribers/"):
        response: Any = client.get(url)
        assert response.status_code == 200
        assert not acts_on(amal) & links_of(response)
        assert "/subscribers/new" not in links_of(response)
    assert client.post(f"{page_of(amal)}renewals/").status_code == 403


def test_a_partner_sees_every_line_and_acts_on_none(
    asha: User, noor: User, south: Reseller, home: Plan, amal: Subscriber
) -> None:
    others = add(asha, south, home, "salma", activate=False)
    client = signed_in(noor)

    for subscriber in (amal, others):
        response: Any = client.get(page_of(subscriber))
        assert response.status_code == 200
        assert not acts_on(subscriber) & links_of(response)
        for act in acts_on(subscriber):
            assert client.post(act).status_code == 403
    assert not (acts_on(amal) | acts_on(others)) & links_of(client.get("/subscribers/"))


def test_seeing_all_lets_one_act_on_ones_own_lines_alone(asha: User, amal: Subscriber, home: Plan) -> None:
    codes = ["subscribers.view_all", "subscribers.renew", "subscribers.edit"]
    far = make_reseller(
        asha, "farah", "Far Net", permission_group=PermissionGroup.objects.create(name="F", codes=codes)
    )
    own = add(asha, far, home, "faris", activate=False)
    client = signed_in(far.user)

    links = links_of(client.get("/subscribers/"))

    assert acts_on(own) <= links
    assert not acts_on(amal) & links
    assert not acts_on(amal) & links_of(client.get(page_of(amal)))
    assert client.post(f"{page_of(amal)}renewals/").status_code == 403


def test_a_sub_does_not_see_its_parents_lines(noora: User, amal: Subscriber) -> None:
    assert signed_in(noora).get(page_of(amal)).status_code == 404


@pytest.mark.parametrize("tail", TAILS)
def test_south_cannot(sami: User, amal: Subscriber, tail: str) -> None:
    response: Any = signed_in(sami).get(page_of(amal) + tail)

    assert response.status_code == 404
    assert "amal" not in body(response)


@pytest.mark.parametrize("pk", ["0", "99999999999999999999", "9223372036854775808"])
@pytest.mark.parametrize("tail", TAILS)
def test_a_number_beyond_every_id_is_nobodys(asha: User, pk: str, tail: str) -> None:
    assert signed_in(asha).get(f"/subscribers/{pk}/{tail}").status_code == 404


def test_the_number_of_queries_does_not_grow_with_the_periods(asha: User, nadia: User, amal: Subscriber) -> None:
    client = signed_in(nadia)
    numbers = []

    for _more in range(2):
        with CaptureQueriesContext(connection) as captured:
            assert client.get(page_of(amal)).status_code == 200
        numbers.append(len(captured))
        renew(asha, amal, now=timezone.now())

    assert numbers[0] == numbers[1] <= 10, captured.captured_queries
