"""Changing a plan: for the periods bought from now on."""

from typing import Any

import pytest
from django.http import HttpResponse

from accounts.models import User
from audit.actions import Action
from audit.models import AuditEntry
from plans.models import Plan
from resellers.models import Reseller
from subscribers.models import Renewal
from tests.cast import fund, make_plan, signed_in
from tests.pages import body, counts, error_at, filled, send
from tests.subscribers.lines import add, renew


def edit_of(plan: Plan) -> str:
    return f"/plans/{plan.pk}/edit/"


def edited(user: User, plan: Plan, **typed: Any) -> HttpResponse:
    """Open the page, change what is typed, send it, and read the plan afresh."""
    response = send(signed_in(user), edit_of(plan), **typed)
    plan.refresh_from_db()
    return response


def test_the_page_shows_the_plan_as_people_type_it(asha: User) -> None:
    plan = make_plan("Odd", "25.50", download_kbps=2_500, upload_kbps=512, quota_mb=100_000, is_on_sale=False)

    typed = filled(signed_in(asha).get(edit_of(plan)))

    assert typed == {
        "name": "Odd", "price": "25.50", "duration": 30, "duration_unit": "days",
        "download_mbps": "2.5", "upload_mbps": "0.512", "quota_gb": "100",
        "fup_threshold_gb": "", "throttled_download_mbps": "", "throttled_upload_mbps": "",
    }  # fmt: skip


def test_what_is_typed_is_changed_and_the_rest_stays(asha: User, home: Plan) -> None:
    response = edited(asha, home, price="30", quota_gb="200")

    assert (response.status_code, response.url) == (303, "/plans/")
    assert (home.name, home.price, home.quota_mb, home.download_kbps) == ("Home", 30, 200_000, 50_000)


def test_it_is_audited_with_old_and_new(asha: User, home: Plan) -> None:
    edited(asha, home, name="Home 50", price="30", is_on_sale=None)

    entry = AuditEntry.objects.latest("id")
    assert (entry.action, entry.actor_name, entry.object_id) == (Action.PLAN_EDITED, "asha", home.pk)
    assert entry.changes == {"name": ["Home", "Home 50"], "price": ["25", "30"], "is_on_sale": [True, False]}


def test_saving_what_was_there_leaves_no_trace(asha: User, home: Plan) -> None:
    before = counts()

    assert edited(asha, home).status_code == 303

    assert counts() == before


def test_paid_periods_keep_their_price_and_length(asha: User, north: Reseller, home: Plan) -> None:
    fund(north.wallet, "100", actor=asha)
    subscriber = add(asha, north, home)
    paid = Renewal.objects.values("price", "retail_price", "starts_at", "ends_at").get()

    edited(asha, home, price="40", duration="10")

    assert Renewal.objects.values("price", "retail_price", "starts_at", "ends_at").get() == paid
    subscriber.refresh_from_db()
    assert subscriber.expires_at == paid["ends_at"]
    assert renew(asha, subscriber).price == 40


def test_the_name_of_another_plan_is_taken(asha: User, home: Plan) -> None:
    make_plan("Night")

    response = edited(asha, home, name="Night", price="99")

    assert response.status_code == 422
    assert error_at(response, "name") == "There is a plan named “Night” already."
    assert (home.name, home.price) == ("Home", 25)


def test_a_plan_may_write_its_own_name_otherwise(asha: User, home: Plan) -> None:
    assert edited(asha, home, name="HOME").status_code == 303
    assert home.name == "HOME"


@pytest.mark.parametrize("price", ["-5", "1e3", "0.001", "NaN", ""])
def test_what_is_no_price_is_refused_at_the_field(asha: User, home: Plan, price: str) -> None:
    response = edited(asha, home, price=price)

    assert (response.status_code, set(response.context["form"].errors)) == (422, {"price"})
    assert home.price == 25


@pytest.mark.parametrize("method", ["get", "post"])
def test_nobody_but_an_admin_changes_a_plan(
    nadia: User, sami: User, noor: User, petra: User, home: Plan, method: str
) -> None:
    for user in (nadia, sami, noor, petra):
        response = getattr(signed_in(user), method)(edit_of(home), {"name": "Free", "price": "0"})
        assert response.status_code == 403, user
        assert "Free" not in body(response)

    assert Plan.objects.get().price == 25


@pytest.mark.parametrize("pk", ["0", "99999999999999999999", "9223372036854775808"])
def test_a_number_beyond_every_id_is_no_plan(asha: User, pk: str) -> None:
    assert signed_in(asha).get(f"/plans/{pk}/edit/").status_code == 404
