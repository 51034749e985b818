from django.db import migrations


def open_accounts(apps, schema_editor):
    create = apps.get_model("wallet", "LedgerAccount").objects.create
    create(kind="platform", name="Platform")
    create(kind="income", name="Income")


def remove_accounts(apps, schema_editor):
    apps.get_model("wallet", "LedgerAccount").objects.exclude(kind="wallet").delete()


class Migration(migrations.Migration):
    dependencies = [("wallet", "0002_install_post_transfer")]

    operations = [migrations.RunPython(open_accounts, remove_accounts)]
