"""Groups edited and given at the same moment: nobody has more than their parent, or a group that is gone."""

from functools import partial
from typing import Any

import pytest

from accounts import operations as accounts
from accounts.models import PermissionGroup, User, rights_of_group
from accounts.permissions import OWN_SCOPE_CODES
from ispanel.refusals import Refusal
from resellers import operations as resellers
from resellers.models import Reseller
from tests.cast import NOW, make_reseller, seat_of
from tests.threads import at_once

FEW = ["dashboard.view", "subscribers.view"]
MORE = [*FEW, "plans.view"]


@pytest.fixture
def west(committing: None, asha: User) -> Reseller:
    """Return a top-level reseller in a group of its own."""
    parents = PermissionGroup.objects.create(name="Parents", codes=MORE)
    return make_reseller(asha, "wael", "West Net", permission_group=parents)


def edit(asha: User, name: str, codes: Any) -> PermissionGroup:
    edited = PermissionGroup.objects.get(name=name)
    kept = {"name": name, "sentence": "", "available_to_subs": edited.available_to_subs}
    return accounts.edit_group(actor=seat_of(asha), group_id=edited.pk, codes=codes, now=NOW, **kept)


def one_was_refused(outcomes: list[Any]) -> bool:
    problems = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    return len(problems) == 1 and isinstance(problems[0], Refusal)


def no_sub_has_more_than_its_parent() -> bool:
    subs = Reseller.objects.sub_resellers().select_related("permission_group", "parent__permission_group")
    return all(
        rights_of_group(sub.permission_group) <= rights_of_group(sub.parent.permission_group)
        for sub in subs
        if sub.parent
    )


@pytest.mark.parametrize("name", ["Parents", "Subs"])
def test_an_edit_and_a_creation_do_not_slip_past_each_other(asha: User, west: Reseller, name: str) -> None:
    subs = PermissionGroup.objects.create(name="Subs", codes=MORE, available_to_subs=True)
    codes = {"Parents": FEW, "Subs": OWN_SCOPE_CODES}[name]

    outcomes = at_once(
        partial(edit, asha, name, codes),
        partial(make_reseller, asha, "sub", "Sub Net", parent=west, permission_group=subs),
    )

    assert one_was_refused(outcomes), outcomes
    assert no_sub_has_more_than_its_parent()


def test_two_edits_do_not_cross(asha: User, west: Reseller) -> None:
    subs = PermissionGroup.objects.create(name="Subs", codes=FEW, available_to_subs=True)
    make_reseller(asha, "sub", "Sub Net", parent=west, permission_group=subs)

    outcomes = at_once(partial(edit, asha, "Parents", FEW), partial(edit, asha, "Subs", MORE))

    assert one_was_refused(outcomes), outcomes
    assert no_sub_has_more_than_its_parent()


def test_a_parents_new_group_and_an_edit_of_its_subs_do_not_cross(asha: User, west: Reseller) -> None:
    subs = PermissionGroup.objects.create(name="Subs", codes=FEW, available_to_subs=True)
    make_reseller(asha, "sub", "Sub Net", parent=west, permission_group=subs)
    fewer = PermissionGroup.objects.create(name="Fewer", codes=FEW)

    outcomes = at_once(
        partial(resellers.edit_reseller, actor=seat_of(asha), reseller_id=west.pk, permission_group=fewer, now=NOW),
        partial(edit, asha, "Subs", MORE),
    )

    assert one_was_refused(outcomes), outcomes
    assert no_sub_has_more_than_its_parent()


def test_a_deletion_and_a_creation_leave_nobody_in_a_group_that_is_gone(asha: User, west: Reseller) -> None:
    subs = PermissionGroup.objects.create(name="Subs", codes=FEW, available_to_subs=True)

    outcomes = at_once(
        partial(accounts.delete_group, actor=seat_of(asha), group_id=subs.pk, now=NOW),
        partial(make_reseller, asha, "sub", "Sub Net", parent=west, permission_group=subs),
    )

    assert one_was_refused(outcomes), outcomes
    assert Reseller.objects.sub_resellers().exists() == PermissionGroup.objects.filter(pk=subs.pk).exists()


def test_those_who_give_a_group_do_not_wait_for_each_other(asha: User, west: Reseller) -> None:
    subs = PermissionGroup.objects.create(name="Subs", codes=FEW, available_to_subs=True)

    outcomes = at_once(
        *(
            partial(make_reseller, asha, f"sub{number}", f"Sub {number}", parent=west, permission_group=subs)
            for number in range(3)
        )
    )

    assert all(isinstance(outcome, Reseller) for outcome in outcomes), outcomes
