from django.db import migrations

from ispanel.sql import install


class Migration(migrations.Migration):
    dependencies = [("wallet", "0006_check_at_once")]

    operations = [
        install(
            __file__,
            "post_charges",
            reverse="""
                DROP FUNCTION post_charges(
                    text, bigint, timestamptz, bigint, text, bigint, text, text, text, text, text, bigint, inet, text,
                    text, numeric[], text[], bigint[], text[], text[], jsonb[]
                );
            """,
        )
    ]
