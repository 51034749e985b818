from django.db import migrations

from ispanel.sql import install


class Migration(migrations.Migration):
    dependencies = [("billing", "0001_papers")]

    operations = [
        install(
            __file__,
            "number_papers",
            reverse="""
                DROP TRIGGER currency_of_papers_is_locked ON panel_settings;
                DROP TRIGGER a_number_invoice ON invoices;
                DROP TRIGGER count_invoices ON invoices;
                DROP TRIGGER keep_invoice ON invoices;
                DROP TRIGGER invoices_are_not_truncated ON invoices;
                DROP TRIGGER a_credit_invoice ON credit_notes;
                DROP TRIGGER b_number_credit_note ON credit_notes;
                DROP TRIGGER count_credit_notes ON credit_notes;
                DROP TRIGGER keep_credit_note ON credit_notes;
                DROP TRIGGER credit_notes_are_not_truncated ON credit_notes;
                DROP FUNCTION number_paper(), count_papers(), credit_invoice(), keep_invoice(), keep_credit_note(),
                    keep_currency_of_papers();
            """,
        )
    ]
