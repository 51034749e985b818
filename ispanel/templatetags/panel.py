"""The panel's own template tags: builtin in every template, markup in ``templates/_components``."""

from __future__ import annotations

import datetime
import functools
from decimal import Decimal
from typing import Any

import lucide
from django import template
from django.core.paginator import Page
from django.forms import BaseForm, BoundField, CheckboxInput, CheckboxSelectMultiple, PasswordInput, RadioSelect
from django.template import Context
from django.template.loader import render_to_string
from django.template.loader_tags import BLOCK_CONTEXT_KEY
from django.utils import dateformat, timezone
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ispanel.money import Currency, format_amount
from ispanel.money import percent as percent_of
from ispanel.money import with_code as amount_with_code

register = template.Library()

NOTHING = "—"
DAY = "j M Y"
MOMENT = "j M Y, H:i"
TONES = frozenset({"", "ok", "warn", "bad", "info"})


# --- values -----------------------------------------------------------------------------------------------------------


@register.simple_tag(takes_context=True)
def money(context: Context, amount: Decimal | None, unit: bool = False) -> str:
    """Show an amount in the panel's currency, left to right in every language, with a real minus sign."""
    if amount is None:
        return NOTHING
    currency: Currency = context["panel"].currency
    shown = format_html(
        '<bdi dir="ltr" class="num{}">{}</bdi>', " neg" if amount < 0 else "", format_amount(amount, currency)
    )
    return format_html("{} <small>{}</small>", shown, currency.code) if unit else shown


@register.simple_tag(takes_context=True)
def with_code(context: Context, amount: Decimal | None) -> str:
    """Return an amount with the currency's code as plain words, to go into a sentence; nothing where there is none."""
    return "" if amount is None else amount_with_code(amount, context["panel"].currency)


@register.filter
def percent(share: Decimal) -> str:
    """Show a share as people read it: "12.5%"."""
    return percent_of(share)


@register.filter
def grouped(number: int) -> str:
    """Show a count with thousands separators."""
    return f"{number:,}"


@register.simple_tag
def moment(value: datetime.datetime | None, seconds: bool = False) -> str:
    """Show a day and a time of day in the current time zone."""
    if value is None:
        return NOTHING
    here = timezone.localtime(value)
    words = dateformat.format(here, f"{MOMENT}:s" if seconds else MOMENT)
    return format_html('<time datetime="{}">{}</time>', here.isoformat(), words)


@register.simple_tag
def day(value: datetime.date | None) -> str:
    """Show a day; of a moment, its day in the current time zone."""
    if value is None:
        return NOTHING
    here = timezone.localtime(value).date() if isinstance(value, datetime.datetime) else value
    return format_html('<time datetime="{}">{}</time>', here.isoformat(), dateformat.format(here, DAY))


@register.simple_tag
def badge(tone: str, label: str) -> str:
    """Show a status as a dot and a word; the tone is ok, warn, bad, info or empty.

    :raises ValueError: for any other tone.
    """
    if tone not in TONES:
        raise ValueError(f"A badge is one of {sorted(TONES)}, not {tone!r}.")
    return format_html('<span class="badge{}">{}</span>', f" {tone}" if tone else "", label)


@register.simple_tag
def icon(name: str, size: int = 16, **attributes: str) -> str:
    """Draw a lucide icon that assistive technology skips; ``class`` adds to the class ``icon``."""
    return _drawn_icon(str(name), size, str(attributes.get("class", "")))


@functools.cache
def _drawn_icon(name: str, size: int, extra_class: str) -> SafeString:
    css_class = f"icon {extra_class}".strip()
    return mark_safe(lucide._render_icon(name, size, **{"class": css_class, "aria-hidden": "true"}))  # noqa: S308


# --- forms ------------------------------------------------------------------------------------------------------------


@register.inclusion_tag("_components/field.html", takes_context=True)
def field(
    context: Context,
    bound: BoundField,
    *,
    unit: str = "",
    extra: str = "",
    generate: bool = False,
    show: bool = True,
    credit_hint: bool = False,
) -> dict[str, Any]:
    """Lay out a form field: label, control, errors, help.

    A password gets a Show button unless ``show`` is false, and with ``generate`` also Generate and Copy.
    ``credit_hint`` says under a credit limit how far the balance may go down.
    """
    widget = bound.field.widget
    choices = isinstance(widget, RadioSelect | CheckboxSelectMultiple)
    password = isinstance(widget, PasswordInput)
    generate = generate or widget.attrs.get("data-password") == "generate"
    return {
        "field": bound,
        "control": "" if choices else _control(bound, unit=unit),
        "kind": _kind(bound),
        "cards": [_card(option) for option in bound.subwidgets] if choices else [],
        "unit": unit,
        "extra": extra,
        "generate": password and generate,
        "show": password and (show or generate),
        "credit_hint": context["panel"].currency if credit_hint else None,
    }


def _kind(bound: BoundField) -> str:
    widget = bound.field.widget
    if isinstance(widget, CheckboxSelectMultiple):
        return "checks"
    if isinstance(widget, RadioSelect):
        return "radios"
    return "check" if isinstance(widget, CheckboxInput) else "plain"


