"""What the lists of the audit page and of the exposure are filtered by."""

from __future__ import annotations

import ipaddress
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from accounts.allow_list import network_of
from accounts.models import UserType
from accounts.seats import Seat
from audit.actions import Action
from audit.identity import SYSTEM
from audit.models import AuditEntry, AuditQuerySet, Grade
from ispanel.installation import end_of_day, midnight
from ispanel.lists import ListForm, choice, number, text
from reports.kinds import LABELS
from resellers.models import Reseller, ResellerQuerySet

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
#: In the reseller filter: rows that are in no reseller's trail.
OF_NOBODY = "none"
#: As rows keep them, and as people read them.
ACTOR_TYPES = [*((str(kind.label), kind.label) for kind in UserType), (SYSTEM.actor_type, _("System"))]


class NetworkField(forms.CharField):
    """An address, or a block of them."""

    def clean(self, value: Any) -> Network | None:
        text = super().clean(value)
        try:
            return network_of(text) if text else None
        except ValueError:
            raise ValidationError(_("This is neither an address nor a block such as 203.0.113.0/24.")) from None


class AuditListForm(ListForm):
    """Who did what to what, on whose behalf, from where, and when."""

    q = text(_("Object, detail or value"))
    actor = text(_("Who"))
    action = choice(_("What"), _("All actions"), Action.choices)
    grade = choice(_("Grade"), _("All grades"), Grade.choices)
    start = forms.DateField(label=_("From"), required=False)
    end = forms.DateField(label=_("To"), required=False)
    object_type = choice(_("On what"), _("All objects"), LABELS.items())
    object_id = number(_("Object’s ID"))
    object_name = text(_("Object’s name"))
    reseller = choice(_("Reseller"), _("All resellers"), [])
    actor_id = number(_("Who: ID"))
    actor_type = choice(_("Who: kind"), _("All kinds"), ACTOR_TYPES)
    on_behalf_of = text(_("On behalf of"))
    address = NetworkField(
        label=_("Address or block"),
        required=False,
        max_length=60,
        widget=forms.TextInput({"class": "input", "dir": "ltr"}),
    )
    request_id = text(_("Request ID"), length=40)

    #: Those behind "More filters".
    LESS_USED = (
        "object_type",
        "object_id",
        "object_name",
        "reseller",
        "actor_id",
        "actor_type",
        "on_behalf_of",
        "address",
        "request_id",
    )
    #: Those that a column equals.
    EQUALS = ("action", "grade", "object_type", "object_id", "actor_id", "actor_type", "request_id")

    def __init__(self, *args: Any, seat: Seat, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offered = resellers_of(seat)
        if len(offered) > 1:
            self.fields["reseller"].choices = [("", _("All resellers")), *offered]  # type: ignore[attr-defined]
        else:
            del self.fields["reseller"]

    def apply(self, rows: AuditQuerySet) -> QuerySet[AuditEntry]:
        """Return the rows that the address asks for, the newest first."""
        start, end = self.value("start"), self.value("end")
        rows = rows.between(midnight(start) if start else None, end_of_day(end) if end else None)
        if name := self.value("actor"):
            rows = rows.by(name)
        if found := self.value("q"):
            rows = rows.mentioning(found)
        for field in self.EQUALS:
            if (value := self.given(field)) is not None:
                rows = rows.filter(**{field: value})
        if name := self.value("object_name"):
            rows = rows.filter(object_name__icontains=name)
        if name := self.value("on_behalf_of"):
            rows = rows.filter(on_behalf_of_name__icontains=name)
        if network := self.value("address"):
            rows = rows.filter(address__within=str(network))
        if reseller := self.value("reseller"):
            rows = rows.filter(reseller_id=None if reseller == OF_NOBODY else int(reseller))
        return rows.order_by("-id")

    def main_selects(self) -> list[forms.BoundField]:
        return [self["action"], self["grade"]]

    def less_used(self) -> list[forms.BoundField]:
        return [self[name] for name in self.LESS_USED if name in self.fields]

    def is_opened(self) -> bool:
        """Say whether one of the less used filters is in use."""
        return any(self.data.get(name) for name in self.LESS_USED)


def resellers_of(seat: Seat) -> list[tuple[str, Any]]:
    """Return whose rows the seat may choose between."""
    if seat.sees_all("audit"):
        rows, own = Reseller.objects.all(), [(OF_NOBODY, _("None: the installation’s own"))]
    else:
        rows, own = Reseller.objects.filter(pk__in=seat.tree_ids), []
    return [*own, *((str(row.pk), row.public_name) for row in rows.order_by("company_name"))]


#: The tabs of the exposure.
EXPOSURE_VIEWS = (("", _("All owing")), ("over", _("Over limit")), ("with_limit", _("With a credit limit")))


class ExposureForm(ListForm):
    """The exposure: which tab of it, and the search."""

    sorts = {
        "name": "company_name",
        "balance": "wallet__balance",
        "owes": "owes",
        "limit": "wallet__credit_limit",
        "used": "used",
        "available": "available",
        "last": "last_money_in",
    }
    default_sort = "-owes"

    view = forms.ChoiceField(choices=EXPOSURE_VIEWS, required=False)

    def apply(self, rows: ResellerQuerySet) -> QuerySet[Reseller]:
        """Return the rows of the open tab, in the order that the address names."""
        match self.value("view"):
            case "over":
                rows = rows.over_limit()
            case "with_limit":
                rows = rows.with_limit()
            case _:
                rows = rows.owing()
        return self.ordered(rows)

    def searched(self, rows: ResellerQuerySet) -> ResellerQuerySet:
        """Return the rows of all tabs that the search finds."""
        text = self.value("q")
        return rows.named_like(text) if text else rows

    def words(self) -> dict[str, str]:
        """Return by what the rows are chosen, for the trail."""
        words = {"view": str(dict(EXPOSURE_VIEWS)[self.value("view") or ""])}
        return words | ({"search": self.value("q")} if self.value("q") else {})
