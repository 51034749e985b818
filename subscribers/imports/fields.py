"""What the columns of a file may hold, and which column holds what."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from string import ascii_uppercase

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.seats import Seat
from ispanel.refusals import Refusal

#: What of a head counts when it is compared: its letters and digits.
BETWEEN = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Field:
    """Something that a column may hold: its name in exports and templates, and what else people call it."""

    name: str
    label: str | Promise
    help: str | Promise
    known_as: frozenset[str] = frozenset()


def field(name: str, label: str | Promise, help_text: str | Promise, *known_as: str) -> Field:
    return Field(name, label, help_text, frozenset({folded(name), *known_as}))


def folded(head: str) -> str:
    return BETWEEN.sub("", head).casefold()


FIELDS = {
    each.name: each
    for each in (
        field(
            "username",
            gettext_lazy("Username"),
            gettext_lazy("What the line signs in with: a to z, digits and . _ + @ -"),
            "user", "login", "account",
        ),
        field(
            "password",
            gettext_lazy("Password"),
            gettext_lazy("What the line authenticates with. Without one, the panel makes one."),
            "pass", "secret", "pwd",
        ),
        field("full_name", gettext_lazy("Full name"), gettext_lazy("Up to 150 characters."), "customer", "subscriber"),
        field("phone", gettext_lazy("Phone"), gettext_lazy("Kept with the zeros in front."), "mobile", "telephone"),
        field("email", gettext_lazy("Email"), gettext_lazy("As in amal@example.com."), "mail", "emailaddress"),
        field("address", gettext_lazy("Address"), gettext_lazy("Line breaks are kept."), "street"),
        field("plan", gettext_lazy("Plan"), gettext_lazy("The name that the panel has."), "package", "profile"),
        field(
            "reseller",
            gettext_lazy("Reseller"),
            gettext_lazy("The username of the reseller that you import for: only compared with it."),
        ),
        field("nas", gettext_lazy("NAS device"), gettext_lazy("The device’s name."), "nasdevice", "router"),
        field("static_ip", gettext_lazy("Static IP"), gettext_lazy("An IPv4 or IPv6 address."), "ip", "ipaddress"),
        field("mac", gettext_lazy("MAC address"), gettext_lazy("As in AA:BB:CC:DD:EE:FF."), "macaddress", "callerid"),
        field("auto_renew", gettext_lazy("Auto-renew"), gettext_lazy("yes or no; empty is no."), "autorenewal"),
        field(
            "retail_price",
            gettext_lazy("Retail price"),
            gettext_lazy("What this line is asked for, where that is not the plan’s price."),
            "price",
        ),
        field(
            "expires_at",
            gettext_lazy("Expires at"),
            gettext_lazy("Until when the line runs, as in 2026-05-31 or 2026-05-31T18:00+03:00. Only for admins."),
            "expires", "expiry", "expiration", "expirydate",
        ),
        field("note", gettext_lazy("Note"), gettext_lazy("Up to 1,000 characters."), "notes", "comment", "remark"),
    )
}  # fmt: skip


class UnusableMatching(Refusal):
    """The columns cannot be imported as they are matched; `field` names the control."""

    def __init__(self, control: str | None, sentence: str) -> None:
        self.field = control
        super().__init__(sentence)


def control_of(column: int) -> str:
    """Return the name of the form's control for a column."""
    return f"column_{column}"


def head_of(columns: Sequence[str], column: int) -> str:
    """Return how a column is called: by its head, else by its letters, as a spreadsheet calls it."""
    if columns[column]:
        return columns[column]
    before, last = divmod(column, len(ascii_uppercase))
    letters = (ascii_uppercase[before - 1] if before else "") + ascii_uppercase[last]
    return _("Column %(letters)s") % {"letters": letters}


def fields_of(seat: Seat) -> list[Field]:
    """Return what this seat imports."""
    return [each for each in FIELDS.values() if not why_not(each.name, seat)]


def why_not(name: str, seat: Seat) -> str:
    """Return why this seat does not import the field, or nothing where it does."""
    if name == "expires_at" and not seat.is_admin:
        return _("Only an admin imports expiry dates. Leave this column out.")
    if name == "retail_price" and not seat.has("subscribers.set_price"):
        return _("Your permissions do not let you set prices. Leave this column out.")
    return ""


def meant_by(head: str) -> str:
    """Return the name of the field that a head names, or nothing."""
    return next((each.name for each in FIELDS.values() if folded(head) in each.known_as), "")


def guessed(columns: Sequence[str], seat: Seat) -> list[str]:
    """Return for each column the field that its head names, each field once, and nothing where it names none."""
    matching: list[str] = []
    for head in columns:
        found = meant_by(head)
        matching.append("" if found in matching or why_not(found, seat) else found)
    return matching


def problems_of_matching(
    matching: Sequence[str], *, seat: Seat, has_plan: bool, activates: bool
) -> Iterator[UnusableMatching]:
    """Yield what speaks against importing columns that are matched like this."""
    for column, name in enumerate(matching):
        if not name:
            continue
        if name not in FIELDS:
            yield UnusableMatching(control_of(column), _("Choose one of the fields, or leave the column out."))
        elif name in matching[:column]:
            yield UnusableMatching(
                control_of(column),
                _("%(field)s is matched twice. Leave one of them out.") % {"field": FIELDS[name].label},
            )
        elif refused := why_not(name, seat):
            yield UnusableMatching(control_of(column), refused)
    if "username" not in matching:
        yield UnusableMatching(None, _("Say which column holds the usernames."))
    if "plan" not in matching and not has_plan:
        yield UnusableMatching("plan", _("Say which column holds the plans, or choose a plan for all."))
    if "expires_at" in matching and activates and seat.is_admin:
        yield UnusableMatching(
            "charging",
            _("A file with expiry dates charges nothing. Choose “Save unpaid”, or leave the column of the dates out."),
        )


def check_matching(matching: Sequence[str], *, seat: Seat, has_plan: bool, activates: bool) -> None:
    """:raises UnusableMatching: the first problem."""
    for problem in problems_of_matching(matching, seat=seat, has_plan=has_plan, activates=activates):
        raise problem
