from decimal import Decimal

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0011_keep_an_admin"),
        ("resellers", "0006_name_in_words"),
        ("wallet", "0006_check_at_once"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="TopUpRequest",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("amount", models.DecimalField(decimal_places=4, max_digits=20)),
                ("note", models.CharField(blank=True, max_length=200)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("open", "Waiting"),
                            ("approved", "Approved"),
                            ("refused", "Refused"),
                            ("cancelled", "Cancelled"),
                        ],
                        default="open",
                        max_length=10,
                    ),
                ),
                ("created_at", models.DateTimeField()),
                ("asked_by", models.CharField(max_length=254)),
                ("decided_at", models.DateTimeField(null=True)),
                ("decided_by", models.CharField(blank=True, max_length=254)),
                ("reason", models.CharField(blank=True, max_length=200)),
            ],
            options={
                "verbose_name": "top-up request",
                "verbose_name_plural": "top-up requests",
                "db_table": "top_up_requests",
            },
        ),
        migrations.AddField(
            model_name="reseller",
            name="low_balance_threshold",
            field=models.DecimalField(decimal_places=4, default=Decimal("0"), max_digits=20),
        ),
        migrations.AddConstraint(
            model_name="reseller",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("low_balance_threshold__gte", 0), ("low_balance_threshold__lte", Decimal("999999999999"))
                ),
                name="low_balance_threshold_is_an_amount",
            ),
        ),
        migrations.AddField(
            model_name="topuprequest",
            name="reseller",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="top_up_requests", to="resellers.reseller"
            ),
        ),
        migrations.AddField(
            model_name="topuprequest",
            name="transfer",
            field=models.OneToOneField(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="top_up_request",
                to="wallet.transfer",
            ),
        ),
        migrations.AddIndex(
            model_name="topuprequest",
            index=models.Index(fields=["reseller", "-id"], name="top_up_requests_by_reseller"),
        ),
        migrations.AddConstraint(
            model_name="topuprequest",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["open", "approved", "refused", "cancelled"])),
                name="top_up_status_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="topuprequest",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount__gt", 0), ("amount__lte", Decimal("999999999999"))),
                name="top_up_amount_is_positive",
            ),
        ),
        migrations.AddConstraint(
            model_name="topuprequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("decided_at__isnull", True), ("status", "open")),
                    models.Q(models.Q(("status", "open"), _negated=True), ("decided_at__isnull", False)),
                    _connector="OR",
                ),
                name="top_up_is_decided_once_it_is_closed",
            ),
        ),
        migrations.AddConstraint(
            model_name="topuprequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status", "approved"), ("transfer__isnull", False)),
                    models.Q(models.Q(("status", "approved"), _negated=True), ("transfer__isnull", True)),
                    _connector="OR",
                ),
                name="approved_top_up_has_its_transfer",
            ),
        ),
        migrations.AddConstraint(
            model_name="topuprequest",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status", "open")), fields=("reseller",), name="one_open_top_up_request"
            ),
        ),
    ]
