"""Giving a subscriber to another reseller, by hand."""

from decimal import Decimal

import pytest
from django.utils import timezone

from accounts.models import User
from audit.actions import Action
from audit.models import AuditEntry, Grade
from plans.models import Plan
from resellers.models import Reseller
from subscribers.models import Subscriber
from tests.cast import fund, signed_in
from tests.pages import body, error_at, links_of, rows_of, send
from tests.subscribers.lines import add, balance_of, everything, renew


@pytest.fixture
def amal(asha: User, north: Reseller, northeast: Reseller, home: Plan) -> Subscriber:
    """Return North's subscriber; North has 75.00 left, and Northeast 100.00."""
    fund(north.wallet, "100", actor=asha)
    fund(northeast.wallet, "100", actor=asha)
    return add(asha, north, home, now=timezone.now(), retail_price=Decimal(40))


def url_of(subscriber: Subscriber) -> str:
    return f"/subscribers/{subscriber.pk}/move/"


def test_no_money_moves_and_the_new_owner_pays_for_what_comes(
    asha: User, nadia: User, north: Reseller, northeast: Reseller, amal: Subscriber
) -> None:
    client = signed_in(nadia)

    response = send(client, url_of(amal), reseller=northeast.pk)

    assert response.status_code == 303
    assert "amal is one of Northeast Net now." in body(client.get(response.url))
    assert (balance_of(north), balance_of(northeast)) == (75, 100)
    amal.refresh_from_db()
    assert (amal.reseller, amal.retail_price) == (northeast, None)
    renew(asha, amal, now=timezone.now())
    assert (balance_of(north), balance_of(northeast)) == (75, 75)


def test_the_new_owner_does_not_see_what_the_old_one_paid(
    asha: User, noora: User, sami: User, south: Reseller, northeast: Reseller, amal: Subscriber
) -> None:
    send(signed_in(asha), url_of(amal), reseller=south.pk)
    fund(south.wallet, "100", actor=asha)
    renew(asha, amal, now=timezone.now())

    page = signed_in(sami).get(f"/subscribers/{amal.pk}/")

    assert [row[5:8] for row in rows_of(page)[:2]] == [
        ["South Net", "25.00", "25.00 INV-000002"],
        ["Another reseller", "—", "—"],
    ]
    assert "40.00" not in body(page)
    assert [row[5:8] for row in rows_of(signed_in(asha).get(f"/subscribers/{amal.pk}/"))[:2]] == [
        ["South Net", "25.00", "25.00 INV-000002"],
        ["North Net", "25.00", "40.00 INV-000001"],
    ]


def test_only_the_own_resellers_are_offered(asha: User, nadia: User, south: Reseller, amal: Subscriber) -> None:
    own, every = body(signed_in(nadia).get(url_of(amal))), body(signed_in(asha).get(url_of(amal)))

    assert "Northeast Net" in own
    assert "South Net" not in own
    assert "South Net" in every


def test_a_sub_reseller_is_not_offered_to_move(
    asha: User, noora: User, northeast: Reseller, home: Plan, amal: Subscriber
) -> None:
    own = add(asha, northeast, home, "badr", now=timezone.now())

    assert url_of(own) not in links_of(signed_in(noora).get(f"/subscribers/{own.pk}/"))


def test_a_move_to_a_stranger_is_refused_and_told_as_a_matter_of_security_without_its_name(
    nadia: User, north: Reseller, south: Reseller, amal: Subscriber
) -> None:
    before = everything()

    response = send(signed_in(nadia), url_of(amal), reseller=south.pk)

    assert response.status_code == 422
    assert error_at(response, "reseller") == "You can move subscribers to yourself and your own sub-resellers only."
    row = AuditEntry.objects.latest("id")
    assert (row.action, row.grade, row.reseller_id) == (Action.SUBSCRIBER_MOVE_REFUSED, Grade.SECURITY, north.pk)
    assert row.changes == {"reseller": ["North Net", f"#{south.pk}"]}
    assert everything() == before | {"audit_entries": before["audit_entries"] + 1}
    assert "South" not in body(signed_in(nadia).get("/audit/"))


def test_a_stranger_and_nobody_are_refused_in_the_same_words(nadia: User, south: Reseller, amal: Subscriber) -> None:
    client = signed_in(nadia)

    stranger, nobody = send(client, url_of(amal), reseller=south.pk), send(client, url_of(amal), reseller=987654)

    assert error_at(stranger, "reseller") == error_at(nobody, "reseller")


def test_a_plan_that_the_new_owner_may_not_sell_refuses_it(nadia: User, northeast: Reseller, amal: Subscriber) -> None:
    northeast.service_groups.clear()

    response = send(signed_in(nadia), url_of(amal), reseller=northeast.pk)

    assert response.status_code == 422
    assert "amal: Northeast Net has no service group, so it can sell nothing." in error_at(response, "reseller")
    assert AuditEntry.objects.latest("id").grade == Grade.SECURITY


def test_south_cannot(sami: User, south: Reseller, amal: Subscriber) -> None:
    assert signed_in(sami).post(url_of(amal), {"reseller": south.pk}).status_code == 404
