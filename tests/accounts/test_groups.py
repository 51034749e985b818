"""Permission groups: created, edited and deleted, refused, audited, and never beyond a parent."""

from collections.abc import Collection
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from accounts import operations
from accounts.models import PermissionGroup, User
from accounts.permissions import OWN_SCOPE_CODES
from audit.actions import Action
from audit.models import AuditEntry, Grade
from ispanel.refusals import Refusal
from plans.models import Level
from resellers.models import Reseller
from resellers.operations import delete_reseller, restore_reseller
from tests.cast import NOW, group, make_reseller, make_staff, seat_of, signed_in

SELLING = ["dashboard.view", "subscribers.view", "subscribers.create", "subscribers.renew"]


def create(actor: User, name: str = "Field staff", codes: Collection[str] = SELLING, **details: Any) -> PermissionGroup:
    wanted = {"sentence": "", "available_to_subs": False} | details
    return operations.create_group(actor=seat_of(actor), name=name, codes=codes, now=NOW, **wanted)


def edit(actor: User, edited: PermissionGroup, **changes: Any) -> PermissionGroup:
    """Edit the group as it is now, but for the changes."""
    kept = {name: getattr(edited, name) for name in ("name", "sentence", "codes", "available_to_subs")}
    return operations.edit_group(actor=seat_of(actor), group_id=edited.pk, now=NOW, **kept | changes)


def last_entry() -> AuditEntry:
    entry = AuditEntry.objects.order_by("-pk").first()
    assert entry is not None
    return entry


# --- create -----------------------------------------------------------------------------------------------------------


def test_a_group_is_created_with_what_a_view_all_implies(asha: User) -> None:
    made = create(asha, codes=["subscribers.view_all", "dashboard.view"], sentence="Looks on.")

    made.refresh_from_db()
    assert made.codes == ["dashboard.view", "subscribers.view", "subscribers.view_all"]
    assert (made.sentence, made.available_to_subs) == ("Looks on.", False)


def test_creating_is_audited(asha: User) -> None:
    made = create(asha, codes=["subscribers.view", "dashboard.view"], available_to_subs=True)

    entry = last_entry()
    assert (entry.action, entry.object_id, entry.grade) == (Action.GROUP_CREATED, made.pk, Grade.SECURITY)
    assert entry.changes["permissions"] == [None, ["dashboard.view", "subscribers.view"]]
    assert entry.changes["available_to_sub_resellers"] == [None, True]


def test_a_name_is_taken_in_whatever_case(asha: User) -> None:
    with pytest.raises(operations.GroupNameTaken, match="a permission group named “sales” already") as refusal:
        create(asha, name="sales")

    assert refusal.value.field == "name"


def test_a_code_that_is_not_in_the_registry_is_refused(asha: User) -> None:
    with pytest.raises(operations.UnknownPermission, match=r"no permission subscribers\.fly"):
        create(asha, codes=["dashboard.view", "subscribers.fly"])


def test_a_view_all_is_never_available_to_sub_resellers(asha: User) -> None:
    with pytest.raises(operations.ViewAllForSubs, match=r"resellers\.view_all"):
        create(asha, codes=["resellers.view_all"], available_to_subs=True)


@pytest.mark.parametrize("codes", [["plans.view_all"], ["dashboard.view", "plans.view_all", "plans.view"]])
def test_the_database_has_the_last_word_about_view_alls(db: None, codes: list[str]) -> None:
    with pytest.raises(IntegrityError, match="no_view_all_for_subs"), transaction.atomic():
        PermissionGroup.objects.create(name="Seers", codes=codes, available_to_subs=True)

    PermissionGroup.objects.create(name="Seers", codes=codes)
    PermissionGroup.objects.create(name="Sellers", codes=SELLING, available_to_subs=True)


# --- edit -------------------------------------------------------------------------------------------------------------


def test_an_edit_counts_on_the_very_next_request_of_those_in_the_group(asha: User, noora: User) -> None:
    client = signed_in(noora)
    assert client.get("/plans/").status_code == 200

    edit(asha, group("SALES"), codes=SELLING)

    assert client.get("/plans/").status_code == 403
    assert client.get("/subscribers/").status_code == 200


