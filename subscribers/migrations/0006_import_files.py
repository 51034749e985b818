import uuid
from decimal import Decimal

import django.db.models.deletion
from django.db import migrations, models

STATES = [
    ("uploaded", "Uploaded"),
    ("checking", "Being checked"),
    ("checked", "Checked"),
    ("importing", "Being imported"),
    ("imported", "Imported"),
]


class Migration(migrations.Migration):
    dependencies = [
        ("plans", "0003_ship_levels_and_all_plans"),
        ("resellers", "0009_give_all_plans_to_those_there"),
        ("subscribers", "0005_fill_what_periods_count_for"),
    ]

    operations = [
        migrations.CreateModel(
            name="SubscriberImport",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("reference", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("state", models.CharField(choices=STATES, default="uploaded", max_length=9)),
                ("login_id", models.BigIntegerField()),
                ("panel_id", models.BigIntegerField()),
                ("uploaded_by", models.CharField(max_length=254)),
                ("uploaded_at", models.DateTimeField()),
                ("file_name", models.CharField(max_length=200)),
                ("file_ciphertext", models.BinaryField(null=True)),
                ("erased_at", models.DateTimeField(null=True)),
                ("columns", models.JSONField(default=list)),
                ("row_count", models.PositiveIntegerField()),
                ("matching", models.JSONField(default=list)),
                ("activates", models.BooleanField(default=True)),
                ("number", models.PositiveIntegerField(default=0)),
                ("asked_by", models.JSONField(default=dict)),
                ("asked_at", models.DateTimeField(null=True)),
                ("tries", models.PositiveIntegerField(default=0)),
                ("progress", models.PositiveIntegerField(default=0)),
                ("problems_ciphertext", models.BinaryField(null=True)),
                ("problem_count", models.PositiveIntegerField(default=0)),
                ("problem_rows", models.PositiveIntegerField(default=0)),
                ("total", models.DecimalField(decimal_places=4, default=Decimal(0), max_digits=20)),
                ("overdue_count", models.PositiveIntegerField(default=0)),
                ("generated_count", models.PositiveIntegerField(default=0)),
                ("refusal", models.CharField(blank=True, max_length=500)),
                ("imported_at", models.DateTimeField(null=True)),
                ("first_username", models.CharField(blank=True, max_length=150)),
                ("last_username", models.CharField(blank=True, max_length=150)),
                ("passwords_ciphertext", models.BinaryField(null=True)),
                (
                    "plan",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="plans.plan"
                    ),
                ),
                (
                    "reseller",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="subscriber_imports",
                        to="resellers.reseller",
                    ),
                ),
            ],
            options={
                "verbose_name": "import of subscribers",
                "verbose_name_plural": "imports of subscribers",
                "db_table": "subscriber_imports",
                "indexes": [
                    models.Index(fields=["reseller", "-id"], name="imports_by_reseller"),
                    models.Index(
                        condition=models.Q(erased_at__isnull=True) | models.Q(passwords_ciphertext__isnull=False),
                        fields=["uploaded_at"],
                        name="imports_with_secrets",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(state__in=[name for name, _label in STATES]), name="import_state_is_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(file_ciphertext__isnull=False, erased_at__isnull=True)
                        | models.Q(
                            file_ciphertext__isnull=True, problems_ciphertext__isnull=True, erased_at__isnull=False
                        ),
                        name="import_file_is_kept_or_erased",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(state="imported", imported_at__isnull=False, erased_at__isnull=False)
                        | ~models.Q(state="imported")
                        & models.Q(imported_at__isnull=True, passwords_ciphertext__isnull=True),
                        name="imported_file_is_erased",
                    ),
                ],
            },
        ),
    ]
