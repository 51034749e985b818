"""What a login may do, and why: the reasons are those that decide."""

from collections.abc import Callable

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import PermissionGroup, User, UserType
from accounts.permissions import ALL_CODES, OWN_SCOPE_CODES, PERMISSIONS
from accounts.seats import DeskSeat
from resellers.models import Reseller
from tests.cast import NOW, group, make_reseller, make_staff, make_support, seat_of, signed_in
from tests.pages import body, links_of, rows_of

LOGINS = "/settings/permissions/logins/"


@pytest.fixture
def admin(asha: User) -> Client:
    return signed_in(asha)


def why(login: User) -> dict[str, tuple[bool, str]]:
    """Return of every code whether the login has it, and the reason."""
    decisions = seat_of(login).user.decisions
    return {decision.permission.code: (decision.allowed, decision.reason) for decision in decisions}


@pytest.fixture
def everybody(
    asha: User, petra: User, north: Reseller, northeast: Reseller, partner: Reseller, south: Reseller
) -> dict[str, User]:
    """Return a login of every kind."""
    odd = PermissionGroup.objects.create(name="Odd", codes=["plans.view_all", "resellers.create", "money.print"])
    bare = make_reseller(asha, "bare", "Bare Net", parent=north)
    walid = make_staff(asha, south, "walid", group("SALES"))
    User.objects.filter(pk=walid.pk).update(permission_group=None)
    pavel = make_support(asha, "pavel")
    User.objects.filter(pk=pavel.pk).update(permission_group=group("SALES"))
    return {
        "admin": asha,
        "support": petra,
        "support in a group": pavel,
        "own": north.user,
        "sub": northeast.user,
        "sub without a group": bare.user,
        "partner": partner.user,
        "odd": make_reseller(asha, "odd", "Odd Net", permission_group=odd).user,
        "staff": make_staff(asha, north, "zeina", group("SUPPORT")),
        "staff of a sub": make_staff(asha, northeast, "yusuf", odd),
        "staff of a partner": make_staff(asha, partner, "xenia", group("SALES")),
        "staff without a group": walid,
    }


def rights_of(login: User) -> frozenset[str]:
    """Return what the login may do where it works: in its panel, or at the support desk."""
    seat = seat_of(login)
    return DeskSeat.own(seat.user).rights if login.user_type == UserType.SUPPORT else seat.rights


def test_the_reasons_and_the_rights_agree_for_every_login_and_every_code(everybody: dict[str, User]) -> None:
    for kind, login in everybody.items():
        decisions = why(login)

        assert decisions.keys() == ALL_CODES
        assert {code for code, (allowed, _reason) in decisions.items() if allowed} == rights_of(login), kind
        assert all(reason for _allowed, reason in decisions.values()), kind


@pytest.mark.parametrize(
    ("kind", "code", "allowed", "reason"),
    [
        ("admin", "resellers.delete", True, "Admins may do everything."),
        ("support", "subscribers.view", False, "Support staff without a permission group may do nothing."),
        ("support in a group", "subscribers.edit", True, "SALES allows it."),
        ("support in a group", "subscribers.view_all", False, "The group SALES does not allow it."),
        ("support in a group", "transactions.transfer", False, "Not a matter of the support desk."),
        ("own", "resellers.create", True, "No group, so everything in its own scope."),
        ("own", "resellers.view_all", False, "Beyond its own scope."),
        ("sub", "subscribers.create", True, "SALES allows it."),
        ("sub", "subscribers.view_all", False, "The group SALES does not allow it."),
        ("partner", "subscribers.view", True, "PARTNER allows it."),
        ("staff", "subscribers.view", True, "SUPPORT allows it."),
        ("staff", "transactions.transfer", False, "The group SUPPORT does not allow it."),
        ("staff of a sub", "plans.view_all", False, "Northeast Net, whose staff this is, may not."),
        ("staff of a partner", "subscribers.create", False, "Partner Net, whose staff this is, may not."),
        ("staff without a group", "dashboard.view", False, "Staff without a permission group may do nothing."),
    ],
)
def test_the_reason_says_what_decided(
    everybody: dict[str, User], kind: str, code: str, allowed: bool, reason: str
) -> None:
    assert why(everybody[kind])[code] == (allowed, reason)


