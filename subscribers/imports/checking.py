"""Checking the rows of a file: what each line will be, or everything that speaks against it.

The dry run and the import itself check alike, the second one while the reseller is locked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Generic, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from django import forms
from django.core.exceptions import ValidationError
from django.db import connection
from django.db.models import Model
from django.utils.translation import gettext as _

from accounts.seats import Seat
from ispanel.csv_export import original
from ispanel.installation import currency, end_of_day, time_zone
from ispanel.money import InvalidAmount, parse_amount
from ispanel.refusals import Refusal
from network.models import Nas
from plans.models import Plan
from resellers.terms import NoServiceGroups, Terms
from subscribers.imports.fields import FIELDS, check_matching, head_of
from subscribers.imports.reading import Row, Table
from subscribers.mac_addresses import InvalidMac, parse_mac
from subscribers.models import Subscriber
from subscribers.operations.details import SubscriberNameTaken, fold_subscriber_name
from subscribers.operations.renewals import FURTHEST_AHEAD

Found = TypeVar("Found", bound=Model)

#: A list as one value: as many would be read one by one by the planner.
TAKEN = "SELECT username FROM subscribers WHERE username = ANY (%s)"
PASSWORD_LENGTH = 128
#: Of a field, the most letters that it holds.
LENGTHS = {
    name: getattr(Subscriber._meta.get_field(name), "max_length", 0)
    for name in ("username", "full_name", "phone", "email", "address", "note")
} | {"password": PASSWORD_LENGTH}
#: After how many rows it is said how far a check is.
SAID_EVERY = 100
#: How many names are offered in place of one that is not there.
OFFERED = 5
HIDDEN = "•••"
#: How much of a value is shown beside its problem.
SHOWN_LENGTH = 200
DAY_LENGTH = len("2026-05-31")
YES, NO = frozenset({"yes", "y", "true", "on", "1"}), frozenset({"", "no", "n", "false", "off", "0"})
EMAIL, ADDRESS = forms.EmailField(required=False), forms.GenericIPAddressField(required=False)


class Unusable(ValueError):
    """What stands in a cell cannot be imported; the message says what to do."""


class Problem(NamedTuple):
    """What is wrong in a row, in which column, what stands there, and what to do."""

    row: int
    column: str
    value: str
    message: str


@dataclass(slots=True)
class Line:
    """A row that can be imported: what the subscriber will be."""

    row: int
    username: str
    plan: Plan
    #: Empty where one is to be generated.
    password: str = ""
    expires_at: datetime | None = None
    #: All other fields, by name.
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be imported, how, and for whom."""

    seat: Seat
    terms: Terms
    matching: Sequence[str]
    plan: Plan | None
    activates: bool
    now: datetime


@dataclass(slots=True)
class Checked:
    """What a check found."""

    lines: list[Line] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    #: What the wallet is to be charged.
    total: Decimal = Decimal(0)

    @property
    def problem_rows(self) -> int:
        return len({problem.row for problem in self.problems})

    @property
    def generated(self) -> int:
        """How many passwords are to be generated."""
        return sum(1 for line in self.lines if not line.password)

    def overdue(self, now: datetime) -> int:
        """Return how many lines are renewed as soon as they are there: they expired, and have auto-renew."""
        return sum(
            1 for line in self.lines if line.expires_at and line.expires_at <= now and line.details.get("auto_renew")
        )


def check(table: Table, wish: Wish, progress: Callable[[int], None]) -> Checked:
    """Check every row, and return the lines that can be imported and all that speaks against the others.

    :raises UnusableMatching, NoServiceGroups: where no row can be imported.
    """
    check_matching(wish.matching, seat=wish.seat, has_plan=wish.plan is not None, activates=wish.activates)
    if not wish.terms.has_groups:
        raise NoServiceGroups(wish.terms.reseller)
    return Checking(table, wish).run(progress)


