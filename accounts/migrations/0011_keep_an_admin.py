from django.db import migrations

from ispanel.sql import install


class Migration(migrations.Migration):
    dependencies = [("accounts", "0010_name_in_words")]

    operations = [
        install(
            __file__,
            "last_admin",
            reverse="""
                DROP TRIGGER an_admin_remains ON users;
                DROP TRIGGER an_admin_remains_undeleted ON users;
                DROP FUNCTION keep_an_admin();
            """,
        )
    ]