def test_a_sub_has_no_more_than_its_parent_even_where_the_rows_say_so(
    north: Reseller, northeast: Reseller, noora: User
) -> None:
    Reseller.objects.filter(pk=north.pk).update(permission_group=group("SUPPORT"))

    assert seat_of(noora).rights == group("SALES").rights & group("SUPPORT").rights
    assert why(noora)["transactions.transfer"] == (False, "Its parent North Net may not.")


def test_the_rights_of_a_sub_cost_no_query_besides_the_login(
    north: Reseller, noora: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    Reseller.objects.filter(pk=north.pk).update(permission_group=group("SUPPORT"))

    with django_assert_num_queries(1):
        assert seat_of(noora).rights <= OWN_SCOPE_CODES


# --- the pages --------------------------------------------------------------------------------------------------------


def test_every_login_is_listed_and_found_by_name_and_company(admin: Client, everybody: dict[str, User]) -> None:
    found: Callable[[str], list[str]] = lambda text: [row[0] for row in rows_of(admin.get(LOGINS, {"q": text}))]  # noqa: E731

    assert len(rows_of(admin.get(LOGINS))) == User.objects.count()
    assert found("ZEINA") == ["zeina"]
    assert found("northeast") == ["noora", "yusuf"]
    assert found("nobody at all") == []


def test_a_name_and_an_email_are_found_too(admin: Client, petra: User) -> None:
    User.objects.filter(pk=petra.pk).update(full_name="Petra Novak", email="help@isp.example")

    assert [row[0] for row in rows_of(admin.get(LOGINS, {"q": "novak"}))] == ["petra"]
    assert [row[0] for row in rows_of(admin.get(LOGINS, {"q": "help@"}))] == ["petra"]


def test_the_list_costs_no_query_for_each(
    admin: Client, everybody: dict[str, User], django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_max_num_queries(10):
        admin.get(LOGINS)


def page_for(admin: Client, login: User) -> str:
    return body(admin.get(f"{LOGINS}{login.pk}/"))


def test_the_page_answers_for_every_permission_by_area(admin: Client, noora: User, northeast: Reseller) -> None:
    response = admin.get(f"{LOGINS}{noora.pk}/")

    text = body(response)
    assert text.count(" Yes ") + text.count(" No ") >= len(PERMISSIONS)
    assert "answer requests for them. Dangerous transactions.transfer Yes SALES allows it." in text
    assert "See every reseller. Dangerous resellers.view_all No The group SALES does not allow it." in text
    assert {f"/resellers/{northeast.pk}/", f"/settings/permissions/{group('SALES').pk}/"} <= links_of(response)


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("admin", "Sees and changes everything, of every reseller."),
        ("support", "Sees nothing in this panel; at the support desk what its group lets it see, of every reseller."),
        ("own", "Sees what belongs to North Net and to its 2 sub-resellers."),
        ("sub", "Sees what belongs to Northeast Net. A sub-reseller has no sub-resellers"),
        ("staff", "Sees what belongs to North Net and to its 2 sub-resellers."),
        ("partner", "Reads system-wide, without changing it: Subscribers, Resellers, Transactions,"),
        ("odd", "Reads system-wide, without changing it: Plans."),
    ],
)
def test_the_scope_is_said_in_words(admin: Client, everybody: dict[str, User], kind: str, says: str) -> None:
    assert says in page_for(admin, everybody[kind])


def test_what_keeps_a_login_out_is_said(admin: Client, north: Reseller, northeast: Reseller, noora: User) -> None:
    assert "At present" not in page_for(admin, noora)

    Reseller.objects.filter(pk=north.pk).update(suspended_at=NOW)
    Reseller.objects.filter(pk=northeast.pk).update(deleted_at=NOW)
    User.objects.filter(pk=noora.pk).update(is_active=False, must_change_password=True)

    text = page_for(admin, noora)
    for sentence in (
        "This login is removed and cannot sign in.",
        "North Net is suspended: nobody signs in for it meanwhile.",
        "Northeast Net is deleted: nobody signs in for it.",
        "It reaches nothing before it has chosen a new password.",
    ):
        assert sentence in text


def test_the_users_page_leads_there(admin: Client, petra: User) -> None:
    assert f"{LOGINS}{petra.pk}/" in links_of(admin.get("/users/"))


def test_a_login_that_is_not_there_is_not_found(admin: Client) -> None:
    assert admin.get(f"{LOGINS}987654/").status_code == 404
