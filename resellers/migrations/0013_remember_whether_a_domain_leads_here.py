from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("resellers", "0012_notice_missing_records")]

    operations = [
        migrations.AddField("customdomain", "leads_here", models.BooleanField(null=True)),
    ]
