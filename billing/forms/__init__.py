"""What people type about papers, and by what they look for them."""

from billing.forms.acts import CancellationForm, LinkForm, PaymentForm
from billing.forms.lists import CreditNoteListForm, InvoiceListForm, PaperListForm
from billing.forms.settings import BillingSettingsForm

__all__ = [
    "BillingSettingsForm",
    "CancellationForm",
    "CreditNoteListForm",
    "InvoiceListForm",
    "LinkForm",
    "PaperListForm",
    "PaymentForm",
]
