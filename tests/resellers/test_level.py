"""The level of a reseller: on the form, behind every credit limit, and changed."""

from decimal import Decimal
from typing import Any

import pytest
from django.http import HttpResponse
from django.utils import timezone

from accounts.models import User
from audit.actions import Action
from audit.models import AuditEntry
from ispanel.refusals import Forbidden
from plans.models import Level
from resellers import operations
from resellers.models import Reseller
from tests.cast import NOW, group, make_reseller, seat_of, signed_in
from tests.pages import body, counts, error_at, filled, links_of, send
from tests.resellers.scopes import groups_of, level, make_nas, make_service_group

NEW = "/resellers/new"
WISH = {"username": "alnoor", "password": "SecurePass123!", "company_name": "Al-Noor Net"}


def create(user: User, **typed: Any) -> HttpResponse:
    return send(signed_in(user), NEW, **WISH | typed)


def made() -> Reseller:
    return Reseller.objects.select_related("wallet", "level").get(company_name="Al-Noor Net")


def filled_in(user: User, of: Level | None) -> HttpResponse:
    """Return what the page gets when the level is chosen."""
    return signed_in(user).get(NEW, {"level": of.pk if of else ""}, headers={"HX-Target": "level-terms"})


def level_page(of: Reseller) -> str:
    return f"/resellers/{of.pk}/level/"


def change(user: User, of: Reseller, to: Level | None, **typed: Any) -> HttpResponse:
    return send(signed_in(user), level_page(of), level=to.pk if to else "0", **typed)


def fresh(of: Reseller) -> Reseller:
    return Reseller.objects.select_related("wallet", "level", "permission_group").get(pk=of.pk)


# --- on the form of a new reseller ------------------------------------------------------------------------------------


def test_choosing_a_level_fills_in_credit_limit_and_group_and_says_so(asha: User) -> None:
    Level.objects.filter(name="GOLD").update(default_permission_group=group("SUPPORT"))

    response = filled_in(asha, level("GOLD"))

    form, shown = response.context["form"], body(response)
    assert (form["credit_limit"].value(), form["permission_group"].value()) == ("2000.00", group("SUPPORT").pk)
    assert "GOLD gives 2,000.00 USD, and allows at most 10,000.00 USD." in shown
    assert "GOLD gives SUPPORT." in shown
    assert "GOLD fills in its default credit limit and the permission group SUPPORT; both may be changed." in shown
    assert "It has priority support." in shown


def test_without_a_level_both_are_as_for_any_new_reseller(asha: User) -> None:
    form = filled_in(asha, None).context["form"]

    assert (form["credit_limit"].value(), form["permission_group"].value()) == ("", group("SALES").pk)


def test_an_unknown_level_fills_in_nothing(asha: User) -> None:
    response = signed_in(asha).get(NEW, {"level": "zzz"}, headers={"HX-Target": "level-terms"})

    assert (response.status_code, response.context["form"]["credit_limit"].value()) == (200, "")


def test_without_scripts_an_empty_credit_limit_is_the_levels_default(asha: User) -> None:
    assert create(asha, level=level("SILVER").pk).status_code == 303

    assert (made().level, made().wallet.credit_limit) == (level("SILVER"), 500)


def test_without_a_level_an_empty_credit_limit_is_nothing(asha: User) -> None:
    create(asha)

    assert (made().level, made().wallet.credit_limit, made().discount) == (None, 0, 0)


@pytest.mark.parametrize("typed", ["0", "499.99", "500"])
def test_the_credit_limit_may_be_any_other_up_to_the_highest(asha: User, typed: str) -> None:
    create(asha, level=level("BRONZE").pk, credit_limit=typed)

    assert made().wallet.credit_limit == Decimal(typed)


