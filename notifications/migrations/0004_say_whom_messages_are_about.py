from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("notifications", "0003_keep_what_links_open_encrypted"),
        ("resellers", "0012_notice_missing_records"),
        ("subscribers", "0009_note_who_was_told_of_an_expiry"),
    ]

    operations = [
        migrations.AddField(
            model_name="message",
            name="reseller",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=models.deletion.SET_NULL,
                related_name="+",
                to="resellers.reseller",
            ),
        ),
        migrations.AddField(
            model_name="message",
            name="subscriber",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=models.deletion.SET_NULL,
                related_name="+",
                to="subscribers.subscriber",
            ),
        ),
        migrations.AddField(
            model_name="message",
            name="told_as",
            field=models.CharField(
                blank=True,
                choices=[
                    ("subscriber", "The subscriber"),
                    ("reseller", "The reseller"),
                    ("parent", "The reseller’s parent"),
                    ("admins", "All admins"),
                    ("login", "The login concerned"),
                ],
                max_length=10,
            ),
        ),
        migrations.AddIndex(
            model_name="message",
            index=models.Index(fields=["subscriber", "id"], name="messages_by_subscriber"),
        ),
    ]
