"""What a template may offer to this seat."""

from __future__ import annotations

from typing import Protocol

from django import template
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.seats import Seat

register = template.Library()


@register.filter
def may(seat: Seat, code: str) -> bool:
    """Say whether the seat has the permission: ``{% if seat|may:"resellers.edit" %}``."""
    return seat.has(code)


class Owned(Protocol):
    """A row of a tenant, which knows who may act on it."""

    def is_actable_by(self, seat: Seat) -> bool: ...


class Seen(Protocol):
    """A row of a tenant, which knows who sees it."""

    def is_visible_to(self, seat: Seat) -> bool: ...


class Tenant(Protocol):
    """A reseller, which knows whose tree it is in and who sees it."""

    def is_in_tree_of(self, seat: Seat) -> bool: ...

    def is_visible_to(self, seat: Seat) -> bool: ...

    @property
    def is_suspended(self) -> bool: ...


@register.filter
def acts_on(seat: Seat, row: Owned) -> bool:
    """Say whether the seat may act on this reseller or subscriber."""
    return row.is_actable_by(seat)


@register.filter
def sees(seat: Seat, row: Seen) -> bool:
    """Say whether the seat sees this subscriber, reseller or account of the books, whatever else the page shows."""
    return row.is_visible_to(seat)


@register.filter
def enters(seat: Seat, reseller: Tenant) -> bool:
    """Say whether "Login as" is open to the seat with the permission: never from a borrowed one, see `enter_seat`."""
    return not seat.is_borrowed and (seat.is_admin or not reseller.is_suspended)


@register.filter
def opens_reseller(seat: Seat, reseller: Tenant) -> bool:
    """Say whether the seat may open this reseller's page: its own and its subs', or every one with a view_all."""
    return seat.has("resellers.view") and reseller.is_visible_to(seat)


@register.filter
def has_in_tree(seat: Seat, reseller: Tenant) -> bool:
    """Say whether the reseller is the seat's own or one of its subs; an admin's are all."""
    return reseller.is_in_tree_of(seat)


@register.filter
def resellers_in_words(seat: Seat) -> str | Promise:
    """Return what the list of resellers is called: who sees no others finds its own sub-resellers there."""
    return _("Resellers") if seat.sees_all("resellers") else _("Sub-resellers")
