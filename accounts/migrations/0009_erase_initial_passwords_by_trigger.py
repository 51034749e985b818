from django.db import migrations

from ispanel.sql import install


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0008_keep_view_alls_from_sub_resellers"),
        ("ispanel", "0003_security_settings"),
    ]

    operations = [
        install(
            __file__,
            "initial_passwords",
            reverse="""
                DROP TRIGGER copies_come_with_the_setting ON initial_passwords;
                DROP FUNCTION keep_no_initial_password();
                DROP TRIGGER copies_go_with_the_setting ON panel_settings;
                DROP FUNCTION erase_initial_passwords();
                DROP TRIGGER another_password_erases_the_copy ON users;
                DROP FUNCTION erase_initial_password();
            """,
        )
    ]
