import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import Q

UNSENT = Q(sent_at__isnull=True, digest__isnull=True, expires_at__isnull=True)
SENT = Q(sent_at__isnull=False, digest__isnull=False, expires_at__isnull=False, user__isnull=False)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0016_bind_sign_ins_to_doors"),
        ("resellers", "0010_branding_and_domains"),
    ]

    operations = [
        migrations.CreateModel(
            name="PasswordReset",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("way", models.CharField(choices=[("email", "Email"), ("sms", "SMS")], max_length=5)),
                ("door", models.CharField(blank=True, max_length=253)),
                ("address", models.CharField(max_length=300)),
                ("asked_at", models.DateTimeField()),
                ("asked_from", models.GenericIPAddressField(null=True)),
                ("user_agent", models.CharField(blank=True, max_length=300)),
                ("request_id", models.CharField(blank=True, max_length=32)),
                ("digest", models.BinaryField(null=True, unique=True)),
                ("login_was", models.CharField(blank=True, max_length=64)),
                ("sent_at", models.DateTimeField(null=True)),
                ("expires_at", models.DateTimeField(null=True)),
                ("used_at", models.DateTimeField(null=True)),
                (
                    "reseller",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="resellers.reseller",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="password_resets",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "password_resets",
                "constraints": [
                    models.CheckConstraint(condition=UNSENT | SENT, name="sent_reset_is_whole"),
                    models.CheckConstraint(
                        condition=Q(used_at__isnull=True) | Q(sent_at__isnull=False), name="used_reset_was_sent"
                    ),
                ],
            },
        ),
    ]
