"""What is done with papers: issuing them with what is sold, marking them, letting subscribers read them.

What they are issued by, the billing settings, is changed here too.
"""

from billing.operations.issuing import credit_refund, issue_papers
from billing.operations.links import LINK_PATH, make_link, opened, revoke_links
from billing.operations.marking import (
    CreditedInPart,
    InvoiceCancelled,
    InvoicePaid,
    InvoiceRefunded,
    ReasonMissing,
    cancel_invoice,
    check_cancellable,
    check_payable,
    mark_paid,
)
from billing.operations.settings import change_billing_settings

__all__ = [
    "LINK_PATH",
    "CreditedInPart",
    "InvoiceCancelled",
    "InvoicePaid",
    "InvoiceRefunded",
    "ReasonMissing",
    "cancel_invoice",
    "change_billing_settings",
    "check_cancellable",
    "check_payable",
    "credit_refund",
    "issue_papers",
    "make_link",
    "mark_paid",
    "opened",
    "revoke_links",
]
