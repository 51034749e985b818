from django.db import migrations

from ispanel.sql import install


class Migration(migrations.Migration):
    dependencies = [
        ("wallet", "0001_ledger"),
        ("audit", "0002_append_only"),
        ("ispanel", "0001_panel_settings"),
    ]

    operations = [
        install(
            __file__,
            "first_post_transfer",
            reverse="""
                DROP TRIGGER currency_is_locked ON panel_settings;
                DROP FUNCTION refuse_currency_change();
                DROP TRIGGER entries_continue_balances ON entries;
                DROP FUNCTION check_entry_continues_balance();
                DROP TRIGGER balances_have_entries ON ledger_accounts;
                DROP FUNCTION check_balance_has_entry();
                DROP TRIGGER transfers_balance ON transfers;
                DROP TRIGGER entries_balance ON entries;
                DROP FUNCTION check_transfer_balances();
                DROP TRIGGER transfers_are_immutable ON transfers;
                DROP TRIGGER transfers_are_never_truncated ON transfers;
                DROP TRIGGER entries_are_immutable ON entries;
                DROP TRIGGER entries_are_never_truncated ON entries;
                DROP FUNCTION post_transfer(
                    text, bigint, bigint, numeric, boolean, text, bigint, text, bigint, text, timestamptz,
                    text, uuid, bytea
                );
                DROP FUNCTION recall_act(bigint, text, uuid, bytea);
            """,
        )
    ]