def test_a_credit_limit_above_the_levels_highest_is_refused_at_the_field(asha: User) -> None:
    before = counts()

    response = create(asha, level=level("BRONZE").pk, credit_limit="500.01")

    assert response.status_code == 422
    assert error_at(response, "credit_limit") == (
        "BRONZE allows at most 500.00 USD. Enter less, or choose a higher level."
    )
    assert "BRONZE gives 0.00 USD, and allows at most 500.00 USD." in body(response)
    assert counts() == before


def test_platinum_allows_any_credit_limit(asha: User) -> None:
    create(asha, level=level("PLATINUM").pk, credit_limit="1000000")

    assert made().wallet.credit_limit == 1_000_000


def test_the_permission_group_may_be_another_than_the_levels(asha: User) -> None:
    create(asha, level=level("GOLD").pk, permission_group=group("SUPPORT").pk)

    assert made().permission_group == group("SUPPORT")


def test_creating_is_audited_with_level_groups_and_devices(asha: User) -> None:
    tower = make_nas("Tower")
    fibre = make_service_group(asha, "Fibre")

    create(asha, level=level("GOLD").pk, service_groups=[fibre.pk], nas_scope="list", nas_devices=[tower.pk])

    changes = AuditEntry.objects.get(action=Action.RESELLER_CREATED).changes
    assert (changes["level"], changes["service_groups"], changes["nas_devices"], changes["credit_limit"]) == (
        [None, "GOLD"],
        [None, "Fibre"],
        [None, "Tower"],
        [None, "2000"],
    )
    assert groups_of(made()) == ["Fibre"]


def test_what_a_reseller_makes_is_bronze_whatever_is_posted(nadia: User, north: Reseller) -> None:
    response = create(nadia, level=level("PLATINUM").pk, credit_limit="400")
    operations.create_reseller(
        actor=seat_of(nadia), username="second", password="SecurePass123!", company_name="Second",
        level=level("PLATINUM"), permission_group=group("SALES"), now=NOW,
    )  # fmt: skip

    assert response.status_code == 303
    assert "level" not in signed_in(nadia).get(NEW).context["form"].fields
    assert (made().level, made().wallet.credit_limit) == (level("BRONZE"), 0)
    assert Reseller.objects.get(company_name="Second").level == level("BRONZE")


def test_default_service_groups_are_ticked_already(asha: User) -> None:
    make_service_group(asha, "Fibre", is_default=True)
    make_service_group(asha, "Extra")

    create(asha)

    assert groups_of(made()) == ["All plans", "Fibre"]


def test_a_reseller_without_any_group_can_be_made(asha: User) -> None:
    create(asha, service_groups=[])

    assert groups_of(made()) == []


def test_a_reseller_gives_a_new_sub_what_it_has_itself_and_nothing_else(
    asha: User, nadia: User, north: Reseller
) -> None:
    fibre = make_service_group(asha, "Fibre")

    offered = signed_in(nadia).get(NEW).context["form"].fields["service_groups"].queryset
    response = create(nadia, service_groups=[fibre.pk])

    assert [str(each) for each in offered] == ["All plans"]
    assert "is not one of the available choices" in error_at(response, "service_groups")
    assert not Reseller.objects.filter(company_name="Al-Noor Net").exists()


def test_an_admin_gives_a_new_sub_no_more_than_its_parent_has(asha: User, north: Reseller) -> None:
    fibre, tower, mast = make_service_group(asha, "Fibre"), make_nas("Tower", 1), make_nas("Mast", 2)
    operations.change_scope(
        actor=seat_of(asha), reseller_id=north.pk, service_groups=[], nas_is_limited=True, nas_devices=[tower], now=NOW
    )

    beyond = create(asha, parent=north.pk, service_groups=[fibre.pk])
    elsewhere = create(asha, parent=north.pk, service_groups=[], nas_scope="list", nas_devices=[mast.pk])

    assert error_at(beyond, "service_groups") == (
        "North Net does not have Fibre. A sub-reseller sells from its parent's service groups alone."
    )
    assert error_at(elsewhere, "nas_devices") == (
        "North Net may not use Mast. A sub-reseller uses its parent's NAS devices alone."
    )


