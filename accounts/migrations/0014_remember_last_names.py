from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0013_api_tokens")]

    operations = [
        migrations.AddField(
            model_name="user",
            name="last_name_given",
            field=models.CharField(blank=True, max_length=150, null=True),
        ),
    ]
