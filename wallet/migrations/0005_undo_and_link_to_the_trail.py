import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0007_summarise_blocks"),
        ("wallet", "0004_move_money_as_the_owner"),
    ]

    operations = [
        migrations.CreateModel(
            name="LedgerCheck",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("started_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField()),
                ("transfers", models.BigIntegerField()),
                ("entries", models.BigIntegerField()),
                ("wallets", models.BigIntegerField()),
                ("wrong", models.BigIntegerField()),
                ("findings", models.JSONField(default=list)),
            ],
            options={
                "db_table": "ledger_checks",
            },
        ),
        migrations.RemoveConstraint(
            model_name="entry",
            name="entry_direction_is_known",
        ),
        migrations.RemoveConstraint(
            model_name="entry",
            name="entry_amount_is_positive",
        ),
        migrations.RemoveConstraint(
            model_name="ledgeraccount",
            name="account_kind_is_known",
        ),
        migrations.RemoveConstraint(
            model_name="ledgeraccount",
            name="only_wallets_hold_a_balance",
        ),
        migrations.RemoveConstraint(
            model_name="ledgeraccount",
            name="credit_limit_is_not_negative",
        ),
        migrations.RemoveConstraint(
            model_name="transfer",
            name="transfer_kind_is_known",
        ),
        migrations.RemoveConstraint(
            model_name="transfer",
            name="transfer_amount_is_positive",
        ),
        migrations.AddField(
            model_name="transfer",
            name="audit_entry",
            field=models.OneToOneField(
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="transfer",
                to="audit.auditentry",
            ),
        ),
        migrations.AddField(
            model_name="transfer",
            name="undoes",
            field=models.OneToOneField(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="undone_by", to="wallet.transfer"
            ),
        ),
        migrations.AlterField(
            model_name="entry",
            name="account",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="entries",
                to="wallet.ledgeraccount",
            ),
        ),
        migrations.AlterField(
            model_name="entry",
            name="transfer",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="entries",
                to="wallet.transfer",
            ),
        ),
        migrations.AlterField(
            model_name="transfer",
            name="kind",
            field=models.CharField(
                choices=[
                    ("opening", "Starting balance"),
                    ("transfer", "Transfer"),
                    ("withdrawal", "Withdrawal"),
                    ("activation", "Activation"),
                    ("renewal", "Renewal"),
                    ("reversal", "Reversal"),
                    ("refund", "Refund"),
                ],
                max_length=12,
            ),
        ),
    ]
