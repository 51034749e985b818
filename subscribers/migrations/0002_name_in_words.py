from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("subscribers", "0001_subscribers")]

    operations = [
        migrations.AlterModelOptions(
            "subscriber", {"verbose_name": "subscriber", "verbose_name_plural": "subscribers"}
        ),
    ]