def test_a_sub_made_from_its_parents_page_starts_with_the_parents_defaults(asha: User, north: Reseller) -> None:
    fibre = make_service_group(asha, "Fibre", is_default=True)

    form = signed_in(asha).get(f"{NEW}?parent={north.pk}").context["form"]

    assert fibre.pk not in form["service_groups"].value()
    assert len(form["service_groups"].value()) == 1


# --- credit limits later on -------------------------------------------------------------------------------------------


def test_editing_keeps_the_credit_limit_within_the_levels(asha: User) -> None:
    bronze = make_reseller(asha, "bronze", "Bronze Net", level=level("BRONZE"))

    response = send(signed_in(asha), f"/resellers/{bronze.pk}/edit/", credit_limit="501", company_name="Renamed")

    assert response.status_code == 422
    assert error_at(response, "credit_limit").startswith("BRONZE allows at most 500.00 USD.")
    assert (fresh(bronze).wallet.credit_limit, fresh(bronze).company_name) == (0, "Bronze Net")


def test_whoever_is_above_a_lowered_highest_is_edited_otherwise_and_not_raised(asha: User) -> None:
    above = make_reseller(asha, "above", "Above Net", level=level("SILVER"), credit_limit=Decimal(2000))
    Level.objects.filter(name="SILVER").update(highest_credit_limit=1000)
    url = f"/resellers/{above.pk}/edit/"

    assert send(signed_in(asha), url, company_name="Renamed").status_code == 303
    assert send(signed_in(asha), url, credit_limit="1500").status_code == 422
    assert send(signed_in(asha), url, credit_limit="1000").status_code == 303
    assert (fresh(above).company_name, fresh(above).wallet.credit_limit) == ("Renamed", 1000)


# --- another level ----------------------------------------------------------------------------------------------------


@pytest.fixture
def gold(asha: User) -> Reseller:
    """Return a reseller in GOLD with a credit limit of 3,000, which SILVER does not allow."""
    return make_reseller(
        asha, "goldie", "Golden Net", level=level("GOLD"), credit_limit=Decimal(3000), now=timezone.now()
    )


def test_each_level_is_shown_with_what_it_does(asha: User, gold: Reseller) -> None:
    shown = body(signed_in(asha).get(level_page(gold)))

    assert "No level Discount 10% → 0%. Credit limit stays 3,000.00 USD." in shown
    assert "SILVER Discount 10% → 5%. Credit limit 3,000.00 USD → 2,000.00 USD. Default group: SALES." in shown
    assert "GOLD (now) Discount stays 10%. Credit limit stays 3,000.00 USD." in shown
    assert "PLATINUM Discount 10% → 15%. Credit limit stays 3,000.00 USD." in shown
    assert "Its permission group is" not in shown
    assert "It has no permission group." in shown


def test_a_lower_level_clips_the_credit_limit_and_leaves_the_group(asha: User, gold: Reseller) -> None:
    response = change(asha, gold, level("SILVER"))

    gold = fresh(gold)
    assert (response.status_code, response.url) == (303, f"/resellers/{gold.pk}/")
    assert (gold.level, gold.wallet.credit_limit, gold.permission_group) == (level("SILVER"), 2000, None)


def test_it_is_audited_with_old_and_new(asha: User, gold: Reseller) -> None:
    change(asha, gold, level("SILVER"), takes_group="on")

    entry = AuditEntry.objects.latest("id")
    assert (entry.action, entry.reseller_id) == (Action.RESELLER_LEVEL_CHANGED, gold.pk)
    assert entry.changes == {
        "level": ["GOLD", "SILVER"],
        "discount": ["10", "5"],
        "permission_group": [None, "SALES"],
        "credit_limit": ["3000", "2000"],
    }


def test_a_higher_level_leaves_the_credit_limit(asha: User, gold: Reseller) -> None:
    change(asha, gold, level("PLATINUM"))

    assert (fresh(gold).level, fresh(gold).wallet.credit_limit) == (level("PLATINUM"), 3000)


