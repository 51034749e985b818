"""Who may ask for a field of the query or the mutation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

import strawberry
from django.utils.translation import gettext as _
from strawberry.extensions import FieldExtension

from accounts.access import satisfies
from accounts.seats import TokenSeat
from ispanel.refusals import Forbidden
from resellers.models import Reseller, ResellerQuerySet


@dataclass(frozen=True)
class Context:
    """Whose token a request was sent with, and when."""

    seat: TokenSeat
    now: datetime


Info: TypeAlias = strawberry.Info[Context, None]


class Needs(FieldExtension):
    """Lets those through who have the permission, or for ``"admin"`` those with an admin token."""

    def __init__(self, code: str) -> None:
        self.code = code

    def resolve(self, next_: Callable[..., Any], source: Any, info: Info, **arguments: Any) -> Any:
        """Ask the next one, or refuse.

        :raises Forbidden:
        """
        if not satisfies(info.context.seat, self.code):
            raise Forbidden(_("This needs an admin token.") if self.code == "admin" else None)
        return next_(source, info, **arguments)


def in_scope(info: Info) -> ResellerQuerySet:
    """Return the resellers that the token reads: all with an admin token, else the owner's own and its subs.

    A view_all of the owner does not count: it is for people who look around.
    """
    return Reseller.objects.in_tree_of(info.context.seat).kept()
