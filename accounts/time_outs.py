"""What people are told when a sign-in has ended without their doing."""

from __future__ import annotations

from datetime import timedelta

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import TimedOut
from ispanel.models import PanelSettings


def why_signed_out(timed_out: TimedOut | None, panel: PanelSettings) -> str:
    """Return the sentence for a sign-in that a time-out ended, or that somebody did."""
    if timed_out is TimedOut.IDLE:
        return _("You were signed out after %(time)s without activity.") % {"time": in_words(panel.idle_time)}
    if timed_out is TimedOut.ABSOLUTE:
        return _("You were signed out %(time)s after you signed in.") % {"time": in_words(panel.absolute_time)}
    return _("You were signed out. Sign in again.")


def in_words(time: timedelta) -> str:
    """Return whole hours as hours, and anything else in minutes."""
    minutes = time // timedelta(minutes=1)
    if minutes % 60:
        return ngettext("%(count)d minute", "%(count)d minutes", minutes) % {"count": minutes}
    hours = minutes // 60
    return ngettext("%(count)d hour", "%(count)d hours", hours) % {"count": hours}
