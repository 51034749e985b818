"""Parsing the addresses of the lists."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import F, QuerySet, Value
from django.db.models.functions import Coalesce, NullIf
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.seats import Seat
from ispanel.installation import end_of_day, midnight
from ispanel.lists import PAGE_SIZE, ListForm
from network.models import Nas
from plans.models import Plan
from resellers.forms import ParentChoice
from resellers.models import Reseller, ResellerQuerySet
from subscribers.models import RenewalQuerySet, Status, Subscriber, SubscriberQuerySet

#: The tabs of the list. Who could not be renewed is expired, too, until somebody renews it.
VIEWS = (
    ("", _("All")),
    (Status.ACTIVE.value, _("Active")),
    (Status.EXPIRED.value, _("Expired")),
    (Status.SUSPENDED.value, _("Suspended")),
    ("failed", _("Renewal failed")),
)

DUE_DAYS = (1, 3, 7, 30)
#: The columns besides the name, in the order in which they stand; those of `SHOWN` unless the address names others.
COLUMNS = (
    ("status", _("Status")),
    ("reseller", _("Reseller")),
    ("plan", _("Plan")),
    ("price", _("They pay")),
    ("expires", _("Expires")),
    ("usage", _("Usage")),
    ("nas", _("NAS")),
    ("phone", _("Phone")),
    ("auto_renew", _("Auto-renew")),
    ("added", _("Added")),
)
SHOWN = ("status", "reseller", "plan", "price", "expires", "usage")
SIZES = (25, 50, 100, 200)


def select() -> forms.Select:
    """Return the control of a list's filter."""
    return forms.Select(attrs={"class": "input"})


def number_of(label: Any, choices: Any = ()) -> forms.TypedChoiceField:
    """Return a filter by one of several numbers."""
    return forms.TypedChoiceField(
        label=label, choices=choices, coerce=int, empty_value=None, required=False, widget=select()
    )


def day_of(label: Any) -> forms.DateField:
    """Return a filter by a day."""
    return forms.DateField(label=label, required=False, widget=forms.DateInput({"class": "input", "type": "date"}))


def within(days: int) -> str:
    """Return the words for an expiry within so many days; below 0 for one that is over."""
    if days < 0:
        return ngettext("Expired in the last day", "Expired in the last %(days)d days", -days) % {"days": -days}
    return ngettext("Within %(days)d day", "Within %(days)d days", days) % {"days": days}


