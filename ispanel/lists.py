"""Lists: search, filters, sort and page, all of them in the address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from django import forms
from django.core.paginator import Page, Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

PAGE_SIZE = 50
HIGHEST_ID = 2**63 - 1
Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True)
class ActiveFilter:
    """A filter that is in force, in words."""

    name: str
    label: str
    words: str


def text(label: Any, *, length: int = 100) -> forms.CharField:
    """Return a filter by a text."""
    return forms.CharField(label=label, required=False, max_length=length, widget=forms.TextInput({"class": "input"}))


def number(label: Any) -> forms.IntegerField:
    """Return a filter by an id."""
    widget = forms.TextInput({"class": "input", "inputmode": "numeric"})
    return forms.IntegerField(label=label, required=False, max_value=HIGHEST_ID, min_value=-HIGHEST_ID, widget=widget)


def choice(label: Any, every: Any, choices: Any) -> forms.ChoiceField:
    """Return a filter by one of several values, or by ``every``."""
    widget = forms.Select({"class": "input"})
    return forms.ChoiceField(label=label, required=False, choices=[("", every), *choices], widget=widget)


class ListForm(forms.Form):
    """What a list's address says. Whatever of it is unknown or malformed is left out, so that no link breaks."""

    #: Name in the address → what to order by; ties are broken by id.
    sorts: ClassVar[Mapping[str, str]] = {}
    default_sort: ClassVar[str] = "-id"
    #: What says how the rows are shown, and leaves none of them out.
    of_page: ClassVar[tuple[str, ...]] = ("sort",)

    q = forms.CharField(label=_("Search"), required=False, max_length=100, strip=True)
    sort = forms.CharField(required=False)

    def value(self, name: str) -> Any:
        """Return the cleaned value of a filter, or None where it is empty or malformed."""
        self.is_valid()
        return self.cleaned_data.get(name) or None

    def given(self, name: str) -> Any:
        """Return the cleaned value of a filter, 0 too, or None where it is empty or malformed."""
        self.is_valid()
        value = self.cleaned_data.get(name)
        return None if value == "" else value

    def active(self) -> list[ActiveFilter]:
        """Return the filters in force, in words."""
        names = [name for name in self.fields if name not in self.of_page and self.given(name) is not None]
        return [ActiveFilter(name, str(self.fields[name].label), self.words_of(name)) for name in names]

    def words_of(self, name: str) -> str:
        field, value = self.fields[name], self.given(name)
        labels: Any = field.choices if isinstance(field, forms.ChoiceField) else ()
        return str(dict(labels).get(value, value))

    def words(self) -> dict[str, str]:
        """Return the filters in force by name, as the trail keeps them of an export."""
        return {filter_.name: filter_.words for filter_ in self.active()}

    def left_out(self) -> list[forms.BoundField]:
        """Return the filters that are malformed, so that nobody takes the list for a filtered one."""
        self.is_valid()
        return [self[name] for name in self.errors]

    def ordered(self, rows: QuerySet[Row]) -> QuerySet[Row]:
        """Return the rows in the order that the address names."""
        name = self.value("sort") or ""
        field = self.sorts.get(name.removeprefix("-"))
        if field is None:
            return rows.order_by(self.default_sort, "-id")
        return rows.order_by(f"-{field}" if name.startswith("-") else field, "-id")


def page_of(request: HttpRequest, rows: QuerySet[Row], *, size: int = PAGE_SIZE, count: int | None = None) -> Page[Row]:
    """Return the page of the list that the address names, the nearest there is for a wrong number.

    :param count: how many rows there are, where that is known.
    """
    paginator = Paginator(rows, size)
    if count is not None:
        paginator.count = count  # A cached property, which would ask the database.
    return paginator.get_page(request.GET.get("page"))


def filter_context(request: HttpRequest, form: ListForm, export_url: str) -> dict[str, Any]:
    """Return what a list's template needs for its filters: the chips of those in force, and the link to the file."""
    active = [(filter_, without(request, filter_.name)) for filter_ in form.active()]
    return {
        "form": form,
        "active": active,
        "is_filtered": bool(active),
        "export_url": f"{export_url}?{query_without(request)}",
    }


def query_without(request: HttpRequest, *names: str) -> str:
    """Return what the address asks for, without the page and some of the filters."""
    query = request.GET.copy()
    for name in ("page", *names):
        query.pop(name, None)
    return query.urlencode()


def without(request: HttpRequest, name: str) -> str:
    """Return the address of the list without one of its filters."""
    return f"{request.path}?{query_without(request, name)}"
