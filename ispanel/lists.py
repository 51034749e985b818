"""Lists: search, filters, sort and page, all of them in the address."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

from django import forms
from django.core.paginator import Page, Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

PAGE_SIZE = 50
Row = TypeVar("Row", bound=Model)


class ListForm(forms.Form):
    """What a list's address says. Whatever of it is unknown or malformed is left out, so that no link breaks."""

    #: Name in the address → what to order by; ties are broken by id.
    sorts: ClassVar[Mapping[str, str]] = {}
    default_sort: ClassVar[str] = "-id"

    q = forms.CharField(label=_("Search"), required=False, max_length=100, strip=True)
    sort = forms.CharField(required=False)

    def value(self, name: str) -> Any:
        """Return the cleaned value of a filter, or None where it is empty or malformed."""
        self.is_valid()
        return self.cleaned_data.get(name) or None

    def ordered(self, rows: QuerySet[Row]) -> QuerySet[Row]:
        """Return the rows in the order that the address names."""
        name = self.value("sort") or ""
        field = self.sorts.get(name.removeprefix("-"))
        if field is None:
            return rows.order_by(self.default_sort, "-id")
        return rows.order_by(f"-{field}" if name.startswith("-") else field, "-id")


def page_of(request: HttpRequest, rows: QuerySet[Row]) -> Page[Row]:
    """Return the page of the list that the address names, the nearest there is for a wrong number."""
    return Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))
