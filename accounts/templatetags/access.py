"""What a template may offer to this seat."""

from __future__ import annotations

from django import template
from django.db.models import Model

from accounts.seats import Seat

register = template.Library()


@register.filter
def may(seat: Seat, code: str) -> bool:
    """Say whether the seat has the permission: ``{% if seat|may:"resellers.edit" %}``."""
    return seat.has(code)


@register.filter
def acts_on(seat: Seat, reseller: Model) -> bool:
    """Say whether the seat may act on this reseller: an admin on any, a reseller on its own subs."""
    own = seat.user.reseller_id
    return seat.is_admin or (own is not None and getattr(reseller, "parent_id", None) == own)


@register.filter
def acts_on_subscriber(seat: Seat, subscriber: Model) -> bool:
    """Say whether the seat may act on this subscriber: an admin on any, a reseller on its tree's."""
    own = seat.user.reseller_id
    owner = getattr(subscriber, "reseller", None)
    return seat.is_admin or (own is not None and owner is not None and own in (owner.pk, owner.parent_id))


@register.filter
def opens_reseller(seat: Seat, reseller: Model) -> bool:
    """Say whether the seat may open this reseller's page: its own and its subs', or every one with a view_all."""
    own = seat.user.reseller_id
    in_tree = own is not None and own in (reseller.pk, getattr(reseller, "parent_id", None))
    return seat.has("resellers.view") and (in_tree or seat.sees_all("resellers"))
