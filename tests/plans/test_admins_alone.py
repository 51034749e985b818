"""Plans, levels and NAS devices are the admins': the operations say so too, whoever calls them."""

from decimal import Decimal

import pytest

from accounts.models import User
from ispanel.refusals import Forbidden
from network import operations as network
from network.models import Nas
from plans import operations as plans
from plans.models import Level, LevelName, Plan
from tests.cast import NOW, seat_of
from tests.network.devices import add_nas

PLAN = {
    "name": "Own", "price": Decimal(0), "duration": 30, "duration_unit": "days", "download_kbps": 1, "upload_kbps": 1,
    "quota_mb": None, "is_on_sale": True, "fup_threshold_mb": None, "throttled_download_kbps": None,
    "throttled_upload_kbps": None,
}  # fmt: skip
LEVEL = {
    "default_permission_group": None, "default_credit_limit": Decimal(0), "highest_credit_limit": None,
    "discount": Decimal(100), "has_priority_support": True,
}  # fmt: skip
DEVICE = {"name": "x", "address": "192.0.2.9", "kind": "wispr", "coa_port": 3799, "probe_port": 443, "note": ""}


def test_a_reseller_makes_and_changes_no_plan(nadia: User, home: Plan) -> None:
    with pytest.raises(Forbidden):
        plans.create_plan(actor=seat_of(nadia), now=NOW, **PLAN)
    with pytest.raises(Forbidden):
        plans.edit_plan(actor=seat_of(nadia), plan_id=home.pk, now=NOW, **PLAN)

    assert list(Plan.objects.values_list("name", flat=True)) == ["Home"]


def test_a_reseller_changes_no_level(nadia: User) -> None:
    gold = Level.objects.get(name=LevelName.GOLD)

    with pytest.raises(Forbidden):
        plans.edit_level(actor=seat_of(nadia), level_id=gold.pk, now=NOW, **LEVEL)

    assert Level.objects.get(pk=gold.pk).discount == gold.discount


def test_a_reseller_adds_changes_and_removes_no_device(asha: User, nadia: User) -> None:
    tower = add_nas(asha)
    for act in (
        lambda: network.add_nas(actor=seat_of(nadia), secret="s" * 16, now=NOW, **DEVICE),
        lambda: network.edit_nas(actor=seat_of(nadia), nas_id=tower.pk, now=NOW, **DEVICE),
        lambda: network.remove_nas(actor=seat_of(nadia), nas_id=tower.pk, now=NOW),
    ):
        with pytest.raises(Forbidden):
            act()

    assert list(Nas.objects.values_list("name", flat=True)) == [tower.name]
