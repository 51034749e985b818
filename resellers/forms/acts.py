"""What is asked for the acts on a reseller."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.client_address import parse
from accounts.forms.fields import own_password_field
from ispanel.fields import AmountField


class SuspensionForm(forms.Form):
    """Why a reseller is suspended, and how far that goes."""

    reason = forms.CharField(
        label=_("Reason"), max_length=200, help_text=_("Stands on its page and in the audit trail.")
    )
    stops_renewals = forms.BooleanField(
        label=_("Also stop automatic renewals"),
        required=False,
        help_text=_(
            "Of its subscribers and its sub-resellers'. The panel renews nobody by itself yet: this is kept, and "
            "applies once it does. Renewing by hand stays possible."
        ),
    )


class PurgeForm(forms.Form):
    """What has to be typed before a reseller is deleted for good."""

    typed_username = forms.CharField(
        label=_("Username of the reseller"),
        max_length=254,
        widget=forms.TextInput(
            attrs={"dir": "ltr", "autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )
    own_password = own_password_field()


class AddressTestForm(forms.Form):
    """An address to hold against the lists."""

    address = forms.CharField(
        label=_("Address"),
        max_length=60,
        help_text=_("As in 203.0.113.7 or 2001:db8::7."),
        widget=forms.TextInput(attrs={"dir": "ltr", "autocomplete": "off", "spellcheck": "false"}),
    )

    def clean_address(self) -> str:
        """Return the address as the lists are compared with it."""
        address = parse(self.cleaned_data["address"])
        if address is None:
            raise forms.ValidationError(
                _("“%(typed)s” is no IP address."), params={"typed": self.cleaned_data["address"]}
            )
        return str(address)


class LoginAsForm(forms.Form):
    """Why one takes another's seat."""

    reason = forms.CharField(
        label=_("Reason"), max_length=200, help_text=_("Stands in the audit trail, where the reseller can read it.")
    )


class ThresholdForm(forms.Form):
    """From which balance on a wallet is listed as low."""

    threshold = AmountField(
        label=_("Low-balance threshold"),
        allow_zero=True,
        help_text=_("At this balance, or below it, the wallet is listed as low. 0: once it is empty."),
    )


class RefusalForm(forms.Form):
    """Why a top-up request is refused."""

    reason = forms.CharField(
        label=_("Reason"), max_length=200, help_text=_("Whoever asked reads it, and it stands in the audit trail.")
    )


class CancellationForm(forms.Form):
    """Taking back a top-up request; nothing is asked."""
