from decimal import Decimal

from django.db import migrations

#: Name, default and highest credit limit, discount in percent, priority support.
LEVELS = [
    ("BRONZE", 0, 500, 0, False),
    ("SILVER", 500, 2_000, 5, False),
    ("GOLD", 2_000, 10_000, 10, True),
    ("PLATINUM", 5_000, None, 15, True),
]


def ship(apps, schema_editor):
    group = apps.get_model("accounts", "PermissionGroup").objects.filter(name="SALES").first()
    for rank, (name, default, highest, discount, priority) in enumerate(LEVELS, 1):
        apps.get_model("plans", "Level").objects.create(
            name=name,
            rank=rank,
            default_permission_group=group,
            default_credit_limit=Decimal(default),
            highest_credit_limit=None if highest is None else Decimal(highest),
            discount=Decimal(discount),
            has_priority_support=priority,
        )
    apps.get_model("plans", "ServiceGroup").objects.create(
        name="All plans", sentence="Every plan, those to come as well.", is_default=True, holds_every_plan=True
    )


def take_back(apps, schema_editor):
    apps.get_model("plans", "Level").objects.all().delete()
    apps.get_model("plans", "ServiceGroup").objects.all().delete()


class Migration(migrations.Migration):
    dependencies = [
        ("plans", "0002_fair_use_groups_and_levels"),
        ("accounts", "0012_let_groups_sell_and_reach_the_network"),
    ]

    operations = [migrations.RunPython(ship, take_back)]
