"""The logins of resellers' staff."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.auth.models import BaseUserManager
from django.db import models
from django.db.models import F, Q

from accounts.models import User, UserType
from accounts.seats import Seat


class StaffLoginQuerySet(models.QuerySet["StaffLogin"]):
    def visible_to(self, seat: Seat) -> StaffLoginQuerySet:
        """Return what the seat reads: the staff of its own reseller and of its subs; an admin's, all."""
        if seat.is_admin:
            return self
        own = seat.reseller
        return self.filter(Q(reseller=own) | Q(reseller__parent=own)) if own else self.none()

    def actable_by(self, seat: Seat) -> StaffLoginQuerySet:
        """Return what the seat may act on: its own reseller's staff, but not itself.

        A sub-reseller answers for its own staff: its parent sees them, and acts on them by way of "Login as".
        """
        if seat.is_admin:
            return self
        return self.filter(reseller=seat.reseller).exclude(pk=seat.user.pk) if seat.reseller else self.none()

    def named_like(self, text: str) -> StaffLoginQuerySet:
        return self.filter(
            Q(username__icontains=text)
            | Q(full_name__icontains=text)
            | Q(email__icontains=text)
            | Q(phone__icontains=text)
            | Q(reseller__company_name__icontains=text)
            | Q(reseller__display_name__icontains=text)
        )

    def for_list(self) -> StaffLoginQuerySet:
        """Return rows with all that a line of the list shows and asks, in one query."""
        rows = self.select_related(
            "permission_group", "reseller__permission_group", "reseller__user", "reseller__parent__permission_group"
        )
        return rows.annotate(
            has_second_step=models.ExpressionWrapper(
                Q(two_step__confirmed_at__isnull=False), output_field=models.BooleanField()
            )
        )


class StaffLoginManager(BaseUserManager["StaffLogin"]):
    def get_queryset(self) -> StaffLoginQuerySet:
        """Return the staff; with a deleted reseller its staff is gone, and comes back with it."""
        logins = StaffLoginQuerySet(self.model, using=self._db).filter(user_type=UserType.RESELLER)
        return logins.filter(reseller__isnull=False, reseller__deleted_at__isnull=True).exclude(reseller__user=F("pk"))

    def visible_to(self, seat: Seat) -> StaffLoginQuerySet:
        return self.get_queryset().visible_to(seat)

    def actable_by(self, seat: Seat) -> StaffLoginQuerySet:
        return self.get_queryset().actable_by(seat)


class StaffLogin(User):
    """A login of a reseller's staff: one of its logins that is not its own. The table is that of all logins."""

    objects: ClassVar[StaffLoginManager] = StaffLoginManager()  # type: ignore[assignment]

    class Meta:
        proxy = True

    def is_actable_by(self, seat: Seat) -> bool:
        """Say whether the seat may act on this login: within its scope, and never on one that may do more than it."""
        if seat.is_admin:
            return True
        own = seat.reseller is not None and seat.reseller.pk == self.reseller_id and seat.user.pk != self.pk
        return own and self.rights <= seat.rights
