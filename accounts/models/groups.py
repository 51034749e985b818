"""Permission groups: named sets of permissions."""

from __future__ import annotations

import hashlib
import json

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.functions import Lower
from django.db.models.lookups import Regex

from accounts.permissions import OWN_SCOPE_CODES, PERMISSIONS, Danger, with_implied


class PermissionGroupQuerySet(models.QuerySet["PermissionGroup"]):
    def within(self, rights: frozenset[str]) -> PermissionGroupQuerySet:
        """Return the groups that a reseller with these rights may give to a sub-reseller: none with a view_all."""
        return self.filter(available_to_subs=True, codes__contained_by=sorted(rights & OWN_SCOPE_CODES))

    def for_list(self) -> PermissionGroupQuerySet:
        """Return rows with how many resellers, and how many staff and support logins, are in each."""
        return self.annotate(
            reseller_count=models.Count("resellers", distinct=True), login_count=models.Count("logins", distinct=True)
        )


#: The codes in one text, for the database to look into.
SPELLED_OUT = Func(F("codes"), Value(","), function="array_to_string", output_field=models.TextField())


class PermissionGroup(models.Model):
    """A named set of permission codes. One with a view_all is never available to sub-resellers."""

    name = models.CharField(max_length=60)
    sentence = models.CharField(max_length=200, blank=True)
    codes = ArrayField(models.CharField(max_length=60))
    available_to_subs = models.BooleanField(default=False)

    objects = PermissionGroupQuerySet.as_manager()

    class Meta:
        db_table = "permission_groups"
        constraints = [
            models.UniqueConstraint(Lower("name"), name="group_name_is_unique"),
            models.CheckConstraint(
                condition=Q(available_to_subs=False) | ~Q(Regex(SPELLED_OUT, r"\.view_all(,|$)")),
                name="no_view_all_for_subs",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def rights(self) -> frozenset[str]:
        return with_implied(self.codes)

    @property
    def state(self) -> str:
        """What tells this state of the group from any other one."""
        told = [self.name, self.sentence, sorted(self.codes), self.available_to_subs]
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]

    @property
    def caution_count(self) -> int:
        return self.count_of(Danger.CAUTION)

    @property
    def dangerous_count(self) -> int:
        return self.count_of(Danger.DANGEROUS)

    def count_of(self, danger: Danger) -> int:
        """Return how many of the group's permissions can do this much harm."""
        return sum(1 for code in self.rights if PERMISSIONS[code].danger == danger)
