"""What people are told of their own logins, in the facts of each event."""

from __future__ import annotations

from django.utils import dateformat
from django.utils.translation import gettext as _

from accounts.models import User
from audit.models import AuditEntry
from ispanel.installation import time_zone
from ispanel.messages import Event, Occurrence, Way, announce

MOMENT = "j M Y, H:i"
NOTHING = "—"


def of_password(user: User, entry: AuditEntry) -> None:
    """Tell that a login has another password, whoever gave it to it."""
    tell(Event.PASSWORD_CHANGED, user, entry, address=entry.address or NOTHING)


def of_login_as(user: User, entry: AuditEntry, *, actor: User) -> None:
    """Tell that somebody is in the login's panel, and why."""
    tell(Event.LOGIN_AS_USED, user, entry, actor=actor.username, reason=entry.detail)


def of_contact(user: User, entry: AuditEntry, *, old_email: str) -> None:
    """Tell the old address what was changed, without the new value: it may be in a stranger's hands."""
    what = _("sign-in email") if "email" in entry.changes else _("phone number")
    tell(Event.CONTACT_CHANGED, user, entry, to=(Way.EMAIL, old_email), what=what, address=entry.address or NOTHING)


def tell(event: Event, user: User, entry: AuditEntry, *, to: tuple[Way, str] | None = None, **facts: str) -> None:
    """Announce what a row of the trail records of a login; the row's number tells it from every other."""
    when = dateformat.format(entry.at.astimezone(time_zone()), MOMENT)
    known = {"username": user.username, "name": user.shown_name, "when": when}
    announce(Occurrence(event, key=str(entry.pk), facts=known | facts, reseller=user.reseller, user=user, to=to))
