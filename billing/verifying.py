"""Proving that papers and sales tell the same: the checks of `wallet.verifying` that have to know of invoices."""

from __future__ import annotations

from django.utils.translation import gettext_lazy

from wallet.verifying import Check

#: Papers of one issuer and kind have the numbers 1, 2, 3 …, and the series says how far they go.
NUMBERS = (
    Check(
        """
        SELECT id, number, before FROM (
            SELECT id, number, lag(number, 1, 0) OVER (PARTITION BY issuer_id ORDER BY number, id) AS before
            FROM invoices
        ) numbered
        WHERE number <> before + 1
        """,
        gettext_lazy("Invoice %(id)s: its number is %(number)s, and that before it %(before)s."),
    ),
    Check(
        """
        SELECT id, number, before FROM (
            SELECT id, number, lag(number, 1, 0) OVER (PARTITION BY issuer_id ORDER BY number, id) AS before
            FROM credit_notes
        ) numbered
        WHERE number <> before + 1
        """,
        gettext_lazy("Credit note %(id)s: its number is %(number)s, and that before it %(before)s."),
    ),
    Check(
        """
        SELECT coalesce(issuer_id, 0) AS id, kind, coalesce(issuer_id::text, 'house') AS issuer, last_number, number
        FROM (
            SELECT issuer_id, kind, sum(last_number) AS last_number, sum(number) AS number
            FROM (
                SELECT issuer_id, kind, last_number, NULL::int AS number FROM paper_series
                UNION ALL
                SELECT issuer_id, 'invoice', NULL, max(number) FROM invoices GROUP BY issuer_id
                UNION ALL
                SELECT issuer_id, 'credit_note', NULL, max(number) FROM credit_notes GROUP BY issuer_id
            ) both_sides
            GROUP BY issuer_id, kind
        ) held
        WHERE last_number IS DISTINCT FROM number
        """,
        gettext_lazy(
            "Series of issuer %(issuer)s (%(kind)s): its last number is %(last_number)s, and that of its papers"
            " %(number)s."
        ),
    ),
)

#: Since there are invoices, all that is sold has its own: of before, there are none.
INVOICES = (
    Check(
        """
        SELECT period.id, period.kind, period.retail_price
        FROM renewals period
        WHERE (period.transfer_id IS NOT NULL OR period.retail_price <> 0) AND period.retail_price >= 0
            AND period.id >= (SELECT min(renewal_id) FROM invoices)
            AND NOT EXISTS (SELECT FROM invoices WHERE invoices.renewal_id = period.id)
        """,
        gettext_lazy("Period %(id)s (%(kind)s, %(retail_price)s): it has no invoice."),
    ),
    Check(
        """
        SELECT invoice.id, invoice.amount, invoice.subscriber_id, invoice.reseller_id, invoice.renewal_id,
            period.retail_price, period.subscriber_id AS line_id, period.reseller_id AS seller_id
        FROM invoices invoice
        LEFT JOIN renewals period ON period.id = invoice.renewal_id
        WHERE (invoice.amount, invoice.subscriber_id, invoice.reseller_id)
            IS DISTINCT FROM (period.retail_price, period.subscriber_id, period.reseller_id)
        """,
        gettext_lazy(
            "Invoice %(id)s (%(amount)s, subscriber %(subscriber_id)s, reseller %(reseller_id)s): it is for period"
            " %(renewal_id)s (%(retail_price)s, subscriber %(line_id)s, reseller %(seller_id)s)."
        ),
    ),
)

#: By changes of plan that paid back at retail: their own periods, those of the same reseller that they gave up, and
#: what changes had given up behind these.
BEHIND = """WITH RECURSIVE behind (change_id, period_id) AS (
            SELECT id, id FROM renewals WHERE kind = 'plan_change' AND retail_price < 0
            UNION
            SELECT behind.change_id, given_up.id
            FROM behind
            JOIN renewals change ON change.id = behind.period_id AND change.kind = 'plan_change'
            JOIN renewals given_up ON given_up.subscriber_id = change.subscriber_id
                AND given_up.reseller_id = change.reseller_id AND given_up.replaced_at = change.starts_at
                AND given_up.id < change.id AND given_up.kind <> 'data_top_up'
        )"""

