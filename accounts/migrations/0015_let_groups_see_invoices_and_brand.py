from django.db import migrations

ADDED = {
    "SALES": ["branding.edit", "invoices.edit", "invoices.export", "invoices.view"],
    "PARTNER": ["invoices.view_all"],
}


def add(apps, schema_editor):
    for group in apps.get_model("accounts", "PermissionGroup").objects.filter(name__in=ADDED):
        group.codes = sorted({*group.codes, *ADDED[group.name]})
        group.save(update_fields=["codes"])


def take_away(apps, schema_editor):
    for group in apps.get_model("accounts", "PermissionGroup").objects.filter(name__in=ADDED):
        group.codes = sorted({*group.codes} - {*ADDED[group.name]})
        group.save(update_fields=["codes"])


class Migration(migrations.Migration):
    dependencies = [("accounts", "0014_remember_last_names")]

    operations = [migrations.RunPython(add, take_away)]
