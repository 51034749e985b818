"""What is typed to mark an invoice."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _


class PaymentForm(forms.Form):
    """How an invoice was paid."""

    note = forms.CharField(
        label=_("How it was paid"),
        required=False,
        max_length=200,
        help_text=_("For example: cash, or the number of the receipt. The subscriber does not see it."),
    )


class CancellationForm(forms.Form):
    """Why an invoice is cancelled."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=200,
        help_text=_("Stands on this page and in the audit trail. The subscriber does not see it."),
    )


class LinkForm(forms.Form):
    """Nothing is asked before a link is made or revoked."""
