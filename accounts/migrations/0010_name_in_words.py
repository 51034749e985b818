from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("accounts", "0009_erase_initial_passwords_by_trigger")]

    operations = [
        migrations.AlterModelOptions("session", {"verbose_name": "sign-in", "verbose_name_plural": "sign-ins"}),
    ]
