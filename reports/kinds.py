"""The kinds of objects that the trail tells of, and where their pages are."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Model, QuerySet
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.models import PermissionGroup, User
from accounts.seats import Seat
from audit.models import AuditEntry
from billing.models import Invoice
from network.models import Nas
from notifications.models import Message, Rule, Template
from plans.models import Level, Plan, ServiceGroup
from resellers.models import Reseller
from subscribers.import_models import SubscriberImport
from subscribers.models import Subscriber
from wallet.models import LedgerAccount


@dataclass(frozen=True)
class Page:
    """The page of an object, for those who have the permission; ``admin`` is for admins only."""

    model: type[Model]
    url_name: str
    code: str

    def may_be_opened_by(self, seat: Seat) -> bool:
        return seat.is_admin if self.code == "admin" else seat.has(self.code)


#: By the name under which a row keeps them.
LABELS: dict[str, Promise] = {
    "subscriber": _("Subscribers"),
    "subscriberimport": _("Imports of subscribers"),
    "invoice": _("Invoices"),
    "plan": _("Plans"),
    "nas": _("NAS devices"),
    "reseller": _("Resellers"),
    "user": _("Logins"),
    "level": _("Levels"),
    "servicegroup": _("Service groups"),
    "permissiongroup": _("Permission groups"),
    "apitoken": _("API tokens"),
    "channel": _("Message channels"),
    "template": _("Message templates"),
    "rule": _("Communication rules"),
    "message": _("Messages"),
    "panelsettings": _("General settings"),
    "ledgeraccount": _("House accounts"),
}
PAGES = {
    "subscriber": Page(Subscriber, "subscribers:detail", "subscribers.view"),
    "subscriberimport": Page(SubscriberImport, "subscribers:import", "subscribers.import"),
    "invoice": Page(Invoice, "billing:invoice", "invoices.view"),
    "reseller": Page(Reseller, "resellers:detail", "resellers.view"),
    "plan": Page(Plan, "plans:edit", "admin"),
    "level": Page(Level, "plans:edit_level", "admin"),
    "servicegroup": Page(ServiceGroup, "resellers:edit_service_group", "admin"),
    "nas": Page(Nas, "network:detail", "nas.view"),
    "permissiongroup": Page(PermissionGroup, "accounts:group", "admin"),
    "user": Page(User, "accounts:what_login_may", "admin"),
    "template": Page(Template, "notifications:template", "admin"),
    "rule": Page(Rule, "notifications:rule", "admin"),
    "message": Page(Message, "notifications:message", "admin"),
    "ledgeraccount": Page(LedgerAccount, "wallet:statement", "admin"),
}


def url_of_object(entry: AuditEntry, seat: Seat) -> str:
    """Return the address of the page of what the row is about, or nothing where the seat has none to open."""
    page = PAGES.get(entry.object_type)
    if page is None or not page.may_be_opened_by(seat):
        return ""
    seen: QuerySet[Model] = page.model._default_manager.all()
    if not seat.is_admin:
        seen = seen.visible_to(seat)  # type: ignore[attr-defined]
    return reverse(page.url_name, args=[entry.object_id]) if seen.filter(pk=entry.object_id).exists() else ""