def test_editing_is_audited_with_what_came_and_what_went(asha: User) -> None:
    made = create(asha)

    edit(asha, made, name="Sellers", codes=[*SELLING[:-1], "plans.view"])

    entry = last_entry()
    assert (entry.action, entry.object_name, entry.grade) == (Action.GROUP_EDITED, "Sellers", Grade.SECURITY)
    assert entry.changes == {
        "name": ["Field staff", "Sellers"],
        "permissions_added": [None, ["plans.view"]],
        "permissions_removed": [None, ["subscribers.renew"]],
    }


def test_an_edit_that_changes_nothing_is_not_audited(asha: User) -> None:
    edit(asha, group("PARTNER"), codes=group("PARTNER").rights)

    assert last_entry().action != Action.GROUP_EDITED


def test_a_group_keeps_its_own_name_and_takes_no_other_ones(asha: User) -> None:
    edit(asha, group("SALES"), name="Sales")

    with pytest.raises(operations.GroupNameTaken):
        edit(asha, group("SUPPORT"), name="SALES")


def test_a_state_that_is_no_longer_so_is_refused(asha: User) -> None:
    made = create(asha)
    seen = made.state
    edit(asha, made, sentence="Changed by a colleague.")

    with pytest.raises(operations.GroupChangedMeanwhile):
        edit(asha, made, codes=["dashboard.view"], seen=seen)

    made.refresh_from_db()
    assert made.codes == SELLING


def test_a_parent_is_not_left_with_less_than_its_sub(asha: User, north: Reseller, northeast: Reseller) -> None:
    parents = create(asha, "Parents", OWN_SCOPE_CODES)
    Reseller.objects.filter(pk=north.pk).update(permission_group=parents)

    with pytest.raises(operations.SubsBeyondParent) as refusal:
        edit(asha, parents, codes=SELLING)

    assert "Northeast Net would be left with more than its parent North Net." in str(refusal.value)
    assert refusal.value.field == "codes"
    parents.refresh_from_db()
    assert parents.rights == OWN_SCOPE_CODES


def test_a_sub_does_not_gain_more_than_its_parent(asha: User, north: Reseller, northeast: Reseller) -> None:
    narrow = create(asha, "Narrow", SELLING, available_to_subs=True)
    Reseller.objects.filter(pk__in=[north.pk, northeast.pk]).update(permission_group=narrow)
    of_sub = create(asha, "Of sub", SELLING[:2], available_to_subs=True)
    Reseller.objects.filter(pk=northeast.pk).update(permission_group=of_sub)

    with pytest.raises(operations.SubsBeyondParent, match="Northeast Net would be left with more than its parent"):
        edit(asha, of_sub, codes=[*SELLING, "plans.view"])

    assert edit(asha, of_sub, codes=SELLING).rights == frozenset(SELLING)


def test_a_deleted_sub_stands_in_no_ones_way_until_it_is_restored(
    asha: User, north: Reseller, northeast: Reseller
) -> None:
    delete_reseller(actor=seat_of(asha), reseller_id=northeast.pk, now=NOW)
    edit(asha, group("SALES"), available_to_subs=False)

    with pytest.raises(Refusal, match="SALES is not available to sub-resellers"):
        restore_reseller(actor=seat_of(asha), reseller_id=northeast.pk, now=NOW)


def test_a_parent_is_left_with_less_than_a_deleted_sub_which_then_stays_deleted(
    asha: User, north: Reseller, northeast: Reseller
) -> None:
    parents = create(asha, "Parents", OWN_SCOPE_CODES)
    Reseller.objects.filter(pk=north.pk).update(permission_group=parents)
    delete_reseller(actor=seat_of(asha), reseller_id=northeast.pk, now=NOW)

    edit(asha, parents, codes=SELLING)

    with pytest.raises(Refusal, match="SALES allows more than North Net may do"):
        restore_reseller(actor=seat_of(asha), reseller_id=northeast.pk, now=NOW)


def test_parent_and_sub_in_one_group_change_together(asha: User, north: Reseller, northeast: Reseller) -> None:
    Reseller.objects.filter(pk=north.pk).update(permission_group=group("SALES"))

    edit(asha, group("SALES"), codes=SELLING)

    assert group("SALES").rights == frozenset(SELLING)


