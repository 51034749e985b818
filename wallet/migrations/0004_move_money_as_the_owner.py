from django.db import migrations

from ispanel.sql import install


class Migration(migrations.Migration):
    dependencies = [("wallet", "0003_open_house_accounts")]

    operations = [
        install(
            __file__,
            "money_moves_as_the_owner",
            reverse="""
                ALTER FUNCTION refuse_currency_change() SECURITY INVOKER RESET search_path;
                GRANT EXECUTE ON FUNCTION refuse_currency_change() TO PUBLIC;
                ALTER FUNCTION post_transfer(
                    text, bigint, bigint, numeric, boolean, text, bigint, text, bigint, text, timestamptz,
                    text, uuid, bytea
                ) SECURITY INVOKER RESET search_path;
                GRANT EXECUTE ON FUNCTION post_transfer(
                    text, bigint, bigint, numeric, boolean, text, bigint, text, bigint, text, timestamptz,
                    text, uuid, bytea
                ) TO PUBLIC;
            """,
        )
    ]
