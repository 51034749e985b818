"""Logins, what they may do, and the initial passwords kept for them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from accounts.permissions import ALL_CODES, OWN_SCOPE_CODES, with_implied

if TYPE_CHECKING:
    from resellers.models import Reseller

USERNAME_PATTERN = r"^[a-z0-9._+@-]+\Z"
username_characters = RegexValidator(
    USERNAME_PATTERN, _("Use only letters a to z, digits and . _ + @ - in the username, without spaces.")
)


class UserType(models.IntegerChoices):
    """Kinds of login; 1, 5 and 6 are reserved for subscriber, collector and read-only."""

    RESELLER = 2, _("Reseller")
    SUPPORT = 3, _("Support")
    ADMIN = 4, _("Admin")


class PermissionGroupQuerySet(models.QuerySet["PermissionGroup"]):
    def within(self, rights: frozenset[str]) -> PermissionGroupQuerySet:
        """Return the groups that a reseller with these rights may give to a sub-reseller: none with a view_all."""
        return self.filter(available_to_subs=True, codes__contained_by=sorted(rights & OWN_SCOPE_CODES))


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


class UserManager(BaseUserManager["User"]):
    def with_rights(self) -> models.QuerySet[User]:
        """Return users with all that their rights are computed from, in one query."""
        return self.select_related(
            "permission_group",
            "reseller__permission_group",
            "reseller__wallet",
            "reseller__parent",
            "reseller__user",
        )

    def by_login_name(self, name: str) -> User | None:
        """Return the login whose present username or email this is, without regard to case."""
        folded = name.strip().lower()
        return self.with_rights().filter(Q(username=folded) | Q(email__lower=folded)).first()


models.CharField.register_lookup(Lower)
models.EmailField.register_lookup(Lower)


class User(AbstractBaseUser):
    """A login. A reseller's own login and its staff are tied to it by ``reseller``."""

    username = models.CharField(_("Username"), max_length=150, unique=True, validators=[username_characters])
    # Null where there is none: an empty one would be unique too.
    email = models.EmailField(_("Email"), null=True, blank=True)  # noqa: DJ001
    phone = models.CharField(_("Phone"), max_length=40, blank=True)
    full_name = models.CharField(_("Full name"), max_length=150, blank=True)
    user_type = models.PositiveSmallIntegerField(choices=UserType.choices)
    reseller = models.ForeignKey(
        "resellers.Reseller", null=True, blank=True, on_delete=models.PROTECT, related_name="logins"
    )
    permission_group = models.ForeignKey(
        PermissionGroup, null=True, blank=True, on_delete=models.PROTECT, related_name="logins"
    )
    must_change_password = models.BooleanField(_("Force password change"), default=False)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = UserManager()

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"

    class Meta:
        db_table = "users"
        constraints = [
            models.CheckConstraint(condition=Q(user_type__in=UserType.values), name="user_type_is_known"),
            models.CheckConstraint(condition=Q(username__regex=USERNAME_PATTERN), name="username_characters"),
            models.CheckConstraint(
                # Without the second test a login without an email would pass: the comparison with null is not false.
                condition=~Q(username__contains="@") | Q(username=Lower("email"), email__isnull=False),
                name="username_with_at_is_own_email",
            ),
            models.CheckConstraint(
                condition=~Q(user_type=UserType.ADMIN) | Q(reseller__isnull=True), name="admin_has_no_reseller"
            ),
            models.UniqueConstraint(Lower("email"), name="email_is_unique"),
        ]

    def __str__(self) -> str:
        return self.username

    #: Set while a reseller is being created, when the company has no row yet.
    company_for_password_rules_override: str = ""

    @property
    def company_for_password_rules(self) -> str:
        if self.company_for_password_rules_override:
            return self.company_for_password_rules_override
        return self.reseller.company_name if self.reseller else ""

    @property
    def shown_name(self) -> str:
        """The company for a reseller's own login, else the full name, else the username."""
        if self.is_own_login_of_reseller and self.reseller:
            return self.reseller.public_name
        return self.full_name or self.username

    @property
    def is_admin(self) -> bool:
        return self.user_type == UserType.ADMIN

    @property
    def is_own_login_of_reseller(self) -> bool:
        return bool(self.reseller and self.reseller.user_id == self.pk)

    @property
    def rights(self) -> frozenset[str]:
        """What this login may do in its own panel."""
        if self.is_admin:
            return ALL_CODES
        if self.reseller is None:
            return frozenset()
        reseller_rights = rights_of_reseller(self.reseller)
        if self.is_own_login_of_reseller:
            return reseller_rights
        return self.permission_group.rights & reseller_rights if self.permission_group else frozenset()


def rights_of_reseller(reseller: Reseller) -> frozenset[str]:
    """Return the rights of a reseller's own login: its group's, or all in its own scope where it has none."""
    return rights_of_group(reseller.permission_group)


def rights_of_group(group: PermissionGroup | None) -> frozenset[str]:
    """Return what a reseller with this group may do; without one, everything in its own scope."""
    return group.rights if group else OWN_SCOPE_CODES


class LoginName(models.Model):
    """A username or email that belongs to one login for as long as the login exists; kept by a trigger on users."""

    name = models.CharField(max_length=254, primary_key=True)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="login_names")

    class Meta:
        db_table = "login_names"
        constraints = [models.CheckConstraint(condition=Q(name=Lower("name")), name="login_name_is_folded")]

    def __str__(self) -> str:
        return self.name


class InitialPasswordQuerySet(models.QuerySet["InitialPassword"]):
    def in_force(self, now: datetime) -> InitialPasswordQuerySet:
        return self.filter(expires_at__gt=now)


class InitialPassword(models.Model):
    """The password that somebody else chose for a login, encrypted, until the login chooses its own."""

    user = models.OneToOneField(User, primary_key=True, on_delete=models.CASCADE, related_name="initial_password")
    ciphertext = models.BinaryField()
    created_by_id = models.BigIntegerField()
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    objects = InitialPasswordQuerySet.as_manager()

    class Meta:
        db_table = "initial_passwords"
        constraints = [
            models.CheckConstraint(condition=Q(expires_at__gt=models.F("created_at")), name="initial_password_expires")
        ]

    def __str__(self) -> str:
        return f"initial password of {self.user_id}"


def purpose_of_initial_password(user_id: int) -> str:
    """Return the associated data that ties an initial password to its login."""
    return f"initial-password:{user_id}"
