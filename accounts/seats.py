"""The seat: whose panel one is in. One's own, or a reseller's after "Login as"."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Self

from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.permissions import OWN_SCOPE_CODES, PERMISSIONS
from audit.identity import Identity, Origin

if TYPE_CHECKING:
    from accounts.models import ApiToken, User
    from resellers.models import Reseller

BORROWED_FOR = timedelta(minutes=60)
#: What a token of the scope `reseller` may do at most: read what is its reseller's.
READING_OWN_SCOPE = frozenset(code for code in OWN_SCOPE_CODES if PERMISSIONS[code].only_reads)


@dataclass
class Seat:
    """Who acts, and whose rights and scope apply.

    ``login`` is the person who signed in, whom every audit row names; ``user`` is the login whose panel it is.
    """

    login: User
    user: User
    origin: Origin = field(default_factory=Origin)
    ends_at: datetime | None = None

    #: Whether this is the desk of the support staff; see `DeskSeat`.
    is_at_desk: ClassVar[bool] = False
    #: Whether this is another system with an API token; see `TokenSeat`.
    is_api: ClassVar[bool] = False

    @classmethod
    def own(cls, login: User, origin: Origin | None = None) -> Self:
        """Return the person's own seat."""
        return cls(login, login, origin or Origin())

    @property
    def is_borrowed(self) -> bool:
        return self.login.pk != self.user.pk

    @property
    def is_admin(self) -> bool:
        return self.user.is_admin

    @property
    def home(self) -> str:
        """The name of the address where this seat's work begins."""
        return "admin:index" if self.may_sit_at_desk and not self.is_admin else "reports:dashboard"

    @property
    def may_sit_at_desk(self) -> bool:
        """Say whether this person works at the desk too; nobody does from a borrowed seat."""
        return self.login.works_at_desk and not self.is_borrowed

    @property
    def reseller(self) -> Reseller | None:
        return self.user.reseller

    @cached_property
    def rights(self) -> frozenset[str]:
        """What may be done here: of a borrowed seat, what both may do."""
        if self.is_borrowed:
            return self.user.rights & self.login.rights
        return self.user.rights

    def has(self, code: str) -> bool:
        return code in self.rights

    def sees_all(self, area: str) -> bool:
        """Say whether this seat reads the area of the whole system, whoever owns the rows."""
        return self.is_admin or self.has(f"{area}.view_all")

    @cached_property
    def sub_ids(self) -> dict[int, bool]:
        """The ids of the sub-resellers of the seat's reseller, each with whether it is kept and not deleted."""
        if self.reseller is None or self.reseller.is_sub:
            return {}
        return {pk: deleted_at is None for pk, deleted_at in self.reseller.subs.values_list("pk", "deleted_at")}

    @property
    def tree_ids(self) -> Collection[int]:
        """The ids of the seat's reseller and its sub-resellers, the deleted ones included: their trail stays."""
        return (self.reseller.pk, *self.sub_ids) if self.reseller else ()

    @property
    def minutes_left(self) -> int:
        """How many minutes remain of a borrowed seat, rounded up; 0 in one's own."""
        if self.ends_at is None:
            return 0
        return max(0, -((timezone.now() - self.ends_at) // timedelta(minutes=1)))

    @property
    def identity(self) -> Identity:
        from accounts.models import UserType

        return Identity(
            actor_id=self.login.pk,
            actor_name=self.login.username,
            actor_type=str(UserType(self.login.user_type).label),
            on_behalf_of_id=self.user.pk if self.is_borrowed else None,
            on_behalf_of_name=self.user.username if self.is_borrowed else "",
            origin=self.origin,
        )


class DeskSeat(Seat):
    """The seat of support staff, and of admins, in Django admin: the whole system, but little of it.

    It is no admin's seat, and `actable_by` finds nothing for it, so that every operation refuses it but those that
    let it in by name, for the fields that they name.
    """

    is_at_desk = True

    @property
    def is_admin(self) -> bool:
        return False

    @cached_property
    def rights(self) -> frozenset[str]:
        return self.login.rights_at_desk

    def sees_all(self, area: str) -> bool:
        return self.has(f"{area}.view")


@dataclass
class TokenSeat(Seat):
    """The seat of another system that shows an API token: its owner's own, as far as the token's scope goes.

    What the owner may do is read afresh on every request. With the scope `admin` that is everything as long as the
    owner is an admin; with the scope `reseller`, to read what is its own reseller's, whatever its group opens besides.
    """

    token: ApiToken = field(kw_only=True)

    is_api = True

    @classmethod
    def of(cls, token: ApiToken, origin: Origin) -> Self:
        """Return the token's seat."""
        return cls(token.owner, token.owner, origin, token=token)

    @property
    def scope(self) -> str:
        return self.token.scope

    @property
    def is_admin(self) -> bool:
        from accounts.models import TokenScope

        return self.scope == TokenScope.ADMIN and self.user.is_admin

    @property
    def may_sit_at_desk(self) -> bool:
        return False

    @cached_property
    def rights(self) -> frozenset[str]:
        if self.is_admin:
            return self.user.rights
        from accounts.models import TokenScope

        return self.user.rights & READING_OWN_SCOPE if self.scope == TokenScope.RESELLER else frozenset()

    @property
    def identity(self) -> Identity:
        return replace(super().identity, through=_("API token %(token)s") % {"token": self.token})
