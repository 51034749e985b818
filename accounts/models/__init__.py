"""The tables of logins."""

from accounts.models.groups import PermissionGroup, PermissionGroupQuerySet
from accounts.models.logins import (
    USERNAME_PATTERN,
    LoginName,
    User,
    UserManager,
    UserQuerySet,
    UserType,
    username_characters,
)
from accounts.models.resets import PasswordReset, PasswordResetQuerySet, state_of
from accounts.models.rights import Decision, rights_of_group, rights_of_reseller
from accounts.models.secrets import (
    InitialPassword,
    RecoveryCode,
    TwoStep,
    purpose_of_initial_password,
    purpose_of_two_step,
)
from accounts.models.sign_ins import FailureCount, KnownAddress, Session, TimedOut
from accounts.models.tokens import ApiToken, ApiTokenQuerySet, TokenScope, TokenState

__all__ = [
    "USERNAME_PATTERN",
    "ApiToken",
    "ApiTokenQuerySet",
    "Decision",
    "FailureCount",
    "InitialPassword",
    "KnownAddress",
    "LoginName",
    "PasswordReset",
    "PasswordResetQuerySet",
    "PermissionGroup",
    "PermissionGroupQuerySet",
    "RecoveryCode",
    "Session",
    "TimedOut",
    "TokenScope",
    "TokenState",
    "TwoStep",
    "User",
    "UserManager",
    "UserQuerySet",
    "UserType",
    "purpose_of_initial_password",
    "purpose_of_two_step",
    "rights_of_group",
    "rights_of_reseller",
    "state_of",
    "username_characters",
]
