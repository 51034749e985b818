from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("notifications", "0002_ship_channels_templates_and_rules")]

    operations = [
        migrations.RemoveConstraint(model_name="message", name="secrets_of_messages_are_encrypted"),
        migrations.RemoveConstraint(model_name="message", name="secrets_of_messages_are_erased"),
        migrations.AddField(model_name="message", name="is_masked", field=models.BooleanField(default=False)),
        migrations.AddConstraint(
            model_name="message",
            constraint=models.CheckConstraint(
                condition=Q(is_secret=False, is_masked=False, secret_body__isnull=True)
                | Q(is_secret=True, is_masked=False, body="", facts={})
                | Q(is_secret=False, is_masked=True),
                name="secrets_of_messages_are_encrypted",
            ),
        ),
        migrations.AddConstraint(
            model_name="message",
            constraint=models.CheckConstraint(
                condition=Q(secret_body__isnull=True) | Q(status="waiting") | Q(is_masked=True),
                name="secrets_of_messages_are_erased",
            ),
        ),
        migrations.AddConstraint(
            model_name="message",
            constraint=models.CheckConstraint(
                condition=Q(is_masked=False)
                | Q(status="sent", secret_body__isnull=True)
                | (~Q(status="sent") & Q(secret_body__isnull=False)),
                name="masked_messages_are_whole_until_sent",
            ),
        ),
    ]
