"""Fair use and data packs of a plan, and the service groups that a new one goes into."""

from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.http import HttpResponse

from accounts.models import User
from audit.models import AuditEntry
from plans.models import DataPack, Plan
from tests.cast import make_plan, signed_in
from tests.pages import body, counts, error_at, filled, rows_of, send
from tests.resellers.scopes import make_service_group

NEW = "/plans/new"
HOME = {
    "name": "Home", "price": "25", "duration": "30", "download_mbps": "50", "upload_mbps": "10", "quota_gb": "100",
}  # fmt: skip
FAIR_USE = {"fup_threshold_gb": "80", "throttled_download_mbps": "2", "throttled_upload_mbps": "0.512"}
TWO_PACKS = {"pack_1_gb": "5", "pack_1_price": "2.50", "pack_2_gb": "20", "pack_2_price": "8"}


def add(user: User, **typed: Any) -> HttpResponse:
    return send(signed_in(user), NEW, **HOME | typed)


def edit_of(plan: Plan) -> str:
    return f"/plans/{plan.pk}/edit/"


def packs_of(plan: Plan) -> list[tuple[str, str]]:
    """Return what is on sale: size and price."""
    return [(str(pack), f"{pack.price:.2f}") for pack in plan.data_packs.on_sale()]


# --- fair use ---------------------------------------------------------------------------------------------------------


def test_fair_use_is_typed_in_gb_and_mbits_and_kept_in_mb_and_kbits(asha: User) -> None:
    assert add(asha, **FAIR_USE).status_code == 303

    plan = Plan.objects.get()
    assert (plan.fup_threshold_mb, plan.throttled_download_kbps, plan.throttled_upload_kbps) == (80_000, 2_000, 512)
    assert plan.fair_use_words == "2 / 0.512 Mbit/s beyond 80 GB"
    assert "Home 2 / 0.512 Mbit/s beyond 80 GB" in rows_of(signed_in(asha).get("/plans/"))[0][0]


def test_without_it_the_line_is_never_throttled(asha: User) -> None:
    add(asha)

    plan = Plan.objects.get()
    assert (plan.fup_threshold_mb, plan.fair_use_words, plan.throttled_words) == (None, "", "")


def test_the_page_shows_it_as_people_type_it_and_it_can_be_taken_off(asha: User) -> None:
    add(asha, **FAIR_USE)
    plan, client = Plan.objects.get(), signed_in(asha)
    typed = filled(client.get(edit_of(plan)))

    client.post(edit_of(plan), typed | dict.fromkeys(FAIR_USE, ""))

    plan.refresh_from_db()
    assert {name: typed[name] for name in FAIR_USE} == FAIR_USE
    assert plan.fup_threshold_mb is None
    assert AuditEntry.objects.latest("id").changes == {
        "fup_threshold_mb": [80_000, None],
        "throttled_download_kbps": [2_000, None],
        "throttled_upload_kbps": [512, None],
    }


def test_it_may_begin_within_no_quota_at_all(asha: User) -> None:
    assert add(asha, quota_gb="", **FAIR_USE).status_code == 303


TOO = "Enter this too, or leave all three fields of fair use empty."
REFUSALS: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "threshold alone": (
        {"throttled_download_mbps": "", "throttled_upload_mbps": ""},
        {"throttled_download_mbps": TOO, "throttled_upload_mbps": TOO},
    ),
    "no threshold": ({"fup_threshold_gb": ""}, {"fup_threshold_gb": TOO}),
    "no upload": ({"throttled_upload_mbps": ""}, {"throttled_upload_mbps": TOO}),
    "threshold above the quota": (
        {"fup_threshold_gb": "100.001"},
        {"fup_threshold_gb": "Not above the quota, 100 GB."},
    ),
    "download above the plan's": (
        {"throttled_download_mbps": "50.001"},
        {"throttled_download_mbps": "Not above the plan's own speed, 50 Mbit/s."},
    ),
    "upload above the plan's": (
        {"throttled_upload_mbps": "11"},
        {"throttled_upload_mbps": "Not above the plan's own speed, 10 Mbit/s."},
    ),
    "threshold of nothing": (
        {"fup_threshold_gb": "0"},
        {"fup_threshold_gb": "Enter a threshold above zero, or leave fair use empty."},
    ),
    "speed of nothing": ({"throttled_download_mbps": "0"}, {"throttled_download_mbps": "Enter a speed above zero."}),
    "in letters": ({"fup_threshold_gb": "much"}, {"fup_threshold_gb": "Enter a number."}),
}


@pytest.mark.parametrize(("typed", "messages"), REFUSALS.values(), ids=REFUSALS)
def test_fair_use_is_refused_at_the_field(asha: User, typed: dict[str, str], messages: dict[str, str]) -> None:
    client, before = signed_in(asha), counts()

    response = send(client, NEW, **HOME | FAIR_USE | typed)

    found = {name: error_at(response, name) for name in response.context["form"].errors}
    assert (response.status_code, found) == (422, messages)
    assert counts() == before


