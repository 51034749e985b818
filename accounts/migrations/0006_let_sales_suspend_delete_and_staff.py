from django.db import migrations

ADDED = ["resellers.suspend", "resellers.delete", "staff.view", "staff.create", "staff.edit", "staff.delete"]


def add(apps, schema_editor):
    for group in apps.get_model("accounts", "PermissionGroup").objects.filter(name="SALES"):
        group.codes = sorted({*group.codes, *ADDED})
        group.save(update_fields=["codes"])


def take_away(apps, schema_editor):
    for group in apps.get_model("accounts", "PermissionGroup").objects.filter(name="SALES"):
        group.codes = sorted({*group.codes} - {*ADDED})
        group.save(update_fields=["codes"])


class Migration(migrations.Migration):
    dependencies = [("accounts", "0005_sign_ins_and_second_steps")]

    operations = [migrations.RunPython(add, take_away)]