def test_a_level_can_be_taken_off(asha: User, gold: Reseller) -> None:
    client = signed_in(asha)
    send(client, level_page(gold), level="0")

    page = body(client.get(f"/resellers/{gold.pk}/"))
    assert fresh(gold).level is None
    assert "Golden Net has no level any more." in page
    assert "No level: no discount" in page


def test_the_present_level_again_changes_and_records_nothing(asha: User, gold: Reseller) -> None:
    Level.objects.filter(name="GOLD").update(highest_credit_limit=2500)
    before = counts()

    assert change(asha, gold, level("GOLD")).status_code == 303

    assert (counts(), fresh(gold).wallet.credit_limit) == (before, 3000)


def test_a_group_that_it_may_not_have_is_refused_by_name(asha: User, north: Reseller, northeast: Reseller) -> None:
    Level.objects.filter(name="GOLD").update(default_permission_group=group("PARTNER"))

    response = change(asha, northeast, level("GOLD"), takes_group="on")

    assert "PARTNER allows more than North Net may do." in body(response)
    assert fresh(northeast).level is None


def test_a_group_that_would_leave_a_sub_with_more_is_refused(asha: User, north: Reseller, northeast: Reseller) -> None:
    Level.objects.filter(name="GOLD").update(default_permission_group=group("SUPPORT"))

    response = change(asha, north, level("GOLD"), takes_group="on")

    assert "Northeast Net would be left with more than its parent." in body(response)


def test_terms_that_changed_since_they_were_shown_are_refused(asha: User, gold: Reseller) -> None:
    client = signed_in(asha)
    stale = filled(client.get(level_page(gold)), level=level("SILVER").pk)
    Level.objects.filter(name="SILVER").update(highest_credit_limit=600)

    response = client.post(level_page(gold), stale)

    assert "Somebody changed this reseller meanwhile." in body(response)
    assert fresh(gold).wallet.credit_limit == 3000


def test_nothing_chosen_is_refused(asha: User, north: Reseller) -> None:
    client = signed_in(asha)
    held = filled(client.get(level_page(north))) | {"level": ""}

    assert error_at(client.post(level_page(north), held), "level") == "Choose a level."


def test_the_overview_says_since_when(asha: User, north: Reseller, gold: Reseller) -> None:
    client = signed_in(asha)
    send(client, level_page(north), level=level("SILVER").pk)
    today = timezone.now().strftime("%-d %b %Y")

    assert f"SILVER since {today} , 5% off" in body(client.get(f"/resellers/{north.pk}/"))
    assert f"GOLD since {today} , 10% off" in body(client.get(f"/resellers/{gold.pk}/"))


def test_priority_support_stands_at_the_head_of_its_page(asha: User, north: Reseller, gold: Reseller) -> None:
    client = signed_in(asha)

    assert "Priority support" in body(client.get(f"/resellers/{gold.pk}/audit/"))
    assert "Priority support" not in body(client.get(f"/resellers/{north.pk}/audit/"))


def test_only_an_admin_changes_a_level(nadia: User, sami: User, northeast: Reseller) -> None:
    for user in (nadia, sami):
        assert signed_in(user).post(level_page(northeast), {"level": level("PLATINUM").pk}).status_code == 403
        assert level_page(northeast) not in links_of(signed_in(user).get(f"/resellers/{northeast.pk}/"))
        with pytest.raises(Forbidden):
            operations.change_level(actor=seat_of(user), reseller_id=northeast.pk, level=level("PLATINUM"), now=NOW)

    assert fresh(northeast).level is None


def test_a_deleted_reseller_keeps_its_level(asha: User, gold: Reseller) -> None:
    operations.delete_reseller(actor=seat_of(asha), reseller_id=gold.pk, now=NOW)

    assert signed_in(asha).get(level_page(gold)).status_code == 404
    with pytest.raises(operations.ResellerDeleted):
        operations.change_level(actor=seat_of(asha), reseller_id=gold.pk, level=None, now=NOW)
