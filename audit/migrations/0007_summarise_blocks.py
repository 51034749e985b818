import django.contrib.postgres.indexes
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0006_name_in_words"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="auditentry",
            name="audit_grade_is_known",
        ),
        migrations.RemoveIndex(
            model_name="auditentry",
            name="audit_by_actor",
        ),
        migrations.RemoveIndex(
            model_name="auditentry",
            name="audit_by_address",
        ),
        migrations.RemoveIndex(
            model_name="auditentry",
            name="audit_by_request",
        ),
        migrations.AlterField(
            model_name="auditentry",
            name="action",
            field=models.CharField(max_length=60),
        ),
        migrations.AlterField(
            model_name="auditentry",
            name="at",
            field=models.DateTimeField(),
        ),
        migrations.AddIndex(
            model_name="auditentry",
            index=models.Index(
                condition=models.Q(("action", "sign_in.succeeded")),
                fields=["actor_id", "-id"],
                name="audit_of_sign_ins",
            ),
        ),
        migrations.AddIndex(
            model_name="auditentry",
            index=django.contrib.postgres.indexes.BrinIndex(
                autosummarize=True,
                fields=["at", "address", "action", "request_id"],
                name="audit_by_block",
                opclasses=["timestamptz_minmax_ops", "inet_inclusion_ops", "text_bloom_ops", "text_bloom_ops"],
                pages_per_range=32,
            ),
        ),
    ]
