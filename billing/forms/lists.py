"""Parsing the addresses of the lists of papers."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from accounts.seats import Seat
from billing.models import CreditNote, CreditNoteQuerySet, Invoice, InvoiceQuerySet, InvoiceStatus
from ispanel.installation import end_of_day, midnight
from ispanel.lists import ListForm, text
from resellers.forms import ParentChoice
from resellers.models import Reseller
from wallet.forms import amount_filter

#: A prefix that may end with digits, and digits.
NUMBER = re.compile(r"([A-Za-z0-9/._-]*?)([0-9]{1,9})", re.ASCII)


class PaperListForm(ListForm):
    """What lists of invoices and of credit notes are filtered by."""

    q = text(_("Number, username or name"))
    reseller = ParentChoice(
        label=_("Reseller"),
        queryset=Reseller.objects.none(),
        required=False,
        empty_label=_("All resellers"),
        widget=forms.Select({"class": "input"}),
    )
    subscriber = text(_("Subscriber"), length=150)
    start = forms.DateField(label=_("Issued from"), required=False)
    end = forms.DateField(label=_("Issued to"), required=False)
    amount = amount_filter(_("Amount"))
    at_least = amount_filter(_("At least"))
    at_most = amount_filter(_("At most"))

    #: Those behind "More filters".
    LESS_USED = ("subscriber", "amount", "at_least", "at_most")

    def __init__(self, *args: Any, seat: Seat, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["reseller"]
        assert isinstance(field, ParentChoice)
        rows = Reseller.objects.in_tree_of(seat)
        if seat.sees_all("invoices"):
            sold = Exists(Invoice.objects.filter(reseller=OuterRef("pk")))
            rows = Reseller.objects.kept() | Reseller.objects.filter(sold)
        field.queryset = rows.order_by("company_name")
        self.has_several_sellers = seat.sees_all("invoices") or bool(seat.sub_ids)

    def conditions(self, invoice: str = "") -> Q:
        """Return what the address asks of papers, in a form that the indexes serve.

        :param invoice: how the rows call their invoice, as in ``invoice__``.
        """
        asked = {
            f"{invoice}reseller": self.value("reseller"),
            f"{invoice}subscriber__username": self.value("subscriber"),
            "amount": self.value("amount"),
            "amount__gte": self.value("at_least"),
            "amount__lte": self.value("at_most"),
        }
        if start := self.value("start"):
            asked["issued_at__gte"] = midnight(start)
        if end := self.value("end"):
            asked["issued_at__lt"] = end_of_day(end)
        found = Q(**{name: value for name, value in asked.items() if value is not None})
        if typed := self.value("q"):
            named = Q(**{f"{invoice}subscriber_username__icontains": typed})
            named |= Q(**{f"{invoice}subscriber_name__icontains": typed}) | numbered(typed)
            found &= named | numbered(typed, invoice) if invoice else named
        return found

    def less_used(self) -> list[forms.BoundField]:
        return [self[name] for name in self.LESS_USED]

    def is_opened(self) -> bool:
        """Say whether one of the less used filters is in use."""
        return any(self.data.get(name) for name in self.LESS_USED)


def numbered(typed: str, paper: str = "") -> Q:
    """Return the condition that a paper has the number that was typed, with its prefix or without.

    :param paper: how the rows call the paper, as in ``invoice__``.
    """
    found = Q(pk__in=[])
    if typed.isascii() and typed.isdecimal() and len(typed) <= 9:
        found |= Q(**{f"{paper}number": int(typed)})
    if NUMBER.fullmatch(typed):
        # Where the prefix ends with a digit, only the row tells where the number begins.
        digits = len(typed) - len(typed.rstrip("0123456789"))
        for length in range(min(6, digits), min(9, digits) + 1):
            prefix, number = typed[:-length], int(typed[-length:])
            if prefix:
                found |= Q(**{f"{paper}prefix__iexact": prefix, f"{paper}number": number})
    return found


class InvoiceListForm(PaperListForm):
    """The list of invoices: its tab and its filters."""

    sorts = {
        "issued": "issued_at",
        "amount": "amount",
        "subscriber": "subscriber_username",
    }
    default_sort = "-issued_at"

    status = forms.ChoiceField(label=_("Status"), choices=[("", _("All")), *InvoiceStatus.choices], required=False)

    @property
    def tabs(self) -> list[tuple[str, Any]]:
        """The statuses, all of them first, each with its words."""
        field = self.fields["status"]
        assert isinstance(field, forms.ChoiceField)
        return list(field.choices)  # type: ignore[arg-type]

    def filtered(self, rows: InvoiceQuerySet) -> InvoiceQuerySet:
        """Return the rows of all tabs that match the filters."""
        return rows.filter(self.conditions())

    def of_tab(self, rows: InvoiceQuerySet) -> InvoiceQuerySet:
        """Return the rows of the open tab that match the filters."""
        status = self.value("status")
        return self.filtered(rows).filter(status=status) if status else self.filtered(rows)

    def apply(self, rows: InvoiceQuerySet) -> QuerySet[Invoice]:
        """Return the rows of the open tab, in the order that the address names; an index serves it either way."""
        ordered = self.ordered(self.of_tab(rows))
        first = str(ordered.query.order_by[0])
        return ordered.order_by(first, "-id" if first.startswith("-") else "id")


class CreditNoteListForm(PaperListForm):
    """The list of credit notes."""

    sorts = {"issued": "issued_at", "amount": "amount"}
    default_sort = "-issued_at"

    def filtered(self, rows: CreditNoteQuerySet) -> CreditNoteQuerySet:
        """Return the rows that match the filters."""
        return rows.filter(self.conditions("invoice__"))

    def apply(self, rows: CreditNoteQuerySet) -> QuerySet[CreditNote]:
        """Return the rows that the address asks for, in its order."""
        return self.ordered(self.filtered(rows))
