import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("resellers", "0009_give_all_plans_to_those_there"),
        ("subscribers", "0006_import_files"),
    ]

    operations = [
        migrations.CreateModel(
            name="BulkAct",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("renewal", "Renewal"),
                            ("suspension", "Suspension"),
                            ("resumption", "Resumption"),
                            ("plan_change", "Plan change"),
                            ("move", "Move"),
                        ],
                        max_length=12,
                    ),
                ),
                ("actor_name", models.CharField(max_length=254)),
                ("created_at", models.DateTimeField()),
                ("outcomes", models.JSONField()),
                (
                    "reseller",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="bulk_acts",
                        to="resellers.reseller",
                    ),
                ),
            ],
            options={
                "db_table": "bulk_acts",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("kind__in", ["renewal", "suspension", "resumption", "plan_change", "move"])
                        ),
                        name="bulk_kind_is_known",
                    )
                ],
            },
        ),
    ]
