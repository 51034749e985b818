from django.db import migrations

from ispanel.sql import install


def give(apps, schema_editor):
    """Let the resellers that are there sell what they could: every plan."""
    every = apps.get_model("plans", "ServiceGroup").objects.get(holds_every_plan=True)
    resellers = apps.get_model("resellers", "Reseller").objects
    held = resellers.model.service_groups.through
    held.objects.bulk_create(
        held(reseller_id=pk, servicegroup_id=every.pk)
        for pk in resellers.order_by("parent_id", "pk").values_list("pk", flat=True)
    )


class Migration(migrations.Migration):
    dependencies = [
        ("resellers", "0008_levels_service_groups_and_prices"),
        ("plans", "0003_ship_levels_and_all_plans"),
    ]

    operations = [
        migrations.RunPython(give, migrations.RunPython.noop),
        install(
            __file__,
            "groups_within_the_parents",
            reverse="""
                DROP TRIGGER service_groups_are_within_the_new_parents ON resellers;
                DROP FUNCTION check_service_groups_of_parent();
                DROP TRIGGER service_groups_of_subs_are_kept_within ON reseller_service_groups;
                DROP FUNCTION check_service_group_of_subs();
                DROP TRIGGER service_groups_are_within_the_parents ON reseller_service_groups;
                DROP FUNCTION check_service_group();
            """,
        ),
    ]
