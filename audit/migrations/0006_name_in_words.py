from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("audit", "0005_index_what_is_filtered")]

    operations = [
        migrations.AlterModelOptions(
            "auditentry", {"verbose_name": "audit entry", "verbose_name_plural": "audit entries"}
        ),
    ]
