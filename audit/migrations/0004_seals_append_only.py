from django.db import migrations

from ispanel.sql import install


class Migration(migrations.Migration):
    dependencies = [("audit", "0003_seals")]

    operations = [
        install(
            __file__,
            "seals_append_only",
            reverse="""
                DROP TRIGGER audit_seals_are_append_only ON audit_seals;
                DROP TRIGGER audit_seals_are_never_truncated ON audit_seals;
            """,
        )
    ]
