"""Logins and the names that belong to them."""

from __future__ import annotations

from django.contrib.auth import hashers
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.core.validators import RegexValidator
from django.db import connection, models, transaction
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from accounts.full_names import in_parts
from accounts.models.groups import PermissionGroup
from accounts.models.rights import Decision, bounds_at_desk, bounds_of, decide, within
from accounts.permissions import PERMISSIONS

USERNAME_PATTERN = r"^[a-z0-9._+@-]+\Z"
username_characters = RegexValidator(
    USERNAME_PATTERN, _("Use only letters a to z, digits and . _ + @ - in the username, without spaces.")
)


#: What a login's rights are computed from.
RIGHTS = (
    "permission_group",
    "reseller__permission_group",
    "reseller__wallet",
    "reseller__parent__permission_group",
    "reseller__user",
)


class UserType(models.IntegerChoices):
    """Kinds of login; 1, 5 and 6 are reserved for subscriber, collector and read-only."""

    RESELLER = 2, _("Reseller")
    SUPPORT = 3, _("Support")
    ADMIN = 4, _("Admin")


class UserQuerySet(models.QuerySet["User"]):
    def with_rights(self) -> UserQuerySet:
        """Return users with all that their rights are computed from, in one query."""
        return self.select_related(*RIGHTS)

    def people(self) -> UserQuerySet:
        """Return those who work for the ISP itself: admins and support staff, removed ones too."""
        return self.filter(user_type__in=(UserType.ADMIN, UserType.SUPPORT), reseller__isnull=True)

    def admins(self) -> UserQuerySet:
        """Return the admins who can sign in."""
        return self.filter(user_type=UserType.ADMIN, is_active=True)

    def named_like(self, text: str) -> UserQuerySet:
        return self.filter(
            Q(username__icontains=text)
            | Q(full_name__icontains=text)
            | Q(email__icontains=text)
            | Q(phone__icontains=text)
        )


class UserManager(BaseUserManager["User"]):
    def get_queryset(self) -> UserQuerySet:
        return UserQuerySet(self.model, using=self._db)

    def with_rights(self) -> UserQuerySet:
        return self.get_queryset().with_rights()

    def people(self) -> UserQuerySet:
        return self.get_queryset().people()

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
    #: What of the full name is the last name, where that is not its last word; see `accounts.full_names`.
    last_name_given = models.CharField(max_length=150, null=True, blank=True)  # noqa: DJ001
    user_type = models.PositiveSmallIntegerField(choices=UserType.choices)
    reseller = models.ForeignKey(
        "resellers.Reseller", null=True, blank=True, on_delete=models.PROTECT, related_name="logins"
    )
    permission_group = models.ForeignKey(
        PermissionGroup, null=True, blank=True, on_delete=models.PROTECT, related_name="logins"
    )
    must_change_password = models.BooleanField(_("Force password change"), default=False)
    #: A removed login is kept, with its names, and never signs in again unless it is restored.
    is_active = models.BooleanField(default=True)
    #: After a change of email or phone, no password is reset by way of them until then.
    reset_held_until = models.DateTimeField(null=True, blank=True)
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

    def check_password(self, raw_password: str | None) -> bool:
        """Say whether this is the password; hash it anew where its hash is of other settings than today's."""
        return hashers.check_password(raw_password, self.password, self._hash_anew)

    @transaction.atomic
    def _hash_anew(self, raw_password: str) -> None:
        """Write another hash of the same password, unless the row has another one by now.

        A trigger on users erases the copy of an initial password with every change but this one.
        """
        old, self.password = self.password, hashers.make_password(raw_password)
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('ispanel.rehash', 'on', true)")
            User.objects.filter(pk=self.pk, password=old).update(password=self.password)
            cursor.execute("SELECT set_config('ispanel.rehash', 'off', true)")

    @property
    def company_for_password_rules(self) -> str:
        if self.company_for_password_rules_override:
            return self.company_for_password_rules_override
        return self.reseller.company_name if self.reseller else ""

    @property
    def name_in_parts(self) -> tuple[str, str]:
        """First and last name; either may be empty."""
        return in_parts(self.full_name, self.last_name_given)

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
    def works_at_desk(self) -> bool:
        """Whether Django admin is there for this login: for support staff of the installation, and for admins."""
        return self.is_admin or (self.user_type == UserType.SUPPORT and self.reseller_id is None)

    @property
    def is_own_login_of_reseller(self) -> bool:
        return bool(self.reseller and self.reseller.user_id == self.pk)

    @property
    def kind(self) -> str:
        """What kind of login it is, in words."""
        if self.reseller is None:
            return self.get_user_type_display()
        if not self.is_own_login_of_reseller:
            return str(_("Staff of a reseller"))
        return str(_("Sub-reseller")) if self.reseller.is_sub else self.get_user_type_display()

    @property
    def effective_group(self) -> PermissionGroup | None:
        """The group that its rights begin with: of a reseller's own login, the reseller's."""
        if self.reseller and self.is_own_login_of_reseller:
            return self.reseller.permission_group
        return self.permission_group

    @property
    def is_suspended(self) -> bool:
        """Its reseller is suspended, by itself or through its parent."""
        return self.reseller is not None and self.reseller.is_suspended

    @property
    def is_removed(self) -> bool:
        """It was removed, or its reseller is deleted."""
        return not self.is_active or (self.reseller is not None and self.reseller.is_deleted)

    @property
    def rights(self) -> frozenset[str]:
        """What this login may do in its own panel."""
        return within(bounds_of(self))

    @property
    def decisions(self) -> list[Decision]:
        """What this login may do and what not, each with the reason, in the order of the registry.

        In its own panel; of support staff, who have none, at the support desk.
        """
        bounds = bounds_at_desk(self) if self.works_at_desk and not self.is_admin else bounds_of(self)
        return [decide(bounds, code) for code in PERMISSIONS]

    @property
    def rights_at_desk(self) -> frozenset[str]:
        """What this login may do at the support desk."""
        return within(bounds_at_desk(self))


class LoginName(models.Model):
    """A username or email that belongs to one login for as long as the login exists; kept by a trigger on users."""

    name = models.CharField(max_length=254, primary_key=True)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="login_names")

    class Meta:
        db_table = "login_names"
        constraints = [models.CheckConstraint(condition=Q(name=Lower("name")), name="login_name_is_folded")]

    def __str__(self) -> str:
        return self.name
