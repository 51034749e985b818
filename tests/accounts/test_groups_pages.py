"""Settings → Permissions in the browser: the list, the form, one group and who is in it, and the deletion."""

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from accounts.models import PermissionGroup, User
from accounts.permissions import AREAS, PERMISSIONS
from audit.actions import Action
from audit.models import AuditEntry
from resellers.models import Reseller
from tests.cast import group, make_reseller, make_staff, signed_in
from tests.pages import body, error_at, filled, links_of, rows_of, send

LIST, NEW = "/settings/permissions/", "/settings/permissions/new"


@pytest.fixture
def admin(asha: User) -> Client:
    return signed_in(asha)


def page_of(of: PermissionGroup, act: str = "") -> str:
    return f"/settings/permissions/{of.pk}/{act}"


def test_the_list_says_what_each_group_allows_and_how_many_are_in_it(
    asha: User, admin: Client, north: Reseller, northeast: Reseller
) -> None:
    make_staff(asha, north, "zeina", group("SALES"))

    sales = next(row for row in rows_of(admin.get(LIST)) if row[0].startswith("SALES"))

    assert "Proposed for new resellers" in sales[0]
    assert sales[1] == "Available"
    assert sales[2] == str(len(group("SALES").rights))
    assert "dangerous" in sales[3]
    assert "with caution" in sales[3]
    assert sales[4:6] == ["1", "1"]


