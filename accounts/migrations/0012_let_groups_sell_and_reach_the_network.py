from django.db import migrations

ADDED = {
    "SALES": [
        "nas.view",
        "subscribers.change_owner",
        "subscribers.change_plan",
        "subscribers.delete",
        "subscribers.disconnect",
        "subscribers.export",
        "subscribers.import",
        "subscribers.reset_fup",
        "subscribers.set_price",
        "subscribers.top_up",
    ],
    "SUPPORT": ["subscribers.disconnect", "subscribers.reset_fup"],
    "PARTNER": ["nas.view_all"],
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
    dependencies = [("accounts", "0011_keep_an_admin")]

    operations = [migrations.RunPython(add, take_away)]
