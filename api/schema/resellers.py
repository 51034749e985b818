"""Resellers: what is told of them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Self

import strawberry
from django.db.models import Prefetch, QuerySet
from django.utils.translation import gettext as _

from api.inputs import is_sent, or_none, text
from api.limits import MAX_PAGE_SIZE, PAGE_SIZE
from api.problems import Problem, invalid, not_found
from api.schema.access import Info, Needs, in_scope
from ispanel.installation import currency
from plans.models import ServiceGroup as ServiceGroupRow
from resellers.forms import ResellerListForm
from resellers.models import Reseller as ResellerRow


@strawberry.enum(description="The levels, from the lowest to the highest.")
class ResellerLevelName(Enum):
    BRONZE = "BRONZE"
    SILVER = "SILVER"
    GOLD = "GOLD"
    PLATINUM = "PLATINUM"


@strawberry.type(description="A named set of plans that resellers may sell.")
class ServiceGroup:
    id: strawberry.ID
    name: str

    @classmethod
    def of(cls, row: ServiceGroupRow) -> Self:
        return cls(id=strawberry.ID(str(row.pk)), name=row.name)


@strawberry.type(description="A partner operator with a wallet; one with a parent is a sub-reseller.")
class Reseller:
    id: strawberry.ID
    email: str | None
    username: str = strawberry.field(description="What it signs in with; of one made over the API, its email.")
    first_name: str | None
    last_name: str | None
    phone: str | None
    credit: str = strawberry.field(description="The balance of its wallet, in the installation's currency.")
    level: ResellerLevelName | None
    created_at: datetime
    updated_at: datetime
    service_groups: list[ServiceGroup] = strawberry.field(description="Whose plans it may sell.")

    @classmethod
    def of(cls, row: ResellerRow) -> Self:
        """Return what is told of a row of `for_answers`."""
        first_name, last_name = row.user.name_in_parts
        return cls(
            id=strawberry.ID(str(row.pk)),
            email=row.user.email,
            username=row.user.username,
            first_name=first_name or None,
            last_name=last_name or None,
            phone=row.user.phone or None,
            credit=money(row.wallet.balance),
            level=ResellerLevelName(row.level.name) if row.level else None,
            created_at=row.created_at,
            updated_at=row.updated_at,
            service_groups=[ServiceGroup.of(group) for group in row.service_groups.all()],
        )


@strawberry.type(description="A page of resellers, in the order in which they were made.")
class ResellerPage:
    items: list[Reseller]
    total: int = strawberry.field(description="How many there are on all pages.")
    page: int
    size: int


def money(amount: Decimal | None) -> str:
    """Return an amount as it is sent: whole ones without decimals, all others with those of the currency."""
    shown = (amount or Decimal(0)).quantize(currency().smallest)
    return f"{int(shown)}" if shown == int(shown) else f"{shown:f}"


def for_answers(rows: QuerySet[ResellerRow]) -> QuerySet[ResellerRow]:
    """Return rows with all that is told of them, in two queries."""
    groups = Prefetch("service_groups", ServiceGroupRow.objects.order_by("name", "id"))
    return rows.select_related("user", "wallet", "level").prefetch_related(groups)


def reseller_of(rows: QuerySet[ResellerRow], pk: int) -> Reseller:
    """Return the reseller, if it is among the rows.

    :raises Problem: NOT_FOUND
    """
    row = for_answers(rows).filter(pk=pk).first()
    if row is None:
        raise no_reseller(pk)
    return Reseller.of(row)


def no_reseller(pk: int) -> Problem:
    return not_found(_("There is no reseller with the id %(id)d.") % {"id": pk})


def row_of(info: Info, pk: int) -> ResellerRow:
    """Return the row of a reseller to act on.

    :raises Problem: NOT_FOUND
    """
    row = in_scope(info).filter(pk=pk).first()
    if row is None:
        raise no_reseller(pk)
    return row


@strawberry.type
class ResellerQueries:
    @strawberry.field(extensions=[Needs("resellers.view")], description="One reseller.")
    def reseller(self, info: Info, id: int) -> Reseller:  # noqa: A002
        return reseller_of(in_scope(info), id)

    @strawberry.field(
        extensions=[Needs("resellers.view")],
        description=(
            f"A page of the resellers. Pages count from 1; a page has {PAGE_SIZE} rows unless `size` says otherwise, "
            f"and {MAX_PAGE_SIZE} at most. `search` looks into names, username, email and phone."
        ),
    )
    def resellers(
        self,
        info: Info,
        page: int | None = strawberry.UNSET,
        size: int | None = strawberry.UNSET,
        search: str | None = strawberry.UNSET,
        level: ResellerLevelName | None = strawberry.UNSET,
    ) -> ResellerPage:
        number, rows_of_page = page_asked_for(page, size)
        rows = in_scope(info)
        if found := text(or_none(search), "search", ResellerListForm.base_fields["q"]):
            rows = rows.named_like(found)
        if level:
            rows = rows.filter(level__name=level.value)
        first = (number - 1) * rows_of_page
        shown = for_answers(rows.order_by("id"))[first : first + rows_of_page]
        return ResellerPage(
            items=[Reseller.of(row) for row in shown], total=rows.count(), page=number, size=rows_of_page
        )


def page_asked_for(page: Any, size: Any) -> tuple[int, int]:
    """Return the number of the page, from 1, and how many rows it has.

    :raises Problem:
    """
    number = page if is_sent(page) and page is not None else 1
    rows = size if is_sent(size) and size is not None else PAGE_SIZE
    if number < 1:
        raise invalid(_("Pages count from 1."), field="page")
    if not 1 <= rows <= MAX_PAGE_SIZE:
        raise invalid(_("A page has 1 to %(most)d rows.") % {"most": MAX_PAGE_SIZE}, field="size")
    return number, rows
