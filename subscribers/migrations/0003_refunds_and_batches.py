import django.contrib.postgres.constraints
import django.contrib.postgres.fields.ranges
import django.db.models.deletion
from django.db import migrations, models

import subscribers.models


class Migration(migrations.Migration):
    dependencies = [
        ("plans", "0001_plans"),
        ("resellers", "0007_low_balance_and_top_up_requests"),
        ("subscribers", "0002_name_in_words"),
        ("wallet", "0006_check_at_once"),
    ]

    operations = [
        migrations.CreateModel(
            name="RenewalBatch",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("created_at", models.DateTimeField()),
                ("outcomes", models.JSONField()),
            ],
            options={
                "db_table": "renewal_batches",
            },
        ),
        migrations.RemoveConstraint(
            model_name="renewal",
            name="periods_of_a_subscriber_do_not_overlap",
        ),
        migrations.AddField(
            model_name="renewal",
            name="refund",
            field=models.OneToOneField(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="refunded_renewal",
                to="wallet.transfer",
            ),
        ),
        migrations.AddField(
            model_name="renewal",
            name="refunded_at",
            field=models.DateTimeField(db_index=True, null=True),
        ),
        migrations.AddConstraint(
            model_name="renewal",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("refund__isnull", True), ("refunded_at__isnull", True)),
                    models.Q(("refund__isnull", False), ("refunded_at__isnull", False), ("transfer__isnull", False)),
                    _connector="OR",
                ),
                name="refunded_period_has_its_refund",
            ),
        ),
        migrations.AddConstraint(
            model_name="renewal",
            constraint=django.contrib.postgres.constraints.ExclusionConstraint(
                condition=models.Q(("refunded_at__isnull", True)),
                expressions=[
                    ("subscriber", "="),
                    (
                        subscribers.models.PeriodRange(
                            "starts_at", "ends_at", django.contrib.postgres.fields.ranges.RangeBoundary()
                        ),
                        "&&",
                    ),
                ],
                name="periods_of_a_subscriber_do_not_overlap",
            ),
        ),
        migrations.AddField(
            model_name="renewalbatch",
            name="reseller",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="renewal_batches", to="resellers.reseller"
            ),
        ),
    ]
