from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("resellers", "0004_staff_logins")]

    operations = [
        migrations.AddField("reseller", "suspended_by", models.CharField(blank=True, max_length=254)),
        migrations.AddField("reseller", "suspended_by_admin", models.BooleanField(default=False)),
    ]
