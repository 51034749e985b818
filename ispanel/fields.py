"""Form fields that more than one app needs."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _

from ispanel.installation import currency
from ispanel.logos import BadPicture, png_of
from ispanel.money import InvalidAmount, parse_amount


class AmountField(forms.Field):
    """An amount in the installation's currency, as a plain decimal string."""

    widget = forms.TextInput

    def __init__(
        self, *, allow_zero: bool = False, allow_minus: bool = False, keeps_empty: bool = False, **kwargs: Any
    ) -> None:
        """Make the field.

        :param allow_zero: accept 0, and take an empty optional field as 0, which is otherwise None.
        :param allow_minus: read ``-500`` as 500, as people type a credit limit.
        :param keeps_empty: tell an empty optional field from 0, by None.
        """
        self.allow_zero = allow_zero
        self.allow_minus = allow_minus
        self.keeps_empty = keeps_empty
        kwargs.setdefault("label", _("Amount"))
        super().__init__(**kwargs)

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        return {"inputmode": "decimal", "autocomplete": "off", "dir": "ltr"}

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Compare amounts, not the ways in which they are written."""
        try:
            return self.to_python(initial) != self.to_python(data)
        except forms.ValidationError:
            return True

    def to_python(self, value: Any) -> Decimal | None:
        text = str(value or "").strip()
        if self.allow_minus:
            text = text.removeprefix("-").removeprefix("\N{MINUS SIGN}").strip()
        if not text and not self.required:
            return Decimal(0) if self.allow_zero and not self.keeps_empty else None
        try:
            return parse_amount(text, currency(), allow_zero=self.allow_zero)
        except InvalidAmount as problem:
            raise forms.ValidationError(str(problem)) from problem


class LogoField(forms.FileField):
    """An uploaded picture, as the PNG that is kept of it; None where none was chosen."""

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.FileInput({"accept": "image/png,image/jpeg,image/webp"})
        super().__init__(required=False, allow_empty_file=True, widget=widget, **kwargs)

    def clean(self, data: Any, initial: Any = None) -> bytes | None:
        uploaded = super().clean(data, initial)
        if not isinstance(uploaded, UploadedFile):
            return None
        try:
            return png_of(uploaded)
        except BadPicture as problem:
            raise forms.ValidationError(str(problem)) from problem