class SubscriberListForm(ListForm):
    """The subscribers list: its tab, its filters and the search, and how much of it is shown."""

    sorts = {
        "username": "username",
        "name": "full_name",
        "expires": "expires_at",
        "plan": "plan__name",
        "reseller": "reseller__company_name",
        "nas": "nas__name",
        "added": "created_at",
    }
    of_page = ("sort", "size", "col")

    status = forms.ChoiceField(label=_("Status"), choices=VIEWS, required=False)
    plan = number_of(_("Plan"))
    reseller = number_of(_("Reseller"))
    due = number_of(_("Expiry"))
    nas = number_of(_("NAS"))
    expires_from = day_of(_("Expires from"))
    expires_to = day_of(_("Expires to"))
    size = number_of(_("Rows"), [("", ""), *((size, size) for size in SIZES)])
    col = forms.MultipleChoiceField(
        label=_("Columns"), choices=COLUMNS, required=False, widget=forms.CheckboxSelectMultiple
    )

    #: Those behind "More filters".
    LESS_USED = ("nas", "expires_from", "expires_to")

    def __init__(self, *args: Any, seat: Seat, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        every = {"plan": _("All plans"), "reseller": _("All resellers"), "nas": _("All NAS devices")}
        for name, offered in offers_to(seat).items():
            self._offer(name, every[name], offered)
        days = [*DUE_DAYS, *(-each for each in DUE_DAYS[2:])]
        self._offer("due", _("Any expiry"), [(each, within(each)) for each in days])

    def _offer(self, name: str, every: Any, choices: list[tuple[int, str]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", every), *choices]

    @property
    def columns(self) -> list[str]:
        """The columns to show, in their order: those of the address that there are, else the usual ones."""
        wanted = self["col"].data or ()
        return [key for key, _label in COLUMNS if key in wanted] or list(SHOWN)

    @property
    def page_size(self) -> int:
        return self.value("size") or PAGE_SIZE

    @property
    def is_filtered(self) -> bool:
        """Say whether something of the address leaves rows out."""
        return any(self.value(name) for name in self.fields if name not in self.of_page)

    @property
    def is_opened(self) -> bool:
        """Say whether one of the less used filters is in use."""
        return any(self.data.get(name) for name in self.LESS_USED)

    def less_used(self) -> list[forms.BoundField]:
        return [self[name] for name in self.LESS_USED]

    def filtered(self, rows: SubscriberQuerySet) -> SubscriberQuerySet:
        """Return the rows of all tabs that match the filters."""
        now = timezone.now()
        if text := self.value("q"):
            rows = rows.named_like(text)
        for name in ("plan", "reseller", "nas"):
            if pk := self.value(name):
                rows = rows.filter(**{name: pk})
        if days := self.value("due"):
            rows = rows.expiring_within(days, now) if days > 0 else rows.expired_within(-days, now)
        if start := self.value("expires_from"):
            rows = rows.filter(expires_at__gte=midnight(start))
        if end := self.value("expires_to"):
            rows = rows.filter(expires_at__lt=end_of_day(end))
        return rows

    def apply(self, rows: SubscriberQuerySet) -> QuerySet[Subscriber]:
        """Return the rows of the open tab, in the order that the address names."""
        rows = self.filtered(rows)
        match self.value("status"):
            case "failed":
                rows = rows.not_renewed()
            case str() as status:
                rows = rows.with_status(status, timezone.now())
        return self.ordered(rows)


def offers_to(seat: Seat) -> dict[str, list[tuple[int, str]]]:
    """Return, in one query, the plans, resellers and NAS devices by which the seat may filter, by name."""
    public_name = Coalesce(NullIf("display_name", Value("")), "company_name")
    offered: dict[str, QuerySet[Any]] = {
        "plan": Plan.objects.visible_to(seat).annotate(label=F("name")),
        "reseller": resellers_seen_by(seat).annotate(label=public_name),
        "nas": Nas.objects.visible_to(seat).annotate(label=F("name")),
    }
    rows = [rows.order_by().values_list(Value(kind), "pk", "label") for kind, rows in offered.items()]
    found: dict[str, list[tuple[int, str]]] = {kind: [] for kind in offered}
    for kind, pk, label in rows[0].union(*rows[1:], all=True).order_by("label"):
        found[kind].append((pk, label))
    return found


class RenewalListForm(ListForm):
    """The periods sold: whose, and when they were bought."""

    reseller = ParentChoice(
        label=_("Reseller"),
        queryset=Reseller.objects.none(),
        required=False,
        empty_label=_("All resellers"),
        widget=select(),
    )
    #: Only what the sub-resellers of this seat's reseller sold.
    of_subs = forms.BooleanField(required=False)
    start = forms.DateField(label=_("From"), required=False)
    end = forms.DateField(label=_("To"), required=False)

    def __init__(self, *args: Any, seat: Seat, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.seat = seat
        offer_resellers(self.fields["reseller"], seat)

    def sold(self, rows: RenewalQuerySet) -> RenewalQuerySet:
        """Return the periods that were sold in the time that the address asks for."""
        return self._between(rows, "created_at")

    def refunded(self, rows: RenewalQuerySet) -> RenewalQuerySet:
        """Return the periods that were refunded in that time, whenever they were sold."""
        return self._between(rows.refunded(), "refunded_at")

    def apply(self, rows: RenewalQuerySet) -> RenewalQuerySet:
        """Return both, the newest first: a period that was refunded is there twice, the second time with a minus."""
        sold = self.sold(rows).as_lines("created_at", sign=1)
        refunded = self.refunded(rows).as_lines("refunded_at", sign=-1)
        return sold.union(refunded, all=True).order_by(F("at").desc(), F("id").desc(), F("sign"))

    def _between(self, rows: RenewalQuerySet, moment: str) -> RenewalQuerySet:
        if text := self.value("q"):
            rows = rows.filter(subscriber__username__icontains=text)
        if reseller := self.value("reseller"):
            rows = rows.filter(reseller=reseller)
        if self.value("of_subs") and self.seat.reseller:
            rows = rows.filter(reseller__parent=self.seat.reseller)
        if start := self.value("start"):
            rows = rows.filter(**{f"{moment}__gte": midnight(start)})
        if end := self.value("end"):
            rows = rows.filter(**{f"{moment}__lt": end_of_day(end)})
        return rows


def offer_resellers(field: forms.Field, seat: Seat) -> None:
    """Let a list be filtered by the resellers that the seat sees."""
    assert isinstance(field, ParentChoice)
    field.queryset = resellers_seen_by(seat).order_by("company_name")


def resellers_seen_by(seat: Seat) -> ResellerQuerySet:
    """Return the resellers by which the seat may filter: those that it sees, its own tree's at least."""
    visible = Reseller.objects.visible_to(seat) if seat.has("resellers.view") else Reseller.objects.in_tree_of(seat)
    return visible.kept()
