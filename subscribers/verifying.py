"""Proving that money and periods tell the same: the checks of `wallet.verifying` that have to know of renewals."""

from __future__ import annotations

from django.utils.translation import gettext_lazy

from wallet.verifying import Check, results_of

CHECKS = (
    Check(
        """
        SELECT id, kind, amount FROM transfers
        WHERE kind = ANY (%(charges)s)
            AND NOT EXISTS (SELECT FROM renewals WHERE renewals.transfer_id = transfers.id)
        """,
        gettext_lazy("Transfer %(id)s (%(kind)s, %(amount)s): it is the charge of no period."),
    ),
    Check(
        """
        SELECT period.id, period.kind, period.price, payer.wallet_id, period.transfer_id,
            charge.kind AS charge_kind, charge.amount, paid.account_id
        FROM renewals period
        LEFT JOIN resellers payer ON payer.id = period.reseller_id
        LEFT JOIN transfers charge ON charge.id = period.transfer_id
        LEFT JOIN entries paid ON paid.transfer_id = charge.id AND paid.direction = 'debit'
        WHERE period.transfer_id IS NOT NULL
            AND (charge.kind, charge.amount, paid.account_id)
                IS DISTINCT FROM (period.kind, period.price, payer.wallet_id)
        """,
        gettext_lazy(
            "Period %(id)s (%(kind)s, %(price)s, wallet %(wallet_id)s): its charge is transfer %(transfer_id)s"
            " (%(charge_kind)s, %(amount)s, wallet %(account_id)s)."
        ),
    ),
    Check(
        """
        SELECT transfer_id AS id, string_agg(id::text, ', ' ORDER BY id) AS periods
        FROM renewals WHERE transfer_id IS NOT NULL GROUP BY transfer_id HAVING count(*) > 1
        """,
        gettext_lazy("Transfer %(id)s: it is the charge of more than one period: %(periods)s."),
    ),
    Check(
        """
        SELECT id, amount FROM transfers
        WHERE kind = 'refund'
            AND NOT EXISTS (SELECT FROM renewals WHERE renewals.refund_id = transfers.id)
            AND NOT EXISTS (SELECT FROM change_refunds WHERE change_refunds.transfer_id = transfers.id)
        """,
        gettext_lazy("Transfer %(id)s (refund, %(amount)s): it is the refund of no period."),
    ),
    Check(
        """
        SELECT period.id, period.transfer_id, period.refund_id
        FROM renewals period
        LEFT JOIN transfers refund ON refund.id = period.refund_id
        WHERE period.refund_id IS NOT NULL AND refund.undoes_id IS DISTINCT FROM period.transfer_id
        """,
        gettext_lazy(
            "Period %(id)s: its refund, transfer %(refund_id)s, does not undo its charge, transfer %(transfer_id)s."
        ),
    ),
    Check(
        """
        SELECT refund_id AS id, string_agg(period_id::text, ', ' ORDER BY period_id) AS periods
        FROM (
            SELECT refund_id, id AS period_id FROM renewals WHERE refund_id IS NOT NULL
            UNION ALL
            SELECT transfer_id, period_id FROM change_refunds
        ) refunds
        GROUP BY refund_id HAVING count(*) > 1
        """,
        gettext_lazy("Transfer %(id)s: it is the refund of more than one period: %(periods)s."),
    ),
    Check(
        """
        SELECT period.id, period.price, coalesce(sum(refund.amount), 0) AS refunded
        FROM renewals period
        LEFT JOIN change_refunds back ON back.period_id = period.id
        LEFT JOIN transfers refund ON refund.id = back.transfer_id AND refund.kind = 'refund'
        GROUP BY period.id, period.price
        HAVING coalesce(sum(refund.amount), 0) <> greatest(-period.price, 0)
        """,
        gettext_lazy("Period %(id)s: it counts as %(price)s, and its change of plan refunded %(refunded)s."),
    ),
    Check(
        """
        SELECT period.id, period.worth, coalesce(sum(share.amount), 0) AS funded
        FROM renewals period LEFT JOIN period_funding share ON share.period_id = period.id
        WHERE period.kind = 'plan_change'
        GROUP BY period.id, period.worth
        HAVING coalesce(sum(share.amount), 0) <> period.worth
        """,
        gettext_lazy("Period %(id)s: it counts for %(worth)s, and the charges that paid for it come to %(funded)s."),
    ),
    *results_of("subscribers", "add_subscriber"),
    *results_of("audit_entries", "change_plan"),
    *results_of("renewals", "sell_data"),
    *results_of("renewals", "renew_subscriber"),
    *results_of("renewals", "refund"),
    *results_of("renewal_batches", "renew_subscribers"),
)