@pytest.mark.parametrize(
    "wrong",
    [
        "throttled_upload_kbps = NULL",
        "fup_threshold_mb = NULL",
        "fup_threshold_mb = quota_mb + 1",
        "throttled_download_kbps = download_kbps + 1",
        "throttled_upload_kbps = 0",
    ],
)
def test_the_database_refuses_unfair_use(db: None, wrong: str) -> None:
    make_plan(quota_mb=100_000, fup_threshold_mb=80_000, throttled_download_kbps=2_000, throttled_upload_kbps=500)

    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE plans SET {wrong}")


# --- data packs -------------------------------------------------------------------------------------------------------


def test_data_packs_are_sold_with_the_plan(asha: User) -> None:
    assert add(asha, **TWO_PACKS, pack_6_gb="0.5", pack_6_price="0").status_code == 303

    assert packs_of(Plan.objects.get()) == [("0.5 GB", "0.00"), ("5 GB", "2.50"), ("20 GB", "8.00")]
    assert AuditEntry.objects.latest("id").changes["data_packs"] == [None, "0.5 GB 0.00, 5 GB 2.50, 20 GB 8.00"]
    assert "100 GB + 0.5 GB 0.00 + 5 GB 2.50 + 20 GB 8.00" in rows_of(signed_in(asha).get("/plans/"))[0][5]


def test_a_pack_that_is_taken_out_stays_switched_off(asha: User) -> None:
    add(asha, **TWO_PACKS)
    plan = Plan.objects.get()

    send(signed_in(asha), edit_of(plan), pack_1_gb="", pack_1_price="", pack_3_gb="50", pack_3_price="15")

    assert packs_of(plan) == [("20 GB", "8.00"), ("50 GB", "15.00")]
    assert DataPack.objects.filter(plan=plan, megabytes=5_000, is_on_sale=False).count() == 1
    assert AuditEntry.objects.latest("id").changes == {
        "data_packs": ["5 GB 2.50, 20 GB 8.00", "20 GB 8.00, 50 GB 15.00"]
    }


def test_one_that_comes_back_is_the_same_one_at_its_new_price(asha: User) -> None:
    add(asha, **TWO_PACKS)
    plan, was = Plan.objects.get(), DataPack.objects.get(megabytes=5_000).pk
    send(signed_in(asha), edit_of(plan), pack_1_gb="", pack_1_price="")

    send(signed_in(asha), edit_of(plan), pack_2_gb="5", pack_2_price="3")

    assert packs_of(plan) == [("5 GB", "3.00"), ("20 GB", "8.00")]
    assert DataPack.objects.get(megabytes=5_000).pk == was


def test_saving_them_as_they_are_leaves_no_trace(asha: User) -> None:
    add(asha, **TWO_PACKS, **FAIR_USE)
    client, before = signed_in(asha), counts()

    assert send(client, edit_of(Plan.objects.get())).status_code == 303

    assert counts() == before


PACK_REFUSALS = {
    "no price": ({"pack_1_price": ""}, {"pack_1_price": "Enter its price, or leave the row empty."}),
    "no size": ({"pack_2_gb": ""}, {"pack_2_gb": "Enter how much data it is, or leave the row empty."}),
    "no data in it": ({"pack_2_gb": "0"}, {"pack_2_gb": "Enter how much data it is, or leave the row empty."}),
    "twice the same": ({"pack_2_gb": "5.0"}, {"pack_2_gb": "There is a pack of 5 GB above."}),
    "too fine a price": ({"pack_1_price": "1.005"}, {"pack_1_price": "USD has 2 decimals; enter no more than that."}),
    "too fine a size": (
        {"pack_1_gb": "1.0005"},
        {"pack_1_gb": "Ensure that there are no more than 3 decimal places."},
    ),
    "nothing to add to": (
        {"quota_gb": "", "pack_2_gb": "", "pack_2_price": ""},
        {"pack_1_gb": "A plan without a quota sells no data. Enter a quota, or leave this empty."},
    ),
}


@pytest.mark.parametrize(("typed", "messages"), PACK_REFUSALS.values(), ids=PACK_REFUSALS)
def test_data_packs_are_refused_at_the_field(asha: User, typed: dict[str, str], messages: dict[str, str]) -> None:
    client, before = signed_in(asha), counts()

    response = send(client, NEW, **HOME | TWO_PACKS | typed)

    found = {name: error_at(response, name) for name in response.context["form"].errors}
    assert (response.status_code, found) == (422, messages)
    assert counts() == before


def test_the_database_refuses_two_packs_of_a_size_on_sale(home: Plan) -> None:
    home.data_packs.create(megabytes=5_000, price=2)

    with pytest.raises(IntegrityError), transaction.atomic():
        home.data_packs.create(megabytes=5_000, price=3)


# --- service groups ---------------------------------------------------------------------------------------------------


def test_a_new_plan_goes_into_the_groups_that_are_ticked(asha: User) -> None:
    fibre, _other = make_service_group(asha, "Fibre"), make_service_group(asha, "Other")

    page = body(signed_in(asha).get(NEW))
    add(asha, service_groups=[fibre.pk])

    assert "All plans holds it too: it keeps every plan." in page
    assert list(Plan.objects.get().service_groups.all()) == [fibre]
    assert AuditEntry.objects.latest("id").changes["service_groups"] == [None, "Fibre"]
