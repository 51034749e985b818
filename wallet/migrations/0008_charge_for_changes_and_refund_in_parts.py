import django.db.models.deletion
from django.db import migrations, models

from ispanel.sql import install


class Migration(migrations.Migration):
    dependencies = [("wallet", "0007_charge_many_at_once")]

    operations = [
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
                    ("plan_change", "Plan change"),
                    ("data_top_up", "Data top-up"),
                    ("reversal", "Reversal"),
                    ("refund", "Refund"),
                ],
                max_length=12,
            ),
        ),
        migrations.AlterField(
            model_name="transfer",
            name="undoes",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="undoing",
                to="wallet.transfer",
            ),
        ),
        migrations.AddConstraint(
            model_name="transfer",
            constraint=models.UniqueConstraint(
                condition=models.Q(kind="reversal"), fields=("undoes",), name="reversed_once"
            ),
        ),
        # Both files say CREATE OR REPLACE throughout, so that they are installed anew where they change.
        install(__file__, "guards", reverse=migrations.RunSQL.noop),
        install(__file__, "post_transfer", reverse=migrations.RunSQL.noop),
    ]