class ByName(Generic[Found]):
    """Rows of the database by their names, which people may write in small letters; what was asked for is kept."""

    def __init__(self, rows: Sequence[Found], check: Callable[[Found], None], unknown: str) -> None:
        """Make it.

        :param check: raises a refusal for a row that cannot be used.
        :param unknown: what to say of a name that is not there.
        """
        self.rows, self.check, self.unknown = rows, check, unknown
        self.exact = {str(row): row for row in rows}
        self.folded = {str(row).casefold(): row for row in rows}
        self.usable = [name for name, found in self.exact.items() if not self.refusal_of(found)]
        self.asked: dict[str, Found | str] = {}

    def __call__(self, name: str) -> Found:
        """:raises Unusable:"""
        if name not in self.asked:
            self.asked[name] = self.find(name)
        found = self.asked[name]
        if isinstance(found, str):
            raise Unusable(found)
        return found

    def find(self, name: str) -> Found | str:
        found = self.exact.get(name) or self.folded.get(name.casefold())
        if found is not None:
            return self.refusal_of(found) or found
        if not self.usable:
            return self.unknown
        offered = self.usable[:OFFERED] + (["…"] if len(self.usable) > OFFERED else [])
        return " ".join([self.unknown, _("Choose one of these: %(offered)s.") % {"offered": ", ".join(offered)}])

    def refusal_of(self, found: Found) -> str:
        try:
            self.check(found)
        except Refusal as refusal:
            return str(refusal)
        return ""


