"""Permission groups, and what a reseller may do by way of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.postgres.fields import ArrayField
from django.db import models

from accounts.permissions import OWN_SCOPE_CODES, PERMISSIONS, Danger, with_implied

if TYPE_CHECKING:
    from resellers.models import Reseller


class PermissionGroupQuerySet(models.QuerySet["PermissionGroup"]):
    def within(self, rights: frozenset[str]) -> PermissionGroupQuerySet:
        """Return the groups that a reseller with these rights may give to a sub-reseller: none with a view_all."""
        return self.filter(available_to_subs=True, codes__contained_by=sorted(rights & OWN_SCOPE_CODES))

    def for_list(self) -> PermissionGroupQuerySet:
        """Return rows with how many resellers, and how many staff and support logins, are in each."""
        return self.annotate(
            reseller_count=models.Count("resellers", distinct=True), login_count=models.Count("logins", distinct=True)
        )


class PermissionGroup(models.Model):
    """A named set of permission codes."""

    name = models.CharField(max_length=60, unique=True)
    sentence = models.CharField(max_length=200, blank=True)
    codes = ArrayField(models.CharField(max_length=60))
    available_to_subs = models.BooleanField(default=False)

    objects = PermissionGroupQuerySet.as_manager()

    class Meta:
        db_table = "permission_groups"

    def __str__(self) -> str:
        return self.name

    @property
    def rights(self) -> frozenset[str]:
        return with_implied(self.codes)

    @property
    def caution_count(self) -> int:
        return self.count_of(Danger.CAUTION)

    @property
    def dangerous_count(self) -> int:
        return self.count_of(Danger.DANGEROUS)

    def count_of(self, danger: Danger) -> int:
        """Return how many of the group's permissions can do this much harm."""
        return sum(1 for code in self.rights if PERMISSIONS[code].danger == danger)


def rights_of_reseller(reseller: Reseller) -> frozenset[str]:
    """Return the rights of a reseller's own login: its group's, or all in its own scope where it has none."""
    return rights_of_group(reseller.permission_group)


def rights_of_group(group: PermissionGroup | None) -> frozenset[str]:
    """Return what a reseller with this group may do; without one, everything in its own scope."""
    return group.rights if group else OWN_SCOPE_CODES
