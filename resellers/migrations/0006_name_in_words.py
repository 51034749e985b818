from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("resellers", "0005_say_who_suspended")]

    operations = [
        migrations.AlterModelOptions("reseller", {"verbose_name": "reseller", "verbose_name_plural": "resellers"}),
    ]
