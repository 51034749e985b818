"""Forms that move money, and the filters of the lists of what was moved."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from django import forms
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from ispanel.fields import AmountField
from ispanel.installation import end_of_day, midnight
from ispanel.lists import ListForm, choice, text
from wallet.ledger import ActKey
from wallet.models import (
    TABS,
    Entry,
    EntryQuerySet,
    LedgerAccount,
    Transfer,
    TransferKind,
    TransferQuerySet,
)


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


def amount_filter(label: Any) -> AmountField:
    """Return a filter by an amount."""
    return AmountField(label=label, required=False, widget=forms.TextInput({"class": "input"}))


class MoneyListForm(ListForm):
    """What was moved: of what kind, when, how much, with whom, by whom, and with what note."""

    q = text(_("Note"))
    kind = choice(_("Kind"), _("All kinds"), TransferKind.choices)
    start = forms.DateField(label=_("From"), required=False)
    end = forms.DateField(label=_("To"), required=False)
    counterparty = text(_("From or to whom"))
    actor = text(_("By"))
    amount = amount_filter(_("Amount"))
    at_least = amount_filter(_("At least"))
    at_most = amount_filter(_("At most"))

    #: Those behind "More filters".
    LESS_USED = ("counterparty", "actor", "amount", "at_least", "at_most")

    def conditions(self, prefix: str = "") -> Q:
        """Return what the address asks of transfers, but for the counterparty.

        :param prefix: how the rows call their transfer, as in ``transfer__``.
        """
        asked = {
            "kind": self.value("kind"),
            "note__icontains": self.value("q"),
            "amount": self.value("amount"),
            "amount__gte": self.value("at_least"),
            "amount__lte": self.value("at_most"),
        }
        if start := self.value("start"):
            asked["created_at__gte"] = midnight(start)
        if end := self.value("end"):
            asked["created_at__lt"] = end_of_day(end)
        found = Q(**{f"{prefix}{name}": value for name, value in asked.items() if value is not None})
        if name := self.value("actor"):
            found &= Q(**{f"{prefix}actor_name__icontains": name}) | Q(
                **{f"{prefix}on_behalf_of_name__icontains": name}
            )
        return found

    def entries_of_counterparty(self) -> EntryQuerySet | None:
        """Return the entries of the accounts with the name that the address asks for; None where it asks for none."""
        name = self.value("counterparty")
        return Entry.objects.filter(account__in=LedgerAccount.objects.filter(name__icontains=name)) if name else None

    def less_used(self) -> list[forms.BoundField]:
        return [self[name] for name in self.LESS_USED]

    def is_opened(self) -> bool:
        """Say whether one of the less used filters is in use."""
        return any(self.data.get(name) for name in self.LESS_USED)


class EntryListForm(MoneyListForm):
    """The filters of a Transactions tab."""

    def apply(self, rows: EntryQuerySet) -> QuerySet[Entry]:
        """Return the entries that the address asks for, the newest first."""
        rows = rows.filter(self.conditions("transfer__"))
        others = self.entries_of_counterparty()
        if others is not None:
            rows = rows.filter(Exists(others.filter(transfer=OuterRef("transfer")).exclude(pk=OuterRef("pk"))))
        return rows


class TransferListForm(MoneyListForm):
    """The filters of the list of transfers, and its tabs."""

    tab = forms.ChoiceField(
        label=_("Shown"),
        choices=[
            ("", _("All")),
            *zip(TABS, (_("Moved by hand"), _("Charges"), _("Reversals and refunds")), strict=True),
        ],
        required=False,
    )

    def apply(self, rows: TransferQuerySet) -> QuerySet[Transfer]:
        """Return the transfers that the address asks for, the newest first."""
        rows = rows.filter(self.conditions())
        if tab := self.value("tab"):
            rows = rows.in_tab(tab)
        entries = self.entries_of_counterparty()
        if entries is not None:
            rows = rows.filter(Exists(entries.filter(transfer=OuterRef("pk"))))
        return rows.order_by("-id")


class StatementForm(forms.Form):
    """The period of a statement; both days are part of it."""

    start = forms.DateField(label=_("From"), widget=forms.DateInput({"type": "date"}))
    end = forms.DateField(label=_("To"), widget=forms.DateInput({"type": "date"}))

    def clean(self) -> dict[str, Any]:
        """Refuse a period that ends before it begins."""
        period: dict[str, Any] = super().clean() or {}
        start, end = period.get("start"), period.get("end")
        if start and end and end < start:
            self.add_error("end", _("The period ends before it begins. Choose this day or a later one."))
        return period


class UndoForm(MoneyForm):
    """Why money is moved back: a reversal or a refund."""

    reason = forms.CharField(
        label=_("Reason"), max_length=200, help_text=_("Stands on the transfer and in the audit trail.")
    )
