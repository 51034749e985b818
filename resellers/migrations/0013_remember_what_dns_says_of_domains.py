from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("resellers", "0012_notice_missing_records")]

    operations = [
        migrations.AddField("customdomain", "leads_here", models.BooleanField(null=True)),
        migrations.AddField("customdomain", "silent_since", models.DateTimeField(null=True)),
        migrations.RemoveConstraint("customdomain", "only_a_proof_goes_missing"),
        migrations.AddConstraint(
            "customdomain",
            models.CheckConstraint(
                condition=models.Q(missing_since__isnull=True, silent_since__isnull=True)
                | models.Q(verified_at__isnull=False),
                name="only_a_proof_goes_missing",
            ),
        ),
    ]