def test_many_subs_are_named_as_far_as_they_can_be_read(asha: User, north: Reseller) -> None:
    parents = create(asha, "Parents", OWN_SCOPE_CODES)
    Reseller.objects.filter(pk=north.pk).update(permission_group=parents)
    for number in range(7):
        make_reseller(asha, f"sub{number}", f"Sub {number}", parent=north, permission_group=group("SALES"))

    with pytest.raises(operations.SubsBeyondParent, match=r"Sub 4 would be left .* So would 2 more\."):
        edit(asha, parents, codes=SELLING)


def test_a_group_is_not_taken_from_the_subs_in_it(asha: User, northeast: Reseller) -> None:
    with pytest.raises(operations.SubsInGroup, match=r"sub-resellers Northeast Net\.") as refusal:
        edit(asha, group("SALES"), available_to_subs=False)

    assert refusal.value.field == "available_to_subs"
    assert not edit(asha, group("SUPPORT"), available_to_subs=False).available_to_subs


# --- delete -----------------------------------------------------------------------------------------------------------


def test_a_group_that_nobody_is_in_is_deleted_and_audited(asha: User) -> None:
    made = create(asha)

    operations.delete_group(actor=seat_of(asha), group_id=made.pk, now=NOW)

    entry = last_entry()
    assert not PermissionGroup.objects.filter(name="Field staff").exists()
    assert (entry.action, entry.object_name) == (Action.GROUP_DELETED, "Field staff")
    assert entry.changes == {"permissions": [SELLING, None]}


def test_a_group_in_use_is_not_deleted_and_says_who_is_in_it(asha: User, north: Reseller, northeast: Reseller) -> None:
    make_staff(asha, north, "zeina", group("SALES"))

    with pytest.raises(operations.GroupInUse, match=r"Still in this group: Northeast Net, zeina\."):
        operations.delete_group(actor=seat_of(asha), group_id=group("SALES").pk, now=NOW)

    assert group("SALES")


def test_what_may_be_restored_is_in_its_group_still(asha: User, north: Reseller, northeast: Reseller) -> None:
    zeina = make_staff(asha, north, "zeina", group("SALES"))
    User.objects.filter(pk=zeina.pk).update(is_active=False)
    Reseller.objects.filter(pk=northeast.pk).update(deleted_at=NOW)

    with pytest.raises(operations.GroupInUse, match=r"group: Northeast Net \(deleted\), zeina \(removed\)\."):
        operations.delete_group(actor=seat_of(asha), group_id=group("SALES").pk, now=NOW)


def test_what_was_deleted_for_good_holds_no_group(asha: User, northeast: Reseller) -> None:
    clerk = make_staff(asha, northeast, "clerk", group("SALES"))
    Reseller.objects.filter(pk=northeast.pk).update(deleted_at=NOW, purged_at=NOW)
    Level.objects.update(default_permission_group=None)

    operations.delete_group(actor=seat_of(asha), group_id=group("SALES").pk, now=NOW)

    assert Reseller.objects.get(pk=northeast.pk).permission_group is None
    assert User.objects.get(pk=clerk.pk).permission_group is None


def test_the_default_group_of_a_level_is_not_deleted(asha: User) -> None:
    Level.objects.exclude(name="GOLD").update(default_permission_group=None)

    with pytest.raises(operations.GroupInUse, match=r"It is the default group of GOLD\. Choose another one"):
        operations.delete_group(actor=seat_of(asha), group_id=group("SALES").pk, now=NOW)


def test_a_group_that_is_gone_is_neither_edited_nor_given(asha: User, north: Reseller) -> None:
    made = create(asha)
    operations.delete_group(actor=seat_of(asha), group_id=made.pk, now=NOW)
    made.pk = 987654

    with pytest.raises(operations.GroupChangedMeanwhile):
        edit(asha, made)
    with pytest.raises(Refusal, match="Somebody deleted the group Field staff meanwhile"):
        make_reseller(asha, "late", "Late Net", permission_group=made)
    with pytest.raises(Refusal, match="Somebody deleted the group Field staff meanwhile"):
        make_staff(asha, north, "zeina", made)
