"""A sub-reseller never has more than its parent, and nobody acts beyond their own."""

from decimal import Decimal

import pytest

from accounts.models import User
from ispanel.refusals import Forbidden
from plans.models import Plan
from resellers import operations
from resellers.models import Reseller
from resellers.operations import GroupOutOfReach
from subscribers import operations as subscribers
from tests.cast import NOW, group, make_reseller, seat_of


def test_an_admin_cannot_give_a_sub_reseller_more_than_its_parent(asha: User) -> None:
    helper = make_reseller(asha, "helper", "Helper Net", permission_group=group("SUPPORT"))

    with pytest.raises(GroupOutOfReach, match="SALES allows more than Helper Net may do"):
        make_reseller(asha, "seller", "Seller Net", parent=helper, permission_group=group("SALES"))


def test_a_sub_reseller_never_gets_a_group_that_sees_everything(asha: User, north: Reseller) -> None:
    with pytest.raises(GroupOutOfReach, match="PARTNER allows more than North Net may do"):
        make_reseller(asha, "seer", "Seer Net", parent=north, permission_group=group("PARTNER"))


def test_not_even_under_a_parent_that_sees_everything_itself(asha: User, partner: Reseller) -> None:
    with pytest.raises(GroupOutOfReach, match="PARTNER is not available to sub-resellers"):
        make_reseller(asha, "seer", "Seer Net", parent=partner, permission_group=group("PARTNER"))


def test_a_reseller_without_a_group_cannot_go_under_one_that_may_less(asha: User, south: Reseller) -> None:
    helper = make_reseller(asha, "helper", "Helper Net", permission_group=group("SUPPORT"))

    with pytest.raises(GroupOutOfReach, match="No group allows more than Helper Net may do"):
        operations.edit_reseller(actor=seat_of(asha), reseller_id=south.pk, parent=helper, now=NOW)

    assert not Reseller.objects.get(pk=south.pk).is_sub


def test_a_parent_cannot_be_cut_below_its_sub_reseller(asha: User, north: Reseller, northeast: Reseller) -> None:
    with pytest.raises(GroupOutOfReach, match="Northeast Net would be left with more than its parent"):
        operations.edit_reseller(actor=seat_of(asha), reseller_id=north.pk, permission_group=group("SUPPORT"), now=NOW)

    assert Reseller.objects.get(pk=north.pk).permission_group is None


def test_the_operations_themselves_refuse_a_strangers_reseller(nadia: User, south: Reseller) -> None:
    stranger = {"actor": seat_of(nadia), "reseller_id": south.pk, "now": NOW}

    with pytest.raises(Forbidden):
        operations.transfer_to_reseller(amount=Decimal(1), note="", **stranger)
    with pytest.raises(Forbidden):
        operations.withdraw_from_reseller(amount=Decimal(1), note="", **stranger)
    with pytest.raises(Forbidden):
        operations.edit_reseller(phone="1", **stranger)


def test_the_operations_themselves_refuse_a_strangers_subscriber(
    asha: User, nadia: User, south: Reseller, home: Plan
) -> None:
    line = subscribers.add_subscriber(
        actor=seat_of(asha), reseller=south, plan=home, username="line", password="secret", activate=False, now=NOW
    )

    with pytest.raises(Forbidden):
        subscribers.renew_subscriber(actor=seat_of(nadia), subscriber_id=line.pk, now=NOW)
    with pytest.raises(Forbidden):
        subscribers.edit_subscriber(actor=seat_of(nadia), subscriber_id=line.pk, phone="1", now=NOW)
