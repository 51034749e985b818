from django.db import migrations

SALES = [
    "dashboard.view",
    "subscribers.view",
    "subscribers.create",
    "subscribers.edit",
    "subscribers.renew",
    "resellers.view",
    "resellers.create",
    "resellers.edit",
    "resellers.login_as",
    "transactions.view",
    "transactions.transfer",
    "transactions.withdraw",
    "plans.view",
    "audit.view",
]
SUPPORT = ["dashboard.view", "subscribers.view", "plans.view"]
PARTNER = [
    "dashboard.view",
    "subscribers.view_all",
    "resellers.view_all",
    "transactions.view_all",
    "plans.view_all",
    "audit.view_all",
]


def ship_groups(apps, schema_editor):
    create = apps.get_model("accounts", "PermissionGroup").objects.create
    create(
        name="SALES",
        sentence="Sells and renews, creates and funds sub-resellers; within its own scope.",
        codes=SALES,
        available_to_subs=True,
    )
    create(
        name="SUPPORT",
        sentence="Sees its own subscribers and helps them; spends nothing.",
        codes=SUPPORT,
        available_to_subs=True,
    )
    create(
        name="PARTNER",
        sentence="Sees everything in the whole system and changes nothing.",
        codes=PARTNER,
        available_to_subs=False,
    )


def remove_groups(apps, schema_editor):
    apps.get_model("accounts", "PermissionGroup").objects.filter(name__in=["SALES", "SUPPORT", "PARTNER"]).delete()


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_reserve_login_names")]

    operations = [migrations.RunPython(ship_groups, remove_groups)]
