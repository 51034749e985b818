from pathlib import Path

from django.db import migrations

from ispanel.sql import install

SQL = Path(__file__).resolve().parent.parent / "sql"
#: What guarded the ledger so far; the other halves of these files stay as they are.
REMOVE_FIRST = """
    DROP TRIGGER entries_continue_balances ON entries;
    DROP FUNCTION check_entry_continues_balance();
    DROP TRIGGER balances_have_entries ON ledger_accounts;
    DROP FUNCTION check_balance_has_entry();
    DROP TRIGGER transfers_balance ON transfers;
    DROP TRIGGER entries_balance ON entries;
    DROP FUNCTION check_transfer_balances();
    DROP FUNCTION post_transfer(
        text, bigint, bigint, numeric, boolean, text, bigint, text, bigint, text, timestamptz, text, uuid, bytea
    );
"""
REMOVE_REST = """
    DROP TRIGGER currency_is_locked ON panel_settings;
    DROP FUNCTION refuse_currency_change();
    DROP TRIGGER transfers_are_immutable ON transfers;
    DROP TRIGGER transfers_are_never_truncated ON transfers;
    DROP TRIGGER entries_are_immutable ON entries;
    DROP TRIGGER entries_are_never_truncated ON entries;
    DROP FUNCTION recall_act(bigint, text, uuid, bytea);
"""
RESTORE_FIRST = "".join(
    (SQL / f"{name}.sql").read_text(encoding="utf-8") for name in ("first_post_transfer", "money_moves_as_the_owner")
)


class Migration(migrations.Migration):
    dependencies = [("wallet", "0005_undo_and_link_to_the_trail")]

    operations = [
        migrations.RunSQL(REMOVE_FIRST, REMOVE_REST + RESTORE_FIRST),
        install(
            __file__,
            "guards",
            reverse="""
                DROP TRIGGER accounts_are_never_truncated ON ledger_accounts;
                DROP TRIGGER accounts_with_entries_stay ON ledger_accounts;
                DROP FUNCTION refuse_account_change();
                DROP TRIGGER accounts_are_sound ON ledger_accounts;
                DROP FUNCTION check_account();
                DROP TRIGGER transfers_are_sound ON transfers;
                DROP FUNCTION check_transfer();
                DROP TRIGGER entries_balance ON entries;
                DROP FUNCTION check_entries();
                DROP TRIGGER balances_move_by_entries ON ledger_accounts;
                DROP FUNCTION refuse_balance();
                DROP TRIGGER entries_move_balances ON entries;
                DROP FUNCTION move_balance();
            """,
        ),
        install(
            __file__,
            "post_transfer",
            reverse="""
                DROP FUNCTION check_undoing(bigint, text, bigint, bigint, numeric);
                DROP FUNCTION post_transfer(
                    text, bigint, bigint, numeric, boolean, text, bigint, timestamptz, bigint, text, bigint, text, text,
                    uuid, bytea, text, text, text, text, bigint, text, bigint, text, jsonb, inet, text, text
                );
            """,
        ),
        # Room beside each row, so that a new balance needs no new place in the indexes.
        migrations.RunSQL(
            "ALTER TABLE ledger_accounts SET (fillfactor = 50)", "ALTER TABLE ledger_accounts RESET (fillfactor)"
        ),
        install(__file__, "link_audit_rows", reverse=migrations.RunSQL.noop),
    ]
