"""What is asked about how a reseller looks."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from ispanel.colours import BadColour, colour_from
from ispanel.fields import LogoField
from resellers.domains import LONGEST


class BrandingForm(forms.Form):
    """A reseller's logos, colour and texts.

    :param owner: whose they are, by name; blank is whoever fills the form in.
    :param issuer: who issues papers instead of the reseller; blank is nobody.
    """

    logo = LogoField(label=_("Logo on light ground"))
    removes_logo = forms.BooleanField(label=_("Remove this logo"), required=False)
    dark_logo = LogoField(
        label=_("Logo on dark ground"),
        help_text=_("For people who use dark colours. Without one the other stands on a white plate."),
    )
    removes_dark_logo = forms.BooleanField(label=_("Remove this logo"), required=False)
    colour = forms.CharField(
        label=_("Colour"),
        required=False,
        max_length=20,
        help_text=_("As in #0f766e. Blank: the panel’s."),
        widget=forms.TextInput({"dir": "ltr", "autocomplete": "off", "spellcheck": "false", "data-colour": ""}),
    )
    tagline = forms.CharField(
        label=_("Tagline"), required=False, max_length=120, help_text=_("Stands under the name where people sign in.")
    )
    footer = forms.CharField(label=_("Footer"), required=False, max_length=300)

    def __init__(self, *args: Any, owner: str, issuer: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["logo"].help_text = (
            _("PNG, JPEG or WebP, up to 2 MB. It does not stand on papers: %(issuer)s issues them.")
            % {"issuer": issuer}
            if issuer
            else _("PNG, JPEG or WebP, up to 2 MB. Stands on papers too.")
        )
        self.fields["footer"].help_text = (
            _("At the end of every page, as how to reach %(name)s.") % {"name": owner}
            if owner
            else _("At the end of every page, as how to reach you.")
        )

    def clean_colour(self) -> str:
        """Return the colour as # and six digits, or blank."""
        typed: str = self.cleaned_data["colour"]
        try:
            return colour_from(typed) if typed else ""
        except BadColour as problem:
            raise forms.ValidationError(str(problem)) from problem


class DomainForm(forms.Form):
    """The domain that a reseller wants to have.

    :param owner: whose it is to be, by name; blank is whoever fills the form in.
    """

    name = forms.CharField(
        label=_("Domain"),
        max_length=LONGEST,
        widget=forms.TextInput(
            {"dir": "ltr", "autocomplete": "off", "autocapitalize": "none", "spellcheck": "false", "inputmode": "url"}
        ),
    )

    def __init__(self, *args: Any, owner: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].help_text = (
            _("The name that people will type, as in panel.example.com. It has to belong to %(name)s.")
            % {"name": owner}
            if owner
            else _("The name that people will type, as in panel.example.com. It has to be yours.")
        )
