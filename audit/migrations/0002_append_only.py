from django.db import migrations

from ispanel.sql import install


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_trail")]

    operations = [
        install(
            __file__,
            "append_only",
            reverse="""
                DROP TRIGGER audit_entries_are_append_only ON audit_entries;
                DROP TRIGGER audit_entries_are_never_truncated ON audit_entries;
                DROP FUNCTION refuse_change();
            """,
        )
    ]
