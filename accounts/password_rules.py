"""What a password must be. Lengths as in NIST SP 800-63B-4 and OWASP ASVS 5.0, V6.2; no rule on kinds of characters."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

if TYPE_CHECKING:
    from accounts.models import User

SHORTEST = 12
LONGEST = 128


class Length:
    """Between 12 and 128 characters."""

    def validate(self, password: str, user: User | None = None) -> None:
        if len(password) < SHORTEST:
            raise ValidationError(_("Use at least %(count)d characters.") % {"count": SHORTEST})
        if len(password) > LONGEST:
            raise ValidationError(_("Use at most %(count)d characters.") % {"count": LONGEST})

    def get_help_text(self) -> str:
        return _("At least %(count)d characters.") % {"count": SHORTEST}


class NotAboutTheOwner:
    """No username, email name or company name in it."""

    def validate(self, password: str, user: User | None = None) -> None:
        if user is None:
            return
        haystack = squeezed(password)
        names = [user.username, (user.email or "").partition("@")[0], user.company_for_password_rules]
        if any(len(squeezed(name)) >= 4 and squeezed(name) in haystack for name in names if name):
            raise ValidationError(_("Leave the username and the company name out of the password."))

    def get_help_text(self) -> str:
        return _("Without the username or the company name.")


def squeezed(text: str) -> str:
    """Return only letters and digits, in lower case, so that `al-noor.net` is found in `AlNoorNet2026`."""
    return re.sub(r"[\W_]", "", text.casefold())
