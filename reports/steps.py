"""The first steps in an empty panel: a guide where the figures would all be zero."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.seats import Seat
from plans.models import Plan
from reports.figures import ResellerCounts, SubscriberCounts
from wallet.models import Entry


@dataclass(frozen=True)
class Step:
    """One thing to do first; ``url`` is empty where somebody else has to do it."""

    heading: str
    sentence: str
    done: bool
    url: str = ""
    button: str = ""


def first_steps(seat: Seat, subscribers: SubscriberCounts, resellers: ResellerCounts) -> list[Step]:
    """Return the steps for this seat, or none once it has subscribers."""
    if subscribers.all:
        return []
    return steps_of_admin(resellers) if seat.is_admin else steps_of_reseller(seat, resellers)


def steps_of_admin(resellers: ResellerCounts) -> list[Step]:
    return [
        Step(
            _("Name the panel and its currency"),
            _("The currency is locked with the first transfer."),
            Entry.objects.exists(),
            reverse("general_settings"),
            _("Open settings"),
        ),
        Step(
            _("Add a plan"),
            _("What subscribers buy: a price, a duration and a speed."),
            Plan.objects.exists(),
            reverse("plans:create"),
            _("Add plan"),
        ),
        Step(
            _("Add a reseller"),
            _("They sign in to a panel of their own and sell from a wallet."),
            bool(resellers.all),
            reverse("resellers:create"),
            _("Add reseller"),
        ),
        Step(
            _("Put money into their wallet"),
            _("Transfer, on the reseller's page. Then they can add subscribers."),
            Entry.objects.exists(),
            reverse("resellers:list"),
            _("Open resellers"),
        ),
    ]


def steps_of_reseller(seat: Seat, resellers: ResellerCounts) -> list[Step]:
    reseller = seat.reseller
    steps = [Step(_("Choose your password"), _("Only you know it."), not seat.user.must_change_password)]
    if reseller:
        funded = Entry.objects.filter(account=reseller.wallet).exists()
        may_ask = seat.has("transactions.transfer")
        steps.append(
            Step(
                _("Top up your wallet"),
                _("Your provider transfers money to it."),
                funded,
                reverse("resellers:ask_for_top_up") if may_ask else "",
                _("Ask for a top-up") if may_ask else "",
            )
        )
    if seat.has("subscribers.create"):
        steps.append(
            Step(
                _("Add your first subscriber"),
                _("They get online as soon as the first period is paid."),
                False,
                reverse("subscribers:create"),
                _("Add subscriber"),
            )
        )
    if seat.has("resellers.create") and reseller and not reseller.is_sub:
        steps.append(
            Step(
                _("Take on a sub-reseller"),
                _("They sell under you, from a wallet that you fund."),
                bool(resellers.all),
                reverse("resellers:create"),
                _("Add sub-reseller"),
            )
        )
    return steps
