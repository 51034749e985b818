"""What a password must be. As in NIST SP 800-63B-4 and OWASP ASVS 5.0, V6.2; no rule on kinds of characters.

Each sentence says what to do, not what the rule is called.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from ispanel.installation import panel_settings

if TYPE_CHECKING:
    from accounts.models import User

SHORTEST = 12
LONGEST = 128
#: Shorter names and words stand in too many passwords by chance.
SHORTEST_NAME = 4
#: What the product is called, and is called by mistake.
PRODUCT = ("ispanel", "isppanel")

ROWS = ("abcdefghijklmnopqrstuvwxyz", "01234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm")
#: Two characters that follow one another in the alphabet, in counting or on a keyboard, in either direction.
STEPS = frozenset(step for row in ROWS for line in (row, row[::-1]) for step in pairwise(line))


class Length:
    """Between 12 and 128 characters."""

    def validate(self, password: str, user: User | None = None) -> None:
        if len(password) < SHORTEST:
            raise ValidationError(_("Use at least %(count)d characters.") % {"count": SHORTEST})
        if len(password) > LONGEST:
            raise ValidationError(_("Use at most %(count)d characters.") % {"count": LONGEST})

    def get_help_text(self) -> str:
        return _("At least %(count)d characters.") % {"count": SHORTEST}


class NotCommon(CommonPasswordValidator):
    """None of the most used ones, nor one of them repeated or with digits and signs around it."""

    def validate(self, password: str, user: User | None = None) -> None:
        folded = password.lower().strip()
        stem = re.sub(r"^[\W\d_]+|[\W\d_]+$", "", folded)
        tried = [folded, unit_of(folded)] + ([stem, unit_of(stem)] if len(stem) >= SHORTEST_NAME else [])
        if not self.passwords.isdisjoint(tried):
            raise ValidationError(_("This password is too common. Put several words together."))

    def get_help_text(self) -> str:
        return _("None that is used a lot.")


class NotMonotonous:
    """No short text over and over, and no alphabet, counting or row of keys."""

    def validate(self, password: str, user: User | None = None) -> None:
        if not SHORTEST <= len(password) <= LONGEST:
            return
        folded = password.casefold()
        if len(unit_of(folded)) < SHORTEST or len(set(folded)) < 5:
            raise ValidationError(_("Do not repeat the same characters: add different words."))
        steps = [step in STEPS for step in pairwise(folded)]
        if sum(steps) > len(steps) * 0.7:
            raise ValidationError(
                _("Do not use characters in the order of the alphabet, of numbers or of the keyboard: add words.")
            )

    def get_help_text(self) -> str:
        return _("No repetitions, and nothing like abcdef or 123456.")


class NotAboutTheOwner:
    """Without the names that whoever guesses would try first: the login's, its company's and the panel's."""

    def validate(self, password: str, user: User | None = None) -> None:
        haystack = squeezed(password)
        if any(name in haystack for name in telling([panel_settings().name, *PRODUCT])):
            raise ValidationError(_("Leave the name of the panel out of the password."))
        if user is None:
            return
        mailbox = (user.email or "").partition("@")[0]
        if any(name in haystack for name in telling([user.username, mailbox, user.company_for_password_rules])):
            raise ValidationError(_("Leave the username and the company name out of the password."))
        if any(name in haystack for name in telling([user.full_name, *user.full_name.split()])):
            raise ValidationError(_("Leave the full name out of the password."))

    def get_help_text(self) -> str:
        return _("Without the username, the full name, or the name of the company or the panel.")


def telling(names: list[str]) -> list[str]:
    """Return the names, as `squeezed` has them, that do not stand in a password by chance."""
    return [name for name in map(squeezed, names) if len(name) >= SHORTEST_NAME]


def squeezed(text: str) -> str:
    """Return only letters and digits, in lower case, so that `al-noor.net` is found in `AlNoorNet2026`."""
    return re.sub(r"[\W_]", "", text.casefold())


def unit_of(text: str) -> str:
    """Return the shortest text whose repetition the text is; mostly that is the whole of it."""
    # A text that is a repetition is found again inside of its double, before its second half begins.
    return text[: (text + text).find(text, 1)] if text else text
