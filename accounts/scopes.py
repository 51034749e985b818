"""What a login sees, and what keeps it out, in words."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import User
from accounts.permissions import AREAS
from accounts.seats import Seat


def scope_in_words(login: User) -> list[str]:
    """Return whose rows the login sees and acts on."""
    seat, reseller = Seat.own(login), login.reseller
    if login.is_admin:
        return [_("Sees and changes everything, of every reseller.")]
    if reseller is None:
        return [_("Sees nothing in this panel; at the support desk what its group lets it see, of every reseller.")]
    count = len(seat.tree_ids) - 1
    sentence = _("Sees what belongs to %(name)s.")
    if count:
        sentence = ngettext(
            "Sees what belongs to %(name)s and to its %(count)d sub-reseller.",
            "Sees what belongs to %(name)s and to its %(count)d sub-resellers.",
            count,
        )
    words = [sentence % {"name": reseller.public_name, "count": count}]
    if reseller.is_sub:
        words.append(_("A sub-reseller has no sub-resellers: what it may do with them has nothing to act on."))
    if wide := [str(label) for area, label in AREAS.items() if seat.sees_all(area)]:
        words.append(_("Reads system-wide, without changing it: %(areas)s.") % {"areas": ", ".join(wide)})
    return words


def standing_in_words(login: User) -> list[str]:
    """Return what keeps the login from working now, whatever its permissions say."""
    words = []
    if not login.is_active:
        words.append(_("This login is removed and cannot sign in."))
    for each in (login.reseller, login.reseller.parent) if login.reseller else ():
        if each and each.deleted_at:
            words.append(_("%(name)s is deleted: nobody signs in for it.") % {"name": each.public_name})
        elif each and each.suspended_at:
            words.append(_("%(name)s is suspended: nobody signs in for it meanwhile.") % {"name": each.public_name})
    if login.must_change_password:
        words.append(_("It reaches nothing before it has chosen a new password."))
    return words
