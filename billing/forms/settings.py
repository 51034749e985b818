"""The form of the billing settings."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from ispanel.fields import LogoField
from ispanel.models import PanelSettings


class BillingSettingsForm(forms.ModelForm):  # type: ignore[type-arg]
    """The company that issues papers, and who issues those of subscribers."""

    logo = LogoField(
        label=_("Logo"), help_text=_("PNG, JPEG or WebP, up to 2 MB. Stands at the head of invoices and statements.")
    )
    removes_logo = forms.BooleanField(label=_("Remove the logo"), required=False)

    class Meta:
        model = PanelSettings
        fields = [
            "company_name",
            "company_address",
            "tax_line",
            "reseller_is_issuer",
            "invoice_prefix",
            "credit_note_prefix",
        ]
        widgets = {"company_address": forms.Textarea({"rows": 3})}
        help_texts = {
            "company_name": _("Who issues invoices and statements. Blank: the panel’s name."),
            "company_address": _("Stands on them, line by line."),
            "tax_line": _("Stands under the address, for example VAT LB 601 233."),
            "reseller_is_issuer": _(
                "On: each reseller issues the invoices of its own subscribers and the statements of its own wallet, "
                "with its own company name, address, tax line, logo and numbers. Off: the company above issues all of "
                "them, in one series. The reseller’s company name stands on its subscribers’ invoices either way, and "
                "invoices that are issued already stay as they are."
            ),
            "invoice_prefix": _(
                "What the numbers of invoices begin with. Resellers that issue their own may have another one."
            ),
            "credit_note_prefix": _("What the numbers of credit notes begin with."),
        }

    def clean_company_address(self) -> str:
        """Return the address with the line ends that everybody but a browser has."""
        return "\n".join(self.cleaned_data["company_address"].splitlines())