def test_the_list_asks_the_database_no_more_for_more_groups(
    admin: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(20):
        PermissionGroup.objects.create(name=f"Group {number}", codes=["dashboard.view"])

    with django_assert_max_num_queries(10):
        admin.get(LIST)


def test_settings_have_tabs(admin: Client) -> None:
    assert LIST in links_of(admin.get("/settings/"))
    assert "/settings/" in links_of(admin.get(LIST))


def test_the_form_has_a_box_for_every_permission_with_its_area_and_danger(admin: Client) -> None:
    page = admin.get(NEW)

    text = body(page)
    assert all(str(permission.sentence) in text for permission in PERMISSIONS.values())
    assert all(f"<legend>{area}</legend>" in page.content.decode() for area in AREAS.values())
    assert "Transfer money to sub-resellers; ask for top-ups and answer requests for them. Dangerous" in text
    assert "See the plans, those no longer sold included. Brings this with it: See the plans." in text
    assert page.content.decode().count('name="codes"') == len(PERMISSIONS)


def test_the_registry_goes_area_by_area() -> None:
    order = [code.partition(".")[0] for code in PERMISSIONS]

    assert list(dict.fromkeys(order)) == list(AREAS)
    assert order == sorted(order, key=list(AREAS).index)


def test_a_group_is_created_from_the_form(admin: Client) -> None:
    response = send(admin, NEW, name="Field staff", codes=["subscribers.view", "plans.view"], available_to_subs="on")

    made = PermissionGroup.objects.get(name="Field staff")
    assert (response.status_code, response.headers["Location"]) == (303, page_of(made))
    assert (made.codes, made.available_to_subs) == (["subscribers.view", "plans.view"], True)


def test_a_copy_starts_with_what_the_other_group_has(admin: Client) -> None:
    form = admin.get(f"{NEW}?copy={group('SUPPORT').pk}").context["form"]

    assert form["name"].value() == "SUPPORT copy"
    assert set(form["codes"].value()) == group("SUPPORT").rights


@pytest.mark.parametrize("copied", ["x", "²", "987654", "9" * 40])
def test_a_copy_of_nothing_is_an_empty_form(admin: Client, copied: str) -> None:
    response = admin.get(NEW, {"copy": copied})

    assert (response.status_code, response.context["form"]["codes"].value()) == (200, None)


@pytest.mark.parametrize(
    ("typed", "field", "says"),
    [
        ({"name": ""}, "name", "This field is required."),
        ({"name": "Sales"}, "name", "There is a permission group named “Sales” already."),
        ({"codes": []}, "codes", "Tick at least one permission."),
        ({"codes": ["subscribers.fly"]}, "codes", "Select a valid choice. subscribers.fly is not one"),
        ({"codes": ["audit.view_all"]}, "available_to_subs", "A group that sees beyond its own scope (audit.view_all)"),
    ],
)
def test_what_cannot_be_stands_at_its_field(admin: Client, typed: dict[str, object], field: str, says: str) -> None:
    response = admin.post(NEW, {"name": "New", "codes": ["plans.view"], "available_to_subs": "on"} | typed)

    assert response.status_code == 422
    assert error_at(response, field).startswith(says)
    assert PermissionGroup.objects.count() == 3


def test_an_edit_leads_to_the_group_as_it_is_now(admin: Client) -> None:
    url = page_of(group("SUPPORT"), "edit/")

    response = send(admin, url, sentence="Answers the telephone.", codes=["subscribers.view", "subscribers.edit"])

    assert response.status_code == 303
    assert "Answers the telephone." in body(admin.get(response.headers["Location"]))
    assert group("SUPPORT").codes == ["subscribers.view", "subscribers.edit"]


def test_a_stale_form_never_undoes_what_a_colleague_changed(admin: Client) -> None:
    url = page_of(group("SUPPORT"), "edit/")
    stale = filled(admin.get(url), sentence="Stale")
    send(admin, url, codes=["dashboard.view"])

    response = admin.post(url, stale)

    assert response.status_code == 422
    assert "Somebody changed this group meanwhile." in body(response)
    assert group("SUPPORT").codes == ["dashboard.view"]


def test_an_edit_that_leaves_a_sub_with_more_names_it_on_the_form(
    admin: Client, north: Reseller, northeast: Reseller
) -> None:
    Reseller.objects.filter(pk=north.pk).update(permission_group=group("SUPPORT"))

    response = send(admin, page_of(group("SUPPORT"), "edit/"), codes=["dashboard.view"])

    assert response.status_code == 422
    assert "Northeast Net would be left with more than its parent North Net." in error_at(response, "codes")


def test_a_group_lists_who_is_in_it_with_links(asha: User, admin: Client, north: Reseller, northeast: Reseller) -> None:
    zeina = make_staff(asha, north, "zeina", group("SALES"))

    page = admin.get(page_of(group("SALES")))

    assert rows_of(page) == [["noora", "Northeast Net Sub-reseller"], ["zeina", "North Net Staff of a reseller"]]
    assert {
        f"/resellers/{northeast.pk}/",
        reverse("accounts:what_login_may", args=[zeina.pk]),
        reverse("accounts:what_login_may", args=[northeast.user_id]),
    } <= links_of(page)


def test_who_is_in_a_group_costs_no_query_each(
    asha: User, admin: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(5):
        make_reseller(asha, f"r{number}", f"R {number}", permission_group=group("SALES"))

    with django_assert_max_num_queries(10):
        admin.get(page_of(group("SALES")))


def test_a_group_is_deleted_from_its_dialog(admin: Client) -> None:
    url = page_of(group("SUPPORT"), "deletion/")
    dialog = admin.get(url, headers={"HX-Target": "dialog-slot", "HX-Request": "true"})
    assert "Nobody is in this group." in body(dialog)

    response = admin.post(url)

    assert (response.status_code, response.headers["Location"]) == (303, LIST)
    assert not PermissionGroup.objects.filter(name="SUPPORT").exists()
    assert AuditEntry.objects.filter(action=Action.GROUP_DELETED, object_name="SUPPORT").count() == 1


def test_the_dialog_of_a_group_in_use_says_so_and_has_no_button(admin: Client, northeast: Reseller) -> None:
    url = page_of(group("SALES"), "deletion/")

    asked, sent = admin.get(url), admin.post(url)

    assert "Still in this group: Northeast Net." in body(asked)
    assert "Delete group" not in body(asked)
    assert sent.status_code == 422
    assert "Still in this group: Northeast Net." in body(sent)
    assert group("SALES")


@pytest.mark.parametrize("act", ["", "edit/", "deletion/"])
def test_a_group_that_is_not_there_is_not_found(admin: Client, act: str) -> None:
    assert admin.get(f"/settings/permissions/987654/{act}").status_code == 404


def test_a_resellers_page_links_an_admin_to_its_group_and_to_what_it_may(
    admin: Client, northeast: Reseller, noora: User
) -> None:
    page = f"/resellers/{northeast.pk}/"
    wanted = {page_of(group("SALES")), reverse("accounts:what_login_may", args=[noora.pk])}

    assert wanted <= links_of(admin.get(page))
    assert not wanted & links_of(signed_in(noora).get(page))
