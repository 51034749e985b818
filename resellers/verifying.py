"""Proving the ledger: the checks of `wallet.verifying` that have to know of resellers."""

from __future__ import annotations

from django.utils.translation import gettext_lazy

from wallet.verifying import Check, results_of

CHECKS = (
    Check(
        """
        SELECT request.id, request.amount, asking.wallet_id, request.transfer_id,
            transfer.kind, transfer.amount AS transferred, received.account_id
        FROM top_up_requests request
        LEFT JOIN resellers asking ON asking.id = request.reseller_id
        LEFT JOIN transfers transfer ON transfer.id = request.transfer_id
        LEFT JOIN entries received ON received.transfer_id = transfer.id AND received.direction = 'credit'
        WHERE request.transfer_id IS NOT NULL
            AND (transfer.kind, transfer.amount, received.account_id)
                IS DISTINCT FROM ('transfer', request.amount, asking.wallet_id)
        """,
        gettext_lazy(
            "Top-up request %(id)s (%(amount)s, wallet %(wallet_id)s): its transfer is %(transfer_id)s"
            " (%(kind)s, %(transferred)s, wallet %(account_id)s)."
        ),
    ),
    Check(
        """
        SELECT transfer_id AS id, string_agg(id::text, ', ' ORDER BY id) AS requests
        FROM top_up_requests WHERE transfer_id IS NOT NULL GROUP BY transfer_id HAVING count(*) > 1
        """,
        gettext_lazy("Transfer %(id)s: it answers more than one top-up request: %(requests)s."),
    ),
    Check(
        """
        SELECT wallet_id AS id, string_agg(id::text, ', ' ORDER BY id) AS resellers
        FROM resellers GROUP BY wallet_id HAVING count(*) > 1
        """,
        gettext_lazy("Wallet %(id)s: it is that of more than one reseller: %(resellers)s."),
    ),
    *results_of("resellers", "create_reseller"),
    *results_of("top_up_requests", "ask_for_top_up"),
    *results_of("top_up_requests", "approve_top_up"),
)
