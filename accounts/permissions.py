"""The registry of permissions: every code with a sentence and how much harm it can do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Danger(StrEnum):
    """How much harm a permission can do."""

    REGULAR = "regular"
    CAUTION = "caution"
    DANGEROUS = "dangerous"


#: What comes before the dot of a code, in words, in the order in which people read it.
AREAS = {
    "dashboard": _("Dashboard"),
    "subscribers": _("Subscribers"),
    "resellers": _("Resellers"),
    "transactions": _("Transactions"),
    "plans": _("Plans"),
    "nas": _("NAS devices"),
    "invoices": _("Invoices"),
    "branding": _("Branding"),
    "staff": _("Staff"),
    "audit": _("Audit trail"),
}


@dataclass(frozen=True, slots=True)
class Permission:
    """One thing that a login may do; ``code`` is ``area.verb``."""

    code: str
    sentence: Promise
    danger: Danger = Danger.REGULAR

    @property
    def area(self) -> str | Promise:
        """The area in words."""
        return AREAS[self.code.partition(".")[0]]

    @property
    def only_reads(self) -> bool:
        return self.code.endswith((".view", ".view_all"))

    @property
    def implies(self) -> Permission | None:
        """The ``view`` that comes with a ``view_all``."""
        return PERMISSIONS.get(self.code.removesuffix("_all")) if self.code.endswith(".view_all") else None


PERMISSIONS = {
    permission.code: permission
    for permission in (
        Permission("dashboard.view", _("See the dashboard.")),
        Permission("subscribers.view", _("See own subscribers.")),
        Permission("subscribers.view_all", _("See the subscribers of every reseller."), Danger.DANGEROUS),
        Permission("subscribers.create", _("Add subscribers; each activation is charged."), Danger.CAUTION),
        Permission("subscribers.edit", _("Change subscribers' details.")),
        Permission("subscribers.delete", _("Terminate subscribers: for ever, and without a refund."), Danger.DANGEROUS),
        Permission("subscribers.renew", _("Renew subscribers; each renewal is charged."), Danger.CAUTION),
        Permission(
            "subscribers.change_plan", _("Change a subscriber's plan; the difference is charged."), Danger.CAUTION
        ),
        Permission("subscribers.top_up", _("Sell data top-ups to subscribers; each is charged."), Danger.CAUTION),
        Permission("subscribers.reset_fup", _("Give a throttled subscriber its full speed back.")),
        Permission("subscribers.disconnect", _("Disconnect a subscriber, who may sign in again.")),
        Permission("subscribers.change_owner", _("Move subscribers between own resellers."), Danger.DANGEROUS),
        Permission("subscribers.set_price", _("Set what subscribers are asked for."), Danger.CAUTION),
        Permission(
            "subscribers.import", _("Import subscribers from a file; activations are charged."), Danger.DANGEROUS
        ),
        Permission("subscribers.export", _("Export lists of subscribers."), Danger.CAUTION),
        Permission("resellers.view", _("See own sub-resellers.")),
        Permission("resellers.view_all", _("See every reseller."), Danger.DANGEROUS),
        Permission("resellers.create", _("Create sub-resellers."), Danger.CAUTION),
        Permission(
            "resellers.edit",
            _("Change a sub-reseller's name, contact, permission group, service groups and NAS devices."),
            Danger.CAUTION,
        ),
        Permission("resellers.suspend", _("Suspend and resume sub-resellers."), Danger.CAUTION),
        Permission("resellers.delete", _("Delete sub-resellers without subscribers."), Danger.DANGEROUS),
        Permission("resellers.login_as", _("Log in as an own sub-reseller."), Danger.DANGEROUS),
        Permission("transactions.view", _("See the transactions of own wallets.")),
        Permission("transactions.view_all", _("See the transactions of every wallet."), Danger.DANGEROUS),
        Permission(
            "transactions.transfer",
            _("Transfer money to sub-resellers; ask for top-ups and answer requests for them."),
            Danger.DANGEROUS,
        ),
        Permission("transactions.withdraw", _("Withdraw money from sub-resellers."), Danger.DANGEROUS),
        Permission("plans.view", _("See the plans.")),
        Permission("plans.view_all", _("See the plans, those no longer sold included.")),
        Permission("nas.view", _("See the NAS devices of own scope, never their secrets.")),
        Permission("nas.view_all", _("See every NAS device, never their secrets."), Danger.CAUTION),
        Permission("invoices.view", _("See the invoices of own subscribers.")),
        Permission("invoices.view_all", _("See every invoice."), Danger.DANGEROUS),
        Permission("invoices.edit", _("Mark invoices as paid, cancel them and make links to them."), Danger.CAUTION),
        Permission("invoices.export", _("Export lists of invoices."), Danger.CAUTION),
        Permission("branding.edit", _("Change own logo, colours, texts and custom domain."), Danger.CAUTION),
        Permission("staff.view", _("See the staff logins of own resellers.")),
        Permission("staff.create", _("Create staff logins."), Danger.DANGEROUS),
        Permission("staff.edit", _("Change staff logins, their permission group and password."), Danger.DANGEROUS),
        Permission("staff.delete", _("Remove staff logins."), Danger.CAUTION),
        Permission("audit.view", _("See the audit trail of own resellers."), Danger.CAUTION),
        Permission("audit.view_all", _("See the whole audit trail."), Danger.DANGEROUS),
    )
}

ALL_CODES = frozenset(PERMISSIONS)
#: What a reseller without a permission group may do: everything, in its own scope.
OWN_SCOPE_CODES = frozenset(code for code in ALL_CODES if not code.endswith(".view_all"))

#: The most that anybody may do at the support desk: read, and keep contact data right. Never money, never a login.
DESK_CODES = frozenset({"resellers.view", "resellers.edit", "subscribers.view", "subscribers.edit", "audit.view"})


def with_implied(codes: Iterable[str]) -> frozenset[str]:
    """Return the known codes among these, with the ``view`` that each ``view_all`` implies."""
    known = ALL_CODES.intersection(codes)
    implied = {f"{code.removesuffix('_all')}" for code in known if code.endswith(".view_all")}
    return known | (implied & ALL_CODES)
