from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("resellers", "0011_remember_who_was_told_of_a_low_balance")]

    operations = [
        migrations.AddField("customdomain", "missing_since", models.DateTimeField(null=True)),
        migrations.AddConstraint(
            "customdomain",
            models.CheckConstraint(
                condition=models.Q(("missing_since__isnull", True), ("verified_at__isnull", False), _connector="OR"),
                name="only_a_proof_goes_missing",
            ),
        ),
    ]
