"""Levels and service groups."""

from __future__ import annotations

from typing import Self

import strawberry
from django.db.models import Count, QuerySet
from django.utils.translation import gettext as _

from api.problems import Problem, not_found
from api.schema.access import Info, Needs, in_scope
from api.schema.resellers import Reseller, ResellerLevelName, ServiceGroup, money, reseller_of, row_of
from plans.models import Level
from plans.models import ServiceGroup as ServiceGroupRow
from resellers import operations
from resellers.models import Reseller as ResellerRow


@strawberry.type(description="The terms of a level.")
class ResellerLevel:
    name: ResellerLevelName
    discount: str = strawberry.field(description="Percent off each plan's price.")
    default_credit_limit: str
    highest_credit_limit: str | None = strawberry.field(description="Null: as high as an admin sets it.")
    priority_support: bool
    resellers: int = strawberry.field(description="How many resellers that the token reads have it.")

    @classmethod
    def of(cls, row: Level, resellers: int) -> Self:
        highest = row.highest_credit_limit
        return cls(
            name=ResellerLevelName(row.name),
            discount=f"{row.discount.normalize():f}",
            default_credit_limit=money(row.default_credit_limit),
            highest_credit_limit=None if highest is None else money(highest),
            priority_support=row.has_priority_support,
            resellers=resellers,
        )


def level_named(name: ResellerLevelName) -> Level:
    """Return the level.

    :raises Problem: LEVEL_NOT_FOUND
    """
    found = Level.objects.select_related("default_permission_group").filter(name=name.value).first()
    if found is None:
        raise Problem("LEVEL_NOT_FOUND", _("There is no level %(name)s.") % {"name": name.value}, field="level")
    return found


def groups_in_scope(info: Info) -> QuerySet[ServiceGroupRow]:
    """Return the service groups that the token reads: all with an admin token, else those of the owner's reseller."""
    seat = info.context.seat
    if seat.is_admin:
        return ServiceGroupRow.objects.all()
    return seat.reseller.service_groups.all() if seat.reseller else ServiceGroupRow.objects.none()


def group_of(info: Info, pk: int) -> ServiceGroupRow:
    """Return the service group, if the token reads it.

    :raises Problem: NOT_FOUND
    """
    found = groups_in_scope(info).filter(pk=pk).first()
    if found is None:
        raise not_found(_("There is no service group with the id %(id)d.") % {"id": pk})
    return found


@strawberry.type
class TermsQueries:
    @strawberry.field(
        extensions=[Needs("resellers.view")],
        description=(
            "The levels and their terms, from the lowest to the highest; with a reseller token those that its tree has."
        ),
    )
    def get_resellers_levels(self, info: Info) -> list[ResellerLevel]:
        counted = dict(in_scope(info).order_by().values_list("level").annotate(Count("pk")))
        levels = Level.objects.order_by("rank")
        if not info.context.seat.is_admin:
            levels = levels.filter(pk__in=[pk for pk in counted if pk])
        return [ResellerLevel.of(level, counted.get(level.pk, 0)) for level in levels]

    @strawberry.field(extensions=[Needs("plans.view")], description="The service groups that the token reads.")
    def service_groups(self, info: Info) -> list[ServiceGroup]:
        return [ServiceGroup.of(row) for row in groups_in_scope(info).order_by("name", "id")]

    @strawberry.field(extensions=[Needs("plans.view")], description="One service group.")
    def service_group(self, info: Info, id: int) -> ServiceGroup:  # noqa: A002
        return ServiceGroup.of(group_of(info, id))


@strawberry.type
class TermsMutations:
    @strawberry.mutation(
        extensions=[Needs("admin")],
        description="Give a reseller another level. A credit limit above the level's highest is clipped to it.",
    )
    def set_reseller_level(self, info: Info, reseller_id: int, level: ResellerLevelName) -> Reseller:
        row = row_of(info, reseller_id)
        operations.change_level(
            actor=info.context.seat, reseller_id=row.pk, level=level_named(level), now=info.context.now
        )
        return reseller_of(ResellerRow.objects.all(), row.pk)

    @strawberry.mutation(extensions=[Needs("admin")], description="Let a reseller sell the plans of a service group.")
    def add_reseller_service_group(self, info: Info, reseller_id: int, service_group_id: int) -> Reseller:
        row, group = row_of(info, reseller_id), group_of(info, service_group_id)
        operations.assign_service_group(actor=info.context.seat, reseller_id=row.pk, group=group, now=info.context.now)
        return reseller_of(ResellerRow.objects.all(), row.pk)

    @strawberry.mutation(
        extensions=[Needs("admin")],
        description="Take a service group from a reseller and its sub-resellers; their lines run to their expiry.",
    )
    def remove_reseller_service_group(self, info: Info, reseller_id: int, service_group_id: int) -> Reseller:
        row, group = row_of(info, reseller_id), group_of(info, service_group_id)
        operations.unassign_service_group(
            actor=info.context.seat, reseller_id=row.pk, group=group, now=info.context.now
        )
        return reseller_of(ResellerRow.objects.all(), row.pk)
