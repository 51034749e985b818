"""What a login may do: read afresh from its type, its group and its reseller's."""

from accounts.models import PermissionGroup, User
from accounts.permissions import ALL_CODES, OWN_SCOPE_CODES, with_implied
from resellers.models import Reseller
from tests.cast import group, make_staff, seat_of

WRITES = frozenset(code for code in ALL_CODES if not code.endswith((".view", ".view_all")))


def rights_of(user: User) -> frozenset[str]:
    return seat_of(user).rights


def test_an_admin_may_do_everything(asha: User) -> None:
    assert rights_of(asha) == ALL_CODES


def test_a_reseller_without_a_group_may_do_everything_in_its_own_scope(nadia: User) -> None:
    assert rights_of(nadia) == OWN_SCOPE_CODES
    assert not any(code.endswith(".view_all") for code in rights_of(nadia))


def test_a_reseller_may_do_what_its_group_says(noora: User) -> None:
    assert rights_of(noora) == group("SALES").rights


def test_a_group_that_changes_counts_at_once(noora: User) -> None:
    PermissionGroup.objects.filter(name="SALES").update(codes=["dashboard.view"])

    assert rights_of(noora) == {"dashboard.view"}


def test_support_staff_without_a_group_may_do_nothing(petra: User) -> None:
    assert rights_of(petra) == frozenset()


def test_staff_have_what_both_their_group_and_their_reseller_have(asha: User, northeast: Reseller) -> None:
    own = PermissionGroup.objects.create(name="Own", codes=["subscribers.view", "subscribers.view_all"])

    staff = make_staff(asha, northeast, "zeina", own)

    assert rights_of(staff) == {"subscribers.view"}


def test_staff_of_a_reseller_without_a_group_stay_in_its_scope(asha: User, north: Reseller) -> None:
    staff = make_staff(asha, north, "zeina", group("PARTNER"))

    assert rights_of(staff) == {"dashboard.view"} | {
        f"{area}.view" for area in ("subscribers", "resellers", "transactions", "plans", "nas", "invoices", "audit")
    }


def test_staff_without_a_group_may_do_nothing(asha: User, north: Reseller) -> None:
    staff = make_staff(asha, north, "zeina", group("SALES"))
    User.objects.filter(pk=staff.pk).update(permission_group=None)

    assert rights_of(staff) == frozenset()


def test_view_all_implies_view() -> None:
    assert with_implied(["plans.view_all"]) == {"plans.view_all", "plans.view"}


def test_a_code_that_is_not_in_the_registry_gives_nothing() -> None:
    assert with_implied(["money.print", "subscribers.fly"]) == frozenset()


def test_sales_is_everything_but_the_view_alls(db: None) -> None:
    assert group("SALES").rights == OWN_SCOPE_CODES


def test_a_partner_sees_everything_and_changes_nothing(noor: User) -> None:
    assert not rights_of(noor) & WRITES
    assert {code for code in ALL_CODES if code.endswith(".view_all")} <= rights_of(noor)


def test_support_spends_nothing(db: None) -> None:
    assert group("SUPPORT").rights & WRITES == {"subscribers.disconnect", "subscribers.reset_fup"}


def test_a_reseller_gives_away_only_what_it_has(nadia: User, noora: User) -> None:
    PermissionGroup.objects.filter(name="SALES").update(codes=["dashboard.view"])

    assert names_within(rights_of(nadia)) == {"SALES", "SUPPORT"}
    assert names_within(rights_of(noora)) == {"SALES"}


def test_a_reseller_never_gives_away_a_view_all(db: None) -> None:
    assert names_within(ALL_CODES) == {"SALES", "SUPPORT"}


def names_within(rights: frozenset[str]) -> set[str]:
    return {each.name for each in PermissionGroup.objects.within(rights)}
