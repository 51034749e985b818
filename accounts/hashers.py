"""The password hash."""

from django.conf import settings
from django.contrib.auth.hashers import BCryptSHA256PasswordHasher


class BcryptSha256(BCryptSHA256PasswordHasher):
    """bcrypt over SHA-256, so that no byte beyond the 72nd is ignored; 2 ** BCRYPT_ROUNDS iterations."""

    @property
    def rounds(self) -> int:  # type: ignore[override]
        return int(settings.BCRYPT_ROUNDS)
