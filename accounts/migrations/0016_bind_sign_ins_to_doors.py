from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0015_let_groups_see_invoices_and_brand")]

    operations = [
        migrations.AddField(
            model_name="session",
            name="door",
            field=models.CharField(blank=True, db_default="", max_length=253),
        ),
    ]