class Checking:
    """One check of a file: what it looks up is read once."""

    def __init__(self, table: Table, wish: Wish) -> None:
        self.table, self.wish = table, wish
        self.checked = Checked()
        #: The columns that are not left out, with how their cells are read.
        self.columns = [
            (column, name, getattr(self, f"read_{name}")) for column, name in enumerate(wish.matching) if name
        ]
        #: How the file calls the column of a field; a field without a column by its own name.
        self.heads = {name: str(each.label) for name, each in FIELDS.items()} | {
            name: head_of(table.columns, column) for column, name, _read in self.columns
        }
        self.zone: ZoneInfo = time_zone()
        self.currency = currency()
        # What the person does not see is looked up in vain, as if it were not there.
        seat, reseller = wish.seat, wish.terms.reseller
        self.plan_named = ByName(
            list((Plan.objects.visible_to(seat) | reseller.plans_for_sale()).order_by("name")),
            wish.terms.check_new_plan,
            _("There is no plan of this name."),
        )
        self.nas_named = ByName(
            list((Nas.objects.visible_to(seat) | reseller.nas_in_scope()).order_by("name")),
            wish.terms.check_nas,
            _("There is no NAS device of this name."),
        )
        self.reseller_username = reseller.user.username
        self.plan_for_all = self.checked_plan_for_all()
        #: Username → the first row that has it.
        self.rows_of_names: dict[str, int] = {}

    def checked_plan_for_all(self) -> Plan | None:
        """:raises NoServiceGroups, PlanOutOfReach, PlanNotOnSale:"""
        if self.wish.plan is not None:
            self.wish.terms.check_new_plan(self.wish.plan)
        return self.wish.plan

    def run(self, progress: Callable[[int], None]) -> Checked:
        checked = self.checked
        for done, row in enumerate(self.table.rows()):
            if not done % SAID_EVERY:
                progress(done)
            self.check_row(row)
        self.check_names()
        checked.problems.sort(key=lambda problem: problem.row)
        if self.wish.activates:
            prices = {plan: self.wish.terms.wholesale(plan) for plan in {line.plan for line in checked.lines}}
            checked.total = sum((prices[line.plan] for line in checked.lines), Decimal(0))
        return checked

    def check_row(self, row: Row) -> None:
        """Make a line of the row, or say all that is wrong with it."""
        cells, wrong = row.cells, len(self.checked.problems)
        if any(cell.strip() for cell in cells[len(self.table.columns) :]):
            self.refuse(
                row.number,
                "",
                "",
                _("The row has more cells than there are columns. Put a value that holds a “%(mark)s” between quotes.")
                % {"mark": self.table.delimiter.replace("\t", _("tab"))},
            )
        held: dict[str, Any] = {}
        for column, name, read in self.columns:
            text = cells[column] if column < len(cells) else ""
            try:
                held[name] = read(self.cleaned(name, text))
            except Unusable as problem:
                self.refuse(row.number, name, text, str(problem))
        if "plan" in held or "plan" not in self.wish.matching:
            held["plan"] = held.get("plan") or self.plan_for_all
            if held["plan"] is None:
                self.refuse(row.number, "plan", "", _("Say which plan, or choose a plan for all."))
        if username := held.get("username"):
            first = self.rows_of_names.setdefault(username, row.number)
            if first != row.number:
                self.refuse(
                    row.number,
                    "username",
                    username,
                    _("Row %(row)d has this username too. Choose another one for one of them.") % {"row": first},
                )
        if len(self.checked.problems) == wrong:
            self.checked.lines.append(
                Line(
                    row=row.number,
                    username=held.pop("username"),
                    plan=held.pop("plan"),
                    password=held.pop("password", ""),
                    expires_at=held.pop("expires_at", None),
                    details=held,
                )
            )

    def cleaned(self, name: str, text: str) -> str:
        """Return what stands in a cell, without what exports add to it; of a password nothing is taken away.

        :raises Unusable:
        """
        if "\0" in text:
            raise Unusable(_("There is a null character in it. Take it out."))
        if name != "password":
            text = original(text).strip()
        longest = LENGTHS.get(name, 0)
        if longest and len(text) > longest:
            raise Unusable(
                _("It has %(count)d letters, and %(most)d is the most.") % {"count": len(text), "most": longest}
            )
        return text

    def refuse(self, row: int, name: str, value: str, message: str) -> None:
        """Note a problem. What stands in the column of the passwords is shown to nobody."""
        shown = HIDDEN if name == "password" and value else value
        self.checked.problems.append(Problem(row, self.heads.get(name, ""), shown[:SHOWN_LENGTH], message))

    def check_names(self) -> None:
        """Note which usernames are taken in the panel, by terminated subscribers too."""
        with connection.cursor() as cursor:
            cursor.execute(TAKEN, [list(self.rows_of_names)])
            taken = {name for (name,) in cursor.fetchall()}
        for name in taken:
            self.refuse(self.rows_of_names[name], "username", name, str(SubscriberNameTaken(name)))
        if taken:
            self.checked.lines = [line for line in self.checked.lines if line.username not in taken]

    # --- what stands in the cells of each field -----------------------------------------------------------------------

    def read_username(self, text: str) -> str:
        if not text:
            raise Unusable(_("A username is needed."))
        try:
            return fold_subscriber_name(text)
        except Refusal as refusal:
            raise Unusable(str(refusal)) from refusal

    def read_password(self, text: str) -> str:
        return text if text.strip() else ""

    def read_full_name(self, text: str) -> str:
        return text

    read_phone = read_address = read_note = read_full_name

    def read_email(self, text: str) -> str:
        return cleaned_by(EMAIL, text) if text else ""

    def read_plan(self, text: str) -> Plan | None:
        return self.plan_named(text) if text else None

    def read_reseller(self, text: str) -> None:
        if text and text.casefold() != self.reseller_username:
            raise Unusable(
                _("You import for %(username)s. Take this row out, or leave the column out.")
                % {"username": self.reseller_username}
            )

    def read_nas(self, text: str) -> Nas | None:
        return self.nas_named(text) if text else None

    def read_static_ip(self, text: str) -> str | None:
        return cleaned_by(ADDRESS, text) if text else None

    def read_mac(self, text: str) -> str:
        try:
            return parse_mac(text)
        except InvalidMac as problem:
            raise Unusable(str(problem)) from problem

    def read_auto_renew(self, text: str) -> bool:
        word = text.casefold()
        if word not in YES and word not in NO:
            raise Unusable(_("Write yes or no."))
        return word in YES

    def read_retail_price(self, text: str) -> Decimal | None:
        if not text:
            return None
        try:
            return parse_amount(text, self.currency, allow_zero=True)
        except InvalidAmount as problem:
            raise Unusable(str(problem)) from problem

    def read_expires_at(self, text: str) -> datetime | None:
        """Return the moment; a day lasts until its end, in the installation's time zone."""
        if not text:
            return None
        try:
            moment = end_of_day(date.fromisoformat(text)) if len(text) <= DAY_LENGTH else moment_of(text, self.zone)
        except (ValueError, OverflowError) as problem:
            raise Unusable(_("Write it as in 2026-05-31, or 2026-05-31T18:00+03:00.")) from problem
        if moment > self.wish.now + FURTHEST_AHEAD:
            raise Unusable(_("That is more than ten years ahead. Write an earlier date."))
        if moment < self.wish.now - FURTHEST_AHEAD:
            raise Unusable(_("That is more than ten years ago. Write a later date."))
        return moment


def moment_of(text: str, zone: ZoneInfo) -> datetime:
    """:raises ValueError:"""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def cleaned_by(form_field: forms.Field, text: str) -> str:
    """Return what a form's field makes of a text.

    :raises Unusable:
    """
    try:
        return str(form_field.clean(text))
    except ValidationError as problem:
        raise Unusable(" ".join(problem.messages)) from problem