#: What is taken off an invoice is what its credit notes say, and they say what was given back.
CREDITS = (
    Check(
        """
        SELECT invoice.id, invoice.credited, coalesce(sum(note.amount), 0) AS noted
        FROM invoices invoice LEFT JOIN credit_notes note ON note.invoice_id = invoice.id
        GROUP BY invoice.id, invoice.credited
        HAVING coalesce(sum(note.amount), 0) <> invoice.credited
        """,
        gettext_lazy("Invoice %(id)s: %(credited)s of it is credited, and its credit notes come to %(noted)s."),
    ),
    Check(
        """
        SELECT note.id, note.invoice_id
        FROM credit_notes note LEFT JOIN invoices invoice ON invoice.id = note.invoice_id
        WHERE invoice.id IS NULL OR invoice.issuer_id IS DISTINCT FROM note.issuer_id
        """,
        gettext_lazy("Credit note %(id)s: its invoice %(invoice_id)s is missing, or another issuer's."),
    ),
    Check(
        """
        SELECT invoice.id, invoice.renewal_id, invoice.amount, invoice.credited
        FROM invoices invoice JOIN renewals period ON period.id = invoice.renewal_id
        WHERE period.refunded_at IS NOT NULL AND invoice.status <> 'cancelled' AND invoice.credited <> invoice.amount
        """,
        gettext_lazy(
            "Invoice %(id)s of %(amount)s: its period %(renewal_id)s is refunded, and %(credited)s of it is credited."
        ),
    ),
    Check(
        """
        SELECT note.id, note.renewal_id, note.refund_id, period.refund_id AS refunded_by
        FROM credit_notes note LEFT JOIN renewals period ON period.id = note.renewal_id
        WHERE note.refund_id IS NOT NULL AND note.refund_id IS DISTINCT FROM period.refund_id
        """,
        gettext_lazy(
            "Credit note %(id)s: it is for transfer %(refund_id)s, and the refund of its period %(renewal_id)s is"
            " %(refunded_by)s."
        ),
    ),
    Check(
        """
        SELECT period.id, period.retail_price, sum(note.amount) AS noted
        FROM credit_notes note JOIN renewals period ON period.id = note.renewal_id
        WHERE note.refund_id IS NULL
        GROUP BY period.id, period.retail_price
        HAVING sum(note.amount) > greatest(-period.retail_price, 0)
        """,
        gettext_lazy("Period %(id)s: it counts as %(retail_price)s, and its credit notes come to %(noted)s."),
    ),
    Check(
        """
        SELECT note.id, note.renewal_id, note.amount
        FROM credit_notes note JOIN renewals period ON period.id = note.renewal_id
        WHERE note.refund_id IS NULL AND period.refunded_at IS NOT NULL
        """,
        gettext_lazy("Credit note %(id)s of %(amount)s: it stands, and its change of plan %(renewal_id)s is refunded."),
    ),
    Check(
        f"""
        {BEHIND}
        SELECT note.id, note.invoice_id, note.renewal_id
        FROM credit_notes note JOIN invoices invoice ON invoice.id = note.invoice_id
        WHERE note.refund_id IS NULL AND NOT EXISTS (
            SELECT FROM behind
            WHERE change_id = note.renewal_id AND period_id = invoice.renewal_id AND period_id <> change_id
        )
        """,  # noqa: S608
        gettext_lazy(
            "Credit note %(id)s: its invoice %(invoice_id)s is for no period that the change of plan %(renewal_id)s"
            " gave up."
        ),
    ),
    Check(
        """
        SELECT note.id, note.invoice_id, invoice.renewal_id, note.renewal_id AS refunded_id
        FROM credit_notes note JOIN invoices invoice ON invoice.id = note.invoice_id
        WHERE note.refund_id IS NOT NULL AND invoice.renewal_id <> note.renewal_id
        """,
        gettext_lazy(
            "Credit note %(id)s: its invoice %(invoice_id)s is for period %(renewal_id)s, and the refund is of"
            " %(refunded_id)s."
        ),
    ),
    Check(
        """
        SELECT note.id, note.amount, note.invoice_id, invoice.renewal_id
        FROM credit_notes note
        JOIN invoices invoice ON invoice.id = note.invoice_id
        JOIN renewals period ON period.id = invoice.renewal_id
        WHERE note.refund_id IS NULL AND period.refunded_at IS NOT NULL
        """,
        gettext_lazy(
            "Credit note %(id)s of %(amount)s: a change of plan took it off invoice %(invoice_id)s, and the period"
            " %(renewal_id)s of that is refunded in full."
        ),
    ),
    # Of what has no invoice, or one that is cancelled, the share is credited nowhere: so much may be missing.
    Check(
        f"""
        {BEHIND}
        SELECT change.id, change.retail_price, coalesce(notes.amount, 0) AS noted
        FROM renewals change
        JOIN behind ON behind.change_id = change.id
        JOIN renewals period ON period.id = behind.period_id
        LEFT JOIN invoices invoice ON invoice.renewal_id = period.id
        LEFT JOIN (
            SELECT renewal_id, sum(amount) AS amount FROM credit_notes WHERE refund_id IS NULL GROUP BY renewal_id
        ) notes ON notes.renewal_id = change.id
        GROUP BY change.id, change.retail_price, notes.amount
        HAVING coalesce(notes.amount, 0) < -change.retail_price - coalesce(
            sum(period.retail_price) FILTER (
                WHERE period.retail_price > 0 AND (invoice.id IS NULL OR invoice.status = 'cancelled')
            ), 0
        )
        """,  # noqa: S608
        gettext_lazy(
            "Period %(id)s: it counts as %(retail_price)s, and its credit notes come to %(noted)s, though the invoices"
            " for what it gave up stand."
        ),
    ),
)

CHECKS = (*NUMBERS, *INVOICES, *CREDITS)
