"""Forms that move money."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from ispanel.fields import AmountField
from wallet.ledger import ActKey


class MoneyForm(forms.Form):
    """A form whose act has one effect: it carries a key made when it was rendered."""

    idempotency_key = forms.UUIDField(
        widget=forms.HiddenInput,
        initial=uuid.uuid4,
        error_messages={"required": _("Open this form again."), "invalid": _("Open this form again.")},
    )

    def key(self, act: str, contents: Mapping[str, Any] | None = None) -> ActKey:
        """Return the key for the act, with what the form holds; leave out passwords by passing contents."""
        held = self.cleaned_data if contents is None else contents
        return ActKey(
            act,
            self.cleaned_data["idempotency_key"],
            {name: value for name, value in held.items() if name != "idempotency_key"},
        )


class TransferForm(MoneyForm):
    """An amount and a note."""

    amount = AmountField()
    note = forms.CharField(label=_("Note"), required=False, max_length=200)
