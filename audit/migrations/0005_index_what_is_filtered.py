from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0004_seals_append_only"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="auditentry",
            index=models.Index(fields=["address", "-id"], name="audit_by_address"),
        ),
        migrations.AddIndex(
            model_name="auditentry",
            index=models.Index(fields=["request_id"], name="audit_by_request"),
        ),
        migrations.AddIndex(
            model_name="auditentry",
            index=models.Index(condition=models.Q(("grade", "security")), fields=["-id"], name="audit_of_security"),
        ),
    ]
