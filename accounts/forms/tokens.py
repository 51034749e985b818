"""Parsing what is typed about API tokens."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from accounts.forms.fields import own_password_field
from accounts.models import ApiToken, ApiTokenQuerySet, TokenScope, TokenState
from accounts.models.tokens import LONGEST_DAYS
from ispanel.lists import ListForm, choice

VIEWS = (
    ("", _("All")),
    (TokenState.IN_FORCE.value, TokenState.IN_FORCE.label),
    (TokenState.EXPIRED.value, TokenState.EXPIRED.label),
    (TokenState.REVOKED.value, TokenState.REVOKED.label),
)


class TokenListForm(ListForm):
    """The list of API tokens: which view of it, the scope, and the search."""

    sorts = {"name": "name", "expires": "expires_at", "used": "last_used_at"}
    default_sort = "-created_at"

    view = forms.ChoiceField(choices=VIEWS, required=False)
    scope = choice(_("Scope"), _("All scopes"), TokenScope.choices)

    def apply(self, rows: ApiTokenQuerySet, now: datetime) -> QuerySet[ApiToken]:
        """Return the rows that the address asks for, in its order."""
        if view := self.value("view"):
            rows = rows.in_state(TokenState(view), now)
        return self.ordered(rows)

    def searched(self, rows: ApiTokenQuerySet) -> ApiTokenQuerySet:
        """Return the rows of all views that the search and the scope leave."""
        if scope := self.value("scope"):
            rows = rows.filter(scope=scope)
        text = self.value("q")
        return rows.named_like(text) if text else rows


class TokenForm(forms.Form):
    """A new token for oneself."""

    name = forms.CharField(
        label=_("Name"),
        max_length=60,
        help_text=_(
            "Which system uses it, as in “Web shop”. With a token for each, one is revoked without the others."
        ),
    )
    days = forms.IntegerField(
        label=_("Lasts"),
        initial=90,
        min_value=1,
        max_value=LONGEST_DAYS,
        error_messages={
            "min_value": _("A token lasts 1 to 365 days."),
            "max_value": _("A token lasts 1 to 365 days."),
        },
        help_text=_("1 to 365 days. It cannot be prolonged: make the next one before this one ends."),
    )
    allowed_ips = forms.CharField(
        label=_("Allowed IPs"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "dir": "ltr", "spellcheck": "false"}),
    )
    own_password = own_password_field()

    def __init__(self, *args: Any, is_resellers: bool, **kwargs: Any) -> None:
        """Say under the allowed IPs of a reseller's token that the reseller's own list counts besides."""
        super().__init__(*args, **kwargs)
        words = _("Addresses and CIDR blocks, one per line or with commas. Empty: from anywhere.")
        if is_resellers:
            words = _(
                "Addresses and CIDR blocks, one per line or with commas. Empty: from wherever you may sign in. "
                "Your provider’s list for you counts besides."
            )
        self.fields["allowed_ips"].help_text = words
