from django.db import migrations

from ispanel.sql import install


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_reseller_of_user")]

    operations = [
        install(
            __file__,
            "login_names",
            reverse="DROP TRIGGER login_names_are_reserved ON users; DROP FUNCTION reserve_login_names();",
        )
    ]