def _control(bound: BoundField, *, unit: str) -> SafeString:
    attrs = bound.field.widget.attrs
    if _kind(bound) == "check":
        return bound.as_widget()
    classes = ["input", "num" if unit else "", attrs.get("class", "")]
    own: dict[str, str | bool] = {"class": " ".join(filter(None, classes))}
    if unit:
        own |= {"dir": "ltr", "inputmode": attrs.get("inputmode", "decimal")}
    return bound.as_widget(attrs=own)


def _card(option: Any) -> dict[str, Any]:
    """Split a choice labelled ``NAME|What it means.`` into its name and its sentence."""
    name, _bar, sentence = str(option.choice_label).partition("|")
    return {"control": option.tag(), "id": option.id_for_label, "name": name.strip(), "sentence": sentence.strip()}


@register.inclusion_tag("_components/form_errors.html")
def form_errors(form: BaseForm | None) -> dict[str, Any]:
    """List everything that is wrong with a form, each with a link to its field; nothing where all is well."""
    if form is None or not form.is_bound or not form.errors:
        return {}
    problems = [(bound, message) for bound in form for message in bound.errors]
    count = len({bound.name for bound, _message in problems})
    return {
        "general": form.non_field_errors(),
        "problems": [{"target": _first_id(bound), "label": bound.label, "message": m} for bound, m in problems],
        "heading": ngettext("One field needs a change:", "%(count)d fields need a change:", count) % {"count": count},
    }


def _first_id(bound: BoundField) -> str:
    """Return the id of the control to jump to: of several radios or checkboxes, the first."""
    if _kind(bound) in {"radios", "checks"} and bound.subwidgets:
        return str(bound.subwidgets[0].id_for_label)
    return str(bound.id_for_label)


@register.inclusion_tag("_components/section_link.html")
def section_link(section: str, label: str, form: BaseForm, field_names: str) -> dict[str, Any]:
    """Link to a section of a long form and say how many of its fields (names between spaces) have a problem."""
    return {"section": section, "label": label, "count": sum(1 for name in field_names.split() if name in form.errors)}


# --- lists ------------------------------------------------------------------------------------------------------------


def _same_list(context: Context, **changes: str | int | None) -> str:
    """Return the address of the list on screen with some parameters set, or taken away by None."""
    request = context["request"]
    query = request.GET.copy()
    for name, value in changes.items():
        if value is None:
            query.pop(name, None)
        else:
            query[name] = str(value)
    return f"{request.path}?{query.urlencode()}" if query else str(request.path)


@register.inclusion_tag("_components/sort_th.html", takes_context=True)
def sort_th(
    context: Context, name: str, label: str, end: bool = False, default: str = "", sorts: bool = True
) -> dict[str, Any]:
    """Head a column that can be sorted; ``default`` is the list's order where the address names none.

    :param sorts: whether the list on this page can be; where not, the head is plain.
    """
    current = context["request"].GET.get("sort") or default
    direction = {name: "ascending", f"-{name}": "descending"}.get(current, "")
    wanted = f"-{name}" if direction == "ascending" else name
    return {
        "name": name,
        "label": label,
        "end": end,
        "sorts": sorts,
        "direction": direction,
        "url": _same_list(context, sort=wanted, page=None),
    }


@register.inclusion_tag("_components/pagination.html", takes_context=True)
def pagination(context: Context, page_obj: Page[Any]) -> dict[str, Any]:
    """Say which rows are on screen, and link to the previous and the next ones."""
    back, on = page_obj.has_previous(), page_obj.has_next()
    return {
        "first": page_obj.start_index(),
        "last": page_obj.end_index(),
        "total": page_obj.paginator.count,
        "previous_url": _same_list(context, page=page_obj.previous_page_number()) if back else "",
        "next_url": _same_list(context, page=page_obj.next_page_number()) if on else "",
    }


# --- blocks -----------------------------------------------------------------------------------------------------------


@register.simple_block_tag
def stat(content: str, label: str, href: str = "") -> str:
    """Show a figure and its name in a ``<dl class="stats">``; the whole cell is the link, if there is one."""
    return render_to_string("_components/stat.html", {"content": content, "label": label, "href": href})


@register.simple_block_tag
def empty(content: str, heading: str) -> str:
    """Say what is not there yet; the content is one sentence on what it is for, and one button."""
    return format_html('<div class="empty"><h2>{}</h2>{}</div>', heading, content)


@register.simple_block_tag
def row_menu(content: str, id: str | int, label: str) -> str:  # noqa: A002 - reads as in HTML
    """Put a row's acts behind a ⋯ button; the content is elements of class ``menu-item``, plain or in forms."""
    context = {"content": content, "id": id, "label": _("Actions: %(name)s") % {"name": label}}
    return render_to_string("_components/row_menu.html", context)


@register.simple_tag(takes_context=True)
def repeat_block(context: Context, name: str) -> str:
    """Render a block of this page once more: a title stands in the tab and in the page alike."""
    nodes = context.render_context[BLOCK_CONTEXT_KEY].get_block(name).nodelist
    return conditional_escape(nodes.render(context))
